"""What anybody may make Pulse keep, and what it shows of its bounds: metrics, logs of connections, WebSockets."""

import re

import requests
from mqtt_clients import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from servers import wait_for
from test_mqtt import connection_events, topic_of


def metrics(stack):
    return requests.get(f"{stack.url}/metrics", timeout=10).text


def test_invented_methods_make_no_series(stack):
    for i in range(20):
        requests.request(f"WEIRD{i}", f"{stack.url}/healthz", timeout=10)
    text = metrics(stack)
    assert "WEIRD" not in text
    assert re.search(r'pulse_http_requests_total\{method="other",', text)


def test_the_bounds_are_shown(stack):
    names = set(re.findall(r'^pulse_limit\{name="(\w+)"\} [1-9]', metrics(stack), re.M))
    assert len(names) > 40
    assert {"http_body_bytes", "websocket_send_timeout_ms", "nats_outgoing_bytes", "mqtt_packet_bytes_told",
            "db_pool_size", "live_clients_per_tenant"} <= names


def test_sessions_of_mqtt_are_shown(stack, fresh_device):
    def sessions():
        return sum(map(float, re.findall(r"^pulse_mqtt_sessions\{[^}]*\} (\S+)", metrics(stack), re.M)))

    wrong = Client(stack, fresh_device, 5, password="wrong").connect()
    wrong.close()
    with Client(stack, fresh_device, 5):
        wait_for("the session", lambda: sessions() >= 1, 15)
        assert re.search(r"^pulse_mqtt_connects_refused_total\{[^}]*\} [1-9]", metrics(stack), re.M)


def test_what_a_client_says_goes_into_the_log_only_so_far(stack, fresh_device):
    long = "é" * 400
    with Client(stack, fresh_device, 5, will=(topic_of(fresh_device, "x" * 600), "bye", 1)) as client:
        said = Properties(PacketTypes.DISCONNECT)
        said.ReasonString = long
        client.client.disconnect(reasoncode=paho_reason(0x04), properties=said)
        assert client.gone.wait(10)
    event = wait_for("the end", lambda: [e for e in connection_events(stack, fresh_device) if e[0] != "CONNECTED"], 10)[0]
    assert event[1]["text"] == "é" * 128
    assert len(event[1]["will"]["topic"]) == 256


def paho_reason(code):
    from paho.mqtt.reasoncodes import ReasonCodes
    reason = ReasonCodes(PacketTypes.DISCONNECT)
    reason.value = code
    return reason


def test_a_version_of_mqtt_that_is_not_spoken_is_not_chosen(stack):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for offered in ("mqttv3.1", "xmqtt, mqttv3.1"):
        answer = requests.get(f"{stack.url}/mqtt", headers={**upgrade, "Sec-WebSocket-Protocol": offered}, timeout=10)
        assert answer.status_code == 400, offered
    answer = requests.get(f"{stack.url}/mqtt", timeout=10, stream=True,
                          headers={**upgrade, "Sec-WebSocket-Protocol": "mqttv3.1, mqtt"})
    assert answer.status_code == 101 and answer.headers["Sec-WebSocket-Protocol"] == "mqtt"
    answer.close()
