"""One running Pulse for all integration tests, and callers of two tenants."""

import pathlib
import sys

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from conformance import Conformance  # noqa: E402
from servers import Stack  # noqa: E402


class Api:
    """An HTTP caller with a token. `get("/devices")` means /api/v1/customer/devices."""

    def __init__(self, stack: Stack, user: str, conformance: Conformance):
        self.stack, self.user, self.conformance = stack, user, conformance
        self.session = requests.Session()
        self.renew()

    def renew(self):
        self.session.headers["Authorization"] = f"Bearer {self.stack.token(self.user)}"

    def request(self, method: str, path: str, **kwargs) -> requests.Response:
        base = "" if path.startswith(("/api/", "/ingest/", "/realms/", "/health", "/openapi")) else "/api/v1/customer"
        kwargs.setdefault("timeout", 15)
        answer = self.session.request(method, self.stack.url + base + path, **kwargs)
        if answer.status_code == 401 and "expired" in answer.text:
            self.renew()
            answer = self.session.request(method, self.stack.url + base + path, **kwargs)
        return answer if kwargs.get("stream") else self.conformance.check(answer)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, **kw):
        return self.request("POST", path, **kw)

    def put(self, path, **kw):
        return self.request("PUT", path, **kw)

    def patch(self, path, **kw):
        return self.request("PATCH", path, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)


@pytest.fixture(scope="session")
def stack():
    with Stack() as running:
        running.command("admin", "create-tenant", "--id", "other", "--name", "Other company")
        running.command("admin", "create-user", "--username", "other1", "--password", "pulse-demo-1", "--email",
                        "other1@other.example", "--tenant", "other", "--role", "customer,tenant-admin")
        yield running


@pytest.fixture(autouse=True)
def _still_running(request):
    """Whatever a test sends: the server stands afterwards. A dead one is started again for the next test."""
    yield
    for name in {"stack", "pulse", "brief"} & set(request.fixturenames):
        for process in request.getfixturevalue(name).pulses:
            if process.child and not process.running():
                code = process.child.returncode
                last = process.tail(3)
                process.start()
                request.getfixturevalue(name).wait_ready()
                pytest.fail(f"{process.name} ended with {code}: {last}")


@pytest.fixture(scope="session")
def conformance(stack):
    """Every answer to an Api goes through it."""
    return Conformance(stack.url)


@pytest.fixture(scope="session")
def customer(stack, conformance):
    return Api(stack, "customer1", conformance)


@pytest.fixture(scope="session")
def admin(stack, conformance):
    return Api(stack, "tenantadmin1", conformance)


@pytest.fixture(scope="session")
def other(stack, conformance):
    return Api(stack, "other1", conformance)


@pytest.fixture(scope="session")
def operator(stack, conformance):
    return Api(stack, "operator1", conformance)


@pytest.fixture(scope="session")
def device(stack):
    """A demo device with its token: {tenant_id, device_id, site_id, token, template}."""
    return stack.devices()[0]


_made = 0


@pytest.fixture()
def fresh_device(stack):
    """A device of its own for one test."""
    global _made
    _made += 1
    import json
    made = stack.command("admin", "create-device", "--tenant", "demo", "--id", f"fresh-{_made:04d}",
                         "--site", "warehouse-north")
    return json.loads(made.stdout)
