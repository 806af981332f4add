"""The message log in the order of arrival: equal times, late and early messages, dead letters, its pages."""

import itertools
import random

import pytest
from ingest import batch, item, post
from servers import wait_for


def pages(customer, device, limit):
    """The log page by page, until there is no next one."""
    before = None
    for _ in range(500):
        answer = customer.get(f"/devices/{device['device_id']}/messages",
                              params={"limit": limit, **({"before": before} if before else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["messages"]) <= limit
        yield page["messages"]
        before = page["next_before"]
        if before is None:
            return
    pytest.fail("the pages never end")


def log_of(customer, device, limit=50):
    return list(itertools.chain.from_iterable(pages(customer, device, limit)))


def put_rows(stack, device, rows):
    """Rows as if they had come: (seconds ago that it came, seconds that it was measured before that)."""
    stack.sql("INSERT INTO telemetry (time, tenant_id, device_id, metrics, received_at, stream_seq) "
              "SELECT now() - make_interval(secs => ago + before), 'demo', %s, '{\"t\": 1}', "
              "now() - make_interval(secs => ago), 1000000 + n "
              "FROM unnest(%s::float8[], %s::float8[], %s::bigint[]) AS r (ago, before, n)",
              (device["device_id"], [r[0] for r in rows], [r[1] for r in rows], list(range(len(rows)))))


def dead_letter(stack, device, ago, text="value out of range"):
    return "d-" + str(stack.sql(
        "INSERT INTO dead_letter_messages (tenant_id, original_topic, payload, destination_type, error_message, "
        "created_at) VALUES ('demo', %s, '{\"seq\": 7, \"metrics\": {\"t\": 9}}', 'ingest', %s, "
        "now() - make_interval(secs => %s)) RETURNING id",
        (f"tenant/demo/device/{device['device_id']}/telemetry", text, ago))[0][0])


@pytest.mark.parametrize("limit", [1, 5, 12])
def test_messages_of_one_instant_are_all_listed(stack, customer, fresh_device, limit):
    answer = batch(stack, *(item(fresh_device, i + 1, ts="2026-01-02T03:04:05Z") for i in range(12)))
    assert answer.json()["accepted"] == 12, answer.text
    wait_for("12 rows", lambda: stack.stored(fresh_device["device_id"]) == 12, 10)
    stack.sql("UPDATE telemetry SET received_at = '2026-01-02T03:04:06Z' WHERE device_id = %s",
              (fresh_device["device_id"],))
    seen = [m["seq"] for m in log_of(customer, fresh_device, limit)]
    assert sorted(seen) == list(range(1, 13))


def test_what_was_just_sent_is_recent_however_old_it_is(stack, customer, fresh_device):
    put_rows(stack, fresh_device, [(60 + i, 1) for i in range(20)])
    assert post(stack, fresh_device, {"ts": "2026-01-02T03:04:05Z", "seq": 77, "metrics": {"t": 1}}).status_code == 202
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 21, 10)
    newest = customer.get(f"/devices/{fresh_device['device_id']}/messages?limit=3").json()["messages"]
    assert newest[0]["seq"] == 77 and newest[0]["time"].startswith("2026-01-02")


def test_dead_letters_stand_among_the_rest_of_their_device_only(stack, customer, fresh_device, device):
    put_rows(stack, fresh_device, [(10, 0), (30, 0)])
    mine, theirs = dead_letter(stack, fresh_device, 20), dead_letter(stack, device, 20)
    stack.sql("UPDATE dead_letter_messages SET destination_type = 'webhook' WHERE id = %s",
              (dead_letter(stack, fresh_device, 21)[2:],))
    told = log_of(customer, fresh_device)
    assert [m["status"] for m in told] == ["stored", "dead_letter", "stored"]
    letter = told[1]
    assert letter["id"] == mine != theirs and letter["reason"] == "value out of range"
    assert (letter["seq"], letter["msg_type"], letter["metrics"]) == (7, "telemetry", {"t": 9})
    assert letter["stored_at"] is None


@pytest.mark.parametrize("seed, lateness", [(1, (0, 5)), (2, (-3600, 86400)), (3, (3600, 864000)), (4, (-700, 700))],
                         ids=["prompt", "mixed", "late", "around ten minutes"])
def test_pages_are_whole_and_in_order_whatever_comes_late(stack, customer, fresh_device, seed, lateness):
    dice = random.Random(seed)
    # Whole seconds, so that many came in the same instant.
    put_rows(stack, fresh_device, [(dice.randrange(7200), dice.randint(*lateness)) for _ in range(400)])
    for ago in dice.sample(range(7200), 30):
        dead_letter(stack, fresh_device, ago)
        stack.sql("INSERT INTO quarantine_events (topic, tenant_id, device_id, msg_type, reason, payload, received_at) "
                  "VALUES ('t', 'demo', %s, 'telemetry', 'RATE_LIMITED', '{}', now() - make_interval(secs => %s))",
                  (fresh_device["device_id"], ago))
    for limit in (7, 100):
        told = log_of(customer, fresh_device, limit)
        assert len(told) == 460 == len({m["id"] for m in told})
        arrivals = [m["received_at"] for m in told]
        assert arrivals == sorted(arrivals, reverse=True)


def test_an_instant_is_a_cursor_too_and_anything_else_is_refused(stack, customer, fresh_device):
    put_rows(stack, fresh_device, [(10, 0), (1000, 0)])
    path = f"/devices/{fresh_device['device_id']}/messages"
    first = customer.get(path).json()["messages"][0]
    told = customer.get(path, params={"before": first["received_at"]}).json()["messages"]
    assert len(told) == 1 and told[0]["received_at"] < first["received_at"]
    assert customer.get(path, params={"before": "1970-01-01T00:00:00Z"}).json()["messages"] == []
    for bad in ("x", "1-s-", "1-x-1", "-1-s-1", "9" * 30 + "-s-1", "253402300800000000-s-1", "1-s-1x", "1-s-1\0"):
        answer = customer.get(path, params={"before": bad})
        assert answer.status_code == 422, (bad, answer.text)
        assert answer.json()["detail"][0]["loc"] == ["query", "before"]


def test_a_metric_asked_for_twice_is_answered_twice(stack, customer, fresh_device):
    assert post(stack, fresh_device, {"metrics": {"t": 4}}).status_code == 202
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 1, 10)
    for points in ("", "&points=3000"):
        told = customer.get(f"/devices/{fresh_device['device_id']}/telemetry/history?"
                            f"metric=t&metric=u&metric=t&range=1h{points}").json()
        assert [len(s["points"]) for s in told["series"]] == [1, 0, 1]


def test_raw_points_of_huge_values(stack, customer, fresh_device):
    for value in (1.7e308, 1.7e308, 1e200, 1e200, 5):
        assert post(stack, fresh_device, {"metrics": {"t": value}}).status_code == 202
    wait_for("the rows", lambda: stack.stored(fresh_device["device_id"]) == 5, 10)
    told = customer.get(f"/devices/{fresh_device['device_id']}/telemetry/history?metric=t&range=1h&points=3000")
    assert told.status_code == 200, told.text
    points = told.json()["points"]
    assert sum(p["count"] for p in points) == 3 and max(p["max"] for p in points) == 1e200
