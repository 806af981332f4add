"""Live connections end when what let them in does: a session, a user, an API token, a tenant."""

import contextlib

import pytest
import requests
from conftest import Api
from people import make_user
from test_streams import close_code, connect, until

PATH = "/api/v1/customer/telemetry/stream"
USERS = "/api/v1/operator/users"


@pytest.fixture(scope="module")
def staff(stack):
    return Api(stack, "operatoradmin1")


@pytest.fixture(scope="module")
def tenant(stack):
    """One in which nothing happens, so that the next thing a connection brings is its end."""
    stack.command("admin", "create-tenant", "--id", "curfew", "--name", "Curfew")
    return "curfew"


class Watcher:
    """A user with one connection of each kind."""

    def __init__(self, stack, token):
        self.stack, self.headers = stack, {"Authorization": f"Bearer {token}"}
        self.stream = connect(stack, f"{PATH}?token={token}")
        assert until(self.stream, "connected")
        ticket = requests.get(f"{stack.url}/api/ws-ticket", headers=self.headers, timeout=5).json()["ticket"]
        self.channel = connect(stack, f"/api/v2/ws?ticket={ticket}")
        self.events = requests.get(f"{stack.url}{PATH}/sse", headers=self.headers, stream=True, timeout=10)
        assert self.events.status_code == 200
        self.lines = self.events.iter_lines()
        assert next(self.lines) == b"retry: 2000"

    def stays(self):
        for socket, asked in ((self.stream, '{"action":"clear_filters"}'),
                              (self.channel, '{"action":"subscribe","type":"device","device_id":"any"}')):
            socket.send(asked)
            assert socket.recv()

    def ends_with(self, code):
        assert close_code(self.stream) == code and close_code(self.channel) == code
        with contextlib.suppress(requests.exceptions.ChunkedEncodingError):
            assert set(self.lines) <= {b"", b": connected", b": keep-alive"}  # and comes to an end


def test_of_a_user_who_is_signed_out_everywhere(stack, tenant, staff):
    make_user(stack, "leaver", tenant)
    make_user(stack, "stayer", tenant)
    leaver, stayer = Watcher(stack, stack.token("leaver")), Watcher(stack, stack.token("stayer"))
    who = staff.get(f"{USERS}?search=leaver").json()["users"][0]["id"]
    assert staff.delete(f"{USERS}/{who}/sessions").status_code == 204
    leaver.ends_with(4001)
    # In the same second: who signs in anew is let in.
    Watcher(stack, stack.token("leaver")).stays()
    stayer.stays()


def test_of_an_api_token_that_has_no_end_until_it_is_revoked(stack, tenant):
    make_user(stack, "maker", tenant, roles="customer,tenant-admin")
    maker = Api(stack, "maker")
    made = maker.post("/api-tokens", json={"name": "screen", "scopes": ["devices.read"]}).json()
    assert made["expires_at"] is None
    watcher = Watcher(stack, made["token"])
    watcher.stays()
    assert maker.delete(f"/api-tokens/{made['id']}").status_code == 204
    watcher.ends_with(4001)
    assert close_code(connect(stack, f"{PATH}?token={made['token']}")) == 4001


def test_of_a_tenant_that_is_suspended(stack, tenant, staff):
    make_user(stack, "paused-one", tenant)
    token = stack.token("paused-one")
    watcher = Watcher(stack, token)
    assert staff.patch(f"/api/v1/operator/tenants/{tenant}", json={"status": "SUSPENDED"}).status_code == 200
    try:
        watcher.ends_with(4003)
        assert close_code(connect(stack, f"{PATH}?token={token}")) == 4003
    finally:
        assert staff.patch(f"/api/v1/operator/tenants/{tenant}", json={"status": "ACTIVE"}).status_code == 200
