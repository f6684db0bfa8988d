#!/usr/bin/env python3
"""Runs acceptance cases against a binary of uptake. Standard library only (Python 3.11 or newer); cases with `tls` also need `openssl` on the PATH.

run.py BINARY [--cases DIR] [--keep] [--later RULE]... [ID...]

A case is a folder with a `case.toml`; its vocabulary stands in README.md beside this file. Each case runs in a copy of its folder.
Prints `PASS id` or `FAIL id: what, expected, got` (the first three), last `N passed, M failed`; exits 1 if any failed.
"""
import argparse, csv, io, json, os, pathlib, shlex, shutil, subprocess, sys, tempfile, time, tomllib

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 120                     # seconds for a step without max_seconds


class Case:
    def __init__(self, binary, folder, work):
        self.binary, self.work, self.faults, self.tables = binary, work, [], {}
        self.spec = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))

    def fault(self, what, expected, got):
        self.faults.append(f"{what}, expected {show(expected)}, got {show(got)}")
        return False

    # ---- running

    def environment(self, step, server):
        keep = {k: v for k, v in os.environ.items() if k.split("_")[0] not in ("AWS", "UPTAKE", "SSL", "AZURE", "GOOGLE") and not k.lower().endswith("_proxy")}
        env = keep | (server.env if server else {}) | step.get("env", {})
        return {k: v.replace("{here}", str(self.work)) for k, v in env.items()}

    def uptake(self, arguments, env, seconds=None):
        """Exit code (None: stopped after its time), stdout, stderr."""
        began = time.monotonic()
        process = subprocess.Popen([self.binary, *arguments], cwd=self.work, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=seconds or PATIENCE)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            (out, err), code = process.communicate(), None
        self.took = time.monotonic() - began
        return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def run(self):
        for number, step in enumerate(self.spec.get("step", []), 1):
            if "add" in step:
                shutil.copytree(self.work / step["add"], self.work, dirs_exist_ok=True)
            self.tables = {}
            server = Server(self.work, step["server"]) if "server" in step else None
            try:
                if not self.step(f"step {number}", step, server):
                    return
            finally:
                if server:
                    server.stop()

    def step(self, name, step, server):
        env, good = self.environment(step, server), True
        for trial in step.get("try", []):
            self.trial(name, trial, env)
        if "run" not in step:
            return True
        arguments = shlex.split(step["run"])
        result = self.uptake(arguments, env, step.get("max_seconds"))
        if result[0] is None:
            return self.fault(f"{name} `{step['run']}` ends", f"within {step.get('max_seconds', PATIENCE)} s", "it was stopped then")
        job = next((a for a in arguments if a.endswith(".toml")), None)
        good = self.outcome(name, step, step["run"], result, job, env)
        if good and "either" in step:
            before = len(self.faults)
            for choice in step["either"]:
                del self.faults[before:]
                if self.outcome(name, {"exit": 0} | choice, step["run"], result, job, env) and len(self.faults) == before:
                    break
        return good

    def outcome(self, name, wanted, command, result, job, env):
        code, out, err = result
        codes = wanted.get("exit", 0 if "either" not in wanted else list(range(256)))
        if code not in (codes if isinstance(codes, list) else [codes]):
            return self.fault(f"{name} `{command}` exit code", codes, f"{code} {error_of(err, out)}".strip())
        said = (out + "\n" + err).lower()
        for words in wanted.get("output_has", []):
            if not any(w.lower() in said for w in listed(words)):
                self.fault(f"{name} `{command}` says", words, last_lines(out + err))
        for words in wanted.get("output_lacks", []):
            for w in listed(words):
                if w.lower() in said:
                    self.fault(f"{name} `{command}` does not say", w, next(l for l in (out + "\n" + err).splitlines() if w.lower() in l.lower()))
        for limit in wanted.get("lines", []):
            found = [l for l in (out + "\n" + err).splitlines() if limit["with"].lower() in l.lower()]
            if not limit.get("at_least", 0) <= len(found) <= limit.get("at_most", 10**9):
                self.fault(f"{name} lines with `{limit['with']}`", {k: v for k, v in limit.items() if k != "with"}, len(found))
        for files in wanted.get("codec", []):
            found = {c for f in self.work.glob(files["files"]) for c in codecs(f)}
            if not found or not found <= set(files["any"]):
                self.fault(f"{name} codecs of {files['files']}", files["any"], sorted(found))
        for figure in wanted.get("figure", []):
            self.figure(name, figure, figure.get("job", job), env)
        return True

    # ---- figures

    def table(self, job, table, env):
        if (job, table) not in self.tables:
            code, out, err = self.uptake(["show", job, table, "--csv", "--limit", "1000000"], env)
            self.tables[job, table] = list(csv.DictReader(io.StringIO(out))) if code == 0 else (err.strip().splitlines() or ["?"])[-1]
        return self.tables[job, table]

    def figure(self, name, figure, job, env):
        where = figure.get("where", {})
        what = f"{name} {figure['table']}.{figure.get('column', 'rows')}" + "".join(f" {k}={v}" for k, v in where.items())
        rows = self.table(job, figure["table"], env)
        if isinstance(rows, str):
            return self.fault(what, wish(figure), f"no table: {rows}")
        rows = [r for r in rows if all(holds(r, k, v) for k, v in where.items())]
        if "rows" in figure or "rows_at_least" in figure:
            if len(rows) != figure.get("rows", len(rows)) or len(rows) < figure.get("rows_at_least", 0):
                return self.fault(what, f"{figure.get('rows', figure.get('rows_at_least'))} rows" + (" or more" if "rows_at_least" in figure else ""), f"{len(rows)} rows")
        if "column" not in figure:
            return True
        if rows and figure["column"] not in rows[0]:
            return self.fault(what, wish(figure), "no such column")
        if figure.get("sum"):
            got = str(sum(float(r[figure["column"]] or 0) for r in rows))
        elif len(rows) != 1:
            return self.fault(what, wish(figure), f"{len(rows)} rows")
        else:
            got = rows[0][figure["column"]]
        if "filled" in figure:
            good = (got != "") == figure["filled"]
        elif "at_least" in figure or "at_most" in figure:
            good = got != "" and figure.get("at_least", float("-inf")) <= float(got) <= figure.get("at_most", float("inf"))
        else:
            good = any(same(v, got) for v in figure.get("any", [figure.get("value", "")]))
        return good or self.fault(what, wish(figure), got)

    # ---- feed try

    def trial(self, name, trial, env):
        as_of = ["--as-of", trial["as_of"]] if "as_of" in trial else []
        what = f"{name} feed try {trial['feed']} {trial['file']}"
        feed = "./" + trial["feed"] if trial["feed"].endswith(".toml") else trial["feed"]
        code, out, err = self.uptake(["feed", "try", feed, trial["file"], "--json", *as_of], env)
        if "exit" in trial and code not in listed(trial["exit"]):
            return self.fault(what + " exit code", trial["exit"], f"{code} {error_of(err, out)}".strip())
        for words in trial.get("output_has", []):
            if not any(w.lower() in (out + err).lower() for w in listed(words)):
                self.fault(what + " says", words, last_lines(out + err))
        try:
            verdict = json.loads(out.splitlines()[0])
        except (IndexError, ValueError):
            return True if "exit" in trial else self.fault(what, "a verdict", f"exit {code}: {error_of(err)}")
        refused = (verdict.get("refused") or {}).get("reason")
        if refused != trial.get("refused"):
            return self.fault(what + " refused", trial.get("refused", "no"), (verdict.get("refused") or {}).get("sentence") or refused or "no")
        for key in ("read", "accepted", "superseded", "duplicate", "filtered", "voided"):
            if key in trial and verdict.get(key) not in listed(trial[key]):
                self.fault(f"{what} {key}", trial[key], verdict.get(key, "no such key"))
        rejected = [[r["record"], r["reason"]] for r in verdict.get("rejected", [])]
        if "rejected" in trial and rejected != trial["rejected"]:
            self.fault(what + " rejected", trial["rejected"], rejected)
        for words in trial.get("warns", []):
            if not any(w.lower() in json.dumps(verdict.get("warnings", []), ensure_ascii=False).lower() for w in listed(words)):
                self.fault(what + " warns of", words, verdict.get("warnings", []))
        for words in trial.get("has", []):
            if not any(w.lower() in json.dumps(verdict, ensure_ascii=False).lower() for w in listed(words)):
                self.fault(what + " --json says", words, out.strip()[:200])
        for w in trial.get("lacks", []):
            if w.lower() in out.lower():
                self.fault(what + " --json does not say", w, out.strip()[:200])
        return True


class Server:
    """The loopback store of _tools/stub_s3.py on a free port, for one step."""

    def __init__(self, work, spec):
        command = [sys.executable, str(HERE / "_tools" / "stub_s3.py"), "0", spec.get("mode", "plain")]
        if "folder" in spec:
            command += ["--folder", str(work / spec["folder"])]
        for key in spec.get("keys", []):
            command += ["--key", key]
        scheme, host = "http", "127.0.0.1"
        if spec.get("tls"):
            certificates(work)
            command += ["--tls", str(work / "leaf.pem"), str(work / "leaf.key")]
            scheme, host = "https", "localhost"
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port = int(self.process.stdout.readline())
        self.env = {"AWS_ENDPOINT_URL": f"{scheme}://{host}:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "yyyyyyyy", "AWS_REGION": "us-east-1"}
        if scheme == "http":
            self.env["AWS_ALLOW_HTTP"] = "true"

    def stop(self):
        self.process.kill()
        self.process.wait()


def certificates(work):
    """A private CA (ca.pem) and a certificate of localhost that it signed."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if (work / "leaf.pem").exists():
        return
    (work / "leaf.cnf").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=Invented CA", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", "leaf.key", "-out", "leaf.csr")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "leaf.cnf", "-out", "leaf.pem")


def codecs(path):
    """The codecs that a Parquet file names in its footer (Thrift, compact protocol)."""
    data = path.read_bytes()
    at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    def value(kind):
        nonlocal at
        if kind in (4, 5, 6):
            n = number()
            return n >> 1 ^ -(n & 1)
        if kind == 8:
            n = number()
            at += n
            return data[at - n:at]
        if kind in (9, 10):
            head, at = data[at], at + 1
            size = head >> 4 if head >> 4 < 15 else number()
            return [value(3 if head & 15 in (1, 2) else head & 15) for _ in range(size)]
        if kind == 12:
            fields, last = {}, 0
            while data[at]:
                head, at = data[at], at + 1
                last = last + (head >> 4) if head >> 4 else value(4)
                fields[last] = head & 15 == 1 if head & 15 in (1, 2) else value(head & 15)
            at += 1
            return fields
        at += {3: 1, 7: 8}[kind]

    names = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]
    return {names[column[3][4]] for group in value(12)[4] for column in group[1]}


def listed(x):
    return x if isinstance(x, list) else [x]

def show(x):
    return x if isinstance(x, str) and x else json.dumps(x, ensure_ascii=False) if not isinstance(x, str) else "empty"

def last_lines(text, n=2):
    return " / ".join(l for l in text.strip().splitlines()[-n:])[:300] or "nothing"

def error_of(*texts):
    """The error with what it points at, on one line."""
    lines = "\n".join(texts).splitlines()
    at = next((i for i, l in enumerate(lines) if l.startswith("error") or "FAILED" in l), None)
    return "" if at is None else " ".join(l.strip() for l in lines[at:at + 5] if l.strip(" |^0123456789") or "|" not in l)[:300]

def wish(figure):
    return next((figure[k] for k in ("any", "value") if k in figure), None) if "any" in figure or "value" in figure else \
        {k: figure[k] for k in ("filled", "at_least", "at_most", "rows", "rows_at_least") if k in figure}

def same(wanted, got):
    if wanted == "" or got == "" or isinstance(wanted, bool):
        return str(wanted).lower() == got.lower()
    try:
        a, b = float(wanted), float(got)
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    except ValueError:
        return str(wanted) == got

def holds(row, column, wanted):
    """`where`: column "*" means any column; value "*" anything but empty; a list any of its values."""
    if column == "*":
        return any(w == cell for w in listed(wanted) for cell in row.values())
    if wanted == "*":
        return row.get(column, "") != ""
    return column in row and any(same(w, row[column]) for w in listed(wanted))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--cases", default=HERE, type=pathlib.Path)
    arguments.add_argument("--keep", action="store_true", help="keep the copies and say where they are")
    arguments.add_argument("--later", action="append", default=[], help="a rule whose cases are named and left out")
    arguments.add_argument("ids", nargs="*")
    given = arguments.parse_intermixed_args()
    binary = shutil.which(given.binary) or str(pathlib.Path(given.binary).resolve())
    passed = failed = 0
    for folder in sorted(p.parent for p in given.cases.glob("*/case.toml")):
        name = folder.name
        if given.ids and not any(name == i or name.startswith(i + "_") for i in given.ids):
            continue
        work = pathlib.Path(tempfile.mkdtemp(prefix="case-")).resolve()
        try:
            shutil.copytree(folder, work, dirs_exist_ok=True)
            case = Case(os.path.abspath(binary), folder, work)
            if "undecided" in case.spec and not given.ids:
                print(f"SKIP {name}: {case.spec['undecided']}", flush=True)
                continue
            rules = [rule.strip() for rule in case.spec["rule"].split(",")]
            if not given.ids and all(rule in given.later for rule in rules):
                print(f"SKIP {name}: rule {case.spec['rule']} is not built yet", flush=True)
                continue
            case.run()
        except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as trouble:
            case.faults.append(f"the case itself: {type(trouble).__name__} {trouble}")
        finally:
            if given.keep:
                print(f"     {name} ran in {work}")
            else:
                shutil.rmtree(work, ignore_errors=True)
        if case.faults:
            failed += 1
            print(f"FAIL {name}: " + "\n     ".join(case.faults[:3]), flush=True)
        else:
            passed += 1
            print(f"PASS {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
