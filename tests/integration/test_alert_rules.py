"""Rules by the API: what is taken and answered, what is refused, at work at once, before they are saved, and as a document."""

import concurrent.futures
import datetime
import uuid

import pytest
import requests
from people import make_user
from conftest import Api
from servers import wait_for

HOT = {"name": "Too warm", "metric_name": "temp_c", "operator": "GT", "threshold": 30, "severity": 4}


def made(api, **body) -> dict:
    answer = api.post("/alert-rules", json={**HOT, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(stack, device, metrics, ago_s=0):
    ts = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago_s)
    answer = requests.post(f"{stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry",
                           json={"site_id": device["site_id"], "metrics": metrics, "ts": ts.isoformat()},
                           headers={"X-Provision-Token": device["token"]}, timeout=10)
    assert answer.status_code == 202, answer.text


def instant(text) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def alerts(stack, rule_id):
    return stack.sql("SELECT device_id, status, close_reason FROM fleet_alert WHERE rule_id = %s ORDER BY id", (rule_id,))


@pytest.fixture(scope="module")
def viewer(stack):
    make_user(stack, "rules-viewer")
    return Api(stack, "rules-viewer")


def test_life_of_a_rule(admin):
    steps = admin.get("/getting-started").json()["alert_rules"]
    rule = made(admin, description="Fans first", site_ids=["warehouse-north"], duration_minutes=5, clear_threshold=28)
    assert admin.get("/getting-started").json()["alert_rules"] == steps + 1
    assert (rule["metric_name"], rule["operator"], rule["threshold"], rule["severity"]) == ("temp_c", "GT", 30, 4)
    assert (rule["enabled"], rule["rule_type"], rule["match_mode"], rule["duration_seconds"]) == (True, "threshold", "all", 0)
    assert (rule["conditions"], rule["anomaly_conditions"], rule["gap_conditions"]) == ([], None, None)
    one = f"/alert-rules/{rule['rule_id']}"
    assert admin.get(one).json() == rule
    listed = admin.get("/alert-rules?limit=1000").json()
    assert rule in listed["rules"] and listed["count"] == len(listed["rules"]) and listed["tenant_id"] == "demo"
    changed = admin.patch(one, json={"threshold": 31.5, "severity": 5, "site_ids": None, "operator": ">="}).json()
    assert (changed["threshold"], changed["severity"], changed["site_ids"], changed["operator"]) == (31.5, 5, None, "GTE")
    assert (changed["duration_minutes"], changed["clear_threshold"], changed["name"]) == (5, 28, "Too warm")
    assert admin.patch(one, json={}).json() == {"detail": "No fields to update"}
    assert admin.delete(one).json() == {"rule_id": rule["rule_id"], "deleted": True, "closed_alerts": 0}
    assert admin.get(one).json() == {"detail": "Alert rule not found"}
    assert admin.get("/getting-started").json()["alert_rules"] == steps

    def written():
        log = admin.get(f"/audit-log?entity_id={rule['rule_id']}").json()["events"]
        return len(log) == 3 and log
    log = wait_for("the log", written)
    assert {(e["event_type"], e["entity_type"], e["action"]) for e in log} == {
        ("config_changed", "rule", a) for a in ("create", "update", "delete")}
    changes = next(e["details"] for e in log if e["action"] == "update")
    assert changes["before"]["threshold"] == 30 and changes["after"]["threshold"] == 31.5
    assert "name" not in changes["after"]


def test_forms_of_conditions(admin):
    both = [{"metric_name": "temp_c", "operator": ">", "threshold": 30, "duration_minutes": 2},
            {"metric_name": "humidity", "operator": "NE", "threshold": 0}]
    rule = made(admin, metric_name=None, operator=None, threshold=None, conditions=both, match_mode="any")
    assert rule["match_mode"] == "any"
    assert [(c["metric_name"], c["operator"], c["threshold"], c["duration_minutes"]) for c in rule["conditions"]] == [
        ("temp_c", "GT", 30, 2), ("humidity", "NE", 0, None)]
    one = f"/alert-rules/{rule['rule_id']}"
    assert admin.patch(one, json={"threshold": 1}).json() == {"detail": "The rule has several conditions: change conditions"}
    older = admin.patch(one, json={"conditions": {"combinator": "AND", "conditions": both[:1]}}).json()
    assert older["match_mode"] == "all" and len(older["conditions"]) == 1
    flat = admin.patch(one, json={"threshold": 33}).json()
    assert (flat["conditions"], flat["metric_name"], flat["threshold"], flat["duration_minutes"]) == ([], "temp_c", 33, 2)
    odd = admin.patch(one, json={"rule_type": "anomaly", "anomaly_conditions": {"metric_name": "temp_c"}}).json()
    assert odd["anomaly_conditions"] == {"metric_name": "temp_c", "window_minutes": 60, "z_threshold": 3, "min_samples": 10,
                                         "min_change": None}
    assert odd["conditions"] is None
    gap = admin.patch(one, json={"rule_type": "telemetry_gap",
                                 "gap_conditions": {"metric_name": "temp_c", "gap_minutes": 20}}).json()
    assert gap["gap_conditions"]["gap_minutes"] == 20 and gap["anomaly_conditions"] is None
    window = admin.patch(one, json={"rule_type": "window", "metric_name": "temp_c", "operator": "GT", "threshold": 3,
                                    "aggregation": "p95", "window_seconds": 300}).json()
    assert (window["aggregation"], window["window_seconds"], window["threshold"]) == ("p95", 300, 3)
    admin.delete(one)


REFUSED = [
    ({"metric_name": "  "}, 400, "Invalid metric_name format"),
    ({"metric_name": None}, 400, "Invalid metric_name format"),
    ({"operator": "ABOVE"}, 400, "Invalid operator value"),
    ({"operator": None}, 400, "Invalid operator value"),
    ({"threshold": None}, 400, "threshold is required"),
    ({"site_ids": ["nowhere"]}, 400, "Invalid site_id value"),
    ({"group_ids": ["nobody"]}, 400, "Invalid group_id value"),
    ({"device_group_id": "nobody"}, 400, "Invalid group_id value"),
    ({"escalation_policy_id": 999999}, 400, "Invalid escalation_policy_id value"),
    ({"sensor_id": 1, "sensor_type": "x"}, 400, "Only one targeting mode allowed: sensor_id OR sensor_type"),
    ({"sensor_id": 999999999}, 400, "Invalid sensor_id for tenant"),
    ({"sensor_type": "no good"}, 400, "Invalid sensor_type format"),
    ({"sensor_type": "x", "rule_type": "window"}, 400,
     "sensor_id/sensor_type targeting is only supported for threshold rules"),
    ({"sensor_type": "x", "conditions": [{"metric_name": "a", "operator": "GT", "threshold": 1}]}, 400,
     "sensor_id/sensor_type targeting is not supported for multi-condition rules"),
    ({"rule_type": "window", "aggregation": "median", "window_seconds": 60}, 400,
     "aggregation must be one of: avg, min, max, count, sum, p95"),
    ({"rule_type": "window", "window_seconds": 60}, 422, "aggregation is required for WINDOW rules"),
    ({"rule_type": "window", "aggregation": "avg"}, 422, "window_seconds is required for WINDOW rules"),
    ({"rule_type": "window", "aggregation": "avg", "window_seconds": 60, "threshold": None}, 422,
     "threshold is required for WINDOW rules"),
    ({"rule_type": "anomaly"}, 422, "anomaly_conditions is required"),
    ({"rule_type": "telemetry_gap"}, 422, "gap_conditions is required"),
    ({"clear_threshold": 31}, 400, "clear_threshold must be at most the threshold with operator GT"),
    ({"operator": "<=", "clear_threshold": 29}, 400, "clear_threshold must be at least the threshold with operator LTE"),
    ({"operator": "EQ", "clear_threshold": 29}, 400,
     "clear_threshold does not go with operator EQ: leave clear_threshold out"),
    ({"clear_threshold": 1, "conditions": [{"metric_name": "a", "operator": "!=", "threshold": 1}]}, 400,
     "clear_threshold does not go with operator NE: leave clear_threshold out"),
    ({"clear_threshold": 0, "conditions": [{"metric_name": m, "operator": "GT", "threshold": 1} for m in "ab"]}, 400,
     "clear_threshold is for rules of one condition: leave clear_threshold out"),
    ({"rule_type": "anomaly", "anomaly_conditions": {"metric_name": "a"}, "clear_threshold": 1}, 400,
     "clear_threshold is for threshold and window rules: leave clear_threshold out"),
    ({"rule_type": "telemetry_gap", "gap_conditions": {"metric_name": "a"}, "clear_threshold": 1}, 400,
     "clear_threshold is for threshold and window rules: leave clear_threshold out"),
    ({"rule_type": "window", "aggregation": "avg", "window_seconds": 60, "clear_threshold": 31}, 400,
     "clear_threshold must be at most the threshold with operator GT"),
    ({"severity": 6}, 422, "must be between 1 and 5"),
    ({"conditions": [{"metric_name": "a", "operator": "?", "threshold": 1}]}, 422, "must be one of GT"),
    ({"conditions": 7}, 422, "must be a list of conditions")]


@pytest.mark.parametrize("body,status,words", REFUSED, ids=[str(r[0]) for r in REFUSED])
def test_refusals(admin, body, status, words):
    answer = admin.post("/alert-rules", json={**HOT, **body})
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert detail == words if status == 400 else detail[0]["msg"].startswith(words)


def test_where_an_alert_clears_goes_with_the_rule(admin):
    rule = made(admin, name="Clears", clear_threshold=30)
    one = f"/alert-rules/{rule['rule_id']}"
    refused = admin.patch(one, json={"threshold": 29})
    assert (refused.status_code, refused.json()["detail"]) == (
        400, "clear_threshold must be at most the threshold with operator GT")
    both = admin.patch(one, json={"threshold": 29, "clear_threshold": 28}).json()
    assert (both["threshold"], both["clear_threshold"]) == (29, 28)
    # Who makes it another kind of rule need not know of it; who names it is told.
    gap = {"rule_type": "telemetry_gap", "gap_conditions": {"metric_name": "temp_c"}}
    assert admin.patch(one, json={**gap, "clear_threshold": 3}).status_code == 400
    assert admin.patch(one, json=gap).json()["clear_threshold"] is None
    admin.delete(one)


def test_ids_that_are_none(admin):
    for method in ("get", "patch", "delete"):
        answer = getattr(admin, method)("/alert-rules/7", **({"json": {"name": "x"}} if method == "patch" else {}))
        assert (answer.status_code, answer.json()["detail"]) == (400, "Invalid rule_id format: must be a valid UUID")
        answer = getattr(admin, method)(f"/alert-rules/{uuid.uuid4()}", **({"json": {"name": "x"}} if method == "patch" else {}))
        assert (answer.status_code, answer.json()["detail"]) == (404, "Alert rule not found")


def test_at_work_at_once_and_over_when_disabled(stack, admin, fresh_devices):
    here, there, _ = fresh_devices
    rule = made(admin, metric_name="rules_live", name="At once")
    one = f"/alert-rules/{rule['rule_id']}"

    def told():
        send(stack, here, {"rules_live": 31})
        return alerts(stack, rule["rule_id"])
    assert [a[:2] for a in wait_for("an alert", told)] == [(here["device_id"], "OPEN")]
    assert admin.get(one).json()["open_alerts"] == 1
    for_here = admin.get(f"/alert-rules?device_id={here['device_id']}").json()["rules"]
    assert rule["rule_id"] in [r["rule_id"] for r in for_here]
    assert admin.get("/alert-rules?device_id=nobody").json() == {"detail": "Device not found"}
    assert admin.patch(one, json={"enabled": False}).json()["open_alerts"] == 0
    assert alerts(stack, rule["rule_id"]) == [(here["device_id"], "CLOSED", "rule_removed")]
    admin.patch(one, json={"enabled": True, "metric_name": "rules_live"})

    def told_there():
        send(stack, there, {"rules_live": 40})
        return len(alerts(stack, rule["rule_id"])) == 2
    wait_for("another alert", told_there)
    assert admin.delete(one).json()["closed_alerts"] == 1
    assert [a[1:] for a in alerts(stack, rule["rule_id"])] == [("CLOSED", "rule_removed")] * 2
    events = stack.sql("SELECT event FROM alert_events e JOIN fleet_alert a ON a.id = e.alert_id WHERE a.rule_id = %s "
                       "ORDER BY e.id", (rule["rule_id"],))
    assert [e[0] for e in events] == ["OPEN", "CLOSED", "OPEN", "CLOSED"]


def test_rules_of_a_device_go_by_its_groups_and_site(admin, fresh_devices):
    inside, outside, _ = (d["device_id"] for d in fresh_devices)
    admin.post("/device-groups", json={"group_id": "rules-group", "name": "Group"})
    admin.put(f"/device-groups/rules-group/devices/{inside}")
    grouped = made(admin, name="Grouped", group_ids=["rules-group"])["rule_id"]
    sited = made(admin, name="Sited", site_ids=["warehouse-north"])["rule_id"]
    typed = made(admin, name="Typed", device_type="another")["rule_id"]

    def of(device):
        return {r["rule_id"] for r in admin.get(f"/alert-rules?device_id={device}").json()["rules"]} & {grouped, sited, typed}
    assert of(inside) == {grouped, sited} and of(outside) == {sited}
    for rule in (grouped, sited, typed):
        admin.delete(f"/alert-rules/{rule}")
    admin.delete("/device-groups/rules-group")


def test_rules_of_a_device_are_found_among_all(admin, fresh_device):
    first, last = made(admin, name="First", device_type="another"), made(admin, name="Last", site_ids=["warehouse-north"])
    total = len(admin.get("/alert-rules").json()["rules"])
    found = admin.get(f"/alert-rules?limit={total - 1}&device_id={fresh_device['device_id']}").json()["rules"]
    assert last["rule_id"] in [r["rule_id"] for r in found]
    assert len(admin.get(f"/alert-rules?limit=1&device_id={fresh_device['device_id']}").json()["rules"]) == 1
    for rule in (first, last):
        admin.delete(f"/alert-rules/{rule['rule_id']}")


def preview(api, days=1, devices=None, **rule):
    answer = api.post("/alert-rules/preview", json={"rule": {**HOT, **rule}, "days": days, "device_ids": devices})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_preview_says_when_it_would_have_fired(stack, admin, fresh_devices):
    hot, cold, silent = fresh_devices
    rules = stack.sql("SELECT count(*) FROM alert_rules")
    for ago, value in ((4000, 20), (3600, 31), (3000, 32), (2400, 29), (1800, 35), (1200, 36)):
        send(stack, hot, {"preview_c": value}, ago)
    send(stack, cold, {"preview_c": 3}, 1000)
    wait_for("what was sent", lambda: stack.stored(hot["device_id"]) == 6 and stack.stored(cold["device_id"]) == 1)
    ids = [d["device_id"] for d in fresh_devices]
    told = preview(admin, devices=ids, metric_name="preview_c")
    assert (told["devices_in_scope"], told["devices_judged"], told["messages"], told["alert_count"]) == (3, 3, 7, 2)
    assert told["cut"] is None and told["threshold"] == 30 and told["metric_name"] == "preview_c"
    first = told["devices"][0]
    assert first["device_id"] == hot["device_id"] and first["alert_count"] == 2
    one, two = first["alerts"]
    assert one["closed_at"] and two["closed_at"] is None
    assert abs(one["seconds"] - 1200) < 1 and "preview_c is 31" in one["summary"]
    assert sum(first["series"]["count"]) == 6 and max(first["series"]["max"]) == 36
    # A lone sample proves no duration, two do.
    held = preview(admin, devices=ids, metric_name="preview_c", duration_minutes=9)
    assert [abs(a["seconds"] - s) < 1 for a, s in zip(held["devices"][0]["alerts"], (600, 1200))] == [True, True]
    wide = preview(admin, devices=ids, metric_name="preview_c", clear_threshold=25)
    assert wide["alert_count"] == 1
    average = preview(admin, devices=ids, metric_name="preview_c", rule_type="window", aggregation="max", window_seconds=3600)
    assert average["alert_count"] >= 1
    gap = preview(admin, devices=ids, rule_type="telemetry_gap", gap_conditions={"metric_name": "preview_c", "gap_minutes": 9})
    assert [d["alert_count"] for d in gap["devices"] if d["device_id"] == hot["device_id"]] == [5]
    # Nothing is made by it.
    assert stack.sql("SELECT count(*) FROM alert_rules") == rules
    assert stack.sql("SELECT count(*) FROM fleet_alert WHERE device_id = ANY (%s)", (ids,)) == [(0,)]


def test_preview_sees_normalized_values(stack, admin, fresh_device):
    admin.post("/normalized-metrics", json={"normalized_name": "preview_t", "display_unit": "°C"})
    admin.post("/metric-mappings", json={"raw_metric": "preview_f", "normalized_name": "preview_t", "multiplier": 0.5,
                                         "offset_value": 1})
    send(stack, fresh_device, {"preview_f": 100}, 100)
    wait_for("what was sent", lambda: stack.stored(fresh_device["device_id"]) == 1)
    told = preview(admin, devices=[fresh_device["device_id"]], metric_name="preview_t", threshold=50.5)
    assert told["alert_count"] == 1 and told["devices"][0]["series"]["max"] == [51]
    admin.delete("/normalized-metrics/preview_t")


def many_messages(stack, device, count, value):
    """Stored messages of the last day in even steps; `value` is SQL over i, their number."""
    stack.sql("INSERT INTO telemetry (time, tenant_id, device_id, site_id, seq, metrics, received_at, stream_seq) SELECT now() - "
              f"interval '23 hours' * (%s - i) / %s, 'demo', %s, 'warehouse-north', i, jsonb_build_object('many_c', {value}), "
              "now(), 0 FROM generate_series(1, %s) i", [count, count, device["device_id"], count])


def test_a_preview_that_is_cut_says_so(stack, admin, fresh_devices):
    first, second, third = fresh_devices
    # In the order of their last messages: the one with too many is the second, and none is left for the third.
    many_messages(stack, first, 400_001, "31")
    many_messages(stack, second, 10, "31")
    for number, device in enumerate((second, first, third)):
        stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, last_telemetry_at) VALUES ('demo', %s, "
                  "'warehouse-north', now() - %s * interval '1 s') ON CONFLICT (tenant_id, device_id) DO UPDATE SET "
                  "last_telemetry_at = excluded.last_telemetry_at",
                  [device["device_id"], number])
    ids = [d["device_id"] for d in fresh_devices]
    told = preview(admin, devices=ids, metric_name="many_c")
    cut = next(d for d in told["devices"] if d["device_id"] == first["device_id"])
    whole = next(d for d in told["devices"] if d["device_id"] == second["device_id"])
    assert f"{cut['name']} was judged until {cut['judged_to']} only" in told["cut"], told["cut"]
    assert "1 of 3 devices were not judged" in told["cut"] and told["devices_judged"] == 2
    assert whole["judged_to"] == told["to"] and cut["judged_to"] < told["to"] and told["messages"] <= 400_000
    # An alert that is open there is not said to last until now.
    open_s = sum(a["seconds"] for a in cut["alerts"])
    assert cut["alert_count"] == 1 and cut["alerts"][0]["closed_at"] is None
    assert abs(open_s - (instant(cut["judged_to"]) - instant(cut["alerts"][0]["opened_at"]))) < 1
    assert cut["series"]["time"][-1] <= instant(cut["judged_to"])
    stack.sql("DELETE FROM telemetry WHERE device_id = ANY (%s)", [ids])


def test_a_preview_counts_alerts_that_it_does_not_list(stack, admin, fresh_device):
    many_messages(stack, fresh_device, 500, "CASE i %% 2 WHEN 0 THEN 31 ELSE 29 END")
    told = preview(admin, devices=[fresh_device["device_id"]], metric_name="many_c")
    one = told["devices"][0]
    assert one["alert_count"] == 250 and len(one["alerts"]) == 200 and "only the first 200 alerts" in told["cut"]
    assert one["judged_to"] == told["to"]


def test_preview_is_bounded_by_tenant_and_by_what_is_asked(stack, admin, other, fresh_device):
    send(stack, fresh_device, {"temp_c": 99}, 10)
    wait_for("what was sent", lambda: stack.stored(fresh_device["device_id"]) == 1)
    told = preview(other, devices=[fresh_device["device_id"]])
    assert told["devices"] == [] and told["devices_in_scope"] == 0
    assert preview(other)["devices_in_scope"] == 0
    for days in (0, 31):
        assert admin.post("/alert-rules/preview", json={"rule": HOT, "days": days}).status_code == 422
    assert admin.post("/alert-rules/preview", json={"rule": {**HOT, "operator": "?"}}).json() == {
        "detail": "Invalid operator value"}


def test_document_goes_out_and_in(admin, other):
    a = made(admin, name="Export a", description="a", conditions=[
        {"metric_name": "temp_c", "operator": "GT", "threshold": 1, "duration_minutes": 3},
        {"metric_name": "humidity", "operator": "LT", "threshold": 2}])
    b = made(admin, name="Export b", rule_type="telemetry_gap", gap_conditions={"metric_name": "temp_c"})
    document = admin.get(f"/alert-rules/export?rule_id={a['rule_id']}&rule_id={b['rule_id']}").json()
    assert [r["name"] for r in document["rules"]] == ["Export a", "Export b"]
    assert len(admin.get("/alert-rules/export").json()["rules"]) >= 2
    assert admin.get(f"/alert-rules/export?rule_id={uuid.uuid4()}").status_code == 404
    assert other.get(f"/alert-rules/export?rule_id={a['rule_id']}").status_code == 404
    dry = other.post("/alert-rules/import", json={**document, "dry_run": True}).json()
    assert (dry["valid"], dry["created"]) == (2, 0) and not other.get("/alert-rules").json()["rules"]
    odd = {"name": "Export c", "metric_name": "x", "operator": "?", "threshold": 1}
    worse = {"name": "Export d", "severity": 9}
    result = other.post("/alert-rules/import", json={**document, "rules": [*document["rules"], odd, worse]}).json()
    assert (result["created"], result["errors"], result["skipped"]) == (2, 2, 0)
    assert [r["status"] for r in result["results"]] == ["created", "created", "error", "error"]
    assert result["results"][2]["error"] == "Invalid operator value" and "severity" in result["results"][3]["error"]
    there = other.get("/alert-rules").json()["rules"]
    assert [(r["name"], r["conditions"]) for r in there] == [("Export a", a["conditions"]), ("Export b", None)]
    again = other.post("/alert-rules/import", json=document).json()
    assert (again["created"], again["skipped"]) == (0, 2)
    # What it names must be the tenant's own.
    foreign = {"format": document["format"], "rules": [{**HOT, "name": "Foreign", "site_ids": ["warehouse-north"]}]}
    assert other.post("/alert-rules/import", json=foreign).json()["results"][0]["error"] == "Invalid site_id value"
    for api, rules in ((admin, [a, b]), (other, there)):
        for rule in rules:
            assert api.delete(f"/alert-rules/{rule['rule_id']}").status_code == 200


def test_the_same_document_twice_at_once_makes_its_rules_once(stack, other):
    document = {"format": "pulse-alert-rules/1", "rules": [{**HOT, "name": f"Twice {i}"} for i in range(20)]}
    # Both have read the document, and wait for whoever makes rules.
    with stack.transaction() as held, concurrent.futures.ThreadPoolExecutor(2) as pool:
        held.execute("SELECT pg_advisory_xact_lock(hashtextextended('alert_rules:other', 0))")
        work = [pool.submit(other.post, "/alert-rules/import", json=document) for _ in range(2)]
        wait_for("two imports that wait", lambda: stack.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",
            ("%pg_advisory_xact_lock(hashtextextended('alert_rules:%",)) == [(2,)])
        held.connection.commit()
        results = [w.result(30).json() for w in work]
    assert sorted((r["created"], r["skipped"]) for r in results) == [(0, 20), (20, 0)]
    rules = other.get("/alert-rules").json()["rules"]
    assert len(rules) == 20
    for rule in rules:
        other.delete(f"/alert-rules/{rule['rule_id']}")


def test_a_document_has_bounds(stack, other):
    rules = [{**HOT, "name": f"r{i}"} for i in range(2001)]
    body = {"format": "pulse-alert-rules/1", "rules": rules, "dry_run": True}
    assert other.post("/alert-rules/import", json=body).status_code == 422
    assert other.post("/alert-rules/import", json={**body, "rules": rules[:2000]}).status_code in (200, 403)
    stack.command("admin", "create-tenant", "--id", "rules-many", "--name", "Many")
    make_user(stack, "rules-many-admin", tenant="rules-many", roles="customer,tenant-admin")
    many = Api(stack, "rules-many-admin")
    stack.sql("INSERT INTO alert_rules (tenant_id, name, enabled, metric_name, operator, threshold) "
              "SELECT 'rules-many', 'r' || i, false, 'm', 'GT', 1 FROM generate_series(1, 2001) i")
    refused = many.get("/alert-rules/export")
    assert (refused.status_code, refused.json()["detail"]) == (
        400, "A document holds at most 2000 rules: name some by rule_id")
    one = stack.sql("SELECT rule_id::text FROM alert_rules WHERE tenant_id = 'rules-many' ORDER BY id DESC LIMIT 1")[0][0]
    assert [r["name"] for r in many.get(f"/alert-rules/export?rule_id={one}").json()["rules"]] == ["r2001"]
    stack.sql("DELETE FROM alert_rules WHERE tenant_id = 'rules-many'")


def test_templates_are_applied_once(other):
    templates = other.get("/alert-rule-templates").json()
    assert templates["total"] == len(templates["templates"]) > 8
    battery = other.get("/alert-rule-templates?device_type=battery").json()["templates"]
    assert {t["device_type"] for t in battery} == {"battery"}
    wanted = ["battery-low", "temperature-unusual", "temperature-gap", "nothing"]
    done = other.post("/alert-rule-templates/apply", json={"template_ids": wanted}).json()
    assert {c["template_id"] for c in done["created"]} == set(wanted[:3]) and done["skipped"] == []
    again = other.post("/alert-rule-templates/apply", json={"template_ids": wanted}).json()
    assert again["created"] == [] and len(again["skipped"]) == 3
    rules = {r["name"]: r for r in other.get("/alert-rules").json()["rules"]}
    assert rules["No temperature"]["gap_conditions"]["gap_minutes"] == 15
    assert rules["Battery low"]["clear_threshold"] == 25
    none = other.post("/alert-rule-templates/apply", json={"template_ids": ["nothing"]})
    assert (none.status_code, none.json()["detail"]) == (400, "No valid template_ids provided")
    assert other.post("/alert-rule-templates/apply", json={"template_ids": wanted, "site_ids": ["warehouse-north"]}).json() == {
        "detail": "Invalid site_id value"}
    for c in done["created"]:
        other.delete(f"/alert-rules/{c['id']}")


def test_every_template_makes_a_rule(other):
    ids = [t["template_id"] for t in other.get("/alert-rule-templates").json()["templates"]]
    done = other.post("/alert-rule-templates/apply", json={"template_ids": ids}).json()
    assert len(done["created"]) == len(ids)
    for c in done["created"]:
        other.delete(f"/alert-rules/{c['id']}")


def test_permissions(admin, viewer):
    rule = made(admin, name="Seen")
    one = f"/alert-rules/{rule['rule_id']}"
    assert viewer.get(one).status_code == 200 and viewer.get("/alert-rules").status_code == 200
    for method, path, body, permission in (
            ("post", "/alert-rules", HOT, "alert-rules.create"), ("patch", one, {"name": "x"}, "alert-rules.update"),
            ("delete", one, None, "alert-rules.delete"), ("post", "/alert-rules/preview", {"rule": HOT}, "alert-rules.create"),
            ("post", "/alert-rules/import", {"format": "pulse-alert-rules/1", "rules": [HOT]}, "alert-rules.create"),
            ("post", "/alert-rule-templates/apply", {"template_ids": ["battery-low"]}, "alert-rules.templates")):
        answer = getattr(viewer, method)(path, **({"json": body} if body else {}))
        assert (answer.status_code, answer.json()["detail"]) == (403, f"Permission required: {permission}")
    admin.delete(one)


def test_a_tier_has_room_for_so_many(stack, admin):
    stack.command("admin", "create-tenant", "--id", "rules-small", "--name", "Small")
    make_user(stack, "rules-small-admin", tenant="rules-small", roles="customer,tenant-admin")
    small = Api(stack, "rules-small-admin")
    stack.sql("UPDATE tenants SET account_tier_id = (SELECT tier_id FROM account_tiers ORDER BY sort_order LIMIT 1) "
              "WHERE tenant_id = 'rules-small'")
    limit = stack.sql("SELECT (limits ->> 'alert_rules')::int FROM account_tiers ORDER BY sort_order LIMIT 1")[0][0]
    for i in range(limit):
        made(small, name=f"r{i}")
    refused = small.post("/alert-rules", json=HOT)
    assert refused.status_code == 403 and refused.json()["detail"].startswith("Alert rule limit reached: tier ")
    imported = small.post("/alert-rules/import", json={"format": "pulse-alert-rules/1", "rules": [HOT]})
    applied = small.post("/alert-rule-templates/apply", json={"template_ids": ["battery-low"]})
    assert imported.status_code == 403 and applied.status_code == 403


def test_two_tenants(admin, other):
    mine = made(admin, name="Mine")
    one = f"/alert-rules/{mine['rule_id']}"
    for answer in (other.get(one), other.patch(one, json={"name": "x"}), other.delete(one)):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Alert rule not found")
    assert mine["rule_id"] not in str(other.get("/alert-rules").json())
    assert admin.get(one).json() == mine
    admin.delete(one)
