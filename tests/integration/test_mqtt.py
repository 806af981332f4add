"""MQTT by clients that we did not write: versions, QoS, transports, refusals, take-over, wills, bursts."""

import json
import random
import socket
import subprocess
import time

import pytest
from ingest import quarantined, settled
from mqtt_clients import Client
from servers import wait_for


def topic_of(device, kind="telemetry"):
    return f"tenant/{device['tenant_id']}/device/{device['device_id']}/{kind}"


def stored(stack, device, count, seconds=15):
    wait_for(f"{count} rows", lambda: stack.stored(device["device_id"]) >= count, seconds)
    time.sleep(0.3)
    assert stack.stored(device["device_id"]) == count


def mosquitto(stack, tool, device, *flags, password=None, port=None, timeout=20):
    return subprocess.run(
        [tool, "-h", "localhost", "-p", str(port or stack.mqtt_port), "-u",
         f"{device['tenant_id']}/{device['device_id']}", "-P", password or device["token"], *map(str, flags)],
        capture_output=True, text=True, timeout=timeout)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("transport, tls", [("tcp", False), ("tcp", True), ("websockets", False)],
                         ids=["tcp", "tls", "websocket"])
def test_paho_by_every_way(stack, fresh_device, version, qos, transport, tls):
    with Client(stack, fresh_device, version, transport, tls=tls) as client:
        assert client.code == 0
        for i in range(5):
            client.publish(json.dumps({"metrics": {"t": i}}), qos=qos)
        client.wait_acknowledged(5)
        stored(stack, fresh_device, 5)


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
def test_mosquitto_by_every_way(stack, fresh_device, version, qos, tls):
    flags = ["--cafile", stack.home / "cert.pem"] if tls else []
    done = mosquitto(stack, "mosquitto_pub", fresh_device, "-V", version, "-q", qos, "-t", topic_of(fresh_device), "-m",
                     '{"metrics":{"t":1}}', *flags, port=stack.mqtt_tls_port if tls else None)
    assert done.returncode == 0, done.stderr
    stored(stack, fresh_device, 1)


@pytest.mark.parametrize("version, code", [(4, 5), (5, 0x86)])
@pytest.mark.parametrize("wrong", ["password", "no-password", "device", "no-identity", "other-tenant"])
def test_wrong_credentials_are_refused(stack, fresh_device, version, code, wrong):
    change = {"password": {"password": "wrong"}, "no-password": {"password": ""},
              "device": {"username": "demo/nobody"}, "no-identity": {"username": "someone"},
              "other-tenant": {"username": f"other/{fresh_device['device_id']}"}}[wrong]
    client = Client(stack, fresh_device, version, **change).connect()
    try:
        # 3.1.1 knows "bad user name or password" (4) and "not authorized" (5).
        assert client.code in ((4, 5) if version == 4 else (code, 0x87))
        assert client.gone.wait(5)
    finally:
        client.close()


def test_the_service_account_of_outside_brokers_is_none_of_our_endpoint(stack, fresh_device):
    client = Client(stack, fresh_device, 5, username="service_pulse", password="").connect()
    assert client.code != 0
    client.close()


@pytest.mark.parametrize("kind", ["telemetry", "heartbeat", "shadow/reported", "commands/ack"])
def test_the_topics_of_devices(stack, fresh_device, kind):
    with Client(stack, fresh_device, 5) as client:
        client.publish('{"metrics":{}}', kind=kind)
        client.wait_acknowledged(1)
        assert not client.gone.is_set()


@pytest.mark.parametrize("topic", [
    "tenant/demo/device/{other}/telemetry", "tenant/other/device/{self}/telemetry", "tenant/demo/device/{self}/commands",
    "tenant/demo/device/{self}/shadow/desired", "tenant/demo/device/{self}", "tenant/demo/device/{self}/",
    "tenant/demo/device/{self}/telemetry/more", "tenant/demo/device//telemetry", "telemetry", "$SYS/broker",
    "tenant/demo/device/{self}/../{other}/telemetry"])
def test_any_other_topic_is_refused_and_says_so(stack, device, fresh_device, topic):
    before = stack.stored(device["device_id"])
    topic = topic.format(self=fresh_device["device_id"], other=device["device_id"])
    done = mosquitto(stack, "mosquitto_pub", fresh_device, "-V", "mqttv5", "-q", 1, "-t", topic, "-m",
                     '{"metrics":{"t":1}}', "-d")
    told = (done.stdout + done.stderr).lower()
    assert "not authorized" in told or "topic name invalid" in told or "rc135" in told or "rc144" in told, told
    time.sleep(0.3)
    assert stack.stored(device["device_id"]) == before and stack.stored(fresh_device["device_id"]) == 0


@pytest.mark.parametrize("filter, granted", [
    ("tenant/demo/device/{self}/commands", True), ("tenant/demo/device/{self}/shadow/desired", True),
    ("tenant/demo/device/{self}/jobs/notify", True), ("tenant/demo/device/{self}/#", True),
    ("tenant/demo/device/{other}/commands", False), ("tenant/demo/device/+/commands", False), ("tenant/#", False),
    ("#", False), ("+/+/+/+/+", False), ("$share/g/tenant/demo/device/{self}/commands", False),
    ("tenant/demo/device/{self}/telemetry", False), ("$SYS/#", False)])
def test_subscriptions_to_ones_own_topics_only(stack, device, fresh_device, filter, granted):
    filter = filter.format(self=fresh_device["device_id"], other=device["device_id"])
    with Client(stack, fresh_device, 5) as client:
        codes = client.subscribe(filter)
        assert (codes[0] < 0x80) == granted, codes


def test_a_subscribe_with_thousands_of_filters(stack, fresh_device):
    """Each is answered, and the device goes on; one that is too large for a packet ends its own connection only."""
    own = topic_of(fresh_device, "commands")
    with Client(stack, fresh_device) as client:
        client.client.subscribe([(f"x/{n}", 1) for n in range(5_000)] + [(own, 1)])
        assert client.subscribed.wait(30), "no SUBACK"
        assert client.granted == [0x80] * 5_000 + [1]
        client.client.unsubscribe([f"x/{n}" for n in range(5_000)])
        client.publish(json.dumps({"metrics": {"alive": 1}})).wait_for_publish(20)
        with Client(stack, fresh_device) as greedy:
            greedy.client.reconnect_delay_set(60, 60)
            greedy.client.subscribe([(f"x/{n}", 1) for n in range(20_000)])
            assert greedy.gone.wait(20), "more than a packet holds was taken"
        client.publish(json.dumps({"metrics": {"alive": 2}})).wait_for_publish(20)
        assert not client.gone.is_set()


def test_mosquitto_sub_connects_and_is_granted(stack, fresh_device):
    done = mosquitto(stack, "mosquitto_sub", fresh_device, "-V", "mqttv5", "-q", 1, "-W", 1, "-d", "-t",
                     topic_of(fresh_device, "commands"))
    assert "Subscribed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("version", [4, 5])
def test_the_same_client_id_takes_over(stack, fresh_device, version):
    with Client(stack, fresh_device, version, client_id="same") as first:
        first.client.reconnect_delay_set(60, 60)
        with Client(stack, fresh_device, version, client_id="same") as second:
            assert first.gone.wait(5), "the first session goes on"
            if version == 5:
                assert first.disconnect_code == 0x8E
            second.publish('{"metrics":{"t":1}}')
            second.wait_acknowledged(1)
    stored(stack, fresh_device, 1)


def test_the_same_client_id_of_another_device_takes_nothing_over(stack, device, fresh_device):
    with Client(stack, fresh_device, 5, client_id="shared-name") as first:
        with Client(stack, device, 5, client_id="shared-name") as second:
            time.sleep(0.5)
            assert not first.gone.is_set() and second.code == 0
            first.publish('{"metrics":{"t":1}}')
            first.wait_acknowledged(1)


def connection_events(stack, device):
    return stack.sql("SELECT event_type, details FROM device_connection_events WHERE tenant_id = %s AND device_id = %s "
                     "ORDER BY timestamp, id", (device["tenant_id"], device["device_id"]))


def test_a_will_becomes_a_connection_event(stack, customer, fresh_device):
    will = (topic_of(fresh_device, "heartbeat"), "battery died", 1)
    client = Client(stack, fresh_device, will=will).connect()
    client.cut()
    event = wait_for("the event", lambda: [e for e in connection_events(stack, fresh_device)
                                           if e[0] == "CONNECTION_LOST"], 10)[0]
    assert event[1]["will"]["payload"] == "battery died"
    told = customer.get(f"/devices/{fresh_device['device_id']}/connections").json()
    assert told["total"] >= 2 and "CONNECTION_LOST" in {e["event_type"] for e in told["events"]}


def test_an_orderly_end_publishes_no_will(stack, fresh_device):
    with Client(stack, fresh_device, will=(topic_of(fresh_device, "heartbeat"), "never", 1)):
        pass
    events = wait_for("the end", lambda: [e for e in connection_events(stack, fresh_device)
                                          if e[0] == "DISCONNECTED"], 10)
    assert "will" not in events[0][1]


def test_silence_beyond_the_keep_alive_ends_the_session(stack, fresh_device):
    name = f"demo/{fresh_device['device_id']}".encode()
    secret = fresh_device["token"].encode()

    def text(b):
        return len(b).to_bytes(2, "big") + b

    body = text(b"MQTT") + b"\x04\xc2\x00\x01" + text(b"quiet") + text(name) + text(secret)
    with socket.create_connection(("127.0.0.1", stack.mqtt_port), 5) as s:
        s.sendall(b"\x10" + (bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128]))
                  + body)
        assert s.recv(4) == b"\x20\x02\x00\x00"
        s.settimeout(5)
        begun = time.monotonic()
        assert s.recv(1) == b""
        assert 1.0 <= time.monotonic() - begun <= 4.0


def test_what_is_no_json_is_quarantined_not_dropped(stack, fresh_device):
    with Client(stack, fresh_device) as client:
        for payload in (b"\x00\xff\xfe binary", b"", b"[1]", b'{"metrics":{"t":', b'{"metrics":7}'):
            client.publish(payload)
        client.wait_acknowledged(5)
    settled(stack, fresh_device)
    assert len(quarantined(stack, fresh_device)) == 5 and stack.stored(fresh_device["device_id"]) == 0


@pytest.mark.parametrize("payload, reason", [
    ({"version": "3", "metrics": {"t": 1}}, "unsupported_envelope_version:3"),
    ({"tenant_id": "other", "metrics": {"t": 1}}, "TENANT_MISMATCH_TOPIC_VS_PAYLOAD"),
    ({"site_id": "elsewhere", "metrics": {"t": 1}}, "SITE_MISMATCH_REGISTRY_VS_PAYLOAD"),
    ({"metrics": {f"m{i}": i for i in range(51)}}, "TOO_MANY_METRICS"),
    ({"metrics": {"k" * 129: 1}}, "METRIC_KEY_TOO_LONG"),
    ({"metrics": {"a\tb": 1}}, "METRIC_KEY_INVALID"),
    ({"metrics": {"t": {}}}, "METRIC_VALUE_INVALID"),
    ({"padding": "x" * 20000, "metrics": {"t": 1}}, "PAYLOAD_TOO_LARGE"),
    ({"ts": 4102444800, "metrics": {"t": 1}}, "TIMESTAMP_IN_FUTURE"),
])
def test_refusals_by_the_worker_are_kept_with_their_reason(stack, customer, fresh_device, payload, reason):
    with Client(stack, fresh_device) as client:
        client.publish(json.dumps(payload))
        client.wait_acknowledged(1)
    settled(stack, fresh_device)
    assert quarantined(stack, fresh_device) == [reason]
    messages = customer.get(f"/devices/{fresh_device['device_id']}/messages").json()["messages"]
    assert reason in {m["reason"] for m in messages}
    counted = stack.sql("SELECT sum(cnt) FROM quarantine_counters_minute WHERE tenant_id = 'demo' AND reason = %s",
                        (reason,))
    assert counted[0][0] >= 1


def test_a_packet_beyond_the_maximum_ends_the_connection_not_the_server(stack, fresh_device):
    client = Client(stack, fresh_device, 5).connect()
    client.client.reconnect_delay_set(60, 60)
    client.publish(b"x" * 1_000_000)
    assert client.gone.wait(5)
    assert client.disconnect_code == 0x95
    client.close()


@pytest.mark.parametrize("data", [b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", b"\xff" * 4096,
                                  b"\x30\x03\x00\x01a", b"\x10\x00"],
                         ids=["zeros", "http", "length", "ones", "publish-first", "empty-connect"])
def test_garbage_is_cut(stack, data):
    with socket.create_connection(("127.0.0.1", stack.mqtt_port), 5) as s:
        s.settimeout(5)
        s.sendall(data)
        answer = b"."
        try:
            while answer:
                answer = s.recv(100)
        except ConnectionResetError:
            pass


def test_a_silent_connection_is_cut(stack):
    with socket.create_connection(("127.0.0.1", stack.mqtt_port), 5) as s:
        s.settimeout(30)
        assert s.recv(1) == b""


def test_a_qos_1_message_again_is_stored_once(stack, fresh_device):
    with Client(stack, fresh_device) as client:
        for _ in range(5):
            client.publish('{"seq":77,"metrics":{"t":1}}')
        client.wait_acknowledged(5)
    stored(stack, fresh_device, 1)


def test_a_burst_of_1000_at_10_ms_stores_all(stack, fresh_device):
    with Client(stack, fresh_device) as client:
        begun = time.monotonic()
        for i in range(1000):
            client.publish(json.dumps({"seq": i + 1, "metrics": {"t": i}}))
            time.sleep(max(0.0, begun + (i + 1) * 0.01 - time.monotonic()))
        client.wait_acknowledged(1000)
    stored(stack, fresh_device, 1000)


@pytest.mark.parametrize("version", [4, 5])
def test_50000_at_full_speed_store_all(stack, fresh_device, version):
    lines = "".join(f'{{"seq":{i + 1},"metrics":{{"t":{i}}}}}\n' for i in range(50_000))
    done = subprocess.run(
        ["mosquitto_pub", "-h", "localhost", "-p", str(stack.mqtt_port), "-V", "mqttv5" if version == 5 else "mqttv311",
         "-u", f"demo/{fresh_device['device_id']}", "-P", fresh_device["token"], "-q", "1", "-t", topic_of(fresh_device),
         "-l"], input=lines, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    stored(stack, fresh_device, 50_000, 60)
    assert stack.sql("SELECT count(DISTINCT seq) FROM telemetry WHERE device_id = %s",
                     (fresh_device["device_id"],))[0][0] == 50_000


def test_small_receive_maximum_is_kept(stack, fresh_device):
    with Client(stack, fresh_device, 5, receive_maximum=1) as client:
        for i in range(50):
            client.publish(json.dumps({"metrics": {"t": i}}), qos=2)
        client.wait_acknowledged(50)
    stored(stack, fresh_device, 50)


def raw_connect(stack, device, version, keep_alive=0):
    """A socket after its CONNACK."""
    def text(b):
        return len(b).to_bytes(2, "big") + b
    body = (text(b"MQTT") + bytes([version]) + b"\xc2" + keep_alive.to_bytes(2, "big") +
            (b"\x00" if version == 5 else b"") + text(b"raw") + text(f"demo/{device['device_id']}".encode()) +
            text(device["token"].encode()))
    s = socket.create_connection(("127.0.0.1", stack.mqtt_port), 5)
    s.settimeout(10)
    s.sendall(b"\x10" + length(len(body)) + body)
    head = s.recv(2)
    assert head[0] == 0x20
    rest = s.recv(head[1])
    assert rest[1] == 0
    return s


def length(n):
    """MQTT's variable byte integer."""
    out = b""
    while True:
        n, low = divmod(n, 128)
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def acknowledgements(s, count):
    """Bytes of so many PUBACKs with success."""
    data = b""
    while len(data) < 4 * count:
        some = s.recv(65536)
        assert some, f"the connection ended after {len(data)} bytes"
        data += some
    assert data[0::4] == b"\x40" * count
    return data


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("size", [20, 200, 500])
def test_a_full_window_is_acknowledged_without_another_byte(stack, fresh_device, version, size):
    # What the endpoint has read and holds back must go on by itself once there is room again: the client, with its
    # window full, sends nothing more before it hears.
    topic, chance = topic_of(fresh_device).encode(), random.Random(size)
    with raw_connect(stack, fresh_device, version) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for turn in range(100):
            packets = []
            for i in range(1, 1025):
                payload = b'{"metrics":{"t":%d},"pad":"%s"}' % (turn * 1024 + i, b"x" * size)
                body = (len(topic).to_bytes(2, "big") + topic + i.to_bytes(2, "big") +
                        (b"\x00" if version == 5 else b"") + payload)
                packets.append(b"\x32" + length(len(body)) + body)
            # In pieces of all sizes, so that the server stops reading in every state.
            at = 0
            while at < 1024:
                step = chance.randint(1, 60)
                s.sendall(b"".join(packets[at:at + step]))
                at += step
            try:
                acknowledgements(s, 1024)
            except (TimeoutError, socket.timeout):
                pytest.fail(f"turn {turn}: not all acknowledged within 10 s")
    stored(stack, fresh_device, 100 * 1024, 90)
