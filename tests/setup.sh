#!/usr/bin/env bash
# Installs what the tests need, once: a Python environment, Azurite and Chromium, all under ~/.cache/uptake.
# Says nothing where everything is there. UPTAKE_TOOLS names another folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${UPTAKE_TOOLS:-$HOME/.cache/uptake}
venv=$tools/venv
mkdir -p "$tools"
exec 9>"$tools/setup.lock"
flock 9

if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    echo "setup: python packages into $venv" >&2
    command -v python3 >/dev/null || { echo "setup: python3 is missing; hint: install python3 and its venv module" >&2; exit 1; }
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" </dev/null
    cp "$here/requirements.txt" "$venv/installed.txt"
fi

azurite=3.35.0
if [ "$(cat "$tools/npm/installed.txt" 2>/dev/null)" != "$azurite" ]; then
    if command -v npm >/dev/null; then
        echo "setup: azurite into $tools/npm" >&2
        mkdir -p "$tools/npm"
        (cd "$tools/npm" && npm install --silent --no-audit --no-fund --no-save "azurite@$azurite" </dev/null >/dev/null)
        echo "$azurite" >"$tools/npm/installed.txt"
    else
        echo "setup: npm is missing, so the tests leave Azure out; hint: install nodejs and npm" >&2
    fi
fi

browser="@sparticuz/chromium@147.0.0 puppeteer-core@24.43.1"
if [ "$(cat "$tools/chromium/installed.txt" 2>/dev/null)" != "$browser" ]; then
    if command -v npm >/dev/null; then
        echo "setup: chromium into $tools/chromium" >&2
        mkdir -p "$tools/chromium"
        # shellcheck disable=SC2086 # two packages
        (cd "$tools/chromium" && echo '{"private": true}' >package.json &&
            npm install --silent --no-audit --no-fund --no-save $browser </dev/null >/dev/null)
        echo "$browser" >"$tools/chromium/installed.txt"
    else
        echo "setup: npm is missing, so the report is not opened in a browser; hint: install nodejs and npm" >&2
    fi
fi
