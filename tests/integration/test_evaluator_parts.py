"""Several evaluators share the parts of the devices: what one holds and does not judge, another one does, in order."""

import signal
import time

import pytest
import requests
from servers import Stack, wait_for

DEVICES = 30


@pytest.fixture(scope="module")
def shared():
    with Stack(["gateway,ingest,ops", "evaluator", "evaluator"], devices=DEVICES) as running:
        yield running


def parts(stack) -> list[int]:
    """How many parts each evaluator holds."""
    return sorted(n for _, n in stack.sql("SELECT owner::text, count(*) FROM evaluator_parts "
                                          "WHERE owner IS NOT NULL AND lease_until > now() GROUP BY 1"))


def send(stack, value: int):
    for device in stack.devices()[:DEVICES]:
        answer = requests.post(
            f"{stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry",
            json={"site_id": device["site_id"], "ts": time.time(), "metrics": {"shared_c": value}},
            headers={"X-Provision-Token": device["token"]}, timeout=10)
        assert answer.status_code == 202, answer.text


def alerts(stack, rule_id: str) -> dict[str, list[str]]:
    """Of each device its events, in order."""
    return dict(stack.sql(
        "SELECT a.device_id, array_agg(e.event ORDER BY e.id) FROM fleet_alert a "
        "JOIN alert_events e ON e.tenant_id = a.tenant_id AND e.alert_id = a.id "
        f"WHERE a.rule_id = '{rule_id}' AND e.event IN ('OPEN', 'CLOSED') GROUP BY 1"))


def test_what_a_frozen_evaluator_holds_is_judged_by_the_other_in_order(shared):
    rule_id = shared.sql("INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold) "
                         "VALUES ('demo', 'Shared', 'shared_c', 'GT', 50) RETURNING rule_id")[0][0]
    everywhere = {d["device_id"] for d in shared.devices()[:DEVICES]}

    def each_has(*events):
        found = alerts(shared, rule_id)
        return set(found) == everywhere and all(of == list(events) for of in found.values())

    wait_for("parts shared evenly", lambda: parts(shared) == [8, 8], 60)
    time.sleep(2)  # until ingest knows of the rule
    send(shared, 99)
    wait_for("an alert of each device", lambda: each_has("OPEN"), 30)
    frozen = shared.pulses[1]
    frozen.freeze()
    for value in (5, 98, 6, 97):
        send(shared, value)
    told = ("OPEN", "CLOSED") * 2 + ("OPEN",)
    wait_for("the other one to judge all", lambda: each_has(*told), 40)
    assert parts(shared) == [16]
    frozen.signal(signal.SIGCONT)
    wait_for("parts shared evenly again", lambda: parts(shared) == [8, 8], 60)
    send(shared, 4)
    wait_for("the end of each alert", lambda: each_has(*told, "CLOSED"), 30)
    wait_for("an empty outbox", lambda: shared.sql("SELECT count(*) FROM alert_outbox") == [(0,)], 30)
    assert each_has(*told, "CLOSED")
