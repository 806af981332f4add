"""A message's way: sent by HTTP and MQTT, durable, once in the table, readable."""

import subprocess
import time

import requests
from servers import wait_for


def send(stack, device, body, **kwargs):
    headers = {"X-Provision-Token": device["token"], **kwargs.pop("headers", {})}
    return requests.post(f"{stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry",
                         json=body, headers=headers, timeout=10, **kwargs)


def mosquitto_pub(stack, device, topic, payload, *flags, password=None):
    return subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(stack.mqtt_port), "-i", f"pub-{device['device_id']}", "-u",
         f"{device['tenant_id']}/{device['device_id']}", "-P", password or device["token"], "-q", "1", "-t", topic,
         "-m", payload, *flags], capture_output=True, text=True, timeout=20)


def test_http_message_is_accepted_stored_and_readable(stack, customer, fresh_device):
    answer = send(stack, fresh_device, {"site_id": "warehouse-north", "seq": 7, "metrics": {"temperature": 21.5}})
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"status": "accepted", "device_id": fresh_device["device_id"], "seq": 7}
    path = f"/devices/{fresh_device['device_id']}/telemetry/latest"
    row = wait_for("the row", lambda: customer.get(path).json()["telemetry"], 5)[0]
    assert row["metrics"] == {"temperature": 21.5} and row["seq"] == 7 and row["msg_type"] == "telemetry"


def test_a_repeated_message_with_a_sequence_number_is_stored_once(stack, fresh_device):
    body = {"seq": 42, "metrics": {"temperature": 1}}
    for _ in range(5):
        assert send(stack, fresh_device, body).status_code == 202
    assert send(stack, fresh_device, {"seq": 43, "metrics": {"temperature": 1}}).status_code == 202
    wait_for("two rows", lambda: stack.stored(fresh_device["device_id"]) >= 2, 5)
    time.sleep(0.5)
    assert stack.stored(fresh_device["device_id"]) == 2


def test_mqtt_message_is_acknowledged_stored_and_readable(stack, fresh_device):
    topic = f"tenant/demo/device/{fresh_device['device_id']}/telemetry"
    for version in ("mqttv311", "mqttv5"):
        done = mosquitto_pub(stack, fresh_device, topic, '{"metrics":{"level":3}}', "-V", version)
        assert done.returncode == 0, done.stderr
    wait_for("two rows", lambda: stack.stored(fresh_device["device_id"]) == 2, 5)


def test_a_wrong_token_is_refused_and_nothing_is_published(stack, fresh_device):
    bad = {**fresh_device, "token": "wrong"}
    answer = send(stack, bad, {"metrics": {"t": 1}})
    assert answer.status_code == 401 and answer.json()["detail"] == "TOKEN_INVALID"
    topic = f"tenant/demo/device/{fresh_device['device_id']}/telemetry"
    assert mosquitto_pub(stack, bad, topic, '{"metrics":{"t":1}}').returncode != 0
    time.sleep(0.5)
    assert stack.stored(fresh_device["device_id"]) == 0


def test_another_devices_topic_is_refused(stack, device, fresh_device):
    topic = f"tenant/demo/device/{device['device_id']}/telemetry"
    before = stack.stored(device["device_id"])
    done = mosquitto_pub(stack, fresh_device, topic, '{"metrics":{"t":1}}', "-V", "mqttv5")
    assert "Not authorized" in done.stdout + done.stderr
    time.sleep(0.5)
    assert stack.stored(device["device_id"]) == before


def test_state_and_rollups_follow_the_messages(stack, customer, fresh_device):
    now = time.time()
    for i, value in enumerate((10, 30, 20)):
        assert send(stack, fresh_device, {"ts": now - 30 + i, "metrics": {"load": value}}).status_code == 202
    # An old message must not put an older value over a newer one.
    assert send(stack, fresh_device, {"ts": now - 3600, "metrics": {"load": 99}}).status_code == 202
    device_id = fresh_device["device_id"]
    wait_for("four rows", lambda: stack.stored(device_id) == 4, 5)
    device = customer.get(f"/devices/{device_id}").json()["device"]
    assert device["status"] == "ONLINE" and device["state"]["load"] == 20
    history = customer.get(f"/devices/{device_id}/telemetry/history?metric=load&range=6h").json()
    assert sum(p["count"] for p in history["points"]) == 4
    assert max(p["max"] for p in history["points"]) == 99 and min(p["min"] for p in history["points"]) == 10


def test_a_refused_message_is_quarantined_with_its_reason(stack, customer, fresh_device):
    topic = f"tenant/demo/device/{fresh_device['device_id']}/telemetry"
    assert mosquitto_pub(stack, fresh_device, topic, "this is no json").returncode == 0
    assert send(stack, fresh_device, {"ts": time.time() + 7 * 86400, "metrics": {"t": 1}}).status_code == 202
    path = f"/devices/{fresh_device['device_id']}/messages"
    messages = wait_for("two quarantined messages", lambda: [
        m for m in customer.get(path).json()["messages"] if m["status"] == "quarantined"][1:] and
        customer.get(path).json()["messages"], 5)
    assert {m["reason"] for m in messages} == {"INVALID_JSON", "TIMESTAMP_IN_FUTURE"}
