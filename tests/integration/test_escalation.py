"""Escalation: policies, and what happens to alerts that nobody reacts to."""

import itertools
import json

import pytest
import requests
from conftest import Api
from people import make_user
from receivers import Webhook
from servers import Stack, wait_for
from smtp import SmtpCapture

NUMBER = itertools.count(1)
LEVELS = [{"level_number": 2, "delay_minutes": 30, "notify_webhook": "https://hooks.example/secret-path"},
          {"level_number": 1, "delay_minutes": 5, "notify_email": "shift@demo.example"}]


def policy(api, name="Operations", **more):
    answer = api.post("/escalation-policies", json={"name": name, "levels": LEVELS, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def due_alert(stack, policy_id, tenant="demo", severity=3, **columns) -> int:
    """An alert whose next level is due."""
    row = {"tenant_id": tenant, "site_id": "warehouse-north", "device_id": "d", "alert_type": "THRESHOLD",
           "fingerprint": f"escalation-{next(NUMBER)}", "severity": severity, "summary": "Too hot",
           "escalation_policy_id": policy_id, **columns}
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    return stack.sql(f"INSERT INTO fleet_alert ({names}, next_escalation_at) VALUES ({marks}, now()) RETURNING id",
                     tuple(row.values()))[0][0]


def alert(stack, alert_id) -> dict:
    return stack.sql("SELECT to_jsonb(a) FROM fleet_alert a WHERE id = %s", (alert_id,))[0][0]


def escalations(stack, alert_id) -> list:
    return [row[0] for row in stack.sql("SELECT details FROM alert_events WHERE alert_id = %s AND event = 'ESCALATED' "
                                        "ORDER BY id", (alert_id,))]


def jobs(stack, alert_id) -> list:
    return stack.sql("SELECT target ->> 'kind', target ->> 'address' FROM notification_jobs WHERE alert_id = %s "
                     "AND channel_id IS NULL ORDER BY job_id", (alert_id,))


def minutes_to_next(stack, alert_id):
    found = stack.sql("SELECT round(extract(epoch FROM next_escalation_at - escalated_at) / 60) FROM fleet_alert "
                      "WHERE id = %s", (alert_id,))[0][0]
    return None if found is None else int(found)


def at_level(stack, alert_id, level):
    wait_for(f"level {level}", lambda: alert(stack, alert_id)["escalation_level"] == level)


def test_policies_are_made_changed_and_deleted(admin, other):
    made = policy(admin, description="Who is told")
    assert [level["level_number"] for level in made["levels"]] == [1, 2]
    assert made["levels"][1]["notify_webhook"] == "https://hooks.example/***"
    assert not made["is_default"] and made["repeat_count"] == 0
    one = f"/escalation-policies/{made['policy_id']}"
    assert admin.get(one).json() == made
    kept = made["levels"][0]["level_id"]
    changed = admin.put(one, json={"name": "Night", "repeat_count": 2, "levels": [
        {"level_number": 1, "notify_email": "night@demo.example"}]})
    assert changed.status_code == 200
    assert changed.json()["levels"] == [{"level_id": kept, "level_number": 1, "delay_minutes": 15,
                                         "notify_email": "night@demo.example", "notify_webhook": None,
                                         "oncall_schedule_id": None}]
    assert changed.json()["description"] is None and changed.json()["repeat_count"] == 2
    assert made["policy_id"] in [p["policy_id"] for p in admin.get("/escalation-policies").json()["policies"]]
    assert made["policy_id"] not in [p["policy_id"] for p in other.get("/escalation-policies").json()["policies"]]
    for answer in (other.get(one), other.put(one, json={"name": "x"}), other.delete(one)):
        assert answer.status_code == 404 and answer.json()["detail"] == "Escalation policy not found"
    assert admin.delete(one).status_code == 204
    assert admin.get(one).status_code == 404 and admin.delete(one).status_code == 404


def test_addresses_of_webhooks_are_sealed_and_kept(stack, admin):
    made = policy(admin)
    one = f"/escalation-policies/{made['policy_id']}"
    stored = stack.sql("SELECT to_jsonb(l)::text FROM escalation_levels l WHERE policy_id = %s", (made["policy_id"],))
    assert not any("secret-path" in row[0] for row in stored)
    sealed = "SELECT sealed_webhook FROM escalation_levels WHERE policy_id = %s AND sealed_webhook IS NOT NULL"
    before = stack.sql(sealed, (made["policy_id"],))
    assert len(before) == 1
    # What was read can be sent back; the level may have moved meanwhile.
    moved = [{**level, "level_number": level["level_number"] + 2} for level in made["levels"]]
    for levels in (made["levels"], moved):
        again = admin.put(one, json={"name": "Operations", "levels": levels})
        assert again.status_code == 200, again.text
        assert stack.sql(sealed, (made["policy_id"],)) == before
    unknown = admin.put(one, json={"name": "x", "levels": [{"level_number": 1, "notify_webhook": "https://evil.example/***"}]})
    assert unknown.status_code == 422 and unknown.json()["detail"][0]["loc"] == ["body", "levels", "0", "notify_webhook"]
    bare = admin.put(one, json={"name": "x", "levels": [{"level_number": 1, "notify_webhook": "https://hooks.example"}]})
    assert bare.json()["levels"][0]["notify_webhook"] == "https://hooks.example"
    # Of before there were seals.
    stack.sql("UPDATE escalation_levels SET notify_webhook = 'https://old.example/old-secret' WHERE policy_id = %s RETURNING 1",
              (made["policy_id"],))
    old = admin.get(one).json()
    assert old["levels"][0]["notify_webhook"] == "https://old.example/***"
    due = due_alert(stack, made["policy_id"])
    at_level(stack, due, 1)
    assert jobs(stack, due) == [("webhook", "https://old.example/old-secret")]
    assert admin.put(one, json=old).status_code == 200
    assert stack.sql("SELECT notify_webhook, sealed_webhook IS NOT NULL FROM escalation_levels WHERE policy_id = %s",
                     (made["policy_id"],)) == [("https://old.example/***", True)]


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://10.0.0.1/x", "http://[::1]/x"])
def test_a_webhook_inside_is_refused(admin, url):
    answer = admin.post("/escalation-policies", json={"name": "x", "levels": [{"level_number": 1, "notify_webhook": url}]})
    fault = answer.json()["detail"][0]
    assert answer.status_code == 422 and fault["loc"][-1] == "notify_webhook" and "is not a public address" in fault["msg"]


def test_people_name_the_channels_they_are_told_by(admin):
    for wrong in ("1", [1, "2"], {}, list(range(11))):
        answer = admin.put("/preferences", json={"notification_prefs": {"oncall_channel_ids": wrong}})
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == "notification_prefs", wrong
    good = admin.put("/preferences", json={"notification_prefs": {"oncall_channel_ids": [1, 2], "other": True}})
    assert good.json()["notification_prefs"] == {"oncall_channel_ids": [1, 2], "other": True}
    assert admin.put("/preferences", json={"notification_prefs": {}}).status_code == 200


def test_one_policy_is_the_default(admin, other):
    first, second = policy(admin, is_default=True), policy(admin, is_default=True)
    theirs = policy(other, is_default=True)
    assert second["is_default"] and not admin.get(f"/escalation-policies/{first['policy_id']}").json()["is_default"]
    assert other.get(f"/escalation-policies/{theirs['policy_id']}").json()["is_default"]
    admin.put(f"/escalation-policies/{first['policy_id']}", json={"name": "First", "is_default": True})
    assert [p["policy_id"] for p in admin.get("/escalation-policies").json()["policies"] if p["is_default"]] == [
        first["policy_id"]]
    for api, made in ((admin, first), (admin, second), (other, theirs)):
        api.delete(f"/escalation-policies/{made['policy_id']}")


@pytest.mark.parametrize("level, where", [
    ({"level_number": 6}, "level_number"), ({"level_number": 1, "delay_minutes": 0}, "delay_minutes"),
    ({"level_number": 1, "notify_email": "nobody"}, "notify_email"),
    ({"level_number": 1, "notify_webhook": "ftp://x"}, "notify_webhook"),
    ({"level_number": 1, "oncall_schedule_id": 2000000000}, "oncall_schedule_id")])
def test_faults_of_levels_are_told(admin, level, where):
    answer = admin.post("/escalation-policies", json={"name": "x", "levels": [level]})
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == where, answer.text


def test_a_level_number_is_there_once_and_schedules_are_the_tenants_own(admin, other):
    twice = admin.post("/escalation-policies", json={"name": "x", "levels": [{"level_number": 1}, {"level_number": 1}]})
    assert twice.status_code == 422 and twice.json()["detail"][0]["loc"] == ["body", "levels"]
    theirs = other.post("/oncall-schedules", json={"name": "Theirs"}).json()["schedule_id"]
    answer = admin.post("/escalation-policies", json={"name": "x", "levels": [
        {"level_number": 1, "oncall_schedule_id": theirs}]})
    assert answer.status_code == 422


def test_an_alert_goes_up_level_by_level_and_tells_each(stack, admin):
    made = policy(admin)
    due = due_alert(stack, made["policy_id"], severity=4)
    at_level(stack, due, 1)
    found = alert(stack, due)
    assert found["severity"] == 5 and found["escalated_at"] and found["status"] == "OPEN"
    assert minutes_to_next(stack, due) == 30
    assert jobs(stack, due) == [("email", "shift@demo.example")]
    stack.sql("UPDATE fleet_alert SET next_escalation_at = now() WHERE id = %s", (due,))
    at_level(stack, due, 2)
    found = alert(stack, due)
    assert found["severity"] == 5, "5 is the highest"
    assert found["next_escalation_at"] is None, "it was the last level"
    assert jobs(stack, due)[1:] == [("webhook", "https://hooks.example/***")]
    first, second = escalations(stack, due)
    assert first["targets"] == [{"kind": "email", "address": "shift@demo.example"}]
    assert (first["level"], first["severity_before"], first["severity"], first["policy"]) == (1, 4, 5, "Operations")
    assert "secret-path" not in json.dumps(second) and second["level"] == 2


def test_the_levels_begin_again_as_often_as_the_policy_says(stack, admin):
    made = policy(admin, repeat_count=1)
    due = due_alert(stack, made["policy_id"], severity=1, escalation_level=2)
    at_level(stack, due, 1)
    assert alert(stack, due)["escalation_round"] == 1 and minutes_to_next(stack, due) == 30
    stack.sql("UPDATE fleet_alert SET next_escalation_at = now() WHERE id = %s", (due,))
    at_level(stack, due, 2)
    assert alert(stack, due)["next_escalation_at"] is None
    assert [e["round"] for e in escalations(stack, due)] == [1, 1]
    assert alert(stack, due)["severity"] == 3


def test_who_is_acknowledged_closed_or_silenced_stays(stack, admin):
    made = policy(admin)
    stay = [due_alert(stack, made["policy_id"], status="ACKNOWLEDGED"), due_alert(stack, made["policy_id"], status="CLOSED"),
            due_alert(stack, made["policy_id"], silenced_until="2100-01-01")]
    goes = due_alert(stack, made["policy_id"])
    at_level(stack, goes, 1)
    assert [alert(stack, one)["escalation_level"] for one in stay] == [0, 0, 0]
    stack.sql("UPDATE fleet_alert SET silenced_until = now() WHERE id = %s", (stay[2],))
    at_level(stack, stay[2], 1)


def test_maintenance_holds_back(stack, admin):
    made = policy(admin)
    window = stack.sql("INSERT INTO alert_maintenance_windows (tenant_id, name, starts_at, site_ids) "
                       "VALUES ('demo', 'Works', now() - interval '1 hour', '{maintained}') RETURNING window_id")[0][0]
    held, goes = due_alert(stack, made["policy_id"], site_id="maintained"), due_alert(stack, made["policy_id"])
    at_level(stack, goes, 1)
    assert alert(stack, held)["escalation_level"] == 0
    stack.sql("DELETE FROM alert_maintenance_windows WHERE window_id = %s", (window,))
    at_level(stack, held, 1)


def test_without_a_policy_or_a_level_it_stops(stack, admin):
    gone, short = policy(admin), policy(admin)
    of_gone = stack.sql("INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary, "
                        "escalation_policy_id, next_escalation_at) VALUES ('demo', 's', 'd', 'T', 'of-gone', 3, 'x', %s, "
                        "now() + interval '1 hour') RETURNING id", (gone["policy_id"],))[0][0]
    assert admin.delete(f"/escalation-policies/{gone['policy_id']}").status_code == 204
    assert alert(stack, of_gone)["next_escalation_at"] is None
    admin.put(f"/escalation-policies/{short['policy_id']}", json={"name": "Short", "levels": []})
    due = due_alert(stack, short["policy_id"])
    wait_for("an end", lambda: alert(stack, due)["next_escalation_at"] is None)
    assert alert(stack, due)["escalation_level"] == 0


def test_the_person_on_call_is_told(stack, admin):
    make_user(stack, "nightwatch")
    make_user(stack, "foreigner", tenant="other")
    schedules = {who: admin.post("/oncall-schedules", json={"name": who or "Nobody", "layers": [{"responders": [who] if who else []}]})
                 .json()["schedule_id"] for who in ("nightwatch", "ada@elsewhere.example", "foreigner", "")}
    made = policy(admin, levels=[{"level_number": n, "oncall_schedule_id": s} for n, s in enumerate(schedules.values(), 1)])
    told = []
    due = due_alert(stack, made["policy_id"])
    for level in range(1, 5):
        at_level(stack, due, level)
        told.append(escalations(stack, due)[-1]["targets"][0])
        stack.sql("UPDATE fleet_alert SET next_escalation_at = now() WHERE id = %s AND escalation_level < 4", (due,))
    assert jobs(stack, due) == [("email", "nightwatch@demo.example"), ("email", "ada@elsewhere.example")]
    assert told[0]["responder"] == "nightwatch" and told[0]["schedule"] == "nightwatch"
    assert told[2]["problem"] == "has no email address here", "another tenant's person"
    assert told[3]["problem"] == "nobody is on call"
    # A schedule that goes leaves its level without a target.
    admin.delete(f"/oncall-schedules/{schedules['nightwatch']}")
    after = admin.get(f"/escalation-policies/{made['policy_id']}").json()
    assert [level["oncall_schedule_id"] is None for level in after["levels"]] == [True, False, False, False]


def test_an_alert_is_opened_with_its_rules_policy_or_the_default(stack, admin, fresh_device):
    usual, own = policy(admin, is_default=True), policy(admin)
    rules = {want["policy_id"]: stack.sql(
        "INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold, escalation_policy_id) "
        "VALUES ('demo', 'Hot', 'temp_c', 'GT', 30, %s) RETURNING rule_id", (given,))[0][0]
        for want, given in ((usual, None), (own, own["policy_id"]))}

    def opened(rule):
        requests.post(f"{stack.url}/ingest/v1/tenant/demo/device/{fresh_device['device_id']}/telemetry", timeout=10,
                      headers={"X-Provision-Token": fresh_device["token"]}, json={"metrics": {"temp_c": 40}})
        return stack.sql("SELECT escalation_policy_id, round(extract(epoch FROM next_escalation_at - created_at) / 60)::integer "
                         "FROM fleet_alert WHERE rule_id = %s", (rule,))

    for want, rule in rules.items():
        assert wait_for("an alert", lambda rule=rule: opened(rule)) == [(want, 5)]
    stack.sql("DELETE FROM alert_rules WHERE name = 'Hot'")
    admin.delete(f"/escalation-policies/{usual['policy_id']}")


def test_the_event_goes_out(stack, admin):
    due = due_alert(stack, policy(admin)["policy_id"])
    at_level(stack, due, 1)
    wait_for("an empty outbox", lambda: stack.sql("SELECT count(*) FROM alert_outbox") == [(0,)])


def test_a_killed_process_escalates_once(stack, admin):
    """The process dies after the alert's level was written and before the messages are."""
    made = policy(admin)
    with stack.transaction() as cursor:
        cursor.execute("LOCK TABLE notification_jobs IN ACCESS EXCLUSIVE MODE")
        due = due_alert(stack, made["policy_id"])
        stack.wait_for_lock("INSERT INTO notification_jobs")
        for process in stack.pulses:
            process.kill()
    for process in stack.pulses:
        process.start()
    stack.wait_ready()
    at_level(stack, due, 1)
    assert jobs(stack, due) == [("email", "shift@demo.example")]
    assert len(escalations(stack, due)) == 1 and alert(stack, due)["severity"] == 4


def test_a_tier_without_it_refuses(stack, admin):
    before = stack.sql("SELECT account_tier_id FROM tenants WHERE tenant_id = 'demo'")[0][0]
    stack.sql("INSERT INTO account_tiers (tier_id, name, limits, features) VALUES ('no-alerting', 'Small', '{}', "
              "'{\"alert_escalation\": false, \"oncall_scheduling\": false}') ON CONFLICT DO NOTHING")
    stack.sql("UPDATE tenants SET account_tier_id = 'no-alerting' WHERE tenant_id = 'demo'")
    try:
        for path in ("/escalation-policies", "/oncall-schedules"):
            answer = admin.post(path, json={"name": "x"})
            assert answer.status_code == 403 and "not included in tier Small" in answer.json()["detail"]
    finally:
        stack.sql("UPDATE tenants SET account_tier_id = %s WHERE tenant_id = 'demo'", (before,))
        stack.sql("DELETE FROM account_tiers WHERE tier_id = 'no-alerting'")


def test_the_messages_arrive():
    """By email to an address and to whoever is on call, and at a webhook, from the moment an alert is due."""
    with SmtpCapture() as mail, Webhook() as hook, Stack(
            settings={"OUTBOUND_PRIVATE_HOSTS": hook.host, **mail.settings()}, devices=1) as pulse:
        make_user(pulse, "nightwatch")
        api = Api(pulse, "tenantadmin1")
        schedule = api.post("/oncall-schedules", json={"name": "Night", "layers": [{"responders": ["nightwatch"]}]}).json()
        made = policy(api, name="Whole", levels=[{
            "level_number": 1, "notify_email": "shift@demo.example", "notify_webhook": hook.url,
            "oncall_schedule_id": schedule["schedule_id"]}])
        due = due_alert(pulse, made["policy_id"], severity=3, device_id="pump-7")
        for address in ("shift@demo.example", "nightwatch@demo.example"):
            email = mail.wait_for(address)
            assert "pump-7" in email.subject and "[4]" in email.subject
            assert "Escalated to level 1 of policy Whole: nobody has acknowledged this alert." in email.text
        told = hook.wait_about("pump-7")[0].body
        assert (told["alert_id"], told["severity"], told["event_type"]) == (due, 4, "ESCALATED")
        assert hook.about("pump-7")[0].path == Webhook.path, "the whole address, not what is shown of it"
        at_level(pulse, due, 1)
        assert len(mail.to("shift@demo.example")) == 1
        # By a channel of their own instead, once they named one.
        own = api.post("/notification-channels", json={"name": "Pager", "channel_type": "webhook", "config": {
            "url": f"http://{hook.host}/own"}}).json()["channel_id"]
        watch = Api(pulse, "nightwatch")
        assert watch.put("/preferences", json={"notification_prefs": {"oncall_channel_ids": [own]}}).status_code == 200
        due = due_alert(pulse, made["policy_id"], severity=3, device_id="pump-8")
        at_level(pulse, due, 1)
        hook.wait_about("pump-8", 2)
        assert sorted(r.path for r in hook.about("pump-8")) == ["/hook", "/own"]
        assert len(mail.to("nightwatch@demo.example")) == 1
        assert escalations(pulse, due)[0]["targets"][2]["channels"] == ["Pager"]
