"""Pulse as a process: status by silence, an orderly stop, readiness, settings that are refused."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
import requests
from ingest import post
from mqtt_clients import Client
from servers import PULSE, Stack, environment, wait_for


@pytest.fixture(scope="module")
def brief():
    """A Pulse whose devices are STALE after a second and OFFLINE after ten."""
    with Stack(settings={"HEARTBEAT_STALE_SECONDS": "1"}, devices=3) as running:
        yield running


def test_online_stale_offline_and_back(brief):
    device, headers = brief.devices()[0], {"Authorization": f"Bearer {brief.token()}"}
    url = f"{brief.url}/api/v1/customer/devices"

    def status():
        return requests.get(f"{url}/{device['device_id']}", headers=headers, timeout=5).json()["device"]["status"]

    assert status() == "OFFLINE"
    assert post(brief, device, {"metrics": {"t": 1}}).status_code == 202
    wait_for("ONLINE", lambda: status() == "ONLINE", 3)
    wait_for("STALE", lambda: status() == "STALE", 9)
    listed = requests.get(f"{url}?status=STALE", headers=headers, timeout=5).json()
    assert [d["device_id"] for d in listed["devices"]] == [device["device_id"]]
    wait_for("OFFLINE", lambda: status() == "OFFLINE", 20)
    events = [r[0] for r in brief.sql("SELECT event_type || ' ' || coalesce(details->>'reason', '') FROM "
                                      "device_connection_events WHERE device_id = %s ORDER BY timestamp, id",
                                      (device["device_id"],))]
    assert events[0] == "CONNECTED first_seen" and events.count("DISCONNECTED heartbeat_timeout") == 1, events
    assert post(brief, device, {"metrics": {"t": 1}}, msg_type="heartbeat").status_code == 202
    wait_for("ONLINE again", lambda: status() == "ONLINE", 3)
    wait_for("the event", lambda: brief.sql(
        "SELECT 1 FROM device_connection_events WHERE device_id = %s AND details->>'reason' = 'heartbeat_resumed'",
        (device["device_id"],)), 3)
    audited = brief.sql("SELECT count(*) FROM audit_log WHERE entity_id = %s AND event_type = 'device.disconnected'",
                        (device["device_id"],))
    assert audited[0][0] >= 1


def test_an_orderly_stop_finishes_what_runs_and_loses_nothing(brief):
    devices = brief.devices()
    accepted, stop = [], threading.Event()

    def send():
        session, seq = requests.Session(), 0
        while not stop.is_set():
            seq += 1
            try:
                answer = session.post(
                    f"{brief.url}/ingest/v1/tenant/demo/device/{devices[1]['device_id']}/telemetry", timeout=10,
                    headers={"X-Provision-Token": devices[1]["token"]}, json={"seq": seq, "metrics": {"t": seq}})
            except requests.exceptions.ConnectionError:
                continue
            if answer.status_code == 202:
                accepted.append(seq)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with Client(brief, devices[2], 5) as client:
            client.client.reconnect_delay_set(60, 60)
            time.sleep(1.0)
            begun = time.monotonic()
            code = brief.pulses[0].stop(20)
            assert code == 0, f"exit code {code}: {brief.pulses[0].tail(5)}"
            assert time.monotonic() - begun < 12
            # MQTT 5 tells why: the server is shutting down.
            assert client.gone.wait(2) and client.disconnect_code == 0x8B
    finally:
        brief.pulses[0].start()
        brief.wait_ready()
        stop.set()
        sender.join()
    wait_for("everything accepted stored", lambda: {r[0] for r in brief.sql(
        "SELECT seq FROM telemetry WHERE device_id = %s", (devices[1]["device_id"],))} >= set(accepted), 15)
    log = brief.pulses[0].log.read_text()
    for line in log.splitlines():
        assert json.loads(line)["level"], line


def test_not_ready_without_the_database_and_ready_again(brief):
    brief.postgres.stop("immediate")
    try:
        wait_for("503", lambda: requests.get(f"{brief.url}/readyz", timeout=10).status_code == 503, 15)
        assert requests.get(f"{brief.url}/health", timeout=5).status_code == 200
        assert requests.get(f"{brief.url}/healthz", timeout=15).json()["status"] == "degraded"
        # Readers are told to come again, in words of ours.
        answer = requests.get(f"{brief.url}/realms/pulse/protocol/openid-connect/certs", timeout=15)
        assert answer.status_code in (200, 503)
    finally:
        brief.postgres.start()
    wait_for("ready", lambda: requests.get(f"{brief.url}/readyz", timeout=10).status_code == 200, 20)


def run(settings, *args):
    return subprocess.run([str(PULSE), *(args or ("serve",))], env=environment(settings), capture_output=True, text=True,
                          timeout=20)


@pytest.mark.parametrize("settings, name", [
    ({"PULSE_PORT": "many"}, "PULSE_PORT"), ({"PULSE_PORT": "70000"}, "PULSE_PORT"), ({"PULSE_PROT": "1"}, "PULSE_PROT"),
    ({"PULSE_ROLES": "gateway,cook"}, "PULSE_ROLES"), ({"SECURE_COOKIES": "perhaps"}, "SECURE_COOKIES"),
    ({"HEARTBEAT_STALE_SECONDS": "0"}, "HEARTBEAT_STALE_SECONDS"),
    ({"ENV": "PROD", "PULSE_SECRET_KEY": "ab" * 32}, "PG_PASS"),
    ({"ENV": "PROD", "PULSE_SECRET_KEY": "ab" * 32, "DATABASE_URL": "postgresql://iot:long-and-own@127.0.0.1/x"},
     "S3_"),
    ({"ENV": "PROD", "PULSE_SECRET_KEY": "ab" * 32, "DATABASE_URL": "postgresql://iot:long-and-own@127.0.0.1/x",
      "S3_ACCESS_KEY": "own", "S3_SECRET_KEY": "own-too"}, "MQTT_INTERNAL_AUTH_SECRET")])
def test_wrong_settings_end_the_start_and_are_named(settings, name):
    done = run(settings)
    assert done.returncode != 0 and name in done.stderr, done.stderr


def test_secrets_are_masked_in_the_effective_configuration():
    done = run({"DATABASE_URL": "postgresql://iot:hunter2@127.0.0.1/x", "PULSE_SECRET_KEY": "cd" * 32,
                "MQTT_INTERNAL_AUTH_SECRET": "hunter3"}, "config")
    assert done.returncode == 0 and "PULSE_PORT=8080" in done.stdout
    for secret in ("hunter2", "hunter3", "cd" * 32):
        assert secret not in done.stdout


def test_migrating_again_changes_nothing(brief):
    assert "nothing to apply" in brief.command("migrate").stdout


def test_seeding_again_keeps_tokens(brief):
    before = brief.devices()
    brief.command("admin", "seed-demo", "--tokens-file", brief.devices_file, "--devices", 3)
    assert brief.devices() == before
    assert os.stat(brief.devices_file).st_mode & 0o077 == 0


def test_a_signal_in_the_middle_of_starting_is_heeded(brief):
    process = brief._pulse(1, "gateway")
    for delay in (0.0, 0.02, 0.1, 0.3):
        process.start()
        time.sleep(delay)
        process.signal(signal.SIGTERM)
        assert process.child.wait(15) in (0, -signal.SIGTERM)
