"""From a reading to the right person, through every part: a device breaks a rule, Slack and an email say so, nobody
reacts, the person on call is told, acknowledges, and PagerDuty hears of all of it, to the recovery."""

import datetime
import json

import pytest
import requests
from conftest import Api
from receivers import PagerDuty, Slack
from servers import Stack, wait_for
from smtp import SmtpCapture

SERVICE = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def outside():
    with Slack() as slack, PagerDuty() as pagerduty, SmtpCapture() as mail:
        yield slack, pagerduty, mail


@pytest.fixture(scope="module")
def pulse(outside):
    slack, pagerduty, mail = outside
    hosts = f"{slack.host},{pagerduty.host},127.0.0.1:{mail.port}"
    with Stack(settings={"OUTBOUND_PRIVATE_HOSTS": hosts, **mail.settings()}) as running:
        yield running


def send(pulse, device, value):
    answer = requests.post(
        f"{pulse.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry",
        json={"site_id": device["site_id"], "metrics": {"walk_c": value}},
        headers={"X-Provision-Token": device["token"]}, timeout=10)
    assert answer.status_code == 202, answer.text


def channel(api, kind, config, **rule):
    made = api.post("/notification-channels", json={"name": kind, "channel_type": kind, "config": config})
    assert made.status_code == 201, made.text
    routed = api.post("/notification-routing-rules", json={"channel_id": made.json()["channel_id"], **rule})
    assert routed.status_code == 201, routed.text


def test_a_breach_reaches_the_right_person_and_its_end_everybody(pulse, outside):
    slack, pagerduty, mail = outside
    api = Api(pulse, "tenantadmin1")
    device = pulse.devices()[0]
    name = device["device_id"]
    channel(api, "slack", {"webhook_url": slack.url}, min_severity=3)
    channel(api, "email", {"smtp": {"host": "127.0.0.1", "port": mail.port, "tls": False, "from": "pulse@demo.example"},
                           "recipients": {"to": ["ops@demo.example"]}})
    channel(api, "pagerduty", {"integration_key": SERVICE, "api_url": pagerduty.url},
            deliver_on=["OPEN", "ACKNOWLEDGED", "CLOSED"])
    schedule = api.post("/oncall-schedules", json={"name": "Night", "timezone": "Europe/Berlin", "layers": [
        {"name": "First", "rotation_type": "daily", "shift_duration_hours": 24,
         "responders": ["night@demo.example"]}]}).json()
    policy = api.post("/escalation-policies", json={"name": "Nights", "is_default": True, "levels": [
        {"level_number": 1, "delay_minutes": 5, "oncall_schedule_id": schedule["schedule_id"]}]})
    assert policy.status_code == 201, policy.text
    rule = api.post("/alert-rules", json={"name": "Too warm", "metric_name": "walk_c", "operator": "GT", "threshold": 30,
                                          "severity": 4})
    assert rule.status_code == 201, rule.text

    def opened():
        send(pulse, device, 35)  # until its readings are handed on to the rules
        found = api.get("/alerts?status=OPEN&limit=200").json()["alerts"]
        return next((a for a in found if a["rule_id"] == rule.json()["rule_id"]), None)

    alert = wait_for("the alert", opened, 30, 0.5)
    one = f"/alerts/{alert['alert_id']}"
    assert (alert["device_id"], alert["severity"], alert["status"]) == (name, 4, "OPEN")
    assert name in json.dumps(slack.wait_about(name)[0].body)
    assert name in mail.wait_for("ops@demo.example").text
    assert pagerduty.wait_about(name)[0].body["event_action"] == "trigger"

    # Nobody reacts: its time has come.
    due = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    pulse.sql("UPDATE fleet_alert SET next_escalation_at = %s WHERE id = %s AND next_escalation_at IS NOT NULL RETURNING 1",
              (due, alert["alert_id"]))
    told = mail.wait_for("night@demo.example")
    assert name in told.text
    escalated = api.get(one).json()["alert"]
    assert (escalated["escalation_level"], escalated["severity"]) == (1, 5)

    taken = api.patch(f"{one}/acknowledge")
    assert taken.status_code == 200 and taken.json()["status"] == "ACKNOWLEDGED"
    send(pulse, device, 20)
    wait_for("its end", lambda: api.get(one).json()["alert"]["status"] == "CLOSED")
    wait_for("PagerDuty to hear of it all", lambda: [r.body["event_action"] for r in pagerduty.about(name)] == [
        "trigger", "acknowledge", "resolve"], 20)
    assert {r.body["dedup_key"] for r in pagerduty.about(name)} == {f"alert-{alert['alert_id']}"}
    assert slack.faults == pagerduty.faults == []

    happened = [e["event"] for e in api.get(f"{one}/timeline").json()["events"]]
    for event in ("OPEN", "TOLD", "ESCALATED", "ACKNOWLEDGED", "CLOSED"):
        assert event in happened, happened
