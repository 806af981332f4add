#!/usr/bin/env python3
"""Fetches Keycloak's distribution by its Maven coordinates, once, and prints where it stands. `template` beside
its program is a data directory with an empty database: who starts from a copy of it waits half as long."""

import fcntl
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.request

VERSION = "26.0.8"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
CACHE = pathlib.Path(__file__).resolve().parents[1] / ".dev/keycloak"


# Quick to start, and small: for development and tests.
JAVA = {"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m", "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}


def prepare(home: pathlib.Path):
    """Lets Keycloak build what it builds at its first start, and make its tables."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = CACHE / "prepare.log"
    with open(log, "wb") as out:
        server = subprocess.Popen([home / "bin/kc.sh", "start-dev", "--http-host=127.0.0.1", f"--http-port={port}"],
                                  stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **JAVA})
        try:
            end = time.monotonic() + 600
            while not answers(f"http://127.0.0.1:{port}/realms/master"):
                if server.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"Keycloak does not start; see {log}")
                time.sleep(0.3)
        finally:
            server.terminate()
            server.wait(60)
    (home / "data").rename(home / "template")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def distribution() -> pathlib.Path:
    home = CACHE / f"keycloak-{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "bin/kc.sh").exists():
            subprocess.run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}",
                            f"-DoutputDirectory={CACHE}"], check=True, timeout=900)
            archive = CACHE / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
            with tempfile.TemporaryDirectory(dir=CACHE) as beside:
                subprocess.run(["tar", "xzf", archive, "-C", beside], check=True)
                (pathlib.Path(beside) / f"keycloak-{VERSION}").rename(home)
            archive.unlink()
        if not (home / "template").exists():
            prepare(home)
    return home


if __name__ == "__main__":
    print(distribution())
