"""Settings of ingest that act: those of the table while Pulse runs, those of the environment from its start."""

import json
import time

import pytest
from ingest import batch, item, post, quarantined, rows_stored, settled
from mqtt_clients import Client
from servers import Stack, wait_for


@pytest.fixture()
def setting(stack):
    """Changes a row of app_settings, and puts it back."""
    before = dict(stack.sql("SELECT key, value FROM app_settings"))

    def change(key, value):
        stack.sql("UPDATE app_settings SET value = %s WHERE key = %s", (value, key))

    yield change
    for key, value in before.items():
        change(key, value)


def test_rejects_are_counted_but_not_kept_when_the_setting_says_so(stack, fresh_device, setting):
    def refuse():
        """Has one message refused; how many are kept and counted then."""
        assert post(stack, fresh_device, {"ts": time.time() + 9e6, "metrics": {"t": 1}}).status_code == 202
        settled(stack, fresh_device)
        counted = stack.sql("SELECT sum(cnt)::int FROM quarantine_counters_minute WHERE tenant_id = 'demo' "
                            "AND reason = 'TIMESTAMP_IN_FUTURE'")[0][0]
        return len(quarantined(stack, fresh_device)), counted

    kept, counted = refuse()
    assert kept == 1
    setting("STORE_REJECTS", "0")

    def not_kept():
        nonlocal kept, counted
        (kept, counted), before = refuse(), (kept, counted)
        return (kept, counted) == (before[0], before[1] + 1)

    wait_for("a refusal that is counted only", not_kept, 15)
    setting("STORE_REJECTS", "1")
    wait_for("refusals kept again", lambda: refuse()[0] > kept, 15)


def test_the_largest_payload_follows_the_setting(stack, fresh_device, setting):
    def send():
        assert post(stack, fresh_device, {"metrics": {"t": 1}, "padding": "x" * 2000}).status_code == 202
        settled(stack, fresh_device)
        return quarantined(stack, fresh_device)

    assert send() == []
    setting("MAX_PAYLOAD_BYTES", "1000")
    wait_for("a payload that is too large now", lambda: send() == ["PAYLOAD_TOO_LARGE"], 15)
    setting("MAX_PAYLOAD_BYTES", "16384")
    stored = stack.stored(fresh_device["device_id"])
    wait_for("one that is not", lambda: send() and stack.stored(fresh_device["device_id"]) > stored, 15)


@pytest.fixture(scope="module")
def open_stack():
    """Devices need no token; batches and payloads are small, and a batch might wait for a minute."""
    with Stack(settings={"REQUIRE_TOKEN": "0", "BATCH_SIZE": "3", "FLUSH_INTERVAL_MS": "60000",
                         "MAX_PAYLOAD_BYTES": "1000"}) as running:
        yield running


def without_token(message):
    return {k: v for k, v in message.items() if k != "provision_token"}


def test_without_tokens_the_site_must_be_told(open_stack):
    stack, device = open_stack, open_stack.devices()[0]
    body = {"site_id": device["site_id"], "metrics": {"t": 1}}
    before = stack.stored(device["device_id"])
    assert post(stack, device, body, token="").status_code == 202
    assert batch(stack, without_token(item(device))).json()["accepted"] == 1
    with Client(stack, device, password="") as client:
        client.publish(json.dumps(body))
        client.publish(json.dumps({"metrics": {"t": 1}}))
        client.wait_acknowledged(2)
    wait_for("three rows", lambda: stack.stored(device["device_id"]) == before + 3, 15)
    wait_for("the refusal", lambda: quarantined(stack, device) == ["MISSING_SITE_ID"], 15)
    answer = post(stack, device, {"metrics": {"t": 1}}, token="")
    assert answer.status_code == 400 and answer.json()["detail"] == "MISSING_SITE_ID"
    told = batch(stack, without_token(item(device, site_id=None))).json()
    assert told["results"][0]["reason"] == "MISSING_SITE_ID"


def test_a_token_that_is_given_must_still_be_right(open_stack):
    device = open_stack.devices()[1]
    body = {"site_id": device["site_id"], "metrics": {"t": 1}}
    assert post(open_stack, device, body, token="wrong").status_code == 401
    assert post(open_stack, device, {"metrics": {"t": 1}}).status_code == 202
    rows_stored(open_stack, device, 1)


def test_a_batch_is_bounded_and_never_waits_to_be_full(open_stack):
    device = open_stack.devices()[2]
    assert batch(open_stack, *(item(device, seq + 1) for seq in range(100))).json()["accepted"] == 100
    rows_stored(open_stack, device, 100)
    # A transaction has one time: that many rows were in the largest one.
    assert open_stack.sql("SELECT max(n) FROM (SELECT count(*) AS n FROM telemetry GROUP BY stored_at) t")[0][0] <= 3


def test_the_largest_payload_of_the_environment_goes_before_the_table(open_stack):
    device = open_stack.devices()[3]
    assert open_stack.sql("SELECT value FROM app_settings WHERE key = 'MAX_PAYLOAD_BYTES'") == [("16384",)]
    large = {"site_id": device["site_id"], "metrics": {"t": 1}, "padding": "x" * 1500}
    refused = post(open_stack, device, large)
    assert (refused.status_code, refused.json()["detail"]) == (400, "PAYLOAD_TOO_LARGE")
    told = batch(open_stack, item(device, padding="x" * 1500), item(device)).json()
    assert [r["reason"] for r in told["results"]] == ["PAYLOAD_TOO_LARGE", None]
    with Client(open_stack, device) as client:
        client.publish(json.dumps(large))
        client.wait_acknowledged(1)
    wait_for("the refusal", lambda: quarantined(open_stack, device) == ["PAYLOAD_TOO_LARGE"], 15)
