"""Rules at work on what devices send: from a reading to an alert and its event."""

import json
import time

import requests
from servers import wait_for


def rule(stack, tenant="demo", **columns) -> str:
    """A rule, as the API would write it; its id."""
    row = {"name": "Hot", "metric_name": "temp_c", "operator": "GT", "threshold": 30, "severity": 4, **columns}
    names, values = ", ".join(row), ", ".join(_literal(v) for v in row.values())
    answer = stack.sql(f"INSERT INTO alert_rules (tenant_id, {names}) VALUES ('{tenant}', {values}) RETURNING rule_id")
    return answer[0][0]


def _literal(value) -> str:
    if isinstance(value, (dict, list)):
        return "'" + json.dumps(value) + "'"
    return repr(value)


def alerts(stack, rule_id: str) -> list[dict]:
    return stack.sql(f"SELECT coalesce(json_agg(a ORDER BY id), '[]') FROM fleet_alert a WHERE rule_id = '{rule_id}'")[0][0]


def send(stack, device, metrics, ts=None):
    body = {"metrics": metrics, **({"ts": ts} if ts else {})}
    answer = requests.post(f"{stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry",
                           json={"site_id": device["site_id"], **body},
                           headers={"X-Provision-Token": device["token"]}, timeout=10)
    assert answer.status_code == 202, answer.text


def test_breach_opens_one_alert_and_its_end_closes_it(stack, fresh_devices):
    hot = rule(stack)
    here, there = fresh_devices[:2]
    time.sleep(3.5)
    send(stack, here, {"temp_c": 31.5})
    send(stack, there, {"temp_c": 20})
    found = wait_for("an alert", lambda: alerts(stack, hot))
    assert [(a["device_id"], a["status"], a["alert_type"], a["severity"]) for a in found] == [
        (here["device_id"], "OPEN", "THRESHOLD", 4)]
    assert found[0]["fingerprint"] == f"RULE:{hot}:{here['device_id']}"
    assert found[0]["details"]["metric_value"] == 31.5
    send(stack, here, {"temp_c": 25})
    wait_for("its end", lambda: alerts(stack, hot)[0]["status"] == "CLOSED")
    assert alerts(stack, hot)[0]["close_reason"] == "recovered"
    events = stack.sql(f"SELECT string_agg(event, ',' ORDER BY id) FROM alert_events WHERE alert_id = {found[0]['id']}")
    assert events == [("OPEN,CLOSED",)]
    wait_for("an empty outbox", lambda: stack.sql("SELECT count(*) FROM alert_outbox")== [(0,)])
