"""What the tests of ingest share: senders, and looking at what became of a message."""

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


def settled(stack, device):
    """Waits until everything sent before is stored: a last message with a sequence number of its own."""
    mark = 900_000_000
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
