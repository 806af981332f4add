"""What the suites of notifications share: everything that Pulse may speak to, and alerts as workers write them."""

import contextlib
import json

from receivers import Mosquitto, PagerDuty, Slack, SnmpTrapd, Teams, Webhook
from servers import Stack, wait_for
from smtp import SmtpCapture

ENGINE = "8000000001020304050607"
KEY = "0123456789abcdef0123456789abcdef"
DOOR = {"auth": "auth-secret-1", "priv": "priv-secret-1"}


@contextlib.contextmanager
def everything_outside():
    """By name."""
    with Slack() as slack, PagerDuty() as pagerduty, Teams() as teams, Webhook() as hook, SmtpCapture() as mail, \
            Mosquitto() as broker, SnmpTrapd(users=[(ENGINE, "watch", DOOR["auth"], DOOR["priv"])]) as traps:
        yield {"slack": slack, "pagerduty": pagerduty, "teams": teams, "hook": hook, "mail": mail, "broker": broker,
               "traps": traps}


@contextlib.contextmanager
def pulse_beside(outside, *more_hosts):
    """A Pulse that may speak to it, with two tenants, acme and rival."""
    hosts = [outside[n].host for n in ("slack", "pagerduty", "teams", "hook", "broker", "traps")]
    hosts += [f"127.0.0.1:{outside['mail'].port}", *more_hosts]
    with Stack(settings={"OUTBOUND_PRIVATE_HOSTS": ",".join(hosts), **outside["mail"].settings()}) as running:
        for tenant in ("acme", "rival"):
            running.command("admin", "create-tenant", "--id", tenant, "--name", tenant)
            running.command("admin", "create-user", "--username", f"{tenant}1", "--password", "pulse-demo-1", "--email",
                            f"{tenant}1@x.example", "--tenant", tenant, "--role", "customer,tenant-admin")
        running.sql("UPDATE account_tiers SET limits = limits || '{\"api_requests_per_minute\": 1000000}'")
        running.sql("UPDATE tenants SET account_tier_id = 'enterprise' WHERE tenant_id IN ('acme', 'rival')")
        yield running


def cleaned(api, outside):
    """No channel of another test tells of this one; what came was as the vendors document it."""
    for channel in api.get("/notification-channels").json()["channels"]:
        assert api.delete(f"/notification-channels/{channel['channel_id']}").status_code == 204
    yield
    for name in ("slack", "pagerduty", "teams", "hook"):
        receiver = outside[name]
        assert receiver.faults == []
        receiver.going_on.set()
        receiver.fail_next.clear()
        receiver.requests.clear()
    outside["mail"].refused.clear()


def channel(api, kind, config, **more) -> int:
    answer = api.post("/notification-channels", json={"name": f"{kind} channel", "channel_type": kind, "config": config, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["channel_id"]


def route(api, channel_id, **more) -> int:
    answer = api.post("/notification-routing-rules", json={"channel_id": channel_id, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["rule_id"]


def hook_channel(api, outside, **config):
    return channel(api, "webhook", {"url": outside["hook"].url, **config})


def alert(pulse, device, tenant="acme", severity=4, alert_type="THRESHOLD", site="plant", fingerprint=None, **details) -> int:
    """Opens an alert as a worker does; its id."""
    return pulse.sql(
        "WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary, details) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING tenant_id, id) "
        "INSERT INTO alert_events (tenant_id, alert_id, event) SELECT tenant_id, id, 'OPEN' FROM a RETURNING alert_id",
        (tenant, site, device, alert_type, fingerprint or f"RULE:x:{device}", severity, f"{device} is <too> hot & loud",
         json.dumps(details)))[0][0]


def turn(pulse, alert_id, event, actor=None):
    """Another transition of it."""
    changes = {"ACKNOWLEDGED": "status = 'ACKNOWLEDGED'", "CLOSED": "status = 'CLOSED', closed_at = now()",
               "ESCALATED": "escalation_level = escalation_level + 1, severity = least(5, severity + 1)"}[event]
    pulse.sql(f"WITH a AS (UPDATE fleet_alert SET {changes} WHERE id = %s RETURNING tenant_id, id) "
              "INSERT INTO alert_events (tenant_id, alert_id, event, actor) SELECT tenant_id, id, %s, %s FROM a RETURNING 1",
              (alert_id, event, actor))


def jobs(pulse, alert_id) -> list:
    return pulse.sql("SELECT deliver_on_event, status, attempts FROM notification_jobs WHERE alert_id = %s ORDER BY job_id",
                     (alert_id,))


def settled(pulse, alert_id, count=1) -> list:
    wait_for("the jobs' end", lambda: len(found := jobs(pulse, alert_id)) >= count
             and all(j[1] in ("COMPLETED", "FAILED") for j in found), 45)
    return jobs(pulse, alert_id)


def routed(pulse, alert_id):
    wait_for("routing", lambda: pulse.sql("SELECT bool_and(routed) FROM alert_events WHERE alert_id = %s "
                                          "AND event IN ('OPEN', 'CLOSED', 'ACKNOWLEDGED', 'ESCALATED')", (alert_id,))[0][0])
