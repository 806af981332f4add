"""Dead letters: replayed once, and as the message was; by whom they may be touched."""

import concurrent.futures
import threading

import requests
from conftest import Api
from routing import api, devices, hook, nothing_left, pulse, rival, route, send, sink  # noqa: F401 (fixtures)
from servers import wait_for

UNTRUE = {"X-Signature-Timestamp", "X-Signature-V2"}  # they tell the time of the request


def letters(api, count=1):
    return wait_for(f"{count} dead letters", lambda: (m := api.get("/dead-letter").json())["total"] == count and m["messages"])


def test_of_two_who_replay_at_once_one_does(pulse, api, sink, devices):
    made = route(api, hook(sink))
    sink.answers = lambda request: 500
    send(pulse, devices[0], {"n": 1})
    letter = letters(api)[0]["id"]
    sink.answers = lambda request: 200
    sink.requests.clear()
    sink.going_on.clear()
    with concurrent.futures.ThreadPoolExecutor(4) as people:
        first = people.submit(api.post, f"/dead-letter/{letter}/replay")
        wait_for("the first one's request", lambda: sink.of("/hook"))
        second = Api(pulse, "acme1").post(f"/dead-letter/{letter}/replay")
        batch = Api(pulse, "acme1").post("/dead-letter/replay-batch", json={"ids": [letter]}).json()
        discarded = Api(pulse, "acme1").delete(f"/dead-letter/{letter}")
        sink.going_on.set()
        assert first.result().json()["status"] == "REPLAYED"
    assert (second.status_code, second.json()["detail"]) == (400, "Cannot replay message with status REPLAYING")
    assert (batch["replayed"], batch["results"][0]["status"]) == (0, "REPLAYING")
    assert discarded.status_code == 404
    assert len(sink.of("/hook")) == 1 and api.get("/dead-letter").json()["messages"][0]["status"] == "REPLAYED"
    assert made["id"] == api.get("/dead-letter").json()["messages"][0]["route_id"]


def test_whose_replay_ended_without_a_word_leaves_it_to_the_next(pulse, api, sink, devices):
    route(api, hook(sink))
    sink.answers = lambda request: 500
    send(pulse, devices[0], {"n": 1})
    letter = letters(api)[0]["id"]
    pulse.sql("UPDATE dead_letter_messages SET claimed_until = now() + interval '1 minute' WHERE id = %s RETURNING id", (letter,))
    assert api.post(f"/dead-letter/{letter}/replay").status_code == 400
    pulse.sql("UPDATE dead_letter_messages SET claimed_until = now() - interval '1 second' WHERE id = %s RETURNING id", (letter,))
    assert api.post(f"/dead-letter/{letter}/replay").status_code == 502
    sink.answers = lambda request: 200
    assert api.post(f"/dead-letter/{letter}/replay").status_code == 200


def test_a_replay_sends_what_was_sent_before(pulse, api, sink, devices):
    """Also of a message that came by way of another topic, which says nothing of its device."""
    route(api, {"topic": "tenant/{tenant_id}/alarms/hot"}, kind="mqtt_republish")
    route(api, hook(sink, secret="s3cret"), topic_filter="tenant/acme/alarms/#")
    sink.answers = lambda request: 500
    send(pulse, devices[0], {"z": 1.0, "a": 10}, note="x\u0000\u00e4y", also={"y": [1.50], "b": None})
    letter = letters(api)[0]
    before = sink.of("/hook")[0]
    sink.answers = lambda request: 200
    sink.requests.clear()
    assert api.post(f"/dead-letter/{letter['id']}/replay").status_code == 200
    again = sink.of("/hook")[0]
    assert before.body["device_id"] == "a1" and before.body["topic"] == "tenant/acme/alarms/hot"
    assert again.raw == before.raw
    assert {k: v for k, v in again.headers.items() if k not in UNTRUE} == {
        k: v for k, v in before.headers.items() if k not in UNTRUE}


def test_who_may_not_write_routes_is_refused_everywhere(pulse, api, sink, devices):
    made = route(api, hook(sink))
    sink.answers = lambda request: 500
    send(pulse, devices[0], {"n": 1})
    letter = letters(api)[0]["id"]
    sink.requests.clear()
    # Whoever has no role of his own may look.
    looker = Api(pulse, "acme2")
    assert looker.get("/message-routes").json()["total"] == 1 and looker.get("/dead-letter").json()["total"] == 1
    body = {"name": "r", "topic_filter": "a/#", "destination_type": "postgresql"}
    for method, path, sent in (
            ("POST", "/message-routes", body), ("PUT", f"/message-routes/{made['id']}", {"name": "x"}),
            ("DELETE", f"/message-routes/{made['id']}", None), ("POST", f"/message-routes/{made['id']}/test", {}),
            ("POST", f"/dead-letter/{letter}/replay", None), ("POST", "/dead-letter/replay-batch", {"ids": [letter]}),
            ("DELETE", f"/dead-letter/{letter}", None), ("DELETE", "/dead-letter/purge?older_than_days=1", None)):
        assert looker.request(method, path, json=sent).status_code == 403, path
    assert sink.requests == [] and api.get("/dead-letter").json()["messages"][0]["status"] == "FAILED"
    assert api.get("/message-routes").json()["routes"][0]["name"] == "r"


def test_a_tenants_dead_letters_are_no_business_of_another(pulse, api, rival, sink, devices):
    route(api, hook(sink))
    sink.answers = lambda request: 500
    send(pulse, devices[0], {"n": 1})
    letter = letters(api)[0]["id"]
    pulse.sql("UPDATE dead_letter_messages SET created_at = now() - interval '40 days' RETURNING id")
    sink.answers = lambda request: 200
    sink.requests.clear()
    batch = rival.post("/dead-letter/replay-batch", json={"ids": [letter]}).json()
    assert (batch["total"], batch["replayed"], batch["results"][0]["status"]) == (1, 0, "NOT_FOUND")
    assert rival.post(f"/dead-letter/{letter}/replay").status_code == 404
    assert rival.delete("/dead-letter/purge?older_than_days=1").json()["purged"] == 0
    assert sink.requests == [] and api.get("/dead-letter").json()["messages"][0]["status"] == "FAILED"
    assert api.delete("/dead-letter/purge?older_than_days=39").json()["purged"] == 1


def test_replays_of_one_tenant_leave_room_for_another(pulse, api, rival, sink):
    """Those that find no place in time are not tried, which counts as nothing."""
    gate = threading.Event()

    def answers(request):
        if request.path == "/slow":
            gate.wait(60)
        return 200
    sink.answers = answers
    made, theirs = route(api, hook(sink, "/slow")), route(rival, hook(sink, "/theirs"))
    pulse.sql("INSERT INTO dead_letter_messages (tenant_id, route_id, message_id, original_topic, payload, destination_type, attempts) "
              "SELECT 'acme', %s, 'm' || n, 'tenant/acme/device/a1/telemetry', '{}', 'webhook', 3 FROM generate_series(1, 40) n "
              "RETURNING id", (made["id"],))
    ids = [m["id"] for m in letters(api, 40)]
    headers = dict(api.session.headers)

    def replay(letter):
        return requests.post(f"{pulse.url}/api/v1/customer/dead-letter/{letter}/replay", headers=headers, timeout=60)
    try:
        with concurrent.futures.ThreadPoolExecutor(40) as people:
            answers_of = [people.submit(replay, letter) for letter in ids]
            wait_for("the first of them", lambda: sink.of("/slow"))
            assert rival.post(f"/message-routes/{theirs['id']}/test", json={}).json()["success"] is True
            details = [a.result().json()["detail"] for a in answers_of if a.result().status_code == 502]
    finally:
        gate.set()
    untried = [d for d in details if d == "Replay failed: Other samples and replays are under way: try again"]
    assert untried
    attempts = pulse.sql("SELECT count(*) FROM dead_letter_messages WHERE attempts = 3 AND status = 'FAILED' "
                         "AND claimed_until IS NULL")
    assert attempts == [(len(untried),)]
