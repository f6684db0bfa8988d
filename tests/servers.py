#!/usr/bin/env python3
"""Runs a command beside real object stores on loopback: SeaweedFS for S3 and, where installed, Azurite for Azure.

    servers.py COMMAND [ARG...]

The command finds them through the stores' own environment names and through UPTAKE_TEST_S3 (s3://uptake-test) and
UPTAKE_TEST_AZURE (az://uptake-test). The servers listen on free ports, keep their data in a folder of their own and end
with the command, whose exit code is this program's.
"""

import base64
import datetime
import hashlib
import hmac
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TOOLS = pathlib.Path(os.environ.get("UPTAKE_TOOLS", pathlib.Path.home() / ".cache/uptake"))
BUCKET = "uptake-test"
# Azurite's published account for development: no secret.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PATIENCE_SECONDS = 60


def free_ports(count):
    """Ports nobody listens on now, below the ephemeral range's top so that port + 10000 is a port too."""
    held, ports = [], []
    while len(ports) < count:
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        held.append(s)
        port = s.getsockname()[1]
        if port < 55000 and port not in ports:
            ports.append(port)
    for s in held:
        s.close()
    return ports


def wait_until(ready, what, process, log):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"servers: {what} does not answer; its log ends in\n{pathlib.Path(log).read_text(errors='replace')[-2000:]}")


def start_s3(folder):
    weed = TOOLS / "venv/bin/weed"
    key, secret = "uptake-test", secrets.token_hex(16)
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
             "s3.port", "s3.port.grpc", "admin.port", "admin.port.grpc"]
    ports = dict(zip(names, free_ports(len(names))))
    command = [weed, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={BUCKET}", "-webdav=false",
               "-admin.ui=false", "-master.telemetry=false", "-s3.autoCreateBucket=false"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    log = folder / "server.log"
    env = {**os.environ, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log.open("wb"),
                               stderr=subprocess.STDOUT, start_new_session=True)
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    settings = {
        "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "UPTAKE_TEST_S3": f"s3://{BUCKET}",
    }

    def ready():
        from pyarrow import fs

        s3 = fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=endpoint, region="us-east-1")
        if s3.get_file_info(BUCKET).type != fs.FileType.Directory:
            return False
        with s3.open_output_stream(f"{BUCKET}/ready") as out:
            out.write(b"1")
        s3.delete_file(f"{BUCKET}/ready")
        return True

    return process, settings, lambda: wait_until(ready, "SeaweedFS", process, log)


def start_azure(folder):
    blob = TOOLS / "npm/node_modules/.bin/azurite-blob"
    if not blob.exists():
        return None
    (port,) = free_ports(1)
    log = folder / "server.log"
    command = [blob, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder / "data", "--silent",
               "--skipApiVersionCheck", "--disableTelemetry"]
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log.open("wb"),
                               stderr=subprocess.STDOUT, start_new_session=True)
    endpoint = f"http://127.0.0.1:{port}"
    settings = {
        "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
        "AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": endpoint, "AZURE_ALLOW_HTTP": "true",
        "UPTAKE_TEST_AZURE": f"az://{BUCKET}",
    }

    def ready():
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        text = (f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n"
                f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{BUCKET}\nrestype:container")
        signed = base64.b64encode(hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()).decode()
        request = urllib.request.Request(f"{endpoint}/{AZURE_ACCOUNT}/{BUCKET}?restype=container", method="PUT", headers={
            "x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {AZURE_ACCOUNT}:{signed}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status == 201

    return process, settings, lambda: wait_until(ready, "Azurite", process, log)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    # A terminated test command still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = pathlib.Path(tempfile.mkdtemp(prefix="uptake-servers-"))
    started, env = [], dict(os.environ)
    try:
        for start, name in [(start_s3, "s3"), (start_azure, "azure")]:
            folder = root / name
            folder.mkdir()
            if server := start(folder):
                process, settings, wait = server
                started.append(process)
                wait()
                env.update(settings)
        return subprocess.call(sys.argv[1:], env=env, stdin=subprocess.DEVNULL)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
