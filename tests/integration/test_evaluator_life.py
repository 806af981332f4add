"""Rules over time, with an evaluator of its own that is killed in between: what people close stays closed, what leaves a
rule's scope is over, sensors that come are seen, and a kill -9 between two samples changes nothing."""

import datetime
import json
import time
import uuid

import pytest
import requests
from servers import Stack, wait_for


@pytest.fixture(scope="module")
def apart():
    with Stack(["gateway,mqtt,ingest,ops", "evaluator"], devices=1) as running:
        running.api = requests.Session()
        running.api.headers["Authorization"] = f"Bearer {running.token('tenantadmin1')}"
        yield running


def call(stack, method, path, **body):
    answer = stack.api.request(method, f"{stack.url}/api/v1/customer{path}", json=body or None, timeout=10)
    assert answer.status_code in (200, 201, 204), answer.text
    return answer.json() if answer.content else None


def device(stack, tenant="demo", site="warehouse-north"):
    return json.loads(stack.command("admin", "create-device", "--tenant", tenant, "--id", f"d-{uuid.uuid4().hex[:8]}",
                                    "--site", site).stdout)


def made(stack, metric, **body) -> str:
    rule = {"name": metric, "metric_name": metric, "operator": "GT", "threshold": 30, **body}
    return call(stack, "POST", "/alert-rules", **rule)["rule_id"]


def send(stack, to, metrics, ago_s=0.0):
    ts = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago_s)
    answer = requests.post(f"{stack.url}/ingest/v1/tenant/{to['tenant_id']}/device/{to['device_id']}/telemetry",
                           json={"metrics": metrics, "ts": ts.isoformat()},
                           headers={"X-Provision-Token": to["token"]}, timeout=10)
    assert answer.status_code == 202, answer.text


def alerts(stack, rule, status=None):
    return [r for r in stack.sql("SELECT id, device_id, status, close_reason, trigger_count, tenant_id FROM fleet_alert "
                                 "WHERE rule_id = %s ORDER BY id", (rule,)) if status in (None, r[2])]


def judged(stack, to):
    """Until the evaluator has judged what was sent by now: a rule without a scope tells of a mark of its own."""
    mark = f"mark_{uuid.uuid4().hex[:8]}"
    rule = stack.sql("INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold) VALUES (%s, %s, %s, 'GT', 0) "
                     "RETURNING rule_id", (to["tenant_id"], mark, mark))[0][0]

    def told():
        send(stack, to, {mark: 1})
        return alerts(stack, rule)
    wait_for("what was sent to be judged", told, every=0.3)
    stack.sql("DELETE FROM alert_rules WHERE rule_id = %s", (rule,))


def killed(stack):
    stack.pulses[1].kill()
    stack.pulses[1].start()
    stack.wait_ready()


def looked(stack):
    """Until an evaluator that has just started has looked by the clock at devices that it read."""
    quiet = device(stack)
    gap = made(stack, f"never_{uuid.uuid4().hex[:8]}", rule_type="telemetry_gap", metric_name=None, operator=None,
               threshold=None, gap_conditions={"metric_name": f"never_{uuid.uuid4().hex[:8]}", "gap_minutes": 1})
    stack.sql("UPDATE device_registry SET created_at = now() - interval '1 day' WHERE device_id = %s", (quiet["device_id"],))
    stack.sql("UPDATE alert_rules SET created_at = now() - interval '1 day' WHERE rule_id = %s", (gap,))
    wait_for("a look at silent devices", lambda: [a for a in alerts(stack, gap) if a[1] == quiet["device_id"]])
    call(stack, "DELETE", f"/alert-rules/{gap}")


def test_closed_by_hand_inside_the_band_it_stays_closed(apart):
    here = device(apart)
    rule = made(apart, "band", clear_threshold=20)
    judged(apart, here)
    send(apart, here, {"band": 31})
    alert = wait_for("an alert", lambda: alerts(apart, rule))[0][0]
    call(apart, "PATCH", f"/alerts/{alert}/close")
    # A changed value would be written 5 s after the last one at the earliest.
    deadline = time.time() + 7
    while time.time() < deadline:
        send(apart, here, {"band": 25 + time.time() % 1})
        time.sleep(0.5)
    judged(apart, here)
    assert [a[2] for a in alerts(apart, rule)] == ["CLOSED"]
    send(apart, here, {"band": 32})
    wait_for("another alert by a breach", lambda: len(alerts(apart, rule, "OPEN")) == 1)
    call(apart, "DELETE", f"/alert-rules/{rule}")


def test_a_device_that_leaves_the_scope_takes_its_alert_along(apart):
    here = device(apart)
    call(apart, "POST", "/sites", site_id="leaving", name="Leaving")
    call(apart, "PATCH", f"/devices/{here['device_id']}", site_id="leaving")
    rule = made(apart, "scoped", site_ids=["leaving"])
    judged(apart, here)
    send(apart, here, {"scoped": 40})
    wait_for("an alert", lambda: alerts(apart, rule, "OPEN"))
    call(apart, "PATCH", f"/devices/{here['device_id']}", site_id="warehouse-north")
    wait_for("its end", lambda: alerts(apart, rule, "CLOSED"))
    assert alerts(apart, rule)[0][3] == "out_of_scope"
    # A rule that is narrowed, and a device that leaves while nobody looks.
    wide = made(apart, "narrowed")
    judged(apart, here)
    send(apart, here, {"narrowed": 40})
    wait_for("an alert", lambda: alerts(apart, wide, "OPEN"))
    call(apart, "PATCH", f"/alert-rules/{wide}", site_ids=["leaving"])
    wait_for("its end", lambda: alerts(apart, wide, "CLOSED"))
    assert alerts(apart, wide)[0][3] == "out_of_scope"
    timeline = call(apart, "GET", f"/alerts/{alerts(apart, wide)[0][0]}/timeline")["events"]
    assert timeline[-1]["details"]["reason"] == "out_of_scope"
    for one in (rule, wide):
        call(apart, "DELETE", f"/alert-rules/{one}")


def test_rules_of_a_sensor_type_see_new_sensors_at_once(apart):
    here = device(apart)
    rule = made(apart, "probe", metric_name=None, sensor_type="thermo_probe")
    judged(apart, here)
    send(apart, here, {"probe_x": 40})
    judged(apart, here)
    assert alerts(apart, rule) == []
    sensor = "UPDATE device_sensors SET sensor_type = %s WHERE device_id = %s AND metric_key = 'probe_x'"
    apart.sql(sensor, ("thermo_probe", here["device_id"]))  # as a template does for many

    def told(key):
        send(apart, here, {key: 41})
        return alerts(apart, rule, "OPEN")
    wait_for("an alert by a sensor that got the type", lambda: told("probe_x"), 5, 0.2)
    apart.sql(sensor, ("other", here["device_id"]))
    wait_for("its end", lambda: alerts(apart, rule, "CLOSED"), 5)
    assert alerts(apart, rule)[-1][3] == "out_of_scope"
    apart.sql(sensor, ("thermo_probe", here["device_id"]))
    wait_for("an alert once it has it again", lambda: told("probe_x"), 5, 0.2)
    known = call(apart, "GET", f"/devices/{here['device_id']}/sensors")["sensors"]
    number = next(k["id"] for k in known if k["metric_key"] == "probe_x")
    call(apart, "DELETE", f"/devices/{here['device_id']}/sensors/{number}")
    wait_for("its end with the sensor", lambda: not alerts(apart, rule, "OPEN"), 5)
    call(apart, "DELETE", f"/alert-rules/{rule}")
    # What ingest finds itself: its first message is judged already.
    unknown = made(apart, "probe", metric_name=None, sensor_type="unknown", name="Unknown")
    judged(apart, here)
    send(apart, here, {"probe_z": 99})
    wait_for("an alert by a sensor that ingest found", lambda: [a for a in alerts(apart, unknown) if a[1] == here["device_id"]])
    call(apart, "DELETE", f"/alert-rules/{unknown}")


def test_a_changed_mapping_begins_durations_anew(apart):
    here = device(apart)
    call(apart, "POST", "/normalized-metrics", normalized_name="life_t")
    call(apart, "POST", "/metric-mappings", raw_metric="life_f", normalized_name="life_t", multiplier=1)
    rule = made(apart, "life_t", duration_seconds=3600)
    raw = made(apart, "life_f", duration_seconds=3600)
    judged(apart, here)
    send(apart, here, {"life_f": 31}, 100)

    def states():
        return {r[0]: r[1]["holds"][0]["since"] for r in apart.sql(
            "SELECT rule_id::text, state FROM alert_rule_state WHERE rule_id = ANY (%s::uuid[])", ([rule, raw],))}
    before = wait_for("what both hold", lambda: len(states()) == 2 and states())
    call(apart, "PATCH", "/metric-mappings/life_f", multiplier=2)
    wait_for("the states of the old mapping gone", lambda: rule not in states() or states()[rule] > before[rule])
    assert states()[raw] == before[raw], "the rule on the raw metric sees no difference"
    for one in (rule, raw):
        call(apart, "DELETE", f"/alert-rules/{one}")
    call(apart, "DELETE", "/normalized-metrics/life_t")


def test_a_silence_that_a_person_closed_is_not_opened_by_a_restart(apart):
    here, spoke, speaks = (device(apart) for _ in range(3))
    metric = "gap_life"
    ids = tuple(d["device_id"] for d in (here, spoke, speaks))
    send(apart, speaks, {metric: 1})
    wait_for("it to be stored", lambda: apart.stored(speaks["device_id"]) == 1)
    apart.sql("UPDATE device_registry SET created_at = now() - interval '1 day' WHERE device_id IN %s", (ids,))
    rule = made(apart, metric, rule_type="telemetry_gap", gap_conditions={"metric_name": metric, "gap_minutes": 1})
    apart.sql("UPDATE alert_rules SET created_at = now() - interval '1 day' WHERE rule_id = %s", (rule,))

    def of(one, status=None):
        return [a for a in alerts(apart, rule, status) if a[1] == one["device_id"]]
    for one in (here, spoke):
        found = wait_for("a silence", lambda o=one: of(o, "OPEN"))
        call(apart, "PATCH", f"/alerts/{found[0][0]}/close")
    send(apart, speaks, {metric: 1})
    wait_for("it to be stored", lambda: apart.stored(speaks["device_id"]) == 2)
    killed(apart)
    looked(apart)
    assert of(speaks) == [], "it spoke just before the kill"
    assert [len(of(one)) for one in (here, spoke)] == [1, 1], "the same silence"
    # A text is a report as good as a number. It ends the silence, and another one may begin.
    send(apart, spoke, {metric: "here"})
    wait_for("it to be stored", lambda: apart.stored(spoke["device_id"]) >= 1)
    apart.sql("UPDATE fleet_alert SET created_at = now() - interval '10 minutes' WHERE rule_id = %s AND device_id = %s",
              (rule, spoke["device_id"]))
    apart.sql("UPDATE device_state SET state_times = jsonb_build_object(%s::text, "
              "(extract(epoch FROM now() - interval '5 minutes') * 1000)::bigint), last_telemetry_at = now() - interval "
              "'5 minutes', newest_event_at = now() - interval '5 minutes' WHERE device_id = %s", (metric, spoke["device_id"]))
    killed(apart)
    wait_for("another silence", lambda: of(spoke, "OPEN"))
    assert len(of(here)) == 1
    call(apart, "DELETE", f"/alert-rules/{rule}")


def test_a_kill_between_the_samples_of_a_window_changes_nothing(apart):
    here, twin = device(apart), device(apart)
    rule = made(apart, "wind", rule_type="window", aggregation="avg", window_seconds=600)
    for ago, value in ((120, 29), (90, 29)):
        for one in (here, twin):
            send(apart, one, {"wind": value}, ago)
    judged(apart, here)
    killed(apart)
    send(apart, here, {"wind": 33}, 30)  # 30.3 of all three; 33 alone would be no window
    wait_for("an alert by samples from before and after", lambda: alerts(apart, rule, "OPEN"))
    details = apart.sql("SELECT details FROM fleet_alert WHERE rule_id = %s", (rule,))[0][0]
    assert abs(details["metric_value"] - 91 / 3) < 1e-6
    send(apart, twin, {"wind": 31}, 30)  # 29.7
    judged(apart, twin)
    assert [a[1] for a in alerts(apart, rule)] == [here["device_id"]]
    killed(apart)
    send(apart, here, {"wind": 10})
    wait_for("its end", lambda: alerts(apart, rule, "CLOSED"))
    call(apart, "DELETE", f"/alert-rules/{rule}")


def test_a_kill_between_the_samples_of_an_anomaly_changes_nothing(apart):
    here = device(apart)
    rule = made(apart, "odd", rule_type="anomaly", anomaly_conditions={"metric_name": "odd", "min_samples": 10, "z_threshold": 4})
    for i in range(9):
        send(apart, here, {"odd": 20 + i % 2}, 600 - 10 * i)
    judged(apart, here)
    killed(apart)
    send(apart, here, {"odd": 21}, 30)  # the tenth: an eleventh may be judged
    send(apart, here, {"odd": 80}, 20)
    wait_for("an anomaly by what was before", lambda: alerts(apart, rule, "OPEN"))
    details = apart.sql("SELECT details FROM fleet_alert WHERE rule_id = %s", (rule,))[0][0]
    assert details["count"] == 10 and 20 < details["mean"] < 21
    call(apart, "DELETE", f"/alert-rules/{rule}")


def test_a_late_message_moves_no_clock_over_a_restart(apart):
    here = device(apart)
    rule = made(apart, "slow", duration_seconds=20)
    judged(apart, here)
    for ago in (1, 0):
        send(apart, here, {"slow": 40}, ago)
    send(apart, here, {"slow": 10}, 600)  # from before: it breaks nothing, and its delay is its own
    wait_for("them to be judged", lambda: apart.sql(
        "SELECT 1 FROM alert_rule_state WHERE rule_id = %s AND (state -> 'holds' -> 0 -> 'newest')::bigint > "
        "(state -> 'holds' -> 0 -> 'since')::bigint", (rule,)))
    # As though it had come ten minutes later.
    apart.sql("UPDATE device_state SET last_telemetry_at = newest_event_at + interval '10 minutes' WHERE device_id = %s",
              (here["device_id"],))
    killed(apart)
    wait_for("an alert by the clock", lambda: alerts(apart, rule, "OPEN"), 60)
    call(apart, "DELETE", f"/alert-rules/{rule}")


def test_no_silence_is_too_old(apart):
    here = device(apart)
    apart.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, last_state_change_at) VALUES "
              "('demo', %s, %s, 'OFFLINE', now() - interval '40 days', now() - interval '39 days') ON CONFLICT (tenant_id, "
              "device_id) DO UPDATE SET status = 'OFFLINE', last_seen_at = excluded.last_seen_at, last_state_change_at = "
              "excluded.last_state_change_at", (here["device_id"], here["site_id"]))
    killed(apart)  # who begins looks at all
    wait_for("its alert", lambda: apart.sql("SELECT 1 FROM fleet_alert WHERE device_id = %s AND alert_type = 'NO_HEARTBEAT'",
                                            (here["device_id"],)))


def test_two_tenants_with_the_same_names_are_judged_apart(apart):
    apart.command("admin", "create-tenant", "--id", "twin", "--name", "Twin")
    mine = device(apart)
    theirs = json.loads(apart.command("admin", "create-device", "--tenant", "twin", "--id", mine["device_id"], "--site",
                                      "warehouse-north").stdout)
    rule = made(apart, "shared_m")
    other = apart.sql("INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold) VALUES "
                      "('twin', 'shared_m', 'shared_m', 'GT', 100) RETURNING rule_id")[0][0]
    judged(apart, mine)
    judged(apart, theirs)
    send(apart, mine, {"shared_m": 50})
    send(apart, theirs, {"shared_m": 50})
    judged(apart, mine)
    judged(apart, theirs)
    assert [(a[1], a[5]) for a in alerts(apart, rule)] == [(mine["device_id"], "demo")]
    assert alerts(apart, other) == []
    send(apart, theirs, {"shared_m": 150})
    wait_for("their own", lambda: alerts(apart, other))
    assert [a[5] for a in alerts(apart, other)] == ["twin"] and len(alerts(apart, rule)) == 1
    send(apart, theirs, {"shared_m": 1})
    wait_for("its end", lambda: alerts(apart, other, "CLOSED"))
    assert [a[2] for a in alerts(apart, rule)] == ["OPEN"], "the other's end is none of ours"
    call(apart, "DELETE", f"/alert-rules/{rule}")
