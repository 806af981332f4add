"""Parts that stop for a while: devices are told the truth, and nothing is lost or doubled."""

import os
import signal
import subprocess
import time

import requests
from load import Load, check_nothing_lost_nothing_doubled, drained
from servers import Stack, wait_for

PG_DOWN = float(os.environ.get("PULSE_CHAOS_PG_DOWN", "15"))


def post(stack, device, body, timeout=10):
    return requests.post(f"{stack.url}/ingest/v1/tenant/demo/device/{device['device_id']}/telemetry", json=body,
                         headers={"X-Provision-Token": device["token"]}, timeout=timeout)


def test_postgres_down_under_load_loses_nothing_and_devices_notice_nothing():
    with Stack(fsync=True) as stack, Load(stack) as load:
        wait_for("a steady load", lambda: load.acknowledged() > 4000, 60)
        stack.postgres.stop("immediate")
        time.sleep(1)
        before = load.acknowledged()
        time.sleep(PG_DOWN)
        # JetStream takes it, so devices get their 202 and PUBACK all the while.
        assert load.acknowledged() - before > 1000 * PG_DOWN
        stack.postgres.start()
        load.__exit__()
        check_nothing_lost_nothing_doubled(stack, load.log)


def test_a_silent_nats_gives_503_and_no_puback_and_all_resumes():
    with Stack() as stack:
        device = stack.devices()[0]
        assert post(stack, device, {"metrics": {"t": 1}}).status_code == 202
        stack.nats.freeze()
        try:
            refused = post(stack, device, {"metrics": {"t": 2}})
            assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
            assert refused.json()["detail"] == "Ingestion temporarily unavailable"
            published = subprocess.run(
                ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(stack.mqtt_port), "-i", "silent", "-u",
                 f"demo/{device['device_id']}", "-P", device["token"], "-q", "1", "-t",
                 f"tenant/demo/device/{device['device_id']}/telemetry", "-m", '{"metrics":{"t":3}}', "-d"],
                capture_output=True, text=True, timeout=10)
            assert "received PUBACK" not in published.stdout
        except subprocess.TimeoutExpired as e:
            assert b"received PUBACK" not in (e.stdout or b"")
        finally:
            stack.nats.signal(signal.SIGCONT)
        wait_for("acceptance again", lambda: post(stack, device, {"metrics": {"t": 4}}).status_code == 202, 20)


def test_a_stop_under_a_silent_nats_ends():
    with Stack() as stack:
        device = stack.devices()[0]
        assert post(stack, device, {"seq": 1, "metrics": {"t": 1}}).status_code == 202
        stack.nats.freeze()
        # With a message under way that nobody will acknowledge.
        waiting = subprocess.Popen(["curl", "-s", "-m", "60", "-H", f"X-Provision-Token: {device['token']}", "-d",
                                    '{"metrics":{"t":2}}', "-H", "Content-Type: application/json",
                                    f"{stack.url}/ingest/v1/tenant/demo/device/{device['device_id']}/telemetry"],
                                   stdout=subprocess.DEVNULL)
        try:
            # stop() kills after a minute and then answers None.
            assert stack.pulses[0].stop(60) == 0, stack.pulses[0].tail()
        finally:
            stack.nats.signal(signal.SIGCONT)
            waiting.wait(60)
        stack.pulses[0].start()
        stack.wait_ready()
        assert post(stack, device, {"seq": 3, "metrics": {"t": 3}}).status_code == 202
        wait_for("the stream drained", lambda: drained(stack), 60, 0.2)
        seqs = {row[0] for row in stack.sql("SELECT seq FROM telemetry WHERE device_id = %s", (device["device_id"],))}
        assert {1, 3} <= seqs


def test_a_full_stream_refuses_and_drains_when_ingest_returns():
    with Stack(["gateway,mqtt", "ingest", "ops"], settings={"STREAM_MAX_MIB": "1", "STREAM_KEEP_SECONDS": "1"}) as stack:
        device = stack.devices()[0]
        stack.pulses[1].kill()
        text = "x" * 250
        body = {"metrics": {f"text_{i}": text for i in range(20)}}

        def fill():
            answers = [post(stack, device, body).status_code for _ in range(20)]
            return 503 in answers

        wait_for("a full stream", fill, 60, 0)
        stack.pulses[1].start()
        wait_for("the stream drained", lambda: drained(stack), 60, 0.2)
        stored = stack.stored(device["device_id"])
        assert stored > 0
        # Processed messages leave the stream after their time, and there is room again.
        wait_for("room again", lambda: post(stack, device, body).status_code == 202, 60, 1)


def test_a_poison_message_blocks_nobody():
    import socket
    with Stack() as stack:
        device = stack.devices()[0]
        envelope = ('{"topic":"tenant/demo/device/%s/telemetry","tenant_id":"demo","device_id":"%s",'
                    '"msg_type":"telemetry","username":"x","auth":"token:x","ts":1700000000000,'
                    '"payload":{"metrics":{"n":1e308,"t":"\\u0000"},"ts":"0001-01-01T00:00:00Z"}}') % (
                        device["device_id"], device["device_id"])
        with socket.create_connection(("127.0.0.1", stack.nats_port), 5) as s:
            s.recv(65536)
            data = envelope.encode()
            for payload in (data, b"\xff\xfe not json", b"{}"):
                s.sendall(b'CONNECT {"verbose":false}\r\nPUB telemetry.demo %d\r\n' % len(payload) + payload + b"\r\n")
            s.sendall(b"PING\r\n")
            s.recv(1024)
        assert post(stack, device, {"seq": 5, "metrics": {"t": 1}}).status_code == 202
        wait_for("the good message stored", lambda: stack.sql(
            "SELECT 1 FROM telemetry WHERE device_id = %s AND seq = 5", (device["device_id"],)), 20)
        wait_for("the stream drained", lambda: drained(stack), 20, 0.2)
        bad = stack.sql("SELECT reason FROM quarantine_events UNION ALL SELECT error_message FROM dead_letter_messages")
        assert len(bad) >= 2, bad
