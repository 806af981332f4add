"""CBOR payloads by HTTP header and MQTT 5 property."""

import requests
from servers import wait_for

# {"seq": 3, "metrics": {"t": 21.5, "on": true}}
PAYLOAD = b"\xa2\x63seq\x03\x67metrics\xa2\x61t\xf9\x4d\x60\x62on\xf5"


def test_cbor_by_http_is_stored_like_json(stack, customer, fresh_device):
    url = f"{stack.url}/ingest/v1/tenant/demo/device/{fresh_device['device_id']}/telemetry"
    headers = {"X-Provision-Token": fresh_device["token"], "Content-Type": "application/cbor"}
    answer = requests.post(url, data=PAYLOAD, headers=headers, timeout=10)
    assert answer.status_code == 202 and answer.json()["seq"] == 3
    latest = wait_for("the row", lambda: customer.get(
        f"/devices/{fresh_device['device_id']}/telemetry/latest").json()["telemetry"], 5)
    assert latest[0]["metrics"] == {"t": 21.5, "on": True}
    assert requests.post(url, data=b"\xa1\x61", headers=headers, timeout=10).status_code == 422


def test_cbor_by_mqtt_5_is_stored_like_json(stack, fresh_device):
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    client = mqtt.Client(client_id="cbor", protocol=mqtt.MQTTv5)
    client.username_pw_set(f"demo/{fresh_device['device_id']}", fresh_device["token"])
    client.connect("127.0.0.1", stack.mqtt_port)
    client.loop_start()
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/cbor"
    client.publish(f"tenant/demo/device/{fresh_device['device_id']}/telemetry", PAYLOAD, qos=1,
                   properties=properties).wait_for_publish(10)
    wait_for("the row", lambda: stack.sql(
        "SELECT 1 FROM telemetry WHERE device_id = %s AND metrics = '{\"t\": 21.5, \"on\": true}'",
        (fresh_device["device_id"],)), 5)
    client.disconnect()
    client.loop_stop()
