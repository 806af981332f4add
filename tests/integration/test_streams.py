"""Live channels: WebSocket, server-sent events, tickets."""

import json
import time

import pytest
import requests
import websocket
from servers import wait_for


def post(stack, device, metrics):
    assert requests.post(f"{stack.url}/ingest/v1/tenant/demo/device/{device['device_id']}/telemetry", timeout=10,
                         headers={"X-Provision-Token": device["token"]}, json={"metrics": metrics}).status_code == 202


def connect(stack, path, **kwargs):
    return websocket.create_connection(stack.url.replace("http", "ws") + path, timeout=10, **kwargs)


def until(socket, kind):
    while True:
        message = json.loads(socket.recv())
        if message["type"] == kind:
            return message


def close_code(socket):
    opcode, data = socket.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    return int.from_bytes(data[:2], "big")


def test_stream_tells_what_is_stored_and_follows_its_filters(stack, fresh_device, device):
    token = stack.token("customer1")
    socket = connect(stack, f"/api/v1/customer/telemetry/stream?token={token}&device_id={fresh_device['device_id']}")
    hello = until(socket, "connected")
    assert hello["tenant_id"] == "demo" and hello["filters"]["device_ids"] == [fresh_device["device_id"]]
    post(stack, device, {"unwanted": 1})
    post(stack, fresh_device, {"a": 1, "b": 2})
    row = until(socket, "telemetry")
    assert row["device_id"] == fresh_device["device_id"] and row["metrics"] == {"a": 1, "b": 2}
    socket.send(json.dumps({"action": "set_metrics", "metrics": ["b"]}))
    assert until(socket, "metrics_updated")["metrics"] == ["b"]
    post(stack, fresh_device, {"a": 3})
    post(stack, fresh_device, {"a": 4, "b": 5})
    assert until(socket, "telemetry")["metrics"] == {"b": 5}
    socket.send(json.dumps({"action": "dance"}))
    assert until(socket, "error")["message"] == "Unknown action: dance"
    socket.send("no json")
    assert until(socket, "error")["message"] == "Invalid JSON"
    socket.close()


def test_stream_refuses_by_close_codes(stack):
    assert close_code(connect(stack, "/api/v1/customer/telemetry/stream?token=bad")) == 4001
    assert close_code(connect(stack, "/api/v1/customer/telemetry/stream")) == 4001
    operator = stack.token("operator1")
    assert close_code(connect(stack, f"/api/v1/customer/telemetry/stream?token={operator}")) == 4003
    # A foreign page may not use a browser's cookie.
    cookie = f"pulse_session={stack.token('customer1')}"
    assert close_code(connect(stack, "/api/v1/customer/telemetry/stream", cookie=cookie,
                              origin="https://evil.example")) == 4003
    own = connect(stack, "/api/v1/customer/telemetry/stream", cookie=cookie, origin=stack.url)
    assert until(own, "connected")
    own.close()


def test_token_may_come_as_a_subprotocol(stack):
    socket = connect(stack, "/api/v1/customer/telemetry/stream",
                     subprotocols=["bearer", stack.token("customer1")])
    assert until(socket, "connected")["tenant_id"] == "demo" and socket.subprotocol == "bearer"
    socket.close()


def test_another_tenants_messages_never_come(stack, device):
    socket = connect(stack, f"/api/v1/customer/telemetry/stream?token={stack.token('other1')}")
    until(socket, "connected")
    post(stack, device, {"secret": 1})
    socket.settimeout(1.5)
    with pytest.raises(websocket.WebSocketTimeoutException):
        socket.recv()
    socket.close()


def test_ticket_opens_the_older_channel_once(stack, customer, fresh_device):
    customer.renew()  # a ticket opens no longer than the session that asks for it
    ticket = customer.get("/api/ws-ticket").json()["ticket"]
    socket = connect(stack, f"/api/v2/ws?ticket={ticket}")
    socket.send(json.dumps({"action": "subscribe", "type": "device", "device_id": fresh_device["device_id"]}))
    assert until(socket, "subscribed")["channel"] == "device"
    socket.send(json.dumps({"action": "subscribe", "type": "fleet"}))
    assert until(socket, "fleet_summary")["data"]["total"] > 0
    post(stack, fresh_device, {"a": 1})
    message = until(socket, "telemetry")
    assert message["device_id"] == fresh_device["device_id"] and message["data"]["metrics"] == {"a": 1}
    assert close_code(connect(stack, f"/api/v2/ws?ticket={ticket}")) == 4008
    assert close_code(connect(stack, "/api/v2/ws")) == 4008
    socket.close()


def test_server_sent_events_resume_after_the_last_id(stack, customer, fresh_device):
    path = f"{stack.url}/api/v1/customer/telemetry/stream/sse?device_id={fresh_device['device_id']}"
    customer.renew()  # a stream ends with its token
    headers = {"Authorization": customer.session.headers["Authorization"]}

    def read(events, **more):
        found = []
        with requests.get(path, headers={**headers, **more}, stream=True, timeout=10) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            current = {}
            for line in answer.iter_lines(decode_unicode=True):
                if line.startswith(("id: ", "data: ")):
                    key, value = line.split(": ", 1)
                    current[key] = value
                if line == ": connected" and events:
                    events.pop(0)()
                if not line and "data" in current:
                    found.append(current)
                    current = {}
                    if not events:
                        return found
                    events.pop(0)()
        return found

    first = read([lambda: post(stack, fresh_device, {"n": 1})])
    assert json.loads(first[0]["data"])["metrics"] == {"n": 1}
    post(stack, fresh_device, {"n": 2})
    wait_for("the second row", lambda: stack.stored(fresh_device["device_id"]) == 2, 5)
    missed = read([], **{"Last-Event-ID": first[0]["id"]})
    assert json.loads(missed[0]["data"])["metrics"] == {"n": 2}


def test_status_counts_connections(stack):
    before = requests.get(f"{stack.url}/api/v1/telemetry/stream/status", timeout=5).json()
    assert before["max_per_tenant"] > 0
    socket = connect(stack, f"/api/v1/customer/telemetry/stream?token={stack.token('customer1')}")
    until(socket, "connected")
    assert requests.get(f"{stack.url}/api/v1/telemetry/stream/status",
                        timeout=5).json()["total_connections"] > before["total_connections"] - 1
    socket.close()

