"""What the tests of ingest share: senders, and looking at what became of a message."""

import itertools
import json
import socket
import time

import requests
from servers import wait_for


def address(stack, device, msg_type="telemetry"):
    return f"{stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/{msg_type}"


def post(stack, device, body, msg_type="telemetry", token=None, **kwargs):
    """Sends one message; a dict as JSON, bytes as they are. `token=""` sends no token."""
    token = device["token"] if token is None else token
    headers = {"Content-Type": "application/json", **({"X-Provision-Token": token} if token else {})}
    how = {"data": body} if isinstance(body, bytes) else {"json": body}
    return requests.post(address(stack, device, msg_type), headers=headers, timeout=10, **how, **kwargs)


def batch(stack, *messages):
    return requests.post(f"{stack.url}/ingest/v1/batch", json={"messages": list(messages)}, timeout=20)


def item(device, seq=0, **more):
    """One message of a batch."""
    return {"tenant_id": device["tenant_id"], "device_id": device["device_id"], "msg_type": "telemetry",
            "provision_token": device["token"], "site_id": device["site_id"], "seq": seq,
            "metrics": {"temperature": 20 + seq}, **more}


_marks = itertools.count(900_000_000)


def settled(stack, device):
    """Waits until everything sent before is stored: a last message with a sequence number of its own."""
    mark = next(_marks)
    answer = post(stack, device, {"seq": mark, "metrics": {"mark": 1}})
    assert answer.status_code == 202, answer.text
    wait_for("the mark", lambda: stack.sql(
        "SELECT 1 FROM telemetry WHERE tenant_id = %s AND device_id = %s AND seq = %s",
        (device["tenant_id"], device["device_id"], mark)), 10)
    stack.sql("DELETE FROM telemetry WHERE tenant_id = %s AND device_id = %s AND seq = %s",
              (device["tenant_id"], device["device_id"], mark))


def quarantined(stack, device):
    """Reasons of a device's refused messages, oldest first."""
    return [r[0] for r in stack.sql("SELECT reason FROM quarantine_events WHERE tenant_id = %s AND device_id = %s "
                                    "ORDER BY id", (device["tenant_id"], device["device_id"]))]


def envelope(device, payload, **change):
    """What a door would publish of this payload, with fields changed."""
    tenant, name = device["tenant_id"], device["device_id"]
    told = {"topic": f"tenant/{tenant}/device/{name}/telemetry", "tenant_id": tenant, "device_id": name,
            "msg_type": "telemetry", "username": f"{tenant}/{name}", "auth": "", "ts": int(time.time() * 1000), **change,
            "payload": payload}
    return json.dumps(told).encode()


def publish(stack, *messages, subject="telemetry.demo"):
    """Puts messages into the stream behind the doors' backs; returns when the server has them."""
    with socket.create_connection(("127.0.0.1", stack.nats_port), 5) as s:
        s.settimeout(5)
        s.recv(65536)
        s.sendall(b'CONNECT {"verbose":false}\r\n')
        for data in messages:
            s.sendall(f"PUB {subject} {len(data)}\r\n".encode() + data + b"\r\n")
        s.sendall(b"PING\r\n")
        answer = b""
        while b"PONG" not in answer:
            answer += s.recv(1024)
        assert b"-ERR" not in answer, answer


def rows_stored(stack, device, count):
    wait_for(f"{count} rows", lambda: stack.stored(device["device_id"], device["tenant_id"]) == count, 15)


def dead_letters(stack, device):
    return stack.sql("SELECT error_message FROM dead_letter_messages WHERE original_topic LIKE %s",
                     (f"%/device/{device['device_id']}/%",))
