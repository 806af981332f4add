"""What ingest holds to whatever is sent: calendar, identity, sizes, shapes, texts, and what one device may take."""

import json
import time

import pytest
import requests
from ingest import address, dead_letters, envelope, post, publish, quarantined, rows_stored, settled
from mqtt_clients import Client
from servers import wait_for


def token_ids(stack, device):
    return [r[0] for r in stack.sql("SELECT id::text FROM device_api_tokens WHERE device_id = %s ORDER BY created_at",
                                    (device["device_id"],))]


def by_mqtt(stack, device, *payloads):
    with Client(stack, device) as client:
        for payload in payloads:
            client.publish(payload if isinstance(payload, str) else json.dumps(payload))
        client.wait_acknowledged(len(payloads))


# ---- the calendar ----

def test_a_time_beyond_every_clock_is_in_the_future(stack, fresh_device):
    for ts in ("9999-12-31T23:59:59Z", "2263-01-01T00:00:00Z", 253402300799999):
        assert post(stack, fresh_device, {"ts": ts, "metrics": {"t": 1}}).status_code == 202
    settled(stack, fresh_device)
    assert quarantined(stack, fresh_device) == ["TIMESTAMP_IN_FUTURE"] * 3
    assert stack.stored(fresh_device["device_id"]) == 0


@pytest.mark.parametrize("ts", ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00+05:00", "0001-01-01", -1,
                                "9999-12-31T23:59:59-01:00", 253402300800000])
def test_a_time_outside_of_1970_to_9999_is_refused(stack, fresh_device, ts):
    answer = post(stack, fresh_device, {"ts": ts, "metrics": {"t": 1}})
    assert answer.status_code == 422 and "ts" in answer.json()["detail"][0]["loc"]


def test_a_row_of_any_year_breaks_no_reading(stack, customer, fresh_device):
    device_id = fresh_device["device_id"]
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    rows_stored(stack, fresh_device, 1)
    stack.sql("INSERT INTO telemetry (time, tenant_id, device_id, metrics, received_at, stream_seq) SELECT t, 'demo', %s, "
              "'{\"t\": 2}', now(), 0 FROM unnest(ARRAY['1816-03-30 05:56:08+00', '1969-12-31 23:59:59+00']::timestamptz[]) t",
              (device_id,))
    for path in ("", "/messages", "/sensors", "/telemetry/latest?count=10"):
        answer = customer.get(f"/devices/{device_id}{path}")
        assert answer.status_code == 200, (path, answer.text)
    latest = customer.get(f"/devices/{device_id}/telemetry/latest?count=10").json()["telemetry"]
    assert latest[-1]["timestamp"].startswith("1816-03-30T05:56:08")


def test_an_end_beyond_2262_is_after_the_start(stack, customer, fresh_device):
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    rows_stored(stack, fresh_device, 1)
    answer = customer.get(f"/devices/{fresh_device['device_id']}/telemetry"
                          "?start=2026-01-01T00:00:00Z&end=9999-12-31T23:59:59Z")
    assert answer.status_code == 200 and len(answer.json()["telemetry"]) == 1, answer.text


# ---- who it was ----

def test_the_worker_looks_at_the_doors_verdict_again(stack, fresh_device, device):
    token, = token_ids(stack, fresh_device)
    payload = {"site_id": "warehouse-north", "metrics": {"t": 1}}
    publish(stack, envelope(fresh_device, payload, auth=f"token:{token}"))
    rows_stored(stack, fresh_device, 1)
    publish(stack, envelope(fresh_device, payload, auth="token:nonsense"), envelope(fresh_device, payload),
            envelope(fresh_device, payload, auth="certificate"),
            envelope(fresh_device, payload, auth=f"token:{token_ids(stack, device)[0]}"),
            envelope(fresh_device, payload, auth=f"token:{token}", username=f"demo/{device['device_id']}"))
    settled(stack, fresh_device)
    assert quarantined(stack, fresh_device) == ["TOKEN_INVALID", "TOKEN_MISSING", "AUTH_FAILED", "TOKEN_INVALID",
                                                "AUTH_FAILED"]
    assert stack.stored(fresh_device["device_id"]) == 1


def test_a_token_counts_as_it_was_when_the_message_came_in(stack, admin, fresh_device):
    old, = token_ids(stack, fresh_device)
    before = int(time.time() * 1000)
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    rows_stored(stack, fresh_device, 1)
    rotated = admin.post(f"/devices/{fresh_device['device_id']}/tokens/rotate", json={"label": "second"}).json()
    publish(stack, envelope(fresh_device, {"metrics": {"t": 2}}, auth=f"token:{old}", ts=before),
            envelope(fresh_device, {"metrics": {"t": 3}}, auth=f"token:{old}", ts=int(time.time() * 1000) + 1000))
    # The new token is known to the worker at its first use, and its first message is stored.
    renewed = {**fresh_device, "token": rotated["password"]}
    assert post(stack, renewed, {"metrics": {"t": 4}}).status_code == 202
    rows_stored(stack, fresh_device, 3)
    assert quarantined(stack, fresh_device) == ["TOKEN_INVALID"]


def test_a_token_that_no_announcement_told_of_is_looked_up(stack, fresh_device):
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    rows_stored(stack, fresh_device, 1)
    new = stack.sql("INSERT INTO device_api_tokens (tenant_id, device_id, client_id, token_hash) "
                    "VALUES ('demo', %s, %s, 'x') RETURNING id::text",
                    (fresh_device["device_id"], "unannounced-" + fresh_device["device_id"]))[0][0]
    publish(stack, envelope(fresh_device, {"metrics": {"t": 2}}, auth=f"token:{new}"))
    rows_stored(stack, fresh_device, 2)


def test_a_device_without_tokens_says_so(stack, fresh_device):
    stack.sql("DELETE FROM device_api_tokens WHERE device_id = %s", (fresh_device["device_id"],))
    publish(stack, envelope(fresh_device, {"metrics": {"t": 1}}, auth="token:gone"))
    wait_for("the refusal", lambda: quarantined(stack, fresh_device) == ["TOKEN_NOT_SET_IN_REGISTRY"], 10)


def test_a_tokens_last_use_is_told(stack, customer, fresh_device):
    path = f"/devices/{fresh_device['device_id']}/tokens"
    assert customer.get(path).json()["tokens"][0]["last_used_at"] is None
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    used = wait_for("the use", lambda: customer.get(path).json()["tokens"][0]["last_used_at"], 10)
    received = stack.sql("SELECT received_at FROM telemetry WHERE device_id = %s", (fresh_device["device_id"],))[0][0]
    assert abs(time.time() - received.timestamp()) < 300
    assert used.startswith(received.strftime("%Y-%m-%dT%H:%M:%S"))
    # Once a minute at most: what follows at once does not write again.
    assert post(stack, fresh_device, {"metrics": {"t": 2}}).status_code == 202
    rows_stored(stack, fresh_device, 2)
    assert customer.get(path).json()["tokens"][0]["last_used_at"] == used


# ---- what one device may take ----

def sensors(stack, device):
    return [r[0] for r in stack.sql("SELECT metric_key FROM device_sensors WHERE device_id = %s ORDER BY id",
                                    (device["device_id"],))]


def on_basic_plan(stack, device):
    stack.sql("UPDATE device_registry SET plan_id = 'basic', sensor_limit = NULL WHERE device_id = %s",
              (device["device_id"],))
    assert sensors(stack, device) == []


def test_the_sensor_limit_holds_over_several_batches(stack, fresh_device):
    on_basic_plan(stack, fresh_device)
    for i in range(4):
        assert post(stack, fresh_device, {"metrics": {f"m{i}_{k}": k for k in range(4)}}).status_code == 202
        rows_stored(stack, fresh_device, i + 1)
    assert sensors(stack, fresh_device) == ["m0_0", "m0_1", "m0_2", "m0_3", "m1_0"]


def test_the_sensor_limit_holds_when_others_add_sensors(stack, fresh_device):
    on_basic_plan(stack, fresh_device)
    for i in range(2):  # the second time what is known is no longer new, and stays known
        assert post(stack, fresh_device, {"metrics": {"a": i}}).status_code == 202
        rows_stored(stack, fresh_device, i + 1)
    stack.sql("INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name) "
              "SELECT 'demo', %s, 'b' || i, 'b' FROM generate_series(1, 3) i", (fresh_device["device_id"],))
    assert post(stack, fresh_device, {"metrics": {"c": 1, "d": 2, "b1": 3}}).status_code == 202
    rows_stored(stack, fresh_device, 3)
    assert sensors(stack, fresh_device) == ["a", "b1", "b2", "b3", "c"]


def test_a_device_that_makes_up_names_fills_its_rows_alone(stack, fresh_device):
    for i in range(8):
        assert post(stack, fresh_device, {"metrics": {f"m{i}_{k}": k for k in range(50)}}).status_code == 202
        rows_stored(stack, fresh_device, i + 1)
    # A name that is known goes on; the rest is in the rows, and nowhere else.
    assert post(stack, fresh_device, {"metrics": {"m0_0": "last", "m7_49": 5}}).status_code == 202
    rows_stored(stack, fresh_device, 9)
    state, times = stack.sql("SELECT state, state_times FROM device_state WHERE device_id = %s",
                             (fresh_device["device_id"],))[0]
    assert len(state) == len(times) == 256 and state["m0_0"] == "last" and "m7_49" not in state
    for table in ("telemetry_rollup_1m", "telemetry_rollup_1h"):
        assert stack.sql(f"SELECT count(DISTINCT metric) FROM {table} WHERE device_id = %s",
                         (fresh_device["device_id"],))[0][0] == 256
    assert dead_letters(stack, fresh_device) == []


def test_numbers_whose_sum_would_overflow_are_stored_and_readable(stack, customer, fresh_device):
    for i, big in enumerate(("1e308", "1.7e308", "1.7e308", "1.7e308")):
        body = b'{"metrics":{"big":%s,"t":%d}}' % (big.encode(), i)
        assert post(stack, fresh_device, body).status_code == 202
    rows_stored(stack, fresh_device, 4)
    assert dead_letters(stack, fresh_device) == []
    device_id = fresh_device["device_id"]
    assert float(customer.get(f"/devices/{device_id}").json()["device"]["state"]["big"]) == 1.7e308
    for points in (3000, 50):  # from the rows, and from rollups
        answer = customer.get(f"/devices/{device_id}/telemetry/history?metric=t&metric=big&range=6h&points={points}")
        assert answer.status_code == 200, answer.text
        count = {s["metric"]: sum(p["count"] for p in s["points"]) for s in answer.json()["series"]}
        assert count == {"t": 4, "big": 0}


# ---- where it is ----

def test_positions_are_followed_unless_set_by_hand(stack, customer, admin, fresh_device):
    path, now = f"/devices/{fresh_device['device_id']}", time.time()

    def send(count, ts, **position):
        assert post(stack, fresh_device, {"ts": ts, **position}).status_code == 202
        rows_stored(stack, fresh_device, count)
        told = customer.get(path).json()["device"]
        return told["latitude"], told["longitude"]

    assert send(1, now - 60, lat=52.5, lng=13.4) == (52.5, 13.4)
    assert send(2, now - 30, latitude=-48.1, longitude=-179.5, metrics={"t": 1}) == (-48.1, -179.5)
    # What comes late, and what tells no position, moves nothing.
    assert send(3, now - 600, lat=1, lng=1) == (-48.1, -179.5)
    assert send(4, now - 20, metrics={"t": 2}) == (-48.1, -179.5)
    assert send(5, now - 25, lat=2.5, lng=3.5) == (2.5, 3.5)
    assert admin.patch(path, json={"latitude": 10.0, "longitude": 20.0}).status_code == 200
    assert customer.get(path).json()["device"]["location_source"] == "manual"
    assert send(6, now - 1, lat=30, lng=40) == (10.0, 20.0)


# ---- shapes ----

@pytest.mark.parametrize("body, field", [
    ({"metrics": {"t": 1}, "lat": "x", "lng": 2}, "lat"), ({"metrics": {"t": 1}, "lat": 999, "lng": 2}, "lat"),
    ({"metrics": {"t": 1}, "lat": 5}, "lng"), ({"metrics": {"t": 1}, "lat": 5, "lng": -181}, "lng"),
    ({"metrics": {"t": 1}, "longitude": 5}, "lat"), ({"metrics": {"t": 1}, "tenant_id": 5}, "tenant_id"),
    ({"metric": {"a": 1}}, "metrics"), ({"metrics": {}}, "metrics"), ({}, "metrics")])
def test_what_would_be_ignored_is_refused_by_name(stack, fresh_device, body, field):
    answer = post(stack, fresh_device, body)
    assert answer.status_code == 422 and field in answer.json()["detail"][0]["loc"], answer.text
    by_mqtt(stack, fresh_device, body)
    settled(stack, fresh_device)
    assert quarantined(stack, fresh_device) == [f"INVALID_PAYLOAD:{field}"]
    assert stack.stored(fresh_device["device_id"]) == 0


def test_null_is_no_value_of_a_metric_in_json_and_cbor(stack, fresh_device):
    answer = post(stack, fresh_device, {"metrics": {"t": 1, "gone": None}})
    assert answer.status_code == 400 and answer.json()["detail"] == "METRIC_VALUE_INVALID"
    nan = b"\xa1\x67metrics\xa1\x61t\xf9\x7e\x00"
    answer = requests.post(address(stack, fresh_device), data=nan, timeout=10, headers={
        "X-Provision-Token": fresh_device["token"], "Content-Type": "application/cbor"})
    assert answer.status_code == 400 and answer.json()["detail"] == "METRIC_VALUE_INVALID"


def test_an_empty_heartbeat_is_a_sign_of_life(stack, fresh_device):
    for body in ({}, {"metrics": {}}, {"metrics": None}):
        assert post(stack, fresh_device, body, msg_type="heartbeat").status_code == 202
    rows_stored(stack, fresh_device, 3)


def test_reasons_and_sites_of_refused_messages_are_fit_for_the_table(stack, fresh_device):
    by_mqtt(stack, fresh_device, '{"version":"\\u0000","metrics":{"t":1}}', '{"version":"%s\u00e9"}' % ("a" * 31),
            '{"site_id":"\\u0000","metrics":{"t":1}}')
    settled(stack, fresh_device)
    assert quarantined(stack, fresh_device) == [
        "unsupported_envelope_version:\ufffd", "unsupported_envelope_version:" + "a" * 31,
        "SITE_MISMATCH_REGISTRY_VS_PAYLOAD"]
    assert dead_letters(stack, fresh_device) == []
    sites = stack.sql("SELECT site_id FROM quarantine_events WHERE device_id = %s ORDER BY id", (fresh_device["device_id"],))
    assert sites == [(None,), (None,), ("\ufffd",)]


def test_an_envelope_that_no_door_makes_blocks_nobody(stack, fresh_device):
    publish(stack, envelope({"tenant_id": "\u0000", "device_id": fresh_device["device_id"]}, {"metrics": {"t": 1}}),
            envelope(fresh_device, {"metrics": {"t": 1}}, msg_type="\u0000"),
            envelope(fresh_device, {"metrics": {"t": 1}}, ts=9 * 10**18), envelope(fresh_device, 5, topic="\u0000"))
    settled(stack, fresh_device)
    kept = stack.sql("SELECT tenant_id, reason FROM quarantine_events WHERE device_id = %s ORDER BY id",
                     (fresh_device["device_id"],))
    assert kept == [("\ufffd", "BAD_TOPIC_FORMAT"), ("demo", "BAD_TOPIC_FORMAT"), ("demo", "BAD_ENVELOPE"),
                    ("demo", "BAD_TOPIC_FORMAT")]
    assert dead_letters(stack, fresh_device) == []


def test_size_comes_before_metrics_and_after_the_version(stack, fresh_device):
    padding = "x" * 16400
    by_mqtt(stack, fresh_device, {"metrics": {"": 1}, "padding": padding}, {"version": "2", "padding": padding})
    # By a byte: what stands around a payload is no part of it.
    body = {"metrics": {"t": 1}, "padding": ""}
    room = 16384 - len(json.dumps(body))
    by_mqtt(stack, fresh_device, {**body, "padding": "x" * room}, {**body, "padding": "x" * (room + 1)})
    settled(stack, fresh_device)
    assert quarantined(stack, fresh_device) == ["PAYLOAD_TOO_LARGE", "unsupported_envelope_version:2",
                                                "PAYLOAD_TOO_LARGE"]
    assert stack.stored(fresh_device["device_id"]) == 1


def test_a_partition_that_was_dropped_is_made_again(stack, fresh_device):
    day = time.time() - 27 * 86400
    assert post(stack, fresh_device, {"ts": day, "metrics": {"t": 1}}).status_code == 202
    rows_stored(stack, fresh_device, 1)
    name = time.strftime("%Y%m%d", time.gmtime(day))
    stack.sql(f"DROP TABLE telemetry_{name}; DROP TABLE telemetry_rollup_1m_{name}")
    assert post(stack, fresh_device, {"ts": day, "metrics": {"t": 2}}).status_code == 202
    rows_stored(stack, fresh_device, 1)
    assert dead_letters(stack, fresh_device) == []
