"""Alerts as people handle them: the list, one, what is done to one or many, and how pages hear of it."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from conftest import Api
from people import make_user
from servers import wait_for
from test_streams import connect, until

ONES = ("acknowledge", "silence", "close")


def raised(stack, tenant="demo", count=1, **columns) -> list[int]:
    """Open alerts, as the evaluator writes them, with their events; their ids."""
    out = []
    for _ in range(count):
        row = {"tenant_id": tenant, "site_id": "warehouse-north", "device_id": "sensor-x", "alert_type": "THRESHOLD",
               "fingerprint": f"TEST:{time.monotonic_ns()}", "severity": 4, "summary": "Too hot", **columns}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        out.append(stack.sql(
            f"WITH a AS (INSERT INTO fleet_alert ({names}) VALUES ({marks}) RETURNING tenant_id, id), e AS ("
            "INSERT INTO alert_events (tenant_id, alert_id, event) SELECT tenant_id, id, 'OPEN' FROM a) SELECT id FROM a",
            list(row.values()))[0][0])
    return out


def events(api, alert) -> list[dict]:
    return api.get(f"/alerts/{alert}/timeline").json()["events"]


@pytest.fixture(scope="module")
def tenant(stack):
    """A tenant whose alerts are those of these tests."""
    stack.command("admin", "create-tenant", "--id", "alarmed", "--name", "Alarmed")
    make_user(stack, "alarmed-admin", tenant="alarmed", roles="customer,tenant-admin")
    api = Api(stack, "alarmed-admin")
    assert api.post("/sites", json={"site_id": "mill", "name": "Mill"}).status_code == 201
    assert api.post("/devices", json={"device_id": "fan-1", "name": "Big fan", "site_id": "mill"}).status_code == 201
    return api


@pytest.fixture
def nothing_open(stack, tenant):
    stack.sql("DELETE FROM fleet_alert WHERE tenant_id = 'alarmed'")


def test_list_filters_and_pages(stack, tenant, nothing_open):
    hot = raised(stack, "alarmed", device_id="fan-1", site_id="mill", severity=5, summary="100% hot_spot")[0]
    cold = raised(stack, "alarmed", severity=2, alert_type="ANOMALY", rule_id="11111111-1111-4111-8111-111111111111",
                  details='{"rule_name": "Cold", "metric_name": "temp_c"}')[0]
    old = raised(stack, "alarmed", created_at=datetime.now(timezone.utc) - timedelta(days=2))[0]
    done = raised(stack, "alarmed", status="CLOSED", closed_at=datetime.now(timezone.utc))[0]

    def ids(query=""):
        answer = tenant.get(f"/alerts{query}")
        assert answer.status_code == 200, answer.text
        return [a["alert_id"] for a in answer.json()["alerts"]]

    body = tenant.get("/alerts").json()
    assert (body["status_filter"], body["limit"], body["offset"], body["total"]) == ("OPEN", 50, 0, 3)
    assert ids() == [cold, hot, old]
    assert body["alerts"][1]["device_name"] == "Big fan" and body["alerts"][0]["rule_name"] == "Cold"
    assert ids("?status=closed") == [done] and set(ids("?status=ALL")) == {hot, cold, old, done}
    assert ids("?severity=5") == [hot] and ids("?min_severity=4") == [hot, old]
    assert ids("?device_id=fan-1") == [hot] and ids("?site_id=mill") == [hot] and ids("?type=ANOMALY") == [cold]
    assert ids("?rule_id=11111111-1111-4111-8111-111111111111") == [cold]
    assert ids("?q=big%20FAN") == [hot] and ids("?q=100%25") == [hot] and ids("?q=hot_") == [hot] and ids("?q=0_h") == []
    since = (datetime.now(timezone.utc) - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert ids(f"?since={since}") == [cold, hot]
    assert ids("?sort=-severity") == [hot, old, cold] and ids("?limit=1&offset=1") == [hot]
    first = tenant.get("/alerts?limit=2").json()
    late = raised(stack, "alarmed")[0]  # what opens meanwhile shifts nothing
    assert ids(f"?limit=2&cursor={first['next_cursor']}") == [old] and late in ids()
    assert tenant.get("/alerts?status=LOUD").json() == {"detail": "Invalid status"}
    assert tenant.get("/alerts?cursor=x").json() == {"detail": "Invalid cursor"}
    assert tenant.get("/alerts?cursor=1-1&sort=-severity").status_code == 400
    assert {tenant.get(f"/alerts?{q}").status_code for q in ("rule_id=x", "limit=0", "limit=201", "severity=6")} == {422}


def test_open_acknowledged_commented_closed(stack, tenant, nothing_open):
    alert = raised(stack, "alarmed", next_escalation_at=datetime.now(timezone.utc) + timedelta(hours=1), trigger_count=4)[0]
    one = tenant.get(f"/alerts/{alert}").json()
    assert one["tenant_id"] == "alarmed" and one["alert"]["status"] == "OPEN" and one["alert"]["next_escalation_at"]
    done = tenant.patch(f"/alerts/{alert}/acknowledge")
    assert done.json() == {"alert_id": alert, "status": "ACKNOWLEDGED", "acknowledged_by": "alarmed-admin"}
    again = tenant.patch(f"/alerts/{alert}/acknowledge")
    assert (again.status_code, again.json()["detail"]) == (404, "Alert not found or not OPEN")
    one = tenant.get(f"/alerts/{alert}").json()["alert"]
    assert one["acknowledged_at"] and one["next_escalation_at"] is None
    said = tenant.post(f"/alerts/{alert}/comments", json={"text": "Fan replaced"})
    assert said.status_code == 201 and said.json()["details"] == {"text": "Fan replaced"}
    assert tenant.patch(f"/alerts/{alert}/close").json() == {"alert_id": alert, "status": "CLOSED"}
    again = tenant.patch(f"/alerts/{alert}/close")
    assert (again.status_code, again.json()["detail"]) == (404, "Alert not found or already closed")
    gone = tenant.patch(f"/alerts/{alert}/silence", json={"minutes": 5})
    assert (gone.status_code, gone.json()["detail"]) == (404, "Alert not found or closed")
    told = {e["event"]: e for e in events(tenant, alert)}
    assert list(told) and set(told) == {"OPEN", "REPEATED", "ACKNOWLEDGED", "COMMENTED", "CLOSED"}
    assert told["REPEATED"]["details"] == {"count": 3} and told["CLOSED"]["details"] == {"reason": "manual"}
    assert {told[e]["actor"] for e in ("ACKNOWLEDGED", "COMMENTED", "CLOSED")} == {"alarmed-admin"}
    log = wait_for("the audit log", lambda: [r for r in stack.sql(
        "SELECT event_type FROM audit_log WHERE tenant_id = 'alarmed' AND entity_type = 'alert' AND entity_id = %s "
        "ORDER BY timestamp", [str(alert)])] or None)
    wait_for("all of it", lambda: len(stack.sql("SELECT 1 FROM audit_log WHERE entity_type = 'alert' AND entity_id = %s",
                                                [str(alert)])) == 3)
    assert log[0] == ("alert.acknowledged",)


def test_a_long_timeline_tells_how_it_began_and_the_newest(stack, tenant, nothing_open):
    alert = raised(stack, "alarmed")[0]
    stack.sql("INSERT INTO alert_events (tenant_id, alert_id, event, details) SELECT 'alarmed', %s, 'TOLD', "
              "jsonb_build_object('n', n) FROM generate_series(1, 1500) n", [alert])
    tenant.post(f"/alerts/{alert}/comments", json={"text": "The newest"})
    told = events(tenant, alert)
    assert told[0]["event"] == "OPEN" and told[-1]["details"] == {"text": "The newest"}
    assert [e["details"]["n"] for e in told[1:-1]] == list(range(502, 1501))


def test_who_only_looks_does_nothing(stack, tenant, nothing_open):
    make_user(stack, "alarmed-viewer", tenant="alarmed")
    viewer = Api(stack, "alarmed-viewer")
    alert = raised(stack, "alarmed")[0]
    assert viewer.get(f"/alerts/{alert}").status_code == 200
    for method, path, body, permission in (
            ("POST", f"/alerts/{alert}/comments", {"text": "Seen"}, "alerts.acknowledge"),
            ("PATCH", f"/alerts/{alert}/acknowledge", None, "alerts.acknowledge"),
            ("PATCH", f"/alerts/{alert}/close", None, "alerts.close"),
            ("PATCH", f"/alerts/{alert}/silence", {"minutes": 5}, "alerts.silence"),
            ("POST", "/alerts/bulk", {"action": "close", "ids": [alert]}, "alerts.close")):
        answer = viewer.request(method, path, json=body)
        assert (answer.status_code, answer.json()["detail"]) == (403, f"Permission required: {permission}")
    assert [e["event"] for e in events(tenant, alert)] == ["OPEN"]


def test_each_thing_that_is_done_is_in_the_audit_log(stack, tenant, nothing_open):
    alert = raised(stack, "alarmed")[0]
    tenant.patch(f"/alerts/{alert}/silence", json={"minutes": 5})
    tenant.patch(f"/alerts/{alert}/acknowledge")
    tenant.post(f"/alerts/{alert}/comments", json={"text": "x"})
    tenant.patch(f"/alerts/{alert}/close")

    def log():
        events_ = tenant.get(f"/audit-log?entity_id={alert}").json()["events"]
        return {(e["event_type"], e["actor_name"]) for e in events_ if e["entity_type"] == "alert"}
    expected = {(f"alert.{w}", "alarmed-admin") for w in ("silenced", "acknowledged", "commented", "closed")}
    wait_for("each of them", lambda: log() == expected)


def test_silence_and_what_is_no_alert(stack, tenant, nothing_open):
    alert = raised(stack, "alarmed")[0]
    answer = tenant.patch(f"/alerts/{alert}/silence", json={"minutes": 30})
    until_ = datetime.fromisoformat(answer.json()["silenced_until"].replace("Z", "+00:00"))
    assert answer.json()["alert_id"] == alert
    assert timedelta(minutes=29) < until_ - datetime.now(timezone.utc) < timedelta(minutes=31)
    assert events(tenant, alert)[-1]["details"]["minutes"] == 30
    assert [a["alert_id"] for a in tenant.get("/alerts?silenced=true").json()["alerts"]] == [alert]
    assert tenant.get("/alerts?silenced=false").json()["total"] == 0
    assert {tenant.patch(f"/alerts/{alert}/silence", json={"minutes": m}).status_code for m in (0, 1441)} == {422}
    for action in ONES:
        bad = tenant.patch(f"/alerts/x1/{action}", json={"minutes": 5})
        assert (bad.status_code, bad.json()["detail"]) == (400, "Invalid alert_id")
    for path in ("/alerts/x1", "/alerts/2000000000", "/alerts/2000000000/timeline"):
        assert tenant.get(path).json() == {"detail": "Alert not found"}


def test_many_at_once(stack, tenant, nothing_open):
    ids = raised(stack, "alarmed", 3, site_id="mill") + raised(stack, "alarmed", 2)
    answer = tenant.post("/alerts/bulk", json={"action": "acknowledge", "ids": [ids[0], ids[0], 2000000000]})
    assert answer.json() == {"action": "acknowledge", "matched": 2, "changed": 1}
    answer = tenant.post("/alerts/bulk", json={"action": "silence", "minutes": 10, "filter": {"site_id": "mill"}})
    assert answer.json() == {"action": "silence", "matched": 3, "changed": 3}
    answer = tenant.post("/alerts/bulk", json={"action": "close", "filter": {"status": "ALL", "min_severity": 1}})
    assert answer.json() == {"action": "close", "matched": 5, "changed": 5}
    assert tenant.get("/alerts?status=ACTIVE").json()["total"] == 0
    assert [e["event"] for e in events(tenant, ids[0])] == ["OPEN", "ACKNOWLEDGED", "SILENCED", "CLOSED"]
    for bad in ({"action": "close"}, {"action": "close", "ids": []}, {"action": "close", "ids": [1], "filter": {}},
                {"action": "open", "ids": [1]}, {"action": "silence", "ids": [1]}):
        assert tenant.post("/alerts/bulk", json=bad).status_code == 422, bad
    assert tenant.post("/alerts/bulk", json={"action": "close", "filter": {"status": "x"}}).status_code == 400
    wait_for("its events in the audit log", lambda: stack.sql(
        "SELECT count(*) FROM audit_log WHERE tenant_id = 'alarmed' AND event_type LIKE 'alert.bulk%%'") == [(3,)])


def test_permissions_and_tenants(stack, tenant, other, nothing_open):
    make_user(stack, "alarmed-viewer", tenant="alarmed")
    viewer = Api(stack, "alarmed-viewer")
    alert = raised(stack, "alarmed")[0]
    assert viewer.get(f"/alerts/{alert}").status_code == 200
    held = set(viewer.get("/me/permissions").json()["permissions"])
    for action in ONES:
        expected = 200 if f"alerts.{action}" in held else 403
        assert viewer.patch(f"/alerts/{alert}/{action}", json={"minutes": 5}).status_code == expected
        bulk = viewer.post("/alerts/bulk", json={"action": action, "ids": [2000000000], "minutes": 5})
        assert bulk.status_code == expected
    mine = raised(stack, "alarmed")[0]
    assert other.get(f"/alerts/{mine}").status_code == 404 and other.get(f"/alerts/{mine}/timeline").status_code == 404
    assert other.post("/alerts/bulk", json={"action": "close", "ids": [mine]}).json()["changed"] == 0
    assert other.post(f"/alerts/{mine}/comments", json={"text": "x"}).status_code == 404
    assert tenant.get(f"/alerts/{mine}").json()["alert"]["status"] == "OPEN"


def test_trend_and_figures(stack, tenant, operator, nothing_open):
    before = tenant.get("/fleet/health").json()
    assert (before["score"], before["critical_alerts"]) == (0, 0)
    stack.sql("UPDATE device_state SET status = 'ONLINE', last_seen_at = now() + interval '1 hour' "
              "WHERE tenant_id = 'alarmed'")
    if not stack.sql("SELECT 1 FROM device_state WHERE tenant_id = 'alarmed'"):
        stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at) "
                  "VALUES ('alarmed', 'fan-1', 'mill', 'ONLINE', now() + interval '1 hour')")
    assert tenant.get("/fleet/health").json()["score"] == 100
    now = datetime.now(timezone.utc)
    raised(stack, "alarmed", 2, site_id="mill", device_id="fan-1", severity=5)
    acknowledged = raised(stack, "alarmed", site_id="mill")[0]
    tenant.patch(f"/alerts/{acknowledged}/acknowledge")
    raised(stack, "alarmed", created_at=now - timedelta(hours=30), status="CLOSED", closed_at=now - timedelta(hours=3))
    trend = tenant.get("/alerts/trend").json()["trend"]
    assert len(trend) == 24 and sum(h["opened"] for h in trend) == 3 and sum(h["closed"] for h in trend) == 1
    assert trend[-4]["closed"] == 1
    assert sum(h["opened"] for h in tenant.get("/alerts/trend?hours=48").json()["trend"]) == 4
    assert tenant.get("/alerts/trend?hours=169").status_code == 422
    summary = tenant.get("/devices/summary").json()
    assert (summary["alerts_open"], summary["alerts_new_1h"]) == (2, 3)
    health = tenant.get("/fleet/health").json()
    assert (health["score"], health["critical_alerts"]) == (0, 2)
    site = tenant.get("/sites/mill/summary").json()
    assert site["active_alert_count"] == site["site"]["active_alert_count"] == 3
    assert [a["severity"] for a in site["active_alerts"]] == [5, 5, 4]
    assert tenant.get("/sites").json()["sites"][0]["active_alert_count"] == 3
    of_operators = operator.get("/api/v1/operator/tenants/alarmed/stats").json()["stats"]
    assert of_operators["alerts"] == {"open": 2, "closed": 1, "last_24h": 3} and of_operators["last_alert"]
    listed = operator.get("/api/v1/operator/tenants/stats/summary")
    assert next(t["open_alerts"] for t in listed.json()["tenants"] if t["tenant_id"] == "alarmed") == 2


def test_pages_hear_of_each_transition(stack, tenant, nothing_open):
    tenant.renew()
    stream = connect(stack, f"/api/v1/customer/telemetry/stream?token={stack.token('alarmed-admin')}")
    until(stream, "connected")
    channel = connect(stack, f"/api/v2/ws?ticket={tenant.get('/api/ws-ticket').json()['ticket']}")
    channel.send(json.dumps({"action": "subscribe", "type": "alerts"}))
    assert until(channel, "alerts")["alerts"] == []
    channel.send(json.dumps({"action": "subscribe", "type": "fleet"}))
    until(channel, "fleet_summary")
    alert = raised(stack, "alarmed")[0]

    def told(event):
        while True:
            message = until(stream, "alert")["event"]
            # What earlier tests left on its way comes, too.
            if message["event"] == event and message["alert"]["alert_id"] == alert:
                return message

    opened = told("OPEN")
    assert opened["alert"]["summary"] == "Too hot" and opened["actor"] is None
    while [a["alert_id"] for a in until(channel, "alerts")["alerts"]] != [alert]:
        pass
    while until(channel, "fleet_summary")["data"]["active_alerts"] != 1:
        pass
    tenant.patch(f"/alerts/{alert}/acknowledge")
    assert told("ACKNOWLEDGED")["actor"] == "alarmed-admin"
    while until(channel, "alerts")["alerts"]:
        pass
    # Who comes later has at once what is known.
    raised(stack, "alarmed")
    while not until(channel, "alerts")["alerts"]:
        pass
    late = connect(stack, f"/api/v2/ws?ticket={tenant.get('/api/ws-ticket').json()['ticket']}")
    late.send(json.dumps({"action": "subscribe", "type": "alerts"}))
    assert len(until(late, "alerts")["alerts"]) == 1
    for socket in (stream, channel, late):
        socket.close()
