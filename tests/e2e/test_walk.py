"""From a reading to the right person, in the browser: what the page shows and what receivers are told, side by side."""

import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from receivers import PagerDuty, Slack  # noqa: E402
from servers import ROOT, Stack, wait_for  # noqa: E402
from smtp import SmtpCapture  # noqa: E402

SCREENS = ROOT / "build/screens"
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


def post(pulse, where, body):
    answer = requests.post(f"{pulse.url}/api/v1/customer{where}", json=body, timeout=30,
                           headers={"Authorization": f"Bearer {pulse.token('tenantadmin1')}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def channel(pulse, kind, config, **rule):
    made = post(pulse, "/notification-channels", {"name": kind, "channel_type": kind, "config": config})
    post(pulse, "/notification-routing-rules", {"channel_id": made["channel_id"], **rule})


def test_a_breach_is_seen_escalated_acknowledged_on_a_phone_and_resolved(pulse, outside):
    slack, pagerduty, mail = outside
    name = pulse.devices()[0]["device_id"]
    channel(pulse, "slack", {"webhook_url": slack.url}, min_severity=3)
    channel(pulse, "email", {"smtp": {"host": "127.0.0.1", "port": mail.port, "tls": False, "from": "pulse@demo.example"},
                             "recipients": {"to": ["ops@demo.example"]}})
    channel(pulse, "pagerduty", {"integration_key": SERVICE, "api_url": pagerduty.url},
            deliver_on=["OPEN", "ACKNOWLEDGED", "CLOSED"])
    schedule = post(pulse, "/oncall-schedules", {"name": "Night", "timezone": "Europe/Berlin", "layers": [
        {"name": "First", "rotation_type": "daily", "responders": ["night@demo.example"]}]})
    post(pulse, "/escalation-policies", {"name": "Nights", "is_default": True, "levels": [
        {"level_number": 1, "delay_minutes": 5, "oncall_schedule_id": schedule["schedule_id"]}]})
    rule = post(pulse, "/alert-rules", {"name": "Too warm", "metric_name": "walk_c", "operator": "GT", "threshold": 30,
                                        "severity": 4, "description": "Turn the cooler up"})
    SCREENS.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "PULSE_URL": pulse.url, "WEB": str(ROOT / "web"), "SCREENS": str(SCREENS),
           "DEVICES": json.dumps(pulse.devices()), "WALK_RULE": rule["rule_id"], "CARRIER": "{}"}
    browser = subprocess.Popen(
        [shutil.which("node"), str(pathlib.Path(__file__).with_name("scenarios.mjs")), "from-a-breach-to-its-end"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for("Slack to be told", lambda: slack.about(name), 60)  # the browser signs in first
        assert name in mail.wait_for("ops@demo.example").text
        assert pagerduty.wait_about(name)[0].body["event_action"] == "trigger"

        def due():
            """Nobody reacts: the time of its first level has come."""
            past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
            return pulse.sql("UPDATE fleet_alert SET next_escalation_at = %s WHERE rule_id = %s AND status = 'OPEN' "
                             "AND next_escalation_at IS NOT NULL RETURNING id", (past, rule["rule_id"]))

        (alert,), = wait_for("the alert to be due", due)
        assert name in mail.wait_for("night@demo.example").text
        browser.wait(timeout=240)
    finally:
        browser.kill()
        print(browser.communicate()[0])  # shown when something of this fails
    assert browser.returncode == 0
    wait_for("PagerDuty to hear of it all", lambda: [r.body["event_action"] for r in pagerduty.about(name)] == [
        "trigger", "acknowledge", "resolve"], 20)
    assert {r.body["dedup_key"] for r in pagerduty.about(name)} == {f"alert-{alert}"}
    assert slack.faults == pagerduty.faults == []
