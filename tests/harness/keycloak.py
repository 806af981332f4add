"""A real Keycloak with Pulse's realm on free loopback ports, and the mail server that it sends to."""

import contextlib
import fcntl
import os
import pathlib
import secrets
import shutil
import socketserver
import subprocess
import tempfile
import threading

import requests

from servers import ROOT, Process, free_port, wait_for

VERSION = "26.0.8"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
CACHE = ROOT / ".dev/keycloak"


def distribution() -> pathlib.Path:
    """Keycloak's unpacked distribution, by its Maven coordinates; fetched once. ./dev up --identity keycloak
    keeps it in the same place."""
    home = CACHE / f"keycloak-{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "bin/kc.sh").exists():
            archive = CACHE / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
            if not archive.exists():
                subprocess.run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}",
                                f"-DoutputDirectory={CACHE}"], check=True, timeout=600)
            with tempfile.TemporaryDirectory(dir=CACHE) as beside:
                subprocess.run(["tar", "xzf", archive, "-C", beside], check=True)
                (pathlib.Path(beside) / f"keycloak-{VERSION}").rename(home)
            archive.unlink()
    return home


class _SmtpSession(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a client needs it that says EHLO, MAIL, RCPT, DATA, QUIT."""

    def handle(self):
        self.say("220 capture")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say("354 go on")
                self.server.keep(self.message())
                self.say("250 kept")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, text: str):
        self.wfile.write(text.encode() + b"\r\n")


class MailCapture(socketserver.ThreadingTCPServer):
    """Takes every email and keeps it as outbox/NNNN.eml."""

    daemon_threads = True

    def __init__(self, outbox: pathlib.Path):
        super().__init__(("127.0.0.1", 0), _SmtpSession)
        self.outbox, self.count, self.lock = outbox, 0, threading.Lock()
        outbox.mkdir(parents=True)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, message: bytes):
        with self.lock:
            self.count += 1
            name = self.outbox / f"{self.count:04d}"
            name.with_suffix(".part").write_bytes(message)
            name.with_suffix(".part").rename(name.with_suffix(".eml"))

    def emails(self, address: str) -> list:
        """Texts of the emails to that address, oldest first."""
        import email
        import email.policy
        found = []
        for file in sorted(self.outbox.glob("*.eml")):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if address in message["To"]:
                found.append(message.get_body(("plain",)).get_content())
        return found


class Keycloak:
    """Starts in 20 to 60 s. `start(ui_url)`: where browsers reach the Pulse that it is for."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pulse-keycloak-", dir="/var/tmp"))
        self.port, self.management_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.secret = secrets.token_hex(32)
        self.mail = MailCapture(self.home / "outbox")
        self.process = None

    def settings(self) -> dict:
        """Of a Pulse that this is the directory of."""
        return {"PULSE_IDENTITY": "keycloak", "KEYCLOAK_PUBLIC_URL": self.url,
                "KEYCLOAK_SERVICE_CLIENT_SECRET": self.secret}

    def start(self, ui_url: str):
        # A copy, since Keycloak keeps its data and what it builds beside its program.
        source = distribution()
        server = self.home / "server"
        shutil.copytree(source, server, ignore=lambda folder, names: {"data"} & set(names)
                        if pathlib.Path(folder) == source else set())
        (server / "data/import").mkdir(parents=True)
        realm = subprocess.run(["python3", ROOT / "deploy/keycloak/realm.py", "--password-grant"], check=True,
                               capture_output=True, env={**os.environ, "REALM_SERVICE_SECRET": self.secret})
        (server / "data/import/pulse-realm.json").write_bytes(realm.stdout)
        env = {**os.environ, "REALM_UI_URL": ui_url, "REALM_SMTP_HOST": "127.0.0.1",
               "REALM_SMTP_PORT": str(self.mail.port), "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"}
        # kc.sh ends in the Java process itself, so that signals reach it.
        self.process = Process("keycloak", [
            server / "bin/kc.sh", "start-dev", "--import-realm", "--http-host=127.0.0.1",
            f"--http-port={self.port}", f"--http-management-port={self.management_port}", f"--hostname={self.url}"],
            self.home / "keycloak.log", env)
        self.process.start()
        try:
            wait_for("Keycloak", self._answers, 240, 0.3)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.process.tail()}") from None
        return self

    def _answers(self) -> bool:
        assert self.process.running(), "Keycloak ended by itself"
        return requests.get(f"{self.url}/realms/pulse/.well-known/openid-configuration", timeout=5).ok

    def close(self):
        if self.process:
            self.process.stop(20)
        self.mail.shutdown()
        self.mail.server_close()
        if os.environ.get("PULSE_KEEP_SCRATCH") != "1":
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.close()

    # ---- what tests ask for ----

    def token(self, user: str, password: str) -> requests.Response:
        """The token endpoint's answer to a user name and password."""
        return requests.post(f"{self.url}/realms/pulse/protocol/openid-connect/token", timeout=15, data={
            "grant_type": "password", "client_id": "pulse-ui", "scope": "openid", "username": user,
            "password": password})

    def service(self) -> requests.Session:
        """Calls as Pulse's service account; paths are below `self.admin_url`."""
        answer = requests.post(f"{self.url}/realms/pulse/protocol/openid-connect/token", timeout=15, data={
            "grant_type": "client_credentials", "client_id": "pulse-service", "client_secret": self.secret})
        answer.raise_for_status()
        session = requests.Session()
        session.headers["Authorization"] = "Bearer " + answer.json()["access_token"]
        return session

    @property
    def admin_url(self) -> str:
        return f"{self.url}/admin/realms/pulse"
