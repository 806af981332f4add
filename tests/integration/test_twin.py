"""The twin: what a device should be and what it says it is, by API, MQTT and the device's own HTTP API."""

import json
import threading
import time

import pytest
import requests
from ingest import quarantined
from mqtt_clients import Client
from servers import wait_for


def twin_path(device):
    return f"/devices/{device['device_id']}/twin"


def change(api, device, document, version, **headers):
    return api.patch(twin_path(device) + "/desired", json={"desired": document},
                     headers={"If-Match": f'"{version}"', **headers})


def by_device(stack, device, method, path, token=None, **kwargs):
    headers = {"X-Provision-Token": device["token"] if token is None else token, **kwargs.pop("headers", {})}
    return requests.request(method, f"{stack.url}/device/v1{path}", headers=headers, timeout=75, **kwargs)


def topic_of(device, kind):
    return f"tenant/{device['tenant_id']}/device/{device['device_id']}/{kind}"


def report(stack, device, document, version):
    return by_device(stack, device, "POST", "/shadow/reported", json={"reported": document, "version": version})


def test_a_device_that_never_reported_has_a_twin(customer, fresh_device):
    answer = customer.get(twin_path(fresh_device))
    assert answer.status_code == 200 and answer.headers["ETag"] == '"0"'
    twin = answer.json()
    assert twin["desired"] == {} and twin["reported"] == {} and twin["sync_status"] == "stale"
    assert twin["desired_version"] == 0 and twin["shadow_updated_at"] is None
    delta = customer.get(twin_path(fresh_device) + "/delta").json()
    assert delta["in_sync"] is True and delta["unchanged_count"] == 0
    assert customer.get("/devices/no-such-device/twin").status_code == 404
    assert customer.get("/devices/no-such-device/twin/delta").status_code == 404
    assert customer.get("/devices/no-such-device/twin/history").status_code == 404


def test_changes_are_made_from_the_current_version(customer, fresh_device):
    path = twin_path(fresh_device) + "/desired"
    missing = customer.patch(path, json={"desired": {"a": 1}})
    assert missing.status_code == 428
    assert missing.json()["detail"] == "If-Match header required. GET the twin first to obtain the current ETag."
    for malformed in ('"abc"', "*", '"1', '"-1"'):
        wrong = customer.patch(path, json={"desired": {"a": 1}}, headers={"If-Match": malformed})
        assert wrong.status_code == 400, malformed
        assert wrong.json()["detail"] == 'If-Match header must contain a valid version number (e.g., "42")'
    first = change(customer, fresh_device, {"interval": 60, "led": {"on": True}}, 0)
    assert first.status_code == 200 and first.headers["ETag"] == '"1"'
    assert first.json() == {"device_id": fresh_device["device_id"], "desired": {"interval": 60, "led": {"on": True}},
                            "desired_version": 1}
    late = change(customer, fresh_device, {"interval": 5}, 0)
    assert late.status_code == 409
    assert late.json()["detail"] == "Version conflict. Expected version 0 but current version is 1. Refresh and retry."
    assert customer.get(twin_path(fresh_device)).json()["desired"]["interval"] == 60
    gone = customer.patch("/devices/no-such-device/twin/desired", json={"desired": {}}, headers={"If-Match": '"0"'})
    assert gone.status_code == 404


def test_of_changes_at_the_same_time_one_wins(stack, customer, fresh_device):
    codes = []

    def one(i):
        token = customer.session.headers["Authorization"]
        answer = requests.patch(f"{stack.url}/api/v1/customer{twin_path(fresh_device)}/desired",
                                json={"desired": {"by": i}}, headers={"Authorization": token, "If-Match": '"0"'}, timeout=15)
        codes.append(answer.status_code)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(codes) == [200] + [409] * 7


def test_a_merge_patch_changes_members(customer, fresh_device):
    change(customer, fresh_device, {"keep": 1, "go": 2, "in": {"keep": 1, "go": 2}}, 0)
    path, kind = twin_path(fresh_device) + "/desired", {"Content-Type": "application/merge-patch+json", "If-Match": '"1"'}
    done = customer.patch(path, data=json.dumps({"go": None, "in": {"go": None, "new": [1]}, "x": "y"}), headers=kind)
    assert done.status_code == 200, done.text
    assert done.json()["desired"] == {"keep": 1, "in": {"keep": 1, "new": [1]}, "x": "y"}
    assert done.json()["desired_version"] == 2
    wrong = customer.patch(path, data="[1]", headers={**kind, "If-Match": '"2"'})
    assert wrong.status_code == 422


@pytest.mark.parametrize("document, status", [({"text": "x" * 20_000}, 413), ({"a": "nul\x00"}, 422)])
def test_documents_that_are_refused_by_name(customer, fresh_device, document, status):
    answer = change(customer, fresh_device, document, 0)
    assert answer.status_code == status and "desired" in answer.text, answer.text
    for body in ({}, {"desired": [1]}, {"desired": None}, []):
        answer = customer.patch(twin_path(fresh_device) + "/desired", json=body, headers={"If-Match": '"0"'})
        assert answer.status_code == 422, body
    assert customer.get(twin_path(fresh_device)).json()["desired_version"] == 0


def test_reported_by_http_and_the_difference(stack, customer, fresh_device):
    change(customer, fresh_device, {"interval": 60, "mode": "eco", "led": False}, 0)
    done = report(stack, fresh_device, {"interval": 60.0, "mode": "full", "temp": 21}, 0)
    assert done.status_code == 200 and done.json() == {"accepted": True, "version": 0}
    twin = customer.get(twin_path(fresh_device)).json()
    assert twin["sync_status"] == "pending" and twin["reported"]["temp"] == 21
    assert twin["delta"] == {"mode": "eco", "led": False}
    assert twin["structured_delta"] == {"added": {"led": False}, "removed": {"temp": 21}, "unchanged_count": 1,
                                        "changed": {"mode": {"old_value": "full", "new_value": "eco"}}}
    delta = customer.get(twin_path(fresh_device) + "/delta").json()
    assert delta["in_sync"] is False and delta["unchanged_count"] == 1 and delta["desired_version"] == 1
    report(stack, fresh_device, {"interval": 60, "mode": "eco", "led": False}, 1)
    assert customer.get(twin_path(fresh_device)).json()["sync_status"] == "synced"
    assert customer.get(twin_path(fresh_device) + "/delta").json()["in_sync"] is True


def test_an_older_report_changes_nothing(stack, customer, fresh_device):
    report(stack, fresh_device, {"v": 5}, 5)
    late = report(stack, fresh_device, {"v": 4}, 4)
    assert late.status_code == 200 and late.json() == {"accepted": True, "version": 5}
    twin = customer.get(twin_path(fresh_device)).json()
    assert twin["reported"] == {"v": 5} and twin["reported_version"] == 5
    report(stack, fresh_device, {"v": 5.5}, 5)
    assert customer.get(twin_path(fresh_device)).json()["reported"] == {"v": 5.5}


@pytest.mark.parametrize("body", [{}, {"reported": {}}, {"version": 1}, {"reported": [], "version": 1},
                                  {"reported": {}, "version": "1"}, {"reported": {}, "version": -1}, [], "x"])
def test_reports_of_a_wrong_shape(stack, fresh_device, body):
    answer = by_device(stack, fresh_device, "POST", "/shadow/reported", json=body)
    assert answer.status_code == 400, answer.text


def test_who_has_no_token_is_told(stack, customer, fresh_device):
    for path, method in (("/shadow", "GET"), ("/shadow/reported", "POST")):
        missing = by_device(stack, fresh_device, method, path, token="")
        assert missing.status_code == 401 and missing.json()["detail"] == "Missing provision token"
        wrong = by_device(stack, fresh_device, method, path, token="tok-wrong")
        assert wrong.status_code == 401 and wrong.json()["detail"] == "Invalid provision token"
    assert by_device(stack, fresh_device, "GET", "/shadow").status_code == 200
    tokens = customer.get(f"/devices/{fresh_device['device_id']}/tokens").json()["tokens"]
    customer.delete(f"/devices/{fresh_device['device_id']}/tokens/{tokens[0]['id']}")
    wait_for("the revoked token's end",
             lambda: by_device(stack, fresh_device, "GET", "/shadow").status_code == 401, 5)


def test_the_device_asks_for_what_is_new_only(stack, customer, fresh_device):
    answer = by_device(stack, fresh_device, "GET", "/shadow")
    assert answer.json() == {"desired": {}, "version": 0} and answer.headers["ETag"] == '"0"'
    change(customer, fresh_device, {"a": 1}, 0)
    assert by_device(stack, fresh_device, "GET", "/shadow").json() == {"desired": {"a": 1}, "version": 1}
    same = by_device(stack, fresh_device, "GET", "/shadow", headers={"If-None-Match": '"1"'})
    assert same.status_code == 304 and same.text == ""
    assert by_device(stack, fresh_device, "GET", "/shadow", headers={"If-None-Match": '"0"'}).status_code == 200
    assert by_device(stack, fresh_device, "GET", "/shadow?wait=61").status_code == 422


def test_the_long_poll_ends_with_the_change(stack, customer, fresh_device):
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(
        by_device(stack, fresh_device, "GET", "/shadow?wait=60", headers={"If-None-Match": '"0"'})))
    waiting.start()
    time.sleep(1)
    assert not answers, "it answered before there was anything new"
    change(customer, fresh_device, {"a": 1}, 0)
    waiting.join(20)
    assert answers and answers[0].status_code == 200 and answers[0].json()["version"] == 1
    nothing = by_device(stack, fresh_device, "GET", "/shadow?wait=1", headers={"If-None-Match": '"1"'})
    assert nothing.status_code == 304


@pytest.mark.parametrize("version", [4, 5])
def test_a_change_reaches_a_subscribed_device(stack, customer, fresh_device, version):
    with Client(stack, fresh_device, version) as client:
        assert client.subscribe(topic_of(fresh_device, "shadow/desired"))[0] < 0x80
        change(customer, fresh_device, {"interval": 60}, 0)
        message = wait_for("the document", lambda: client.messages, 10)[0]
        told = json.loads(message.payload)
        assert told["desired"] == {"interval": 60} and told["version"] == 1 and told["timestamp"]
        client.publish(json.dumps({"reported": {"interval": 60}, "version": 1}), kind="shadow/reported")
        wait_for("the report", lambda: customer.get(twin_path(fresh_device)).json()["sync_status"] == "synced", 10)


def test_who_subscribes_later_gets_it_retained(stack, customer, fresh_device):
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "shadow/desired"))
    change(customer, fresh_device, {"n": 1}, 0)
    change(customer, fresh_device, {"n": 2}, 1)
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "#"))
        # The change itself may still be on its way, and is not marked as retained.
        message = wait_for("the document", lambda: [m for m in client.messages if m.retain], 10)[0]
        assert json.loads(message.payload)["desired"] == {"n": 2}


def test_reports_by_mqtt_that_are_wrong_are_quarantined(stack, fresh_device):
    with Client(stack, fresh_device) as client:
        for payload in ("[]", "{}", '{"reported":{},"version":"1"}', '{"reported":5,"version":1}', "not json"):
            client.publish(payload, kind="shadow/reported")
        client.wait_acknowledged(5)
    wait_for("their quarantine", lambda: len(quarantined(stack, fresh_device)) == 5, 10)
    assert set(quarantined(stack, fresh_device)) == {"INVALID_JSON", "INVALID_PAYLOAD:reported", "INVALID_PAYLOAD:version"}


def test_what_no_database_takes_becomes_a_dead_letter_and_blocks_nobody(stack, customer, fresh_device):
    with Client(stack, fresh_device) as client:
        client.publish('{"reported":{"a":"\\u0000"},"version":1}', kind="shadow/reported")
        client.publish('{"reported":{"a":"b"},"version":2}', kind="shadow/reported")
        client.wait_acknowledged(2)
    wait_for("the good one", lambda: customer.get(twin_path(fresh_device)).json()["reported"] == {"a": "b"}, 10)


def test_a_poison_report_is_kept_with_its_reason(stack, fresh_device):
    with Client(stack, fresh_device) as client:
        client.publish('{"reported":{"a":"\\u0000"},"version":1}', kind="shadow/reported")
        client.wait_acknowledged(1)
    rows = wait_for("the dead letter", lambda: stack.sql(
        "SELECT error_message, original_subject FROM dead_letter_messages WHERE device_id = %s",
        (fresh_device["device_id"],)), 10)
    assert rows[0][0] and rows[0][1] == "shadow.demo"


def test_history_tells_both_sides(stack, customer, fresh_device):
    change(customer, fresh_device, {"a": 1}, 0)
    change(customer, fresh_device, {"a": 2}, 1)
    report(stack, fresh_device, {"a": 2}, 2)
    report(stack, fresh_device, {"a": 2}, 2)
    history = customer.get(twin_path(fresh_device) + "/history").json()["history"]
    assert [(h["side"], h["version"], h["before"], h["after"]) for h in history] == [
        ("reported", 2, {}, {"a": 2}), ("desired", 2, {"a": 1}, {"a": 2}), ("desired", 1, {}, {"a": 1})]
    assert history[1]["actor"] == "customer1" and history[1]["source"] == "api" and history[0]["source"] == "http"
    only = customer.get(twin_path(fresh_device) + "/history?side=desired&limit=1").json()["history"]
    assert [h["version"] for h in only] == [2]
    assert customer.get(twin_path(fresh_device) + "/history?side=other").status_code == 422


def test_history_is_bounded(stack, customer, fresh_device):
    for i in range(55):
        assert change(customer, fresh_device, {"n": i}, i).status_code == 200
    versions = [h["version"] for h in customer.get(twin_path(fresh_device) + "/history").json()["history"]]
    assert versions == list(range(55, 5, -1))


def test_changes_are_in_the_audit_log(stack, customer, fresh_device):
    change(customer, fresh_device, {"a": 1}, 0)
    change(customer, fresh_device, {"a": 2}, 1)
    rows = wait_for("the entries", lambda: (lambda r: r if len(r) == 2 else None)(stack.sql(
        "SELECT details FROM audit_log WHERE event_type = 'device.twin_changed' AND entity_id = %s ORDER BY id",
        (fresh_device["device_id"],))), 10)
    assert rows[1][0]["before"] == {"a": 1} and rows[1][0]["after"] == {"a": 2}


def test_another_tenant_finds_nothing(stack, customer, other, fresh_device):
    change(customer, fresh_device, {"secret": 1}, 0)
    for path in ("", "/delta", "/history"):
        assert other.get(twin_path(fresh_device) + path).status_code == 404
    assert change(other, fresh_device, {"a": 1}, 1).status_code == 404
    assert customer.get(twin_path(fresh_device)).json()["desired"] == {"secret": 1}


def test_what_was_lost_on_the_way_is_sent_again(stack, customer, fresh_device):
    """As after a crash between commit and publish: the row is there, and nobody was told."""
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "shadow/desired"))
        stack.sql("INSERT INTO device_state AS s (tenant_id, device_id, site_id, desired_state, desired_version, desired_at, "
                  "desired_sent_at) VALUES ('demo', %s, 'warehouse-north', '{\"a\": 1}', 1, now() - interval '1 minute', "
                  "now() - interval '1 minute') RETURNING 1", (fresh_device["device_id"],))
        message = wait_for("the document", lambda: client.messages, 40)[0]
        assert json.loads(message.payload)["desired"] == {"a": 1} and not message.retain
