"""The digest of alerts: its settings, when it is due, what it says, and that none is lost."""

import pytest
from conftest import Api
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
    """As if these settings stood for long, and the last digest had gone out two days ago; the next round sends it."""
    columns = {"frequency": "daily", "timezone": "UTC", **more}
    pulse.sql("INSERT INTO alert_digest_settings (tenant_id, email, frequency, timezone, updated_at, last_sent_at) VALUES "
              "('demo', %s, %s, %s, now() - interval '9 days', now() - interval '8 days') ON CONFLICT (tenant_id) DO UPDATE "
              "SET email = excluded.email, frequency = excluded.frequency, timezone = excluded.timezone, updated_at = "
              "excluded.updated_at, last_sent_at = excluded.last_sent_at", [email, columns["frequency"], columns["timezone"]])


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
    viewer = Api(pulse, "customer1")
    held = viewer.get("/me/permissions").json()["permissions"]
    assert viewer.put(PATH, json={"frequency": "daily"}).status_code == (200 if "alerts.digest.write" in held else 403)


def test_a_digest_is_sent_once_and_says_what_stands(pulse, mail, boss):
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
    assert "week" in mail.wait_for("weekly@demo.example").text
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
