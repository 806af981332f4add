"""HTTP ingest: what is taken, what is refused and by which words, and that a 202 is the truth."""

import json
import time

import pytest
import requests
from ingest import address, batch, item, post, quarantined, settled
from servers import wait_for


def detail(answer):
    return answer.json()["detail"]


@pytest.mark.parametrize("body, status, reason", [
    ({"site_id": "elsewhere", "metrics": {"t": 1}}, 400, "SITE_MISMATCH"),
    ({"metrics": {f"m{i}": i for i in range(51)}}, 400, "TOO_MANY_METRICS"),
    ({"metrics": {"k" * 129: 1}}, 400, "METRIC_KEY_TOO_LONG"),
    ({"metrics": {"a\u0007b": 1}}, 400, "METRIC_KEY_INVALID"),
    ({"metrics": {"": 1}}, 400, "METRIC_KEY_INVALID"),
    ({"metrics": {"t": [1]}}, 400, "METRIC_VALUE_INVALID"),
    ({"metrics": {"t": {"deep": 1}}}, 400, "METRIC_VALUE_INVALID"),
    ({"metrics": {"t": "x" * 257}}, 400, "METRIC_VALUE_INVALID"),
    ({"metrics": {"t": "a\u0000b"}}, 400, "METRIC_VALUE_INVALID"),
    ({"version": "9", "metrics": {"t": 1}}, 400, "unsupported_envelope_version:9"),
    ({"tenant_id": "other", "metrics": {"t": 1}}, 400, "TENANT_MISMATCH_TOPIC_VS_PAYLOAD"),
    ({"padding": "x" * 9000, "metrics": {"t": 1}}, 400, "PAYLOAD_TOO_LARGE"),
])
def test_refusals_say_why_and_nothing_is_published(stack, fresh_device, body, status, reason):
    answer = post(stack, fresh_device, body)
    assert answer.status_code == status and detail(answer) == reason
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 0 and quarantined(stack, fresh_device) == []


@pytest.mark.parametrize("body, field", [
    ({"ts": "yesterday", "metrics": {"t": 1}}, "ts"),
    ({"ts": [], "metrics": {"t": 1}}, "ts"),
    ({"ts": -5, "metrics": {"t": 1}}, "ts"),
    ({"seq": "first", "metrics": {"t": 1}}, "seq"),
    ({"seq": 1.5, "metrics": {"t": 1}}, "seq"),
    ({"site_id": 7, "metrics": {"t": 1}}, "site_id"),
    ({"metrics": [1, 2]}, "metrics"),
    ({"metrics": "none"}, "metrics"),
])
def test_a_wrong_shape_names_its_field(stack, device, body, field):
    answer = post(stack, device, body)
    assert answer.status_code == 422
    assert field in detail(answer)[0]["loc"] and detail(answer)[0]["msg"]


@pytest.mark.parametrize("body", [
    b"", b"no json", b"[1,2]", b"null", b'{"metrics":{"t":1}', b'{"metrics":{"t":NaN}}', b'{"metrics":{"t":1}} x',
    b'{"metrics":{"t":"\xff\xfe"}}', b'{"metrics":{"\xc3\x28":1}}', b"[" * 4000 + b"]" * 4000,
    b'{"a":' * 1300 + b"1" + b"}" * 1300, b'{"metrics":{"t":"\\ud800"}}'],
    ids=["empty", "words", "array", "null", "cut", "nan", "trailing", "utf8", "utf8-key", "deep-array", "deep-object",
         "lone-surrogate"])
def test_bad_json_is_refused_and_the_server_stands(stack, fresh_device, body):
    answer = post(stack, fresh_device, body)
    assert answer.status_code == 422, answer.text
    assert detail(answer)[0]["loc"][0] == "body"
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 0


def test_what_is_within_jsons_depth_but_no_reading_is_kept_out_of_metrics(stack, fresh_device):
    body = {"metrics": {"t": 1}, "extra": {"a": {"b": [1, 2, {"c": None}]}}}
    assert post(stack, fresh_device, body).status_code == 202
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 1, 5)
    row = stack.sql("SELECT metrics FROM telemetry WHERE device_id = %s", (fresh_device["device_id"],))[0][0]
    assert row == {"t": 1}


@pytest.mark.parametrize("number, kept", [
    ("1e308", 1e308), ("-1e308", -1e308), ("5e-324", 5e-324), ("9007199254740993", None), ("0.1", 0.1),
    ("18446744073709551615", None), ("-0.0", 0.0), ("1" + "0" * 60, 1e60)])
def test_huge_and_tiny_numbers_are_stored(stack, customer, fresh_device, number, kept):
    assert post(stack, fresh_device, b'{"metrics":{"n":%s}}' % number.encode()).status_code == 202
    path = f"/devices/{fresh_device['device_id']}/telemetry/latest"
    row = wait_for("the row", lambda: customer.get(path).json()["telemetry"], 5)[0]
    assert (row["metrics"]["n"] == int(number)) if kept is None else float(row["metrics"]["n"]) == kept


@pytest.mark.parametrize("number", ["1e309", "-1e400", "1" + "0" * 400])
def test_numbers_beyond_a_double_are_refused_or_quarantined_not_fatal(stack, fresh_device, number):
    answer = post(stack, fresh_device, b'{"metrics":{"n":%s}}' % number.encode())
    assert answer.status_code in (400, 422), answer.text
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 0


def test_texts_and_booleans_are_kept_and_numbers_beside_them_are_rolled_up(stack, customer, fresh_device):
    body = {"metrics": {"door": True, "mode": "éco 🌱", "t": 4.5}}
    assert post(stack, fresh_device, body).status_code == 202
    device_id = fresh_device["device_id"]
    row = wait_for("the row", lambda: customer.get(f"/devices/{device_id}/telemetry/latest").json()["telemetry"], 5)[0]
    assert row["metrics"]["door"] is True and row["metrics"]["mode"] == "éco 🌱" and row["metrics"]["t"] == 4.5
    history = customer.get(f"/devices/{device_id}/telemetry/history?metric=t&metric=mode&range=1h").json()
    points = {s["metric"]: s["points"] for s in history["series"]}
    assert points["t"][0]["avg"] == 4.5 and points["mode"] == []


@pytest.mark.parametrize("change, status, reason", [
    ({"token": "wrong"}, 401, "TOKEN_INVALID"), ({"token": ""}, 401, "TOKEN_MISSING"),
    ({"token": "x" * 5000}, 401, "TOKEN_INVALID")])
def test_tokens_are_checked_at_the_door(stack, fresh_device, change, status, reason):
    answer = post(stack, fresh_device, {"seq": 1, "metrics": {"t": 1}}, token=change["token"])
    assert answer.status_code == status and detail(answer) == reason
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 0


def test_another_devices_token_is_refused(stack, device, fresh_device):
    answer = post(stack, fresh_device, {"metrics": {"t": 1}}, token=device["token"])
    assert answer.status_code == 401 and detail(answer) == "TOKEN_INVALID"


@pytest.mark.parametrize("tenant, name", [("demo", "nobody"), ("nowhere", "fresh-0001"), ("demo", "a.b"),
                                          ("demo", "x" * 300), ("%2e%2e", "a"), ("*", ">")])
def test_unknown_devices_are_refused(stack, device, tenant, name):
    answer = post(stack, {**device, "tenant_id": tenant, "device_id": name}, {"metrics": {"t": 1}})
    assert answer.status_code in (400, 401, 422)
    if answer.status_code == 400:
        assert detail(answer) == "UNREGISTERED_DEVICE"


def test_an_unknown_message_type_is_refused(stack, device):
    answer = post(stack, device, {"metrics": {"t": 1}}, msg_type="gossip")
    assert answer.status_code == 400 and detail(answer) == "Invalid msg_type. Must be 'telemetry' or 'heartbeat'"


def test_a_decommissioned_device_is_refused(stack, admin, fresh_device):
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    assert admin.patch(f"/devices/{fresh_device['device_id']}/decommission").status_code == 200
    answer = post(stack, fresh_device, {"metrics": {"t": 2}})
    assert answer.status_code == 403 and detail(answer) == "DEVICE_REVOKED"


@pytest.mark.parametrize("state", ["SUSPENDED", "EXPIRED"])
def test_a_subscription_that_ended_is_refused(stack, fresh_device, state):
    # Before the device's first message: what the door knows of it is then read anew.
    stack.sql("UPDATE device_subscriptions SET status = %s WHERE tenant_id = 'demo' AND device_id = %s",
              (state, fresh_device["device_id"]))
    if not stack.sql("SELECT 1 FROM device_subscriptions WHERE device_id = %s", (fresh_device["device_id"],)):
        pytest.fail("a device made by `pulse admin create-device` has no subscription")
    answer = post(stack, fresh_device, {"metrics": {"t": 1}})
    assert answer.status_code == 403 and detail(answer) == f"SUBSCRIPTION_{state}"


def test_heartbeats_move_the_state_and_are_told_apart(stack, customer, fresh_device):
    assert post(stack, fresh_device, {"metrics": {}}, msg_type="heartbeat").status_code == 202
    path = f"/devices/{fresh_device['device_id']}"
    device = wait_for("ONLINE", lambda: (d := customer.get(path).json()["device"])["status"] == "ONLINE" and d, 5)
    assert device["last_heartbeat_at"] and not device["last_telemetry_at"]


@pytest.mark.parametrize("ts", ["iso", "naive", "seconds", "fraction", "milliseconds", "offset"])
def test_every_kind_of_time_is_understood(stack, customer, fresh_device, ts):
    at = int(time.time()) - 1000
    utc = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    sent = {"iso": utc + "Z", "naive": utc, "seconds": at, "fraction": at + 0.25, "milliseconds": at * 1000,
            "offset": time.strftime("%Y-%m-%dT%H:%M:%S+02:00", time.gmtime(at + 7200))}[ts]
    assert post(stack, fresh_device, {"ts": sent, "metrics": {"t": 1}}).status_code == 202
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 1, 5)
    stored = stack.sql("SELECT extract(epoch FROM time)::float8 FROM telemetry WHERE device_id = %s",
                       (fresh_device["device_id"],))[0][0]
    assert abs(stored - at) <= 0.25


@pytest.mark.parametrize("ago", [3 * 86400, 40 * 86400, 300 * 86400])
def test_old_messages_are_stored_and_move_nothing_backwards(stack, customer, fresh_device, ago):
    device_id, now = fresh_device["device_id"], time.time()
    assert post(stack, fresh_device, {"ts": now, "metrics": {"t": 2}}).status_code == 202
    wait_for("the row", lambda: stack.stored(device_id) == 1, 5)
    before = customer.get(f"/devices/{device_id}").json()["device"]
    assert post(stack, fresh_device, {"ts": now - ago, "metrics": {"t": 1}}).status_code == 202
    wait_for("the old row", lambda: stack.stored(device_id) == 2, 5)
    after = customer.get(f"/devices/{device_id}").json()["device"]
    assert after["last_seen_at"] >= before["last_seen_at"] and after["state"]["t"] == 2


def test_messages_from_the_future_are_quarantined(stack, fresh_device):
    assert post(stack, fresh_device, {"ts": time.time() + 23 * 3600, "metrics": {"t": 1}}).status_code == 202
    assert post(stack, fresh_device, {"ts": time.time() + 25 * 3600, "metrics": {"t": 2}}).status_code == 202
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 1
    assert quarantined(stack, fresh_device) == ["TIMESTAMP_IN_FUTURE"]


def test_a_sequence_number_again_with_another_time_is_another_message(stack, fresh_device):
    # After a reboot a device counts from one again: that must not swallow its new readings.
    now = time.time()
    for ts in (now - 20, now - 10):
        assert post(stack, fresh_device, {"ts": ts, "seq": 1, "metrics": {"t": ts}}).status_code == 202
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 2


def test_a_batch_is_judged_message_by_message(stack, device, fresh_device):
    good = [item(fresh_device, seq) for seq in (1, 2, 3)]
    bad = [item(fresh_device, 4, provision_token="wrong"), item(fresh_device, 5, msg_type="gossip"),
           item({**fresh_device, "device_id": "nobody"}, 6), item(fresh_device, 7, site_id="elsewhere"),
           item(fresh_device, 8, metrics={f"m{i}": 1 for i in range(51)}), item(fresh_device, 9, version="2")]
    answer = batch(stack, good[0], *bad, *good[1:])
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["rejected"]) == (3, 6)
    assert [r["index"] for r in told["results"]] == list(range(9))
    assert [r["reason"] for r in told["results"][1:7]] == [
        "TOKEN_INVALID", "INVALID_MSG_TYPE", "UNREGISTERED_DEVICE", "SITE_MISMATCH", "TOO_MANY_METRICS",
        "unsupported_envelope_version:2"]
    assert {r["status"] for r in told["results"]} == {"accepted", "rejected"}
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 3


def test_the_bounds_of_a_batch(stack, fresh_device):
    empty = batch(stack)
    assert empty.status_code == 400 and detail(empty) == "Batch is empty"
    many = batch(stack, *(item(fresh_device, seq + 1) for seq in range(101)))
    assert many.status_code == 400 and detail(many) == "Batch exceeds 100 message limit"
    none = batch(stack, item(fresh_device, 1, provision_token="wrong"))
    assert none.status_code == 400 and none.json()["accepted"] == 0
    full = batch(stack, *(item(fresh_device, seq + 1) for seq in range(100)))
    assert full.status_code == 202 and full.json()["accepted"] == 100
    settled(stack, fresh_device)
    assert stack.stored(fresh_device["device_id"]) == 100


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"messages":{}}', b'{"messages":5}', b"x", b"\xff"])
def test_a_batch_of_a_wrong_shape_is_422(stack, body):
    answer = requests.post(f"{stack.url}/ingest/v1/batch", data=body, timeout=10,
                           headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and detail(answer)[0]["loc"][0] == "body"


def test_a_batch_holds_strangers_without_harm(stack, fresh_device):
    answer = requests.post(f"{stack.url}/ingest/v1/batch", timeout=10,
                           json={"messages": [None, 5, "x", [], {}, item(fresh_device, 1)]})
    assert answer.status_code == 202 and answer.json()["accepted"] == 1 and answer.json()["rejected"] == 5


def test_the_token_is_never_stored(stack, fresh_device):
    secret = fresh_device["token"]
    assert post(stack, fresh_device, {"ts": time.time() + 9e6, "provision_token": secret,
                                      "metrics": {"t": 1}}).status_code == 202
    assert batch(stack, item(fresh_device, 1, ts=time.time() + 9e6)).status_code == 202
    settled(stack, fresh_device)
    kept = stack.sql("SELECT payload::text FROM quarantine_events WHERE device_id = %s", (fresh_device["device_id"],))
    assert len(kept) == 2 and all(secret not in row[0] for row in kept)


def test_the_token_in_the_stream_is_its_verdict_only(stack, fresh_device):
    import socket
    with socket.create_connection(("127.0.0.1", stack.nats_port), 5) as s:
        s.settimeout(5)
        s.recv(4096)
        s.sendall(b'CONNECT {"verbose":false}\r\nSUB telemetry.demo 1\r\nPING\r\n')
        assert b"PONG" in s.recv(4096)
        assert post(stack, fresh_device, {"provision_token": fresh_device["token"],
                                          "metrics": {"t": 1}}).status_code == 202
        data = b""
        while fresh_device["device_id"].encode() not in data:
            data += s.recv(65536)
        time.sleep(0.2)
    assert fresh_device["token"].encode() not in data
    envelope = json.loads(data[data.index(b"{"):data.rindex(b"}") + 1])
    assert envelope["topic"] == f"tenant/demo/device/{fresh_device['device_id']}/telemetry"
    assert envelope["msg_type"] == "telemetry" and envelope["tenant_id"] == "demo"
    assert abs(envelope["ts"] / 1000 - time.time()) < 60


def test_the_doors_counters_need_a_sign_in(stack, customer):
    assert requests.get(f"{stack.url}/ingest/v1/metrics/rate-limits", timeout=5).status_code == 401
    told = customer.get("/ingest/v1/metrics/rate-limits").json()
    assert told["timestamp"] and told["rate_limit_stats"]["device_rate_rps"] > 0


def test_a_get_of_ingest_is_405_and_tells_what_may_be(stack, device):
    answer = requests.get(address(stack, device), timeout=5)
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]


def test_a_body_beyond_the_servers_bound_is_413(stack, device):
    answer = post(stack, device, b'{"padding":"' + b"x" * 200_000 + b'"}')
    assert answer.status_code == 413
