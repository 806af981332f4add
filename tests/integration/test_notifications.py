"""Notifications: channels and their secrets, routing, every type of channel against what it speaks to, retries, crashes."""

import hashlib
import hmac
import json
import time

import pytest
from conftest import Api
from notifying import (DOOR, ENGINE, KEY, alert, channel, cleaned, everything_outside, hook_channel, jobs, pulse_beside, route,
                       routed, settled, turn)
from servers import wait_for


@pytest.fixture(scope="module")
def outside():
    with everything_outside() as found:
        yield found


@pytest.fixture(scope="module")
def pulse(outside):
    with pulse_beside(outside) as running:
        yield running


@pytest.fixture(scope="module")
def api(pulse):
    return Api(pulse, "acme1")


@pytest.fixture(scope="module")
def rival(pulse):
    return Api(pulse, "rival1")


@pytest.fixture(autouse=True)
def _clean(api, outside):
    yield from cleaned(api, outside)


# ---- channels ----

GOOD = {
    "slack": ({"webhook_url": "https://hooks.slack.com/services/T1/B1/secret-1"}, ["webhook_url"]),
    "teams": ({"webhook_url": "https://x.webhook.office.com/webhookb2/secret-1"}, ["webhook_url"]),
    "pagerduty": ({"integration_key": "secret-1" * 4}, ["integration_key"]),
    "webhook": ({"url": "https://hooks.example.com/a", "secret": "secret-1", "headers": {"X-Key": "secret-1"}}, ["url"]),
    "http": ({"url": "https://hooks.example.com/a", "secret": "secret-1"}, ["url"]),
    "email": ({"smtp": {"host": "mail.example.com", "user": "a@example.com", "password": "secret-1"},
               "recipients": {"to": ["b@example.com"]}}, ["smtp", "recipients"]),
    "snmp": ({"host": "traps.example.com", "community": "secret-1"}, ["host"]),
    "mqtt": ({"broker_host": "mqtt.example.com", "topic": "a/{device_id}", "password": "secret-1"}, ["broker_host", "topic"])}


@pytest.mark.parametrize("kind", GOOD)
def test_a_channels_secrets_are_masked_and_kept(api, rival, pulse, kind):
    config, required = GOOD[kind]
    path = f"/notification-channels/{channel(api, kind, config)}"
    shown = api.get(path).json()
    assert "secret-1" not in json.dumps(shown) and "***" in json.dumps(shown["config"])
    stored = pulse.sql("SELECT config::text || sealed_config FROM notification_channels WHERE channel_id = %s",
                       (shown["channel_id"],))[0][0]
    assert "secret-1" not in stored
    again = api.put(path, json={**shown, "name": "Renamed"})
    assert again.status_code == 200 and again.json()["name"] == "Renamed" and again.json()["config"] == shown["config"]
    empty = api.post("/notification-channels", json={"name": "x", "channel_type": kind, "config": {}})
    assert (empty.status_code, empty.json()["detail"]) == (
        400, f"Missing required config keys for {kind}: [{', '.join(repr(r) for r in required)}]")
    assert rival.get(path).status_code == rival.put(path, json=shown).status_code == 404
    assert rival.post(path + "/test").status_code == rival.delete(path).status_code == 404
    assert all(c["tenant_id"] == "rival" for c in rival.get("/notification-channels").json()["channels"])
    wait_for("the audit log", lambda: pulse.sql("SELECT 1 FROM audit_log WHERE event_type = 'notification_channel.updated' "
                                                "AND entity_id = %s", (str(shown["channel_id"]),)))
    told = pulse.sql("SELECT string_agg(details::text, '') FROM audit_log WHERE entity_type = 'notification_channel'")[0][0]
    assert "secret-1" not in told
    assert not any("secret-1" in p.tail(5000) for p in pulse.pulses)


def test_a_kept_secret_goes_to_nobody_new(api):
    shown = api.get(f"/notification-channels/{channel(api, *('webhook', GOOD['webhook'][0]))}").json()
    path = f"/notification-channels/{shown['channel_id']}"
    moved = api.put(path, json={**shown, "config": {**shown["config"], "url": "https://evil.example.com/a"}})
    assert (moved.status_code, moved.json()["detail"]) == (
        400, "Enter secret again when you change the address it is sent to")
    other_path = api.put(path, json={**shown, "config": {**shown["config"], "url": "https://hooks.example.com/b"}})
    assert other_path.status_code == 200
    nothing = api.post("/notification-channels", json={"name": "x", "channel_type": "slack", "config": {"webhook_url": "***"}})
    assert nothing.json()["detail"] == "There is no stored webhook_url to keep"


@pytest.mark.parametrize("kind, config, words", [
    ("webhook", {"url": "ftp://x.example"}, "the address is no URL"),
    ("webhook", {"url": "http://169.254.169.254/latest"}, "169.254.169.254 is not a public address"),
    ("webhook", {"url": "https://x.example", "method": "GET"}, "method must be one of POST, PUT, PATCH"),
    ("webhook", {"url": "https://x.example", "headers": {"A b": "c"}}, "'A b' is no name of a header"),
    ("webhook", {"url": "https://x.example", "headers": {"A": "c\r\nB: d"}}, "the header A must be a text of one line"),
    ("slack", {"webhook_url": "http://hooks.slack.com/x"}, "the address must begin with https"),
    ("mqtt", {"broker_host": "127.0.0.1", "topic": "a"}, "127.0.0.1 is not a public address"),
    ("mqtt", {"broker_host": "x.example", "topic": "a/#"}, "topic must be a topic without wildcards"),
    ("mqtt", {"broker_host": "x.example", "topic": "a", "qos": 3}, "qos must be an integer between 0 and 2"),
    ("snmp", {"host": "10.0.0.1"}, "10.0.0.1 is not a public address"),
    ("snmp", {"host": "x.example", "version": "1"}, "version must be 2c or 3"),
    ("snmp", {"host": "x.example", "oid_prefix": "1.a"}, "oid_prefix must be numbers with dots, such as 1.3.6.1.4.1.99999"),
    ("snmp", {"host": "x.example", "version": "3", "user": "u", "auth_password": "short"},
     "SNMP passwords must have at least 8 characters"),
    ("email", {"smtp": {"host": "127.0.0.1", "port": 25}, "from": "a@x.example", "recipients": {"to": ["b@x.example"]}},
     "127.0.0.1 is not a public address"),
    ("email", {"smtp": {"host": "x.example"}, "from": "a@x.example", "recipients": {"to": ["b"]}},
     "recipients.to: 'b' must be an email address, such as name@example.com")])
def test_a_config_that_can_not_work_is_refused(api, kind, config, words):
    answer = api.post("/notification-channels", json={"name": "x", "channel_type": kind, "config": config})
    assert (answer.status_code, answer.json()["detail"]) == (400, f"Invalid config for {kind}: {words}")


def test_unknown_types_and_limits(api, pulse):
    assert api.post("/notification-channels", json={"name": "x", "channel_type": "fax", "config": {}}).status_code == 422
    pulse.sql("UPDATE tenants SET account_tier_id = 'free' WHERE tenant_id = 'acme'")
    try:
        for _ in range(2):
            channel(api, "slack", GOOD["slack"][0])
        third = api.post("/notification-channels", json={"name": "x", "channel_type": "slack", "config": GOOD["slack"][0]})
        assert third.status_code == 403 and "allows 2 notification channels" in third.json()["detail"]
    finally:
        pulse.sql("UPDATE tenants SET account_tier_id = 'enterprise' WHERE tenant_id = 'acme'")


# ---- routing ----

def test_routing_rules(api, rival, outside):
    here = hook_channel(api, outside)
    hours = [{"dow": [1, 2], "start_hour": 22, "end_hour": 6}]
    rule = route(api, here, min_severity=3, site_ids=["a"], active_hours=hours, timezone="Europe/Berlin")
    path = f"/notification-routing-rules/{rule}"
    listed = api.get("/notification-routing-rules").json()["rules"]
    assert [(r["rule_id"], r["deliver_on"], r["active_hours"], r["priority"]) for r in listed] == [(rule, ["OPEN"], hours, 100)]
    changed = api.put(path, json={"channel_id": here, "deliver_on": ["OPEN", "CLOSED"], "throttle_minutes": 5})
    assert changed.json()["deliver_on"] == ["OPEN", "CLOSED"] and changed.json()["min_severity"] is None
    for body in ({"deliver_on": ["LOUD"]}, {"deliver_on": []}, {"min_severity": 6}, {"device_tag_val": "x"},
                 {"active_hours": [{"dow": [7], "start_hour": 0, "end_hour": 1}]}, {"throttle_minutes": -1}):
        assert api.post("/notification-routing-rules", json={"channel_id": here, **body}).status_code == 422, body
    nowhere = api.post("/notification-routing-rules", json={"channel_id": here, "timezone": "Mars/Olympus"})
    assert nowhere.status_code == 400
    assert rival.post("/notification-routing-rules", json={"channel_id": here}).json()["detail"] == "Channel not found"
    assert rival.put(path, json={"channel_id": here}).json()["detail"] == "Routing rule not found"
    assert rival.delete(path).status_code == 404 and rival.get("/notification-routing-rules").json() == {"rules": []}
    assert api.delete(path).status_code == 204 and api.delete(path).status_code == 404


def test_the_simulator_says_what_keeps_a_rule_from_telling(api, rival, pulse, outside):
    here = hook_channel(api, outside)
    api.post("/sites", json={"site_id": "sim-site", "name": "x"})
    api.post("/devices", json={"device_id": "sim-1", "name": "x", "site_id": "sim-site"})
    api.post("/devices/sim-1/tags/floor:3")
    night = [{"dow": [5], "start_hour": 22, "end_hour": 6}]
    wanted = {
        route(api, here): [],
        route(api, here, min_severity=5): ["min_severity"],
        route(api, here, min_severity=4, alert_type="THRESHOLD"): [],
        route(api, here, alert_type="WINDOW"): ["alert_type"],
        route(api, here, device_tag_key="floor"): [],
        route(api, here, device_tag_key="floor", device_tag_val="3"): [],
        route(api, here, device_tag_key="floor", device_tag_val="4"): ["device_tag"],
        route(api, here, site_ids=["sim-site"], device_prefixes=["other", "sim-"]): [],
        route(api, here, site_ids=["elsewhere"], device_prefixes=["other"]): ["site_ids", "device_prefixes"],
        route(api, here, deliver_on=["CLOSED"]): ["deliver_on"],
        route(api, here, is_enabled=False): ["disabled"],
        # 2026-01-09 is a Friday: 23:30 in Berlin, and the hours after midnight belong to it.
        route(api, here, active_hours=night, timezone="Europe/Berlin"): [],
        route(api, here, active_hours=night, timezone="Asia/Tokyo"): ["active_hours"]}
    alert_of = {"device_id": "sim-1", "severity": 4, "at": "2026-01-10T00:30:00+01:00"}
    routes = api.post("/notification-routing-rules/simulate", json=alert_of).json()["routes"]
    assert {r["rule_id"]: r["obstacles"] for r in routes} == wanted
    assert all(r["tells"] == (not r["obstacles"]) and r["channel_name"] == "webhook channel" for r in routes)
    assert rival.post("/notification-routing-rules/simulate", json=alert_of).json() == {"routes": []}


# ---- from an alert to who should know ----

def test_slack_is_told_and_the_log_says_so(api, rival, pulse, outside):
    here = channel(api, "slack", {"webhook_url": outside["slack"].url})
    rule = route(api, here, min_severity=4)
    quiet = alert(pulse, "slack-quiet", severity=3)
    found = alert(pulse, "slack-1", severity=5)
    foreign = alert(pulse, "slack-foreign", tenant="rival", severity=5)
    message = outside["slack"].wait_about("slack-1")[0]
    assert message.body["text"] == "*[CRITICAL]* slack-1 — THRESHOLD"
    attached = message.body["attachments"][0]
    assert attached["fields"][0]["value"] == "slack-1 is &lt;too&gt; hot &amp; loud"
    assert attached["title_link"] == f"{pulse.url}/app/alerts?alert={found}"
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 1)]
    job = api.get("/notification-jobs?channel_id=%d&status=COMPLETED" % here).json()["jobs"][0]
    assert (job["alert_id"], job["rule_id"], job["channel_type"], job["payload_json"]["device_id"]) == (found, rule, "slack", "slack-1")
    attempt = api.get("/delivery-status").json()["attempts"][0]
    assert (attempt["job_id"], attempt["ok"], attempt["http_status"], attempt["attempt_no"]) == (job["job_id"], True, 200, 1)
    log = api.get(f"/delivery-jobs?alert_id={found}").json()
    assert log["total"] == 1 and log["jobs"][0]["integration_id"] == str(here)
    assert api.get(f"/delivery-jobs?integration_id={here}&status=completed").json()["total"] == 1
    assert api.get("/delivery-jobs?integration_id=x").status_code == 400
    tried = api.get(f"/delivery-jobs/{job['job_id']}/attempts").json()["attempts"]
    assert [a["http_status"] for a in tried] == [200]
    event = pulse.sql("SELECT details FROM alert_events WHERE alert_id = %s AND event = 'TOLD'", (found,))[0][0]
    assert (event["channel_type"], event["ok"], event["event"], event["http_status"]) == ("slack", True, "OPEN", 200)
    routed(pulse, quiet), routed(pulse, foreign)
    assert jobs(pulse, quiet) == jobs(pulse, foreign) == []
    assert rival.get(f"/delivery-jobs/{job['job_id']}/attempts").status_code == 404
    assert rival.get("/delivery-status").json() == {"tenant_id": "rival", "attempts": []}
    assert rival.get("/notification-jobs").json() == {"jobs": []} and rival.get("/delivery-jobs").json()["total"] == 0


def test_pagerduty_follows_the_alert(api, pulse, outside):
    config = {"integration_key": KEY, "api_url": outside["pagerduty"].url}
    route(api, channel(api, "pagerduty", config))
    found = alert(pulse, "pd-1", severity=4, metric_value=31.5)
    outside["pagerduty"].wait_about("pd-1")
    turn(pulse, found, "ACKNOWLEDGED", "Ada")
    turn(pulse, found, "CLOSED")
    told = [r.body for r in outside["pagerduty"].wait_about("pd-1", 3)]
    assert [t["event_action"] for t in told] == ["trigger", "acknowledge", "resolve"]
    assert {(t["dedup_key"], t["routing_key"]) for t in told} == {(f"alert-{found}", KEY)}
    assert told[0]["payload"]["severity"] == "error" and told[0]["payload"]["custom_details"]["details"] == {"metric_value": 31.5}


def test_what_is_over_is_not_told_before_it_began(api, pulse, outside):
    """All three transitions are there before the first one could be sent."""
    route(api, channel(api, "pagerduty", {"integration_key": KEY, "api_url": outside["pagerduty"].url}))
    outside["pagerduty"].fail_next[:] = [(500, {}), (500, {})]
    found = alert(pulse, "order-1")
    turn(pulse, found, "ACKNOWLEDGED")
    turn(pulse, found, "CLOSED")
    assert [j[:2] for j in settled(pulse, found, 3)] == [(e, "COMPLETED") for e in ("OPEN", "ACKNOWLEDGED", "CLOSED")]
    actions = [r.body["event_action"] for r in outside["pagerduty"].about("order-1")]
    assert actions == ["trigger", "trigger", "trigger", "acknowledge", "resolve"]


@pytest.mark.parametrize("card, kind", [("message", "MessageCard"), ("adaptive", "message")])
def test_teams_by_either_card(api, pulse, outside, card, kind):
    route(api, channel(api, "teams", {"webhook_url": outside["teams"].url, "card": card}))
    alert(pulse, f"teams-{card}", severity=5)
    body = outside["teams"].wait_about(f"teams-{card}")[0].body
    assert (body.get("@type") or body["type"]) == kind and "CRITICAL" in json.dumps(body)


def test_a_webhook_is_signed_and_tried_again_with_the_same_key(api, pulse, outside):
    hook = outside["hook"]
    route(api, hook_channel(api, outside, secret="hook-secret-1", headers={"X-Tenant": "acme"}, method="PUT"),
          deliver_on=["OPEN", "ESCALATED"])
    hook.fail_next[:] = [(500, {}), (429, {"Retry-After": "2"})]
    found = alert(pulse, "hook-1", severity=2)
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 3)]
    first, second, third = hook.about("hook-1")
    assert len({r.headers["Idempotency-Key"] for r in (first, second, third)}) == 1
    assert first.method == "PUT" and first.headers["X-Tenant"] == "acme"
    assert set(first.body) == {"alert_id", "alert_type", "severity", "device_id", "site_id", "tenant_id", "message", "details",
                               "triggered_at", "event_type"}
    stamp = third.headers["X-Signature-Timestamp"]
    for header, signed in (("X-Signature-256", third.raw), ("X-Signature-V2", stamp.encode() + b"." + third.raw)):
        assert third.headers[header] == "sha256=" + hmac.new(b"hook-secret-1", signed, hashlib.sha256).hexdigest()
    waits = pulse.sql("SELECT extract(epoch FROM started_at - lag(started_at) OVER (ORDER BY attempt_no)) FROM delivery_attempts "
                      "JOIN notification_jobs USING (job_id) WHERE alert_id = %s ORDER BY attempt_no", (found,))
    assert waits[1][0] >= 0.8 and waits[2][0] >= 2
    attempts = pulse.sql("SELECT ok, http_status, error FROM delivery_attempts JOIN notification_jobs USING (job_id) "
                         "WHERE alert_id = %s ORDER BY attempt_no", (found,))
    assert attempts == [(False, 500, "HTTP 500"), (False, 429, "HTTP 429"), (True, 200, None)]
    told = pulse.sql("SELECT details ->> 'ok', details ->> 'final' FROM alert_events WHERE alert_id = %s AND event = 'TOLD' ORDER BY id",
                     (found,))
    assert told == [("false", "false"), ("true", "true")]
    turn(pulse, found, "ESCALATED")
    turn(pulse, found, "ESCALATED")
    hook.wait_about("hook-1", 5)
    assert [r.body["severity"] for r in hook.about("hook-1")][-1] == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_is_refused_for_good_is_not_tried_again(api, pulse, outside, status):
    route(api, hook_channel(api, outside))
    outside["hook"].fail_next[:] = [(status, {})]
    found = alert(pulse, f"refused-{status}")
    assert settled(pulse, found) == [("OPEN", "FAILED", 1)]
    assert api.get(f"/delivery-jobs?alert_id={found}").json()["jobs"][0]["last_error"] == f"HTTP {status}"


def test_an_email_by_the_customers_server(api, pulse, outside):
    smtp = {"host": "127.0.0.1", "port": outside["mail"].port, "tls": False}
    route(api, channel(api, "email", {"smtp": smtp, "from": "Pulse <alerts@acme.example>", "recipients": {
        "to": ["ops@acme.example"], "cc": ["lead@acme.example"], "bcc": ["audit@acme.example"]}}))
    found = alert(pulse, "mail-1", severity=5)
    email = outside["mail"].wait_for("ops@acme.example")
    assert email.to == ["ops@acme.example", "lead@acme.example", "audit@acme.example"]
    assert email.subject == "[5] THRESHOLD: mail-1" and str(email.message["Cc"]) == "lead@acme.example"
    assert "audit@" not in str(email.message) and f"alert={found}" in email.links[0]
    assert "&lt;too&gt; hot &amp; loud" in email.html and "<too> hot & loud" in email.text


@pytest.mark.parametrize("security", [
    {"version": "2c", "community": "trap-secret-1"},
    {"version": "3", "user": "watch", "engine_id": ENGINE, "auth_password": DOOR["auth"], "priv_password": DOOR["priv"]}])
def test_a_trap(api, pulse, outside, security):
    traps, device = outside["traps"], f"trap-{security['version']}"
    route(api, channel(api, "snmp", {"host": "127.0.0.1", "port": traps.port, "oid_prefix": "1.3.6.1.4.1.4242", **security}))
    found = alert(pulse, device, severity=4)
    wait_for("the trap", lambda: f'"{device}"' in traps.text())
    line = next(part for part in traps.text().splitlines() if f'"{device}"' in part)
    for part in ("= OID: .1.3.6.1.4.1.4242.0.1", f'.4242.1.1.0 = STRING: "{found}"', f'.4242.1.2.0 = STRING: "{device}"',
                 '.4242.1.3.0 = STRING: "acme"', ".4242.1.4.0 = INTEGER: 4", ".4242.1.5.0 = STRING: ", ".4242.1.6.0 = STRING: "):
        assert part in line, line
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 1)]


def test_a_publish_to_a_broker(api, pulse, outside):
    broker = outside["broker"]
    config = {"broker_host": "127.0.0.1", "broker_port": broker.port, "username": broker.user, "password": broker.password,
              "topic": "alerts/{tenant_id}/{site_id}/{device_id}/{severity}/{alert_type}"}
    here = channel(api, "mqtt", config)
    route(api, here)
    found = alert(pulse, "mqtt-1", severity=4)
    topic, qos, _, payload = wait_for("the message", lambda: [m for m in broker.messages if "mqtt-1" in m[0]])[0]
    assert (topic, qos) == ("alerts/acme/plant/mqtt-1/4/THRESHOLD", "1")
    assert json.loads(payload)["alert_id"] == found and json.loads(payload)["event_type"] == "OPEN"
    shown = api.get(f"/notification-channels/{here}").json()
    wrong = api.put(f"/notification-channels/{here}", json={**shown, "config": {**shown["config"], "password": "wrong"}})
    assert wrong.status_code == 200
    tested = api.post(f"/notification-channels/{here}/test")
    assert (tested.status_code, tested.json()["detail"]) == (
        502, "Test send failed: the broker refuses the user name or password")


def test_the_test_button(api, outside):
    here = hook_channel(api, outside)
    tested = api.post(f"/notification-channels/{here}/test")
    assert tested.status_code == 200 and tested.json()["message"] == "Test notification sent successfully"
    assert tested.json()["delivery"]["http_status"] == 200
    assert outside["hook"].bodies[0]["event_type"] == "TEST"
    outside["hook"].fail_next[:] = [(403, {})]
    refused = api.post(f"/notification-channels/{here}/test")
    assert (refused.status_code, refused.json()["detail"]) == (502, "Test send failed: HTTP 403")


def test_a_name_that_leads_inside_is_refused_when_sent(api, outside):
    inside = channel(api, "webhook", {"url": "http://localhost:1/x"})
    broker = channel(api, "mqtt", {"broker_host": "localhost", "topic": "a"})
    mail = channel(api, "email", {"smtp": {"host": "localhost", "port": outside["mail"].port, "tls": False},
                                  "from": "a@x.example", "recipients": {"to": ["b@x.example"]}})
    for here in (inside, broker, mail):
        answer = api.post(f"/notification-channels/{here}/test")
        assert (answer.status_code, answer.json()["detail"]) == (502, "Test send failed: the address is not a public one")


def test_silence_holds_back_all_but_the_end_of_what_was_told(api, pulse, outside):
    hook = outside["hook"]
    route(api, hook_channel(api, outside), deliver_on=["OPEN", "ACKNOWLEDGED", "CLOSED", "ESCALATED"])
    told = alert(pulse, "silent-told")
    hook.wait_about("silent-told")
    untold = pulse.sql("INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary, "
                       "silenced_until) VALUES ('acme', '', 'silent-untold', 'THRESHOLD', 'f', 3, 's', now() + interval '1 hour') "
                       "RETURNING id")[0][0]
    pulse.sql("UPDATE fleet_alert SET silenced_until = now() + interval '1 hour' WHERE id = %s RETURNING 1", (told,))
    for event in ("ESCALATED", "ACKNOWLEDGED", "CLOSED"):
        turn(pulse, told, event)
        turn(pulse, untold, event)
    routed(pulse, told), routed(pulse, untold)
    assert [j[0] for j in settled(pulse, told, 2)] == ["OPEN", "CLOSED"] and jobs(pulse, untold) == []


def test_maintenance_holds_back_too(api, pulse, outside):
    route(api, hook_channel(api, outside))
    pulse.sql("INSERT INTO alert_maintenance_windows (tenant_id, name, starts_at, site_ids) "
              "VALUES ('acme', 'x', now() - interval '1 minute', '{closed-site}') RETURNING 1")
    kept, told = alert(pulse, "maintained", site="closed-site"), alert(pulse, "unmaintained")
    settled(pulse, told)
    routed(pulse, kept)
    assert jobs(pulse, kept) == []


def test_throttle(api, pulse, outside):
    route(api, hook_channel(api, outside), throttle_minutes=10, deliver_on=["OPEN", "CLOSED"])
    first = alert(pulse, "flapping")
    settled(pulse, first)
    turn(pulse, first, "CLOSED")
    second = alert(pulse, "flapping")
    turn(pulse, second, "CLOSED")
    routed(pulse, second)
    assert [j[0] for j in settled(pulse, first, 2)] == ["OPEN", "CLOSED"] and jobs(pulse, second) == []
    pulse.sql("UPDATE notification_jobs SET created_at = now() - interval '11 minutes' WHERE alert_id = %s RETURNING 1", (first,))
    third = alert(pulse, "flapping")
    assert settled(pulse, third) == [("OPEN", "COMPLETED", 1)]


def test_a_storm_becomes_one_summary(api, pulse, outside):
    hook = outside["hook"]
    here = channel(api, "webhook", {"url": hook.url}, max_per_minute=3)
    route(api, here)
    ids = [alert(pulse, f"storm-{i:02}", severity=5 if i == 7 else 3) for i in range(10)]
    for one in ids:
        routed(pulse, one)
    held = pulse.sql("SELECT count(*), count(DISTINCT summary_job_id) FROM notification_jobs WHERE channel_id = %s "
                     "AND summary_job_id IS NOT NULL", (here,))[0]
    # The minute's end is not waited for.
    pulse.sql("UPDATE notification_jobs SET next_run_at = now() WHERE channel_id = %s AND deliver_on_event = 'SUMMARY' RETURNING 1",
              (here,))
    for one in ids:
        settled(pulse, one)
    assert held[0] == 7
    alone = [b for b in hook.bodies if b["event_type"] == "OPEN"]
    summaries = [b for b in hook.bodies if b["event_type"] == "SUMMARY"]
    assert len(alone) == 3 and len(summaries) == held[1] and sum(s["details"]["count"] for s in summaries) == 7
    assert max(s["severity"] for s in summaries) == 5
    assert {a["device_id"] for s in summaries for a in s["details"]["alerts"]} | {b["device_id"] for b in alone} == {
        f"storm-{i:02}" for i in range(10)}
    assert pulse.sql("SELECT count(*) FROM alert_events WHERE event = 'TOLD' AND alert_id = ANY(%s)", (ids,)) == [(10,)]
    job = api.get(f"/notification-jobs?channel_id={here}&limit=100").json()["jobs"]
    one = next(j for j in job if j["summary_job_id"])
    assert api.get(f"/delivery-jobs/{one['job_id']}/attempts").json()["attempts"][0]["job_id"] == one["summary_job_id"]


def test_rules_of_one_channel_tell_it_once(api, pulse, outside):
    here = hook_channel(api, outside)
    route(api, here, priority=50)
    first = route(api, here, priority=1)
    found = alert(pulse, "twice")
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 1)]
    assert pulse.sql("SELECT rule_id FROM notification_jobs WHERE alert_id = %s", (found,)) == [(first,)]


def test_a_message_to_no_channel(api, pulse, outside):
    found = alert(pulse, "direct-1")
    for kind, address in (("email", "oncall@acme.example"), ("webhook", outside["hook"].url), ("webhook", "http://127.0.0.1:1/x")):
        pulse.sql("INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, payload_json) "
                  "SELECT tenant_id, id, jsonb_build_object('kind', %s, 'address', %s), 'ESCALATED', %s, "
                  "pulse_notice(a, 'ESCALATED', now(), NULL, 'Nobody reacted') FROM fleet_alert a WHERE id = %s RETURNING 1",
                  (kind, address, address, found))
    email = outside["mail"].wait_for("oncall@acme.example")
    assert "Nobody reacted" in email.text and email.subject == "ESCALATED [4] THRESHOLD: direct-1"
    assert outside["hook"].wait_about("direct-1")[0].body["note"] == "Nobody reacted"
    assert sorted(j[1] for j in settled(pulse, found, 3)) == ["COMPLETED", "COMPLETED", "FAILED"]
    shown = api.get(f"/delivery-jobs?alert_id={found}").json()["jobs"]
    assert {(j["channel_type"], j["address"]) for j in shown} == {("email", "oncall@acme.example"), ("webhook", None)}


def test_a_disabled_channel_is_told_nothing(api, pulse, outside):
    here = hook_channel(api, outside)
    route(api, here)
    outside["hook"].fail_next[:] = [(503, {"Retry-After": "2"})]
    found = alert(pulse, "disabled-1")
    outside["hook"].wait_about("disabled-1")
    shown = api.get(f"/notification-channels/{here}").json()
    assert api.put(f"/notification-channels/{here}", json={**shown, "is_enabled": False}).status_code == 200
    assert settled(pulse, found) == [("OPEN", "FAILED", 2)]
    assert len(outside["hook"].about("disabled-1")) == 1


def test_kill_between_send_and_mark_repeats_with_the_same_key(api, pulse, outside):
    hook = outside["hook"]
    route(api, hook_channel(api, outside))
    hook.going_on.clear()
    ids = [alert(pulse, f"killed-{i}") for i in range(3)]
    for i in range(3):
        hook.wait_about(f"killed-{i}")
    pulse.pulses[0].kill()
    hook.going_on.set()
    late = alert(pulse, "killed-late")
    pulse.pulses[0].start()
    pulse.wait_ready()
    # The lease's end is not waited for.
    pulse.sql("UPDATE notification_jobs SET lease_until = now() WHERE status = 'PROCESSING' RETURNING 1")
    for one in [*ids, late]:
        assert settled(pulse, one)[0][:2] == ("OPEN", "COMPLETED")
    for i in range(3):
        came = hook.about(f"killed-{i}")
        assert len(came) == 2 and len({r.headers["Idempotency-Key"] for r in came}) == 1
    keys = {r.headers["Idempotency-Key"] for r in hook.requests}
    assert len(keys) == 4


def test_transitions_are_routed_once_whatever_comes_again(api, pulse, outside):
    """The stream's messages come again after a crash; here the outbox repeats them under other ids."""
    route(api, hook_channel(api, outside), deliver_on=["OPEN", "CLOSED"])
    found = alert(pulse, "again-1")
    settled(pulse, found)
    pulse.sql("INSERT INTO alert_outbox (event_id, tenant_id, message) SELECT -e.id, e.tenant_id, jsonb_build_object("
              "'event_id', e.id, 'event', e.event, 'at', e.created_at, 'actor', NULL, 'details', e.details, 'alert', to_jsonb(a) "
              "|| jsonb_build_object('alert_id', a.id)) FROM alert_events e JOIN fleet_alert a ON a.id = e.alert_id "
              "WHERE e.alert_id = %s AND e.event = 'OPEN' RETURNING 1", (found,))
    wait_for("an empty outbox", lambda: pulse.sql("SELECT count(*) FROM alert_outbox") == [(0,)])
    turn(pulse, found, "CLOSED")
    assert [j[:2] for j in settled(pulse, found, 2)] == [("OPEN", "COMPLETED"), ("CLOSED", "COMPLETED")]
    time.sleep(0.5)
    assert len(outside["hook"].about("again-1")) == 2
