"""The queue of notifications: turns, throttles, what is lost and what is spoilt, what is over before it was told."""

import contextlib
import datetime
import email.utils
import json
import re
import socket

import pytest
import requests
from conftest import Api
from notifying import KEY, alert, channel, cleaned, everything_outside, hook_channel, jobs, pulse_beside, route, routed, settled, turn
from people import make_user
from servers import wait_for


@pytest.fixture(scope="module")
def outside():
    with everything_outside() as found:
        yield found


@pytest.fixture(scope="module")
def dead():
    """Takes connections and never says anything: host:port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1000)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def pulse(outside, dead):
    with pulse_beside(outside, dead) as running:
        yield running


@pytest.fixture(scope="module")
def api(pulse):
    return Api(pulse, "acme1")


@pytest.fixture(scope="module")
def rival(pulse):
    return Api(pulse, "rival1")


@pytest.fixture(autouse=True)
def _clean(api, rival, outside):
    for one in rival.get("/notification-channels").json()["channels"]:
        rival.delete(f"/notification-channels/{one['channel_id']}")
    yield from cleaned(api, outside)


def states(pulse, channel_id) -> dict:
    return dict(pulse.sql("SELECT status, count(*) FROM notification_jobs WHERE channel_id = %s GROUP BY 1", (channel_id,)))


def backlog(pulse, channel_id, count, tenant="acme"):
    """Jobs of as many alerts, due for an hour."""
    pulse.sql(
        "WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary) "
        "SELECT %s, '', 'backlog', 'THRESHOLD', 'backlog-' || %s || '-' || n, 3, 'x' FROM generate_series(1, %s) n RETURNING *) "
        "INSERT INTO notification_jobs (tenant_id, alert_id, channel_id, event_key, next_run_at, payload_json) "
        "SELECT a.tenant_id, a.id, %s, 'OPEN', now() - interval '1 hour', jsonb_build_object('alert_id', a.id, 'alert_type', "
        "a.alert_type, 'severity', 3, 'device_id', a.device_id, 'site_id', '', 'tenant_id', a.tenant_id, 'message', 'x', "
        "'details', '{}'::jsonb, 'triggered_at', a.created_at, 'event_type', 'OPEN') FROM a RETURNING 1",
        (tenant, channel_id, count, channel_id))


@contextlib.contextmanager
def untold(pulse):
    """What is written meanwhile, in one transaction, is told by no message: only the upkeep finds it, all of it at once."""
    with pulse.transaction() as cursor:
        cursor.execute("SELECT coalesce(max(event_id), 0) FROM alert_outbox")
        yield cursor
        cursor.execute("UPDATE alert_events SET created_at = now() - interval '1 minute' WHERE NOT routed AND xmin = "
                       "pg_current_xact_id()::xid")
        cursor.execute("DELETE FROM alert_outbox o USING alert_events e WHERE e.id = o.event_id AND e.xmin = "
                       "pg_current_xact_id()::xid")


def opened(cursor, device, tenant="acme", fingerprint=None, status="OPEN") -> int:
    cursor.execute("INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary, status) "
                   "VALUES (%s, '', %s, 'THRESHOLD', %s, 3, 'x', %s) RETURNING id",
                   (tenant, device, fingerprint or f"F:{device}", status))
    found = cursor.fetchone()[0]
    cursor.execute("INSERT INTO alert_events (tenant_id, alert_id, event) VALUES (%s, %s, 'OPEN')", (tenant, found))
    return found


def test_a_dead_channel_holds_up_no_other(api, rival, pulse, outside, dead):
    silent = channel(api, "webhook", {"url": f"http://{dead}/x"})
    backlog(pulse, silent, 5000)
    wait_for("attempts", lambda: states(pulse, silent).get("PROCESSING"))
    route(api, hook_channel(api, outside))
    route(rival, channel(rival, "webhook", {"url": outside["hook"].url}))
    ours, theirs = alert(pulse, "beside-dead"), alert(pulse, "beside-dead-rival", tenant="rival")
    assert settled(pulse, ours) == settled(pulse, theirs) == [("OPEN", "COMPLETED", 1)]
    found = states(pulse, silent)
    assert found["PENDING"] + found.get("PROCESSING", 0) == 5000, "the dead one's wait"
    # It is tried by one at a time from its first failure on.
    wait_for("a rest", lambda: pulse.sql("SELECT 1 FROM notification_lanes WHERE lane = %s", (f"channel:{silent}",)))
    pulse.sql("UPDATE notification_lanes SET rests_until = now() RETURNING 1")
    wait_for("the first attempts' end", lambda: states(pulse, silent).get("PROCESSING", 0) <= 1)
    pulse.sql("UPDATE notification_lanes SET rests_until = now() RETURNING 1")
    wait_for("another attempt", lambda: states(pulse, silent).get("PROCESSING", 0) == 1)


def test_addresses_hold_up_no_other_address(pulse, outside, dead):
    found = alert(pulse, "direct-lanes")
    for number in range(200):
        pulse.sql("INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, payload_json, next_run_at) "
                  "SELECT tenant_id, id, jsonb_build_object('kind', 'webhook', 'address', %s), 'ESCALATED', %s, "
                  "pulse_notice(a, 'ESCALATED', now(), NULL, 'x'), now() - interval '1 hour' FROM fleet_alert a WHERE id = %s "
                  "RETURNING 1", (f"http://{dead}/x", f"dead-{number}", found))
    pulse.sql("INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, payload_json) "
              "SELECT tenant_id, id, '{\"kind\": \"email\", \"address\": \"awake@acme.example\"}', 'ESCALATED', 'awake', "
              "pulse_notice(a, 'ESCALATED', now(), NULL, 'x') FROM fleet_alert a WHERE id = %s RETURNING 1", (found,))
    assert "direct-lanes" in outside["mail"].wait_for("awake@acme.example").subject
    assert pulse.sql("SELECT count(*) > 150 FROM notification_jobs WHERE alert_id = %s AND status = 'PENDING'", (found,)) == [(True,)]
    turn(pulse, found, "ACKNOWLEDGED")
    wait_for("an end", lambda: not pulse.sql("SELECT 1 FROM notification_jobs WHERE alert_id = %s AND status = 'PENDING'", (found,)))


def test_what_the_stream_lost_is_routed_all_the_same(api, pulse, outside):
    route(api, hook_channel(api, outside))
    with untold(pulse) as cursor:
        found = opened(cursor, "lost-1")
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 1)]
    assert len(outside["hook"].about("lost-1")) == 1


def test_the_stream_keeps_events_however_old(pulse):
    """Until they are routed, which may be after a long weekend."""
    with socket.create_connection(("127.0.0.1", pulse.nats_port), 10) as connection:
        connection.sendall(b"CONNECT {\"verbose\":false}\r\nSUB r 1\r\nPUB $JS.API.STREAM.INFO.ALERTS r 0\r\n\r\nPING\r\n")
        text = b""
        while b"\"config\":" not in text or b"PONG" not in text:
            text += connection.recv(65536)
    age = re.search(rb'"max_age":(\d+)', text)
    assert age and age.group(1) == b"0"


def test_a_spoilt_event_is_set_aside_and_others_go_on(api, pulse, outside):
    route(api, hook_channel(api, outside))
    pulse.sql("CREATE FUNCTION spoilt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
              "IF new.payload_json ->> 'device_id' = 'spoilt-1' THEN RAISE EXCEPTION 'spoilt' USING ERRCODE = '22P02'; END IF; "
              "RETURN new; END $$; CREATE TRIGGER spoilt BEFORE INSERT ON notification_jobs FOR EACH ROW EXECUTE FUNCTION spoilt()")
    try:
        with untold(pulse) as cursor:
            before, spoilt, after = (opened(cursor, f"{name}-1") for name in ("before", "spoilt", "after"))
        for one in (before, after):
            assert settled(pulse, one) == [("OPEN", "COMPLETED", 1)]
        routed(pulse, spoilt)
        assert "spoilt" in pulse.sql("SELECT routing_problem FROM alert_events WHERE alert_id = %s", (spoilt,))[0][0]
        late = alert(pulse, "late-1")
        assert settled(pulse, late) == [("OPEN", "COMPLETED", 1)]
    finally:
        pulse.sql("DROP TRIGGER spoilt ON notification_jobs")
        pulse.sql("DROP FUNCTION spoilt()")
    assert "pulse_alert_events_set_aside_total 1" in requests.get(f"{pulse.url}/metrics", timeout=10).text
    assert any("is set aside" in p.tail(5000) for p in pulse.pulses)


def test_a_throttle_holds_within_one_batch(api, pulse, outside):
    route(api, hook_channel(api, outside), throttle_minutes=10)
    with untold(pulse) as cursor:
        first = opened(cursor, "flap-1", fingerprint="F:flap", status="CLOSED")
        second = opened(cursor, "flap-2", fingerprint="F:flap")
        other = opened(cursor, "flap-3", fingerprint="F:calm")
    assert settled(pulse, first) == settled(pulse, other) == [("OPEN", "COMPLETED", 1)]
    routed(pulse, second)
    assert jobs(pulse, second) == []


def test_what_did_not_arrive_throttles_nothing(api, pulse, outside):
    route(api, hook_channel(api, outside), throttle_minutes=10, deliver_on=["OPEN", "CLOSED"])
    outside["hook"].fail_next[:] = [(400, {})]
    first = alert(pulse, "unheard")
    assert settled(pulse, first) == [("OPEN", "FAILED", 1)]
    turn(pulse, first, "CLOSED")
    second = alert(pulse, "unheard")
    assert settled(pulse, second) == [("OPEN", "COMPLETED", 1)]
    assert [j[0] for j in jobs(pulse, first)] == ["OPEN"], "nobody heard that it began"


def test_the_end_is_told_to_those_who_heard_of_the_beginning(api, pulse, outside):
    both = hook_channel(api, outside)
    route(api, both, min_severity=5, deliver_on=["OPEN", "ACKNOWLEDGED", "CLOSED"])
    ends = channel(api, "webhook", {"url": outside["hook"].url})
    route(api, ends, deliver_on=["CLOSED"])
    found = alert(pulse, "half-told", severity=4)
    routed(pulse, found)
    for event in ("ESCALATED", "ACKNOWLEDGED", "CLOSED"):
        turn(pulse, found, event)
    routed(pulse, found)
    assert settled(pulse, found) == [("CLOSED", "COMPLETED", 1)]
    assert pulse.sql("SELECT channel_id FROM notification_jobs WHERE alert_id = %s", (found,)) == [(ends,)]


def escalation_job(pulse, alert_id, key, url, wait="1 hour"):
    pulse.sql("INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, payload_json, next_run_at) "
              "SELECT tenant_id, id, jsonb_build_object('kind', 'webhook', 'address', %s), 'ESCALATED', %s, "
              "pulse_notice(a, 'ESCALATED', now(), NULL, 'x'), now() + %s::interval FROM fleet_alert a WHERE id = %s RETURNING 1",
              (url, key, wait, alert_id))


@pytest.mark.parametrize("event", ["ACKNOWLEDGED", "CLOSED"])
def test_nobody_is_called_for_an_alert_that_somebody_took(api, pulse, outside, event):
    found = alert(pulse, f"taken-{event}")
    escalation_job(pulse, found, "waits", outside["hook"].url)
    turn(pulse, found, event)
    wait_for("an end", lambda: jobs(pulse, found) == [("ESCALATED", "FAILED", 0)])
    assert api.get(f"/delivery-jobs?alert_id={found}").json()["jobs"][0]["last_error"] == (
        f"not sent: the alert was {event.lower()}")
    # One that is due before the word of it came.
    escalation_job(pulse, found, "due", outside["hook"].url, wait="0 s")
    assert settled(pulse, found, 2)[1] == ("ESCALATED", "FAILED", 1)
    assert outside["hook"].about(f"taken-{event}") == []


def test_who_asks_for_patience_gets_it_for_all_messages(api, pulse, outside):
    here = hook_channel(api, outside)
    route(api, here)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=30)
    outside["hook"].fail_next[:] = [(429, {"Retry-After": email.utils.format_datetime(later, usegmt=True)})]
    first = alert(pulse, "patience-1")
    lane = (f"channel:{here}",)
    rest = "SELECT extract(epoch FROM rests_until - now())::integer FROM notification_lanes WHERE lane = %s"
    seconds = wait_for("a rest", lambda: pulse.sql(rest, lane))[0][0]
    assert 1600 < seconds <= 1800
    second = alert(pulse, "patience-2")
    wait_for("its job", lambda: jobs(pulse, second))
    # Time passes.
    pulse.sql("UPDATE notification_lanes SET rests_until = now() RETURNING 1")
    pulse.sql("UPDATE notification_jobs SET next_run_at = now() WHERE alert_id = %s RETURNING 1", (first,))
    assert settled(pulse, second) == [("OPEN", "COMPLETED", 1)] and settled(pulse, first) == [("OPEN", "COMPLETED", 2)]
    assert pulse.sql(rest, lane) == [], "a place that answers rests no more"
    outside["hook"].fail_next[:] = [(503, {"Retry-After": "99999999"})]
    alert(pulse, "patience-3")
    assert 3500 < wait_for("a rest", lambda: pulse.sql(rest, lane))[0][0] <= 3600, "an hour at most"


def test_the_incident_of_a_summary_is_resolved_with_its_last_alert(api, pulse, outside):
    service = outside["pagerduty"]
    here = channel(api, "pagerduty", {"integration_key": KEY, "api_url": service.url}, max_per_minute=1)
    route(api, here)
    ids = [alert(pulse, f"stormy-{i}") for i in range(4)]
    for one in ids:
        routed(pulse, one)
    pulse.sql("UPDATE notification_jobs SET next_run_at = now() WHERE channel_id = %s AND deliver_on_event = 'SUMMARY' RETURNING 1",
              (here,))

    def about_summaries(action):
        return {r.body["dedup_key"] for r in service.requests
                if r.body["event_action"] == action and r.body["dedup_key"].startswith("pulse-")}

    for one in ids:
        settled(pulse, one)
    triggered = wait_for("a summary", lambda: about_summaries("trigger"))
    for one in ids[:-1]:
        turn(pulse, one, "CLOSED")
        routed(pulse, one)
    assert about_summaries("resolve") == set(), "one is open still"
    turn(pulse, ids[-1], "CLOSED")
    wait_for("its end", lambda: about_summaries("resolve") == triggered)


def test_what_waits_can_be_measured(api, pulse, outside, dead):
    backlog(pulse, channel(api, "webhook", {"url": f"http://{dead}/x"}), 20)

    def gauge(name):
        lines = requests.get(f"{pulse.url}/metrics", timeout=10).text.splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f'{name}{{type="webhook"}}')), 0)

    wait_for("the jobs", lambda: gauge("pulse_notification_jobs_waiting") >= 20)
    wait_for("their age", lambda: gauge("pulse_notification_oldest_due_seconds") > 3000)


def test_who_may_not_is_refused(api, pulse, outside):
    make_user(pulse, "onlooker", tenant="acme")
    onlooker = Api(pulse, "onlooker")
    here = hook_channel(api, outside)
    rule = route(api, here)
    schedule = api.post("/oncall-schedules", json={"name": "x"}).json()["schedule_id"]
    policy = api.post("/escalation-policies", json={"name": "x"}).json()["policy_id"]
    body = {"name": "x", "channel_type": "webhook", "config": {"url": outside["hook"].url}}
    shift = {"responder": "x", "start_at": "2030-01-01T00:00:00Z", "end_at": "2030-01-02T00:00:00Z"}
    for method, path, sent in (
            ("POST", "/notification-channels", body), ("PUT", f"/notification-channels/{here}", body),
            ("DELETE", f"/notification-channels/{here}", None), ("POST", f"/notification-channels/{here}/test", None),
            ("POST", "/notification-routing-rules", {"channel_id": here}),
            ("PUT", f"/notification-routing-rules/{rule}", {"channel_id": here}),
            ("DELETE", f"/notification-routing-rules/{rule}", None), ("POST", "/escalation-policies", {"name": "x"}),
            ("PUT", f"/escalation-policies/{policy}", {"name": "x"}), ("DELETE", f"/escalation-policies/{policy}", None),
            ("POST", "/oncall-schedules", {"name": "x"}), ("PUT", f"/oncall-schedules/{schedule}", {"name": "x"}),
            ("DELETE", f"/oncall-schedules/{schedule}", None), ("POST", f"/oncall-schedules/{schedule}/layers", {"name": "x"}),
            ("POST", f"/oncall-schedules/{schedule}/overrides", shift), ("POST", f"/oncall-schedules/{schedule}/feeds", {})):
        answer = onlooker.request(method, path, json=sent)
        assert answer.status_code == 403, f"{method} {path}: {answer.text}"
    assert outside["hook"].requests == []
    assert onlooker.get("/notification-channels").status_code == onlooker.get("/delivery-jobs").status_code == 200
    assert json.dumps(onlooker.get("/notification-channels").json()) == json.dumps(api.get("/notification-channels").json())
