"""The digest of alerts: its settings, when it is due, what it says, and that none is lost."""

from datetime import datetime, timedelta, timezone

import pytest
from conftest import Api
from people import make_user
from servers import Stack, wait_for
from smtp import SmtpCapture
from test_alerts import raised

PATH = "/alert-digest-settings"


@pytest.fixture(scope="module")
def mail():
    with SmtpCapture() as capture:
        yield capture


@pytest.fixture(scope="module")
def pulse(mail):
    with Stack(settings=mail.settings(), devices=1) as running:
        yield running


@pytest.fixture(scope="module")
def boss(pulse):
    return Api(pulse, "tenantadmin1")


def due(pulse, email, **more):
    """As if these settings stood for long, and digests had told of all until eight days ago; the next round sends one."""
    long_ago = datetime.now(timezone.utc) - timedelta(days=8)
    row = {"tenant_id": "demo", "email": email, "frequency": "daily", "timezone": "UTC", "covered_until": long_ago,
           "last_sent_at": long_ago, "updated_at": long_ago - timedelta(days=1), **more}
    pulse.sql(f"INSERT INTO alert_digest_settings ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))}) ON CONFLICT "
              f"(tenant_id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in row)}", list(row.values()))


def mornings():
    """Two zones whose last 8:00 was about 12 hours and about one hour ago, and when that was: as if half a day
    went by, where the settings change from the one to the other."""
    now = datetime.now(timezone.utc)
    told = []
    for hour in (20, 9):  # there, now
        ahead = (hour - now.hour + 12) % 24 - 12
        due = (now + timedelta(hours=ahead)).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(hours=ahead)
        told.append((f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT", due))
    return told


def covered(pulse, tenant="demo"):
    return pulse.sql("SELECT covered_until FROM alert_digest_settings WHERE tenant_id = %s", [tenant])[0][0]


def sent_at(pulse):
    return pulse.sql("SELECT last_sent_at > now() - interval '1 hour' FROM alert_digest_settings WHERE tenant_id = 'demo'")[0][0]


def again(pulse):
    """A job runs its first round when it starts."""
    pulse.pulses[0].stop()
    pulse.pulses[0].start()
    pulse.wait_ready()


def test_settings(boss, pulse):
    assert boss.get(PATH).json() == {"frequency": "daily", "email": "", "last_sent_at": None, "timezone": "UTC"}
    assert boss.put(PATH, json={"frequency": "weekly", "email": "shift@demo.example", "timezone": "Asia/Tokyo"}).json() == {
        "ok": True}
    assert boss.get(PATH).json() == {"frequency": "weekly", "email": "shift@demo.example", "last_sent_at": None,
                                     "timezone": "Asia/Tokyo"}
    assert boss.put(PATH, json={"frequency": "daily"}).status_code == 200
    assert boss.get(PATH).json()["email"] == "tenantadmin1@demo.example"
    assert boss.get(PATH).json()["timezone"] == "Asia/Tokyo"
    for bad in ({"frequency": "hourly"}, {"frequency": "daily", "email": "nobody"}, {},
                {"frequency": "daily", "timezone": "Mars/Olympus"}):
        assert boss.put(PATH, json=bad).status_code == 422, bad
    logged = wait_for("its audit log", lambda: (found := boss.get("/audit-log?entity_type=alert_digest").json()["events"]) and
                      len(found) >= 2 and found)
    assert {e["action"] for e in logged} == {"update"} and logged[0]["details"]["email"] == "tenantadmin1@demo.example"


def test_who_may_set_it(pulse, boss):
    make_user(pulse, "digest-viewer", roles="customer")
    viewer = Api(pulse, "digest-viewer")
    assert "alerts.digest.write" not in viewer.get("/me/permissions").json()["permissions"]
    refused = viewer.put(PATH, json={"frequency": "disabled"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "Permission required: alerts.digest.write")
    assert viewer.get(PATH).json() == boss.get(PATH).json()


def test_the_zone_is_that_of_who_sets_it_until_one_is_given(pulse):
    pulse.command("admin", "create-tenant", "--id", "zoned", "--name", "Zoned")
    make_user(pulse, "zoned-admin", tenant="zoned", roles="customer,tenant-admin")
    api = Api(pulse, "zoned-admin")
    pulse.sql("UPDATE tenants SET timezone = 'Asia/Tokyo' WHERE tenant_id = 'zoned'")
    zone = lambda: api.get(PATH).json()["timezone"]  # noqa: E731
    assert zone() == "Asia/Tokyo"
    assert api.put(PATH, json={"frequency": "daily", "email": "z@zoned.example"}).status_code == 200
    assert zone() == "Asia/Tokyo"
    assert api.put("/preferences", json={"timezone": "America/Lima"}).status_code == 200
    assert zone() == "America/Lima"
    assert api.put(PATH, json={"frequency": "daily", "timezone": "Europe/Paris"}).status_code == 200
    assert zone() == "Europe/Paris"
    api.put(PATH, json={"frequency": "disabled"})


@pytest.mark.parametrize("frequency, zone, at, due, before", [
    # Summer time begins in Berlin on 29 March 2026 and ends on 25 October: days of 23 and 25 hours.
    ("daily", "Europe/Berlin", "2026-03-29T06:00Z", "2026-03-29T06:00Z", "2026-03-28T07:00Z"),
    ("daily", "Europe/Berlin", "2026-03-29T05:59Z", "2026-03-28T07:00Z", "2026-03-27T07:00Z"),
    ("daily", "Europe/Berlin", "2026-10-25T23:30Z", "2026-10-25T07:00Z", "2026-10-24T06:00Z"),
    ("weekly", "Europe/Berlin", "2026-04-01T12:00Z", "2026-03-30T06:00Z", "2026-03-23T07:00Z"),
    ("weekly", "Europe/Berlin", "2026-03-30T05:59Z", "2026-03-23T07:00Z", "2026-03-16T07:00Z"),
    # A day of the zone that is another day in UTC.
    ("daily", "Pacific/Auckland", "2026-06-10T20:30Z", "2026-06-10T20:00Z", "2026-06-09T20:00Z"),
    ("weekly", "Pacific/Auckland", "2026-06-14T20:30Z", "2026-06-14T20:00Z", "2026-06-07T20:00Z"),
    ("weekly", "America/Los_Angeles", "2026-06-15T14:59Z", "2026-06-08T15:00Z", "2026-06-01T15:00Z"),
])
def test_it_is_due_by_the_clock_of_the_zone(pulse, frequency, zone, at, due, before):
    told = pulse.sql("SELECT due, pulse_digest_before(%s, %s, due) FROM pulse_digest_due(%s, %s, %s) AS due",
                     [frequency, zone, frequency, zone, at])[0]
    assert told == (datetime.fromisoformat(due.replace("Z", "+00:00")), datetime.fromisoformat(before.replace("Z", "+00:00")))


def test_each_begins_where_the_one_before_it_ended(pulse, mail):
    pulse.command("admin", "create-tenant", "--id", "next-door", "--name", "Next door")
    pulse.sql("DELETE FROM fleet_alert WHERE tenant_id IN ('demo', 'next-door')")
    (zone, first), (later_zone, second) = mornings()
    minute = timedelta(minutes=1)
    # Long before, before, at and after the first one's end, and after the second one's.
    for at in (first - timedelta(days=3), first - minute, first, first + minute, second - minute, second + minute):
        raised(pulse, created_at=at, event_at=at)
    raised(pulse, tenant="next-door", count=7, created_at=first - minute)
    raised(pulse, created_at=first - timedelta(days=30), closed_at=first + minute, status="CLOSED")
    due(pulse, "span@demo.example", timezone=zone, covered_until=first - timedelta(days=2))
    # It is sent late: what came after its end belongs to the next.
    again(pulse)
    assert "1 alert opened and 0 closed" in mail.wait_for("span@demo.example").text
    wait_for("its mark", lambda: covered(pulse) == first)
    pulse.pulses[0].kill()
    pulse.sql("UPDATE alert_digest_settings SET timezone = %s, email = 'span2@demo.example' WHERE tenant_id = 'demo'", [later_zone])
    pulse.pulses[0].start()
    pulse.wait_ready()
    assert "3 alerts opened and 1 closed" in mail.wait_for("span2@demo.example").text
    wait_for("its mark", lambda: covered(pulse) == second)
    assert len(mail.to("span@demo.example")) == 1


def test_days_on_which_it_could_not_be_sent_are_told_by_the_next(pulse, mail):
    pulse.sql("DELETE FROM fleet_alert WHERE tenant_id = 'demo'")
    for days in (2, 3, 4):
        raised(pulse, created_at=datetime.now(timezone.utc) - timedelta(days=days))
    due(pulse, "outage@demo.example", covered_until=datetime.now(timezone.utc) - timedelta(days=5))
    again(pulse)
    assert "3 alerts opened" in mail.wait_for("outage@demo.example").text
    wait_for("its mark", lambda: sent_at(pulse))


def test_each_tenant_is_told_of_its_own(pulse, mail, boss):
    pulse.command("admin", "create-tenant", "--id", "apart", "--name", "Apart Ltd")
    make_user(pulse, "apart-admin", tenant="apart", roles="customer,tenant-admin")
    apart = Api(pulse, "apart-admin")
    pulse.sql("DELETE FROM fleet_alert WHERE tenant_id IN ('demo', 'apart')")
    raised(pulse, summary="Of demo alone")
    raised(pulse, tenant="apart", count=2, summary="Of apart alone")
    due(pulse, "ours@demo.example")
    due(pulse, "theirs@apart.example", tenant_id="apart")
    assert apart.get(PATH).json()["email"] == "theirs@apart.example" and boss.get(PATH).json()["email"] == "ours@demo.example"
    again(pulse)
    ours, theirs = mail.wait_for("ours@demo.example"), mail.wait_for("theirs@apart.example")
    assert "Of demo alone" in ours.text and "apart" not in ours.text.lower() and "1 open alert" in ours.subject
    assert "Of apart alone" in theirs.text and "demo" not in theirs.text and "Apart Ltd" in theirs.subject
    assert apart.put(PATH, json={"frequency": "disabled"}).status_code == 200
    assert boss.get(PATH).json()["frequency"] == "daily" and covered(pulse, "apart") is None


def test_a_digest_is_sent_once_and_says_what_stands(pulse, mail, boss):
    pulse.sql("DELETE FROM fleet_alert WHERE tenant_id = 'demo'")
    worst = raised(pulse, severity=5, summary="Boiler <over> limit")[0]
    raised(pulse, severity=2, summary="Slightly odd")
    due(pulse, "night@demo.example")
    again(pulse)
    email = mail.wait_for("night@demo.example")
    assert "2 open alerts" in email.subject
    assert "Boiler <over> limit" in email.text and "&lt;over&gt;" in email.html and "(1 critical)" in email.text
    assert email.text.index("Boiler") < email.text.index("Slightly")
    assert any(link.endswith(f"/app/alerts?alert={worst}") for link in email.links)
    wait_for("its mark", lambda: sent_at(pulse))
    again(pulse)
    # A second one, due by its zone, comes after it: of the first there was no second.
    due(pulse, "weekly@demo.example", frequency="weekly", timezone="America/New_York")
    again(pulse)
    assert "Weekly digest" in mail.wait_for("weekly@demo.example").text
    assert len(mail.to("night@demo.example")) == 1


def test_what_could_not_be_sent_is_sent_later(pulse, mail):
    mail.refused.add("away@demo.example")
    due(pulse, "away@demo.example")
    again(pulse)
    wait_for("the refusal", lambda: "digest of alerts not sent" in pulse.pulses[0].tail(400))
    assert not sent_at(pulse)
    mail.refused.discard("away@demo.example")
    again(pulse)
    mail.wait_for("away@demo.example")
    wait_for("its mark", lambda: sent_at(pulse))


def test_a_crash_while_it_is_sent_loses_none(pulse, mail):
    mail.open.clear()  # the server takes connections and says nothing
    talks = mail.talks
    due(pulse, "crash@demo.example")
    again(pulse)
    wait_for("a conversation", lambda: mail.talks > talks)
    pulse.pulses[0].kill()
    mail.open.set()
    assert not sent_at(pulse)
    pulse.pulses[0].start()
    pulse.wait_ready()
    mail.wait_for("crash@demo.example")
    wait_for("its mark", lambda: sent_at(pulse))
    assert len(mail.to("crash@demo.example")) == 1


def test_a_repeat_after_a_crash_before_its_mark_is_known_for_one(pulse, mail):
    for _ in range(2):
        due(pulse, "repeat@demo.example")
        again(pulse)
        wait_for("its mark", lambda: sent_at(pulse))
    first, second = wait_for("both", lambda: len(mail.to("repeat@demo.example")) == 2 and mail.to("repeat@demo.example"))
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_settings_made_now_begin_with_the_next_morning(pulse, mail):
    pulse.sql("DELETE FROM alert_digest_settings")
    pulse.sql("INSERT INTO alert_digest_settings (tenant_id, email) VALUES ('demo', 'new@demo.example')")
    # Another tenant's, that is due, shows that a round was made.
    pulse.command("admin", "create-tenant", "--id", "early", "--name", "Early")
    pulse.sql("INSERT INTO alert_digest_settings (tenant_id, email, updated_at) VALUES "
              "('early', 'early@early.example', now() - interval '9 days')")
    again(pulse)
    mail.wait_for("early@early.example")
    again(pulse)
    assert not mail.to("new@demo.example")
