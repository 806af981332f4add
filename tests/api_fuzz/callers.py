"""Who calls: a tenant's administrator, an operator, and people whom an operation may throw out."""

import http.cookiejar
import json

import requests
import requests.adapters

PASSWORD = "pulse-demo-1"
TENANT = "fuzz"
SPARE_TENANTS = 6


class FromElsewhere(requests.adapters.HTTPAdapter):
    """Another address of this machine: what locks it after failed sign-ins locks nobody else."""

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs, source_address=("127.0.0.2", 0))


def session(elsewhere: bool) -> requests.Session:
    """Keeps connections, and no cookies."""
    made = requests.Session()
    made.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    if elsewhere:
        made.mount("http://", FromElsewhere())
    return made


class Callers:
    def __init__(self, stack):
        self.stack = stack
        self.tokens = {}
        self.known, self.unknown = session(False), session(True)
        for tenant in [TENANT, *(f"{TENANT}-{i}" for i in range(SPARE_TENANTS))]:
            stack.command("admin", "create-tenant", "--id", tenant, "--name", f"Company {tenant}")
            self._person(f"{tenant}-admin", "customer,tenant-admin", tenant)
        self._person("fuzz-operator", "operator,operator-admin")
        self._person("fuzz-leaver", "customer,tenant-admin", TENANT)
        self._person("fuzz-staff-leaver", "operator,operator-admin")
        made = self.stack.command("admin", "create-device", "--tenant", TENANT, "--id", "fuzz-device", "--site", "fuzz-site")
        self.device = json.loads(made.stdout)
        # It has told of its health.
        path = f"/ingest/v1/tenant/{TENANT}/device/{self.device['device_id']}/telemetry"
        sent = requests.post(stack.url + path, headers={"X-Provision-Token": self.device["token"]}, timeout=10,
                             json={"site_id": self.device["site_id"], "metrics": {"battery_pct": 81}})
        assert sent.status_code < 300, sent.text

    def _person(self, name, roles, tenant=None):
        self.stack.command("admin", "create-user", "--username", name, "--password", PASSWORD, "--email",
                           f"{name}@fuzz.example", "--role", roles, *(["--tenant", tenant] if tenant else []))

    def token(self, name: str) -> str:
        """A token of this person; fresh after `forget`."""
        if name not in self.tokens:
            self.tokens[name] = self.stack.token(name, PASSWORD)
        return self.tokens[name]

    def forget(self, name: str):
        self.tokens.pop(name, None)

    def bearer(self, name: str) -> dict:
        return {"Authorization": f"Bearer {self.token(name)}"}

    def session_for(self, operation: dict) -> requests.Session:
        return self.unknown if operation["x-access"] == "open" else self.known

    def call(self, name: str, method: str, path: str, headers=None, **kwargs) -> requests.Response:
        """Not the fuzzer's: what makes things. A token that has ended is replaced."""
        url = self.stack.url + path
        answer = requests.request(method, url, headers={**self.bearer(name), **(headers or {})}, timeout=15, **kwargs)
        if answer.status_code == 401:
            self.forget(name)
            answer = requests.request(method, url, headers={**self.bearer(name), **(headers or {})}, timeout=15, **kwargs)
        return answer
