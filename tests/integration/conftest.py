"""One running Pulse for all integration tests, and callers of two tenants.

`--identity keycloak` runs the suites of accounts (marked `either_directory`) with a real Keycloak as the directory.
"""

import json
import os
import pathlib
import sys

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from directories import directory_of  # noqa: E402
from replay import Replay  # noqa: E402
from servers import ROOT, Stack  # noqa: E402


class Api:
    """An HTTP caller with a token. `get("/devices")` means /api/v1/customer/devices."""

    def __init__(self, stack: Stack, user: str):
        self.stack, self.user = stack, user
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
        return answer

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


@pytest.fixture(scope="session", autouse=True)
def replay(request):
    with pytest.MonkeyPatch.context() as patch:
        replay = Replay()
        replay.install(patch)
        yield replay
    if _whole(request.config):
        replay.write(ROOT / f"build/reports/answers/{os.environ.get('PYTEST_XDIST_WORKER', 'all')}.json")


@pytest.fixture(autouse=True)
def _answers_are_as_documented(replay):
    """Whoever asked, and whatever the test looks at: what Pulse answered is what its document says."""
    yield
    faults = replay.take_faults()
    assert not faults, f"{len(faults)} answers break the OpenAPI document: " + "\n".join(faults[:10])


def pytest_addoption(parser):
    parser.addoption("--identity", choices=("embedded", "keycloak"), default="embedded",
                     help="keycloak: the suites of accounts, with a real Keycloak")


@pytest.fixture(scope="session")
def directory(request):
    """Where people live (directories.py)."""
    with directory_of(request.config.getoption("--identity")) as ours:
        yield ours


@pytest.fixture(scope="session")
def stack(directory):
    with Stack(settings=directory.settings, keycloak=directory.keycloak) as running:
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
def conformance(stack, replay):
    """The document, and what was seen of it."""
    return replay.of(stack)


@pytest.fixture(scope="session")
def customer(stack):
    return Api(stack, "customer1")


@pytest.fixture(scope="session")
def admin(stack):
    return Api(stack, "tenantadmin1")


@pytest.fixture(scope="session")
def other(stack):
    return Api(stack, "other1")


@pytest.fixture(scope="session")
def operator(stack):
    return Api(stack, "operator1")


@pytest.fixture(scope="session")
def device(stack):
    """A demo device with its token: {tenant_id, device_id, site_id, token, template}."""
    return stack.devices()[0]


def _whole(config) -> bool:
    """Whether this run is of all tests of this folder: then each operation must be answered (answered.py)."""
    here = pathlib.Path(__file__).parent
    option = config.option
    return option.identity == "embedded" and all(pathlib.Path(a).resolve() == here for a in config.args) and not (
        option.keyword or option.markexpr or option.deselect or option.ignore or option.ignore_glob)


def pytest_configure(config):
    for marker in ("either_directory: of accounts, and run with a Keycloak too",
                   "embedded_only(reason): can only be of the embedded issuer"):
        config.addinivalue_line("markers", marker)


_left_out = []  # (test, why it can't be with this directory)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--identity") != "keycloak":
        return
    ours = [i for i in items if i.get_closest_marker("either_directory")]
    only = {i: i.get_closest_marker("embedded_only") for i in ours}
    _left_out.extend((i.nodeid, marker.args[0]) for i, marker in only.items() if marker)
    config.hook.pytest_deselected(items=[i for i in items if only.get(i, True) is not None])
    items[:] = [i for i in ours if not only[i]]


def pytest_terminal_summary(terminalreporter):
    for test, reason in _left_out:
        terminalreporter.write_line(f"Not with Keycloak: {test}: {reason}")


_made = 0


def device_of_its_own(stack):
    global _made
    _made += 1
    made = stack.command("admin", "create-device", "--tenant", "demo", "--id", f"fresh-{_made:04d}",
                         "--site", "warehouse-north")
    return json.loads(made.stdout)


@pytest.fixture()
def fresh_device(stack):
    """A device of its own for one test."""
    return device_of_its_own(stack)


@pytest.fixture()
def fresh_devices(stack):
    """Three of them."""
    return [device_of_its_own(stack) for _ in range(3)]
