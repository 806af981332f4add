"""Live channels at their ends: too many clients, tokens that end, pings, tickets, and replays of server-sent events."""

import contextlib
import hashlib
import hmac
import json
import socket
import time

import pytest
import requests
import websocket
from servers import Stack, wait_for
from test_jwt import Issuer, b64
from test_streams import close_code, connect, post, until

PATH = "/api/v1/customer/telemetry/stream"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    running = Issuer(tmp_path_factory.mktemp("issuer"))
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def pulse(issuer):
    """A gateway that trusts an issuer whose keys the test holds, so that a token lives as long as a test wants."""
    running = Stack(["gateway"], devices=1)
    # The process alone: what seeds the database does so by the embedded issuer's directory.
    running.pulses[0].env.update({"PULSE_IDENTITY": "keycloak", "KEYCLOAK_PUBLIC_URL": issuer.url,
                                  "KEYCLOAK_INTERNAL_URL": issuer.url})
    with running:
        running.command("admin", "create-tenant", "--id", "crowd", "--name", "Crowd")
        yield running


@pytest.fixture(scope="module")
def quiet(pulse, issuer):
    """A socket on which nothing happens, from the first test on."""
    opened = connect(pulse, f"{PATH}?token={issuer.token(exp=int(time.time()) + 3000)}")
    assert until(opened, "connected")
    yield opened
    opened.close()


def test_a_stream_ends_with_its_token_unless_a_fresh_one_came(pulse, quiet, issuer):
    ends = int(time.time()) + 4
    left, renewed = (connect(pulse, f"{PATH}?token={issuer.token(exp=ends)}") for _ in range(2))
    assert until(left, "connected") and until(renewed, "connected")
    # Another's token, a bad one, none: refused, and nothing changes.
    for token in (issuer.token(sub="u2"), issuer.token(organization={"crowd": {}}), issuer.token(exp=1), "x", None):
        renewed.send(json.dumps({"action": "auth", "token": token}))
        assert until(renewed, "error")["message"]
    renewed.send(json.dumps({"action": "auth", "token": issuer.token()}))
    assert until(renewed, "authenticated")
    assert close_code(left) == 4001 and time.time() > ends
    renewed.send(json.dumps({"action": "clear_filters"}))
    assert until(renewed, "filters_cleared")
    renewed.close()


def test_one_client_more_than_a_tenant_may_have(pulse, quiet, issuer):
    """Every kind of channel counts, and another tenant is not concerned."""
    most = requests.get(f"{pulse.url}/api/v1/telemetry/stream/status", timeout=5).json()["max_per_tenant"]
    token = issuer.token(organization={"crowd": {}})
    headers = {"Authorization": f"Bearer {token}"}
    with contextlib.ExitStack() as opened:
        for _ in range(most - 1):
            opened.callback(connect(pulse, f"{PATH}?token={token}").close)
        events = opened.enter_context(requests.get(f"{pulse.url}{PATH}/sse", headers=headers, stream=True, timeout=10))
        assert events.status_code == 200 and next(events.iter_lines()) == b"retry: 2000"
        wait_for("all to be counted", lambda: requests.get(f"{pulse.url}/api/v1/telemetry/stream/status", timeout=5)
                 .json()["total_connections"] == most + 1, 30)
        assert close_code(connect(pulse, f"{PATH}?token={token}")) == 4029
        ticket = requests.get(f"{pulse.url}/api/ws-ticket", headers=headers, timeout=5).json()["ticket"]
        assert close_code(connect(pulse, f"/api/v2/ws?ticket={ticket}")) == 4029
        refused = requests.get(f"{pulse.url}{PATH}/sse", headers=headers, timeout=5)
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
        assert refused.json()["detail"] == "Too many connections"
        elsewhere = connect(pulse, f"{PATH}?token={issuer.token()}")
        assert until(elsewhere, "connected")
        elsewhere.close()
    wait_for("room again", lambda: requests.get(f"{pulse.url}/api/v1/telemetry/stream/status", timeout=5)
             .json()["total_connections"] == 1, 15)
    again = connect(pulse, f"{PATH}?token={token}")
    assert until(again, "connected")
    again.close()


def ticket_of(stack, life, **change):
    """A ticket as the gateway signs it, with this many seconds to live."""
    now = int(time.time())
    secret = stack.settings["PULSE_SECRET_KEY"].encode()
    key = hmac.new(secret, b"pulse websocket tickets", hashlib.sha256).digest()
    body = b64({"sub": "u1", "tenant": "demo", "roles": ["customer"], "exp": now + life, "session_exp": now + 300,
                "nonce": str(time.monotonic_ns()), **change})
    return body + "." + b64(hmac.new(key, body.encode(), hashlib.sha256).digest())


def test_tickets_that_open_nothing(pulse):
    good = ticket_of(pulse, 20)
    body, mac = good.split(".")
    for bad in (ticket_of(pulse, -2), body + "." + b64(b"\0" * 32), body, "." + mac, b64(b"{}") + "." + mac, "x.y"):
        assert close_code(connect(pulse, f"/api/v2/ws?ticket={bad}")) == 4008, bad
    assert close_code(connect(pulse, f"/api/v2/ws?ticket={ticket_of(pulse, 20, roles=['operator'])}")) == 4003
    assert close_code(connect(pulse, f"/api/v2/ws?ticket={ticket_of(pulse, 20, tenant='')}")) == 4003
    opened = connect(pulse, f"/api/v2/ws?ticket={good}")
    opened.send(json.dumps({"action": "subscribe", "type": "alerts"}))
    assert until(opened, "subscribed")
    assert close_code(connect(pulse, f"/api/v2/ws?ticket={good}")) == 4008, "a ticket opens once"
    opened.close()


def test_the_older_channel_ends_with_the_session_of_its_ticket(pulse):
    ends = int(time.time()) + 2
    assert close_code(connect(pulse, f"/api/v2/ws?ticket={ticket_of(pulse, 20, session_exp=ends)}")) == 4001
    assert time.time() > ends


def test_a_quiet_stream_is_pinged(pulse, quiet):
    quiet.settimeout(45)
    ping = json.loads(quiet.recv())
    assert ping["type"] == "ping" and ping["ts"].startswith("20")


class Events:
    """An open stream of server-sent events."""

    def __init__(self, stack, api, query, last_id=None):
        api.renew()  # a stream ends with its token
        headers = {"Authorization": api.session.headers["Authorization"], "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.answer = requests.get(f"{stack.url}{PATH}/sse?{query}", headers=headers, stream=True, timeout=20)
        assert self.answer.status_code == 200, self.answer.text
        self.lines = self.answer.iter_lines(decode_unicode=True)
        assert next(line for line in self.lines if line.startswith(":")) == ": connected"

    def next(self):
        """(id, data) of the next telemetry event."""
        found, deadline = {}, time.monotonic() + 30
        for line in self.lines:
            assert time.monotonic() < deadline, "nothing but comments for half a minute"
            if not line and found.get("event") == "telemetry":
                return int(found["id"]), json.loads(found["data"])
            if not line:
                found = {}
            elif not line.startswith(":"):
                key, value = line.split(": ", 1)
                found[key] = value
        raise AssertionError("the stream ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()


@pytest.fixture()
def followed(stack, customer, fresh_device):
    """A device with four stored messages after the one that a client saw last: (device, its id, their ids)."""
    for metrics in ({"seen": 1}, {"a": 1, "b": 2}, {"b": 3}, {"a": 4}, {"a": 5}):
        post(stack, fresh_device, metrics)
    wait_for("the rows", lambda: stack.stored(fresh_device["device_id"]) == 5, 10)
    ids = [r[0] for r in stack.sql("SELECT stream_seq FROM telemetry WHERE device_id = %s ORDER BY 1",
                                   (fresh_device["device_id"],))]
    return fresh_device, ids[0], ids[1:]


def test_a_replay_follows_the_filter_of_metrics(stack, customer, followed):
    device, last, missed = followed
    with Events(stack, customer, f"device_id={device['device_id']}&metric=a", last) as events:
        told = [events.next() for _ in range(3)]
        assert [e[0] for e in told] == [missed[0], missed[2], missed[3]]
        assert [e[1]["metrics"] for e in told] == [{"a": 1}, {"a": 4}, {"a": 5}]
        assert all(e[1]["device_id"] == device["device_id"] and e[1]["msg_type"] == "telemetry" for e in told)
        post(stack, device, {"a": 6, "b": 7})
        assert events.next()[1]["metrics"] == {"a": 6}


def announce(stack, device, stream_seq, metrics):
    """As a worker announces a stored message, only later."""
    body = json.dumps({"type": "telemetry", "rows": [{
        "device_id": device["device_id"], "site_id": device["site_id"], "ts": "2026-01-01T00:00:00+00:00",
        "metrics": metrics, "seq": 0, "msg_type": "telemetry", "stream_seq": stream_seq}]}).encode()
    with socket.create_connection(("127.0.0.1", stack.nats_port), timeout=10) as nats:
        nats.sendall(b'CONNECT {"verbose":false}\r\nPUB live.demo %d\r\n%s\r\nPING\r\n' % (len(body), body))
        answer = b""
        while b"PONG" not in answer:
            answer += nats.recv(4096)


def test_what_was_replayed_does_not_come_again(stack, customer, followed):
    """Stored between joining and asking: it is in the answer of the table, and announced afterwards."""
    device, last, missed = followed
    with Events(stack, customer, f"device_id={device['device_id']}", last) as events:
        assert [events.next()[0] for _ in range(4)] == missed
        time.sleep(0.5)  # on a loaded machine the gateway's subscription may still be on its way
        announce(stack, device, missed[3], {"again": 1})
        announce(stack, device, missed[0], {"again": 1})
        # A number below those replayed that was not among them is news: workers announce in no order.
        announce(stack, device, last, {"late": 1})
        assert events.next()[1]["metrics"] == {"late": 1}
