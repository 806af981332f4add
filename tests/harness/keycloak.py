"""A real Keycloak with Pulse's realm on free loopback ports, and the mail server that it sends to."""

import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading

import requests

from servers import ROOT, Process, free_port, wait_for

sys.path.insert(0, str(ROOT / "scripts"))

from keycloak_distribution import JAVA, distribution  # noqa: E402
from mail_capture import MailCapture  # noqa: E402


class Keycloak:
    """Starts in 15 to 60 s. `start(ui_url)`: where browsers reach the Pulse that it is for."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pulse-keycloak-", dir="/var/tmp"))
        self.port, self.management_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.secret = secrets.token_hex(32)
        self.mail = MailCapture(0, self.home / "outbox")
        threading.Thread(target=self.mail.serve_forever, daemon=True).start()
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
        (server / "template").rename(server / "data")
        (server / "data/import").mkdir(parents=True)
        realm = subprocess.run(["python3", ROOT / "deploy/keycloak/realm.py", "--password-grant"], check=True,
                               capture_output=True, env={**os.environ, "REALM_SERVICE_SECRET": self.secret})
        (server / "data/import/pulse-realm.json").write_bytes(realm.stdout)
        env = {**os.environ, "REALM_UI_URL": ui_url, "REALM_SMTP_HOST": "127.0.0.1",
               "REALM_SMTP_PORT": str(self.mail.port), **JAVA}
        # kc.sh ends in the Java process itself, so that signals reach it.
        self.process = Process("keycloak", [
            server / "bin/kc.sh", "start-dev", "--import-realm", "--http-host=127.0.0.1",
            f"--http-port={self.port}", f"--http-management-port={self.management_port}", f"--hostname={self.url}"],
            self.home / "keycloak.log", env)
        self.process.start()
        try:
            wait_for("Keycloak", self._answers, 420, 0.3)
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
