"""On-call: schedules, layers, overrides, who is on call, and calendars."""

import datetime
import re

import pytest
import requests
from servers import wait_for

DAY = datetime.timedelta(days=1)
LAYER = {"name": "First line", "rotation_type": "weekly", "handoff_day": 0, "handoff_hour": 9,
         "responders": ["ada", "grace@demo.example"], "rotation_start": "2026-01-07T00:00:00Z"}


def schedule(api, **more):
    answer = api.post("/oncall-schedules", json={"name": "Operations", "timezone": "Europe/Berlin", "layers": [LAYER], **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def moment(text):
    return datetime.datetime.fromisoformat(text)


def timeline(api, made, **query):
    answer = api.get(f"/oncall-schedules/{made['schedule_id']}/timeline", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_schedules_are_made_replaced_and_deleted(admin, other):
    made = schedule(admin, description="Who answers")
    layer = made["layers"][0]
    assert layer["shift_duration_hours"] == 168 and layer["responders"] == LAYER["responders"]
    one = f"/oncall-schedules/{made['schedule_id']}"
    assert admin.get(one).json() == made
    changed = admin.put(one, json={"name": "Ops", "timezone": "Asia/Kathmandu", "layers": [
        {"name": "New", "rotation_type": "daily", "layer_order": 1},
        {**LAYER, "layer_id": layer["layer_id"], "rotation_start": None, "responders": ["eve"]}]})
    assert changed.status_code == 200, changed.text
    new, kept = changed.json()["layers"]
    assert (new["name"], new["shift_duration_hours"]) == ("New", 24), "a daily rotation is one of a day"
    assert kept["layer_id"] == layer["layer_id"] and kept["responders"] == ["eve"]
    assert kept["rotation_start"] == layer["rotation_start"], "a layer that stays goes on counting"
    assert changed.json()["timezone"] == "Asia/Kathmandu" and changed.json()["description"] is None
    foreign = admin.put(one, json={"name": "x", "layers": [{"layer_id": 2000000000}]})
    assert foreign.status_code == 422
    assert made["schedule_id"] in [s["schedule_id"] for s in admin.get("/oncall-schedules").json()["schedules"]]
    assert made["schedule_id"] not in [s["schedule_id"] for s in other.get("/oncall-schedules").json()["schedules"]]
    for answer in (other.get(one), other.put(one, json={"name": "x"}), other.delete(one), other.get(one + "/current"),
                   other.get(one + "/timeline"), other.get(one + "/overrides"), other.get(one + "/feeds"),
                   other.post(one + "/feeds", json={}), other.post(one + "/layers", json={}),
                   other.post(one + "/overrides", json={"responder": "x", "start_at": "2026-01-01T00:00:00Z",
                                                        "end_at": "2026-01-02T00:00:00Z"})):
        assert answer.status_code == 404 and answer.json()["detail"] == "Schedule not found"
    assert admin.delete(one).status_code == 204 and admin.get(one).status_code == 404


def test_layers_of_a_schedule(admin, other):
    made = schedule(admin)
    base = f"/oncall-schedules/{made['schedule_id']}/layers"
    answer = admin.post(base, json={})
    assert answer.status_code == 201
    layer = answer.json()
    assert (layer["name"], layer["rotation_type"], layer["shift_duration_hours"], layer["handoff_day"], layer["handoff_hour"],
            layer["responders"], layer["layer_order"]) == ("Layer 1", "weekly", 168, 1, 9, [], 0)
    one = f"{base}/{layer['layer_id']}"
    changed = admin.put(one, json={"name": "Nights", "rotation_type": "custom", "shift_duration_hours": 12,
                                   "responders": ["zoë", "李"], "layer_order": 7})
    assert changed.status_code == 200 and changed.json()["responders"] == ["zoë", "李"]
    assert changed.json()["rotation_start"] == layer["rotation_start"]
    for call in (other.put(one, json={}), other.delete(one)):
        assert call.status_code == 404 and call.json()["detail"] == "Layer not found"
    assert admin.delete(one).status_code == 204 and admin.delete(one).status_code == 404
    assert admin.put(one, json={}).status_code == 404


@pytest.mark.parametrize("body, where", [
    ({"timezone": "Mars/Olympus"}, "timezone"), ({"timezone": "localtime"}, "timezone"), ({"name": ""}, "name"),
    ({"layers": [{"handoff_hour": 24}]}, "handoff_hour"), ({"layers": [{"handoff_day": 7}]}, "handoff_day"),
    ({"layers": [{"rotation_type": "yearly"}]}, "rotation_type"), ({"layers": [{"responders": [""]}]}, "responders"),
    ({"layers": [{"shift_duration_hours": 0}]}, "shift_duration_hours")])
def test_faults_are_told(admin, body, where):
    answer = admin.post("/oncall-schedules", json={"name": "x", **body})
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == where, answer.text


def test_the_timeline_turns_at_the_wall_clocks_hour(admin):
    """Summer time begins in Berlin on 2026-03-29: that week is an hour shorter."""
    made = schedule(admin)
    found = timeline(admin, made, days=28, start="2026-03-16T12:00:00+00:00")
    slots = found["slots"]
    assert [s["start"][:16] for s in slots] == ["2026-03-16T08:00", "2026-03-23T08:00", "2026-03-30T07:00", "2026-04-06T07:00",
                                                "2026-04-13T07:00"]
    assert [s["responder"] for s in slots] == ["ada", "grace@demo.example"] * 2 + ["ada"]
    assert all(a["end"] == b["start"] for a, b in zip(slots, slots[1:]))
    assert found["gaps"] == [] and found["final_schedule"][0]["start"][:16] == "2026-03-16T12:00"
    assert found["final_schedule"][-1]["end"] == found["end"]
    for bad in ({"days": 0}, {"days": 61}, {"days": 1, "start": "2999-01-01"}):
        assert admin.get(f"/oncall-schedules/{made['schedule_id']}/timeline", params=bad).status_code == 422


def test_overrides_beat_layers_and_leave_no_trace(admin, other):
    made = schedule(admin)
    base = f"/oncall-schedules/{made['schedule_id']}"
    before = admin.get(base + "/current").json()
    assert before["responder"] in LAYER["responders"] and before["layer"] == "First line" and not before["is_override"]
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    body = {"responder": "eve", "start_at": (now - DAY).isoformat(), "end_at": (now + DAY / 24).isoformat(), "reason": "Ill"}
    answer = admin.post(base + "/overrides", json=body)
    assert answer.status_code == 201 and answer.json()["layer_id"] is None
    mine = answer.json()
    current = admin.get(base + "/current").json()
    assert (current["responder"], current["layer"], current["is_override"]) == ("eve", "Override", True)
    assert moment(current["until"]) == now + DAY / 24
    every = [s for s in admin.get("/oncall/current").json()["schedules"] if s["schedule_id"] == made["schedule_id"]]
    assert every == [{**current, "schedule_id": made["schedule_id"], "name": "Operations", "timezone": "Europe/Berlin"}]
    assert made["schedule_id"] not in [s["schedule_id"] for s in other.get("/oncall/current").json()["schedules"]]
    found = timeline(admin, made, days=1)
    assert [s["responder"] for s in found["slots"] if s["is_override"]] == ["eve"]
    assert found["final_schedule"][0]["override_id"] == mine["override_id"]
    # One of a layer stands in the layer's row, and counts all the same.
    layer = made["layers"][0]["layer_id"]
    late = admin.post(base + "/overrides", json={**body, "responder": "mallory", "layer_id": layer}).json()
    assert admin.get(base + "/current").json()["responder"] == "mallory"
    row = [s for s in timeline(admin, made, days=1)["slots"] if s["layer_id"] == layer]
    assert "mallory" in [s["responder"] for s in row] and all(a["end"] == b["start"] for a, b in zip(row, row[1:]))
    assert [o["responder"] for o in admin.get(base + "/overrides").json()["overrides"]] == ["eve", "mallory"]
    assert other.delete(f"{base}/overrides/{mine['override_id']}").status_code == 404
    for one in (mine, late):
        assert admin.delete(f"{base}/overrides/{one['override_id']}").status_code == 204
    gone = admin.delete(f"{base}/overrides/{mine['override_id']}")
    assert gone.status_code == 404 and gone.json()["detail"] == "Override not found"
    assert admin.get(base + "/current").json() == before
    for fault, where in (({"end_at": body["start_at"]}, "end_at"), ({"layer_id": 2000000000}, "layer_id"),
                         ({"responder": ""}, "responder")):
        answer = admin.post(base + "/overrides", json={**body, **fault})
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == where


def test_overrides_and_links_of_a_schedule_are_bounded(stack, admin):
    made = schedule(admin)
    base = f"/oncall-schedules/{made['schedule_id']}/overrides"
    stack.sql("INSERT INTO oncall_overrides (tenant_id, schedule_id, responder, start_at, end_at) SELECT 'demo', %s, 'eve-' || n, "
              "now() + n * interval '1 hour', now() + (n + 1) * interval '1 hour' FROM generate_series(-600, 498) n RETURNING 1",
              (made["schedule_id"],))
    body = {"responder": "eve", "start_at": "2090-01-01T00:00:00Z", "end_at": "2090-01-02T00:00:00Z"}
    last = admin.post(base, json=body)
    assert last.status_code == 201, last.text
    more = admin.post(base, json=body)
    assert (more.status_code, more.json()["detail"]) == (
        400, "A schedule has at most 500 overrides that are not over: delete one first")
    feeds = f"/oncall-schedules/{made['schedule_id']}/feeds"
    stack.sql("INSERT INTO oncall_feeds (tenant_id, schedule_id, token_hash) SELECT 'demo', %s, 'of-many-' || n "
              "FROM generate_series(1, 100) n RETURNING 1", (made["schedule_id"],))
    many = admin.post(feeds, json={})
    assert (many.status_code, many.json()["detail"]) == (400, "A schedule has at most 100 calendar links: revoke one first")
    listed = admin.get(base).json()["overrides"]
    assert len(listed) == 1000 and listed[-1]["override_id"] == last.json()["override_id"]
    assert listed == sorted(listed, key=lambda o: o["start_at"])
    admin.delete(f"/oncall-schedules/{made['schedule_id']}")


def test_the_highest_layer_with_people_counts_and_nobody_is_a_gap(admin):
    made = schedule(admin, layers=[{**LAYER, "responders": ["low"]}, {**LAYER, "responders": ["high"], "layer_order": 2},
                                   {**LAYER, "responders": [], "layer_order": 3}])
    assert admin.get(f"/oncall-schedules/{made['schedule_id']}/current").json()["responder"] == "high"
    empty = schedule(admin, layers=[])
    current = admin.get(f"/oncall-schedules/{empty['schedule_id']}/current").json()
    assert (current["responder"], current["layer"], current["is_override"]) == ("", "", False)
    found = timeline(admin, empty)
    assert found["slots"] == [] and found["final_schedule"] == []
    assert found["gaps"] == [{"start": found["start"], "end": found["end"]}]


def unfolded(text):
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n")), "RFC 5545, 3.1"
    return text.replace("\r\n ", "").split("\r\n")


def test_a_calendar_by_a_secret_link(stack, admin, other):
    name = "Night; day, and \\ " + "ü" * 60
    made = schedule(admin, name=name)
    base = f"/oncall-schedules/{made['schedule_id']}/feeds"
    links = {who: admin.post(base, json={"responder": who}) for who in (None, "ada")}
    assert all(answer.status_code == 201 and answer.headers["Cache-Control"] == "no-store" for answer in links.values())
    urls = {who: re.sub(r"^https?://[^/]+", stack.url, answer.json()["url"]) for who, answer in links.items()}
    texts = {}
    for who, url in urls.items():
        answer = requests.get(url, timeout=10)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/calendar")
        texts[who] = answer.content.decode()
    everybody, ada = (unfolded(texts[who]) for who in (None, "ada"))
    assert everybody[0] == "BEGIN:VCALENDAR" and everybody[-2:] == ["END:VCALENDAR", ""]
    escaped = name.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    assert f"X-WR-CALNAME:On call: {escaped}" in everybody
    assert everybody.count("BEGIN:VEVENT") > ada.count("BEGIN:VEVENT") >= 5
    assert f"SUMMARY:grace@demo.example is on call: {escaped}" in everybody
    assert not any("grace" in line for line in ada)
    assert ada.count(f"URL:{stack.url}/app/oncall") == ada.count("BEGIN:VEVENT")
    assert len({line for line in everybody if line.startswith("UID:")}) == everybody.count("BEGIN:VEVENT")
    # Shown once, and kept as a hash.
    listed = admin.get(base).json()["feeds"]
    assert [f["responder"] for f in listed] == [None, "ada"] and all(f["last_used_at"] for f in listed)
    token = urls["ada"].split("/")[-2]
    assert stack.sql("SELECT count(*) FROM oncall_feeds f WHERE f::text LIKE %s", (f"%{token}%",)) == [(0,)]
    assert token not in admin.get(base).text
    assert other.delete(f"{base}/{listed[1]['feed_id']}").status_code == 404
    assert admin.delete(f"{base}/{listed[1]['feed_id']}").status_code == 204
    gone = requests.get(urls["ada"], timeout=10)
    assert gone.status_code == 404 and gone.json()["detail"] == "Calendar not found"
    assert requests.get(urls[None], timeout=10).status_code == 200
    assert admin.delete(f"{base}/{listed[1]['feed_id']}").json()["detail"] == "Calendar link not found"
    admin.delete(f"/oncall-schedules/{made['schedule_id']}")
    assert requests.get(urls[None], timeout=10).status_code == 404


def test_changes_are_in_the_activity_log(stack, admin):
    made = schedule(admin, name="Logged")
    admin.put(f"/oncall-schedules/{made['schedule_id']}", json={"name": "Logged twice", "layers": []})
    rows = wait_for("both events", lambda: (found := stack.sql(
        "SELECT event_type, details FROM audit_log WHERE entity_type = 'oncall_schedule' AND entity_id = %s "
        "ORDER BY timestamp", (str(made["schedule_id"]),))) and len(found) == 2 and found)
    assert [r[0] for r in rows] == ["oncall_schedule.created", "oncall_schedule.updated"]
    assert rows[1][1]["before"]["name"] == "Logged" and rows[1][1]["after"]["name"] == "Logged twice"
