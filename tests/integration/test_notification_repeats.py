"""What each type of channel does with a repeat, with a config that it does not know, and with one recipient of many."""

import json
import socket

import pytest
from conftest import Api
from notifying import DOOR, ENGINE, alert, channel, cleaned, everything_outside, jobs, pulse_beside, route, settled
from servers import Process, wait_for


class TrapCatcher:
    """Keeps the datagrams that come; `request_ids`: of the traps in them (RFC 3416: the first integer in the PDU, tag a7)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port, self.traps = self.socket.getsockname()[1], []

    def request_ids(self) -> list:
        try:
            while True:
                self.traps.append(self.socket.recv(65536))
        except BlockingIOError:
            return [self.request_id(trap) for trap in self.traps]

    @staticmethod
    def request_id(trap) -> bytes:
        at = trap.index(b"\xa7")
        at += 2 + (trap[at + 1] & 0x7f if trap[at + 1] & 0x80 else 0)
        assert trap[at] == 2
        return trap[at + 2:at + 2 + trap[at + 1]]


@pytest.fixture(scope="module")
def outside():
    with everything_outside() as found:
        yield found


@pytest.fixture(scope="module")
def catcher():
    return TrapCatcher()


@pytest.fixture(scope="module")
def pulse(outside, catcher):
    with pulse_beside(outside, f"127.0.0.1:{catcher.port}") as running:
        yield running


@pytest.fixture(scope="module")
def api(pulse):
    return Api(pulse, "acme1")


@pytest.fixture(autouse=True)
def _clean(api, outside):
    yield from cleaned(api, outside)
    outside["mail"].put_off.clear()


def again(pulse, alert_id):
    """As after a crash between sending and noting it."""
    settled(pulse, alert_id)
    pulse.sql("UPDATE notification_jobs SET status = 'PENDING', next_run_at = now() WHERE alert_id = %s RETURNING 1", (alert_id,))


def mail_channel(api, outside, to, **more):
    smtp = {"host": "127.0.0.1", "port": outside["mail"].port, "tls": False}
    return channel(api, "email", {"smtp": smtp, "from": "Pulse <alerts@acme.example>", "recipients": {"to": to}, **more})


# ---- configs ----

@pytest.mark.parametrize("kind, config, name", [
    ("slack", {"webhook_url": "https://hooks.slack.com/x", "token": "secret-9"}, "token"),
    ("teams", {"webhook_url": "https://x.office.com/x", "Secret": "secret-9"}, "Secret"),
    ("pagerduty", {"integration_key": "k" * 32, "routing_key": "secret-9"}, "routing_key"),
    ("webhook", {"url": "https://x.example", "api_key": "secret-9"}, "api_key"),
    ("http", {"url": "https://x.example", "auth": {"password": "secret-9"}}, "auth"),
    ("email", {"smtp": {"host": "x.example", "pass": "secret-9"}, "from": "a@x.example", "recipients": {"to": ["b@x.example"]}},
     "smtp.pass"),
    ("email", {"smtp": {"host": "x.example"}, "from": "a@x.example", "recipients": {"too": ["b@x.example"]}}, "recipients.too"),
    ("snmp", {"host": "x.example", "auth_passphrase": "secret-9"}, "auth_passphrase"),
    ("mqtt", {"broker_host": "x.example", "topic": "a", "pass": "secret-9"}, "pass")])
def test_what_nobody_knows_is_refused_by_its_name(api, pulse, kind, config, name):
    answer = api.post("/notification-channels", json={"name": "x", "channel_type": kind, "config": config})
    assert (answer.status_code, answer.json()["detail"]) == (
        400, f"Invalid config for {kind}: '{name}' is not known; leave it out, or see the documentation for its name")
    assert pulse.sql("SELECT 1 FROM notification_channels WHERE config::text LIKE '%%secret-9%%'") == []


@pytest.mark.parametrize("kind, config", [
    ("slack", {"webhook_url": "https://hooks.slack.com/x"}), ("teams", {"webhook_url": "https://x.office.com/x"}),
    ("pagerduty", {"integration_key": "k" * 32}),
    ("webhook", {"url": "https://x.example", "method": "POST", "headers": {"X-A": "b"}, "secret": "s"}),
    ("http", {"url": "https://x.example", "method": "PUT", "headers": {"X-A": "b"}, "secret": "s"}),
    ("email", {"smtp": {"host": "x.example", "port": 587, "user": "u", "password": "p", "tls": True}, "from": "a@x.example",
               "recipients": {"to": ["b@x.example"], "cc": ["c@x.example"], "bcc": ["d@x.example"]}}),
    ("snmp", {"host": "x.example", "port": 162, "version": "2c", "community": "c", "oid_prefix": "1.3.6.1.4.1.9"}),
    ("snmp", {"host": "x.example", "version": "3", "user": "u", "auth": "auth-secret-9", "priv": "priv-secret-9",
              "priv_protocol": "DES"}),
    ("mqtt", {"broker_host": "x.example", "broker_port": 1883, "topic": "a", "qos": 1, "retain": True})])
def test_every_member_of_the_interface_is_known(api, kind, config):
    shown = api.get(f"/notification-channels/{channel(api, kind, config)}").json()["config"]
    assert set(shown) == set(config)


@pytest.mark.parametrize("auth, priv", [("auth", "priv"), ("auth_key", "priv_key"), ("auth_password", "priv_password")])
def test_keys_of_traps_are_sealed_by_any_name_and_work(api, pulse, outside, auth, priv):
    traps, device = outside["traps"], f"keyed-{auth}"
    here = channel(api, "snmp", {"host": "127.0.0.1", "port": traps.port, "version": "3", "user": "watch", "engine_id": ENGINE,
                                 auth: DOOR["auth"], priv: DOOR["priv"]})
    stored = pulse.sql("SELECT config::text || sealed_config FROM notification_channels WHERE channel_id = %s", (here,))[0][0]
    assert DOOR["auth"] not in stored and DOOR["priv"] not in stored
    assert api.get(f"/notification-channels/{here}").json()["config"][auth] == "***"
    route(api, here)
    alert(pulse, device)
    wait_for("the trap", lambda: f'"{device}"' in traps.text())


def test_a_password_is_not_sent_in_clear(api):
    config = {"smtp": {"host": "mail.example.com", "user": "u", "password": "p", "tls": False}, "from": "a@x.example",
              "recipients": {"to": ["b@x.example"]}}
    answer = api.post("/notification-channels", json={"name": "x", "channel_type": "email", "config": config})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Invalid config for email: smtp.password would be sent in "
                                                                  "clear: set smtp.tls to true, or leave the password out")


# ---- recipients ----

def test_one_who_is_refused_keeps_the_email_from_nobody_else(api, pulse, outside):
    mail = outside["mail"]
    route(api, mail_channel(api, outside, ["here@acme.example", "gone@acme.example", "too@acme.example"]))
    mail.refused.add("gone@acme.example")
    found = alert(pulse, "one-refused")
    assert mail.wait_for("here@acme.example").to == ["here@acme.example", "too@acme.example"]
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 1)]
    said = "the mail server does not take the message for gone@acme.example: 550"
    job = api.get(f"/delivery-jobs?alert_id={found}").json()["jobs"][0]
    assert job["last_error"] == said
    assert api.get(f"/delivery-jobs/{job['job_id']}/attempts").json()["attempts"][0]["error"] == said
    mail.refused.update(["here@acme.example", "too@acme.example"])
    nobody = alert(pulse, "all-refused")
    assert settled(pulse, nobody) == [("OPEN", "FAILED", 1)]
    assert "here@acme.example: 550, gone@acme.example: 550" in api.get(
        f"/delivery-jobs?alert_id={nobody}").json()["jobs"][0]["last_error"]


def test_one_who_is_put_off_gets_it_later_and_nobody_twice(api, pulse, outside):
    mail = outside["mail"]
    route(api, mail_channel(api, outside, ["prompt@acme.example", "slow@acme.example"]))
    mail.put_off.add("slow@acme.example")
    found = alert(pulse, "put-off")
    mail.wait_for("prompt@acme.example")
    wait_for("an attempt's end", lambda: jobs(pulse, found)[0][1] == "PENDING" and jobs(pulse, found)[0][2] >= 1)
    mail.put_off.clear()
    mail.wait_for("slow@acme.example")
    assert settled(pulse, found)[0][1] == "COMPLETED"
    assert len(mail.to("prompt@acme.example")) == 1


def test_a_person_who_is_refused_is_named(api, pulse, outside):
    outside["mail"].refused.add("left@acme.example")
    found = alert(pulse, "person-refused")
    pulse.sql("INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, payload_json) "
              "SELECT tenant_id, id, '{\"kind\": \"email\", \"address\": \"left@acme.example\"}', 'ESCALATED', 'x', "
              "pulse_notice(a, 'ESCALATED', now(), NULL, 'x') FROM fleet_alert a WHERE id = %s RETURNING 1", (found,))
    assert settled(pulse, found) == [("ESCALATED", "FAILED", 1)]
    assert api.get(f"/delivery-jobs?alert_id={found}").json()["jobs"][0]["last_error"] == (
        "the mail server does not take the message for left@acme.example: 550")


# ---- repeats ----

def test_an_email_that_comes_again_has_the_same_id(api, pulse, outside):
    mail = outside["mail"]
    route(api, mail_channel(api, outside, ["twice@acme.example"]))
    mail.verdicts.append("451 out of room")
    found = alert(pulse, "mail-twice")
    assert settled(pulse, found) == [("OPEN", "COMPLETED", 2)]
    other = alert(pulse, "mail-other")
    settled(pulse, other)
    first, second, third = (str(e.message["Message-ID"]) for e in mail.to("twice@acme.example"))
    assert first == second != third and first.endswith("@acme.example>")


def test_an_email_to_a_person_that_comes_again_has_the_same_id(pulse, outside):
    found = alert(pulse, "person-twice")
    pulse.sql("INSERT INTO notification_jobs (tenant_id, alert_id, target, deliver_on_event, event_key, payload_json) "
              "SELECT tenant_id, id, '{\"kind\": \"email\", \"address\": \"awake2@acme.example\"}', 'ESCALATED', 'x', "
              "pulse_notice(a, 'ESCALATED', now(), NULL, 'x') FROM fleet_alert a WHERE id = %s RETURNING 1", (found,))
    again(pulse, found)
    outside["mail"].wait_for("awake2@acme.example", 2)
    assert len({str(e.message["Message-ID"]) for e in outside["mail"].to("awake2@acme.example")}) == 1


def test_a_trap_that_comes_again_has_the_same_request_id(api, pulse, catcher):
    route(api, channel(api, "snmp", {"host": "127.0.0.1", "port": catcher.port, "community": "c"}))
    found = alert(pulse, "trap-twice")
    again(pulse, found)
    wait_for("two traps", lambda: len(catcher.request_ids()) >= 2)
    alert(pulse, "trap-other")
    wait_for("another", lambda: len(catcher.request_ids()) >= 3)
    first, second, third = catcher.request_ids()
    assert first == second != third


def test_a_publish_that_comes_again_has_the_same_key(api, pulse, outside, tmp_path):
    broker = outside["broker"]
    seen = tmp_path / "seen"
    listener = Process("mosquitto_sub", ["mosquitto_sub", "-V", "mqttv5", "-h", "127.0.0.1", "-p", str(broker.port), "-u",
                                         broker.user, "-P", broker.password, "-q", "1", "-t", "repeats/#", "-F", "%t|%P|%p"], seen)
    listener.start()
    try:
        route(api, channel(api, "mqtt", {"broker_host": "127.0.0.1", "broker_port": broker.port, "username": broker.user,
                                         "password": broker.password, "topic": "repeats/{device_id}", "retain": True}))
        found = alert(pulse, "mqtt-twice")
        wait_for("the message", lambda: "mqtt-twice" in seen.read_text())
        again(pulse, found)
        wait_for("its repeat", lambda: seen.read_text().count("repeats/mqtt-twice|") >= 2)
    finally:
        listener.stop()
    lines = [line.split("|") for line in seen.read_text().splitlines()]
    key = str(pulse.sql("SELECT idempotency_key FROM notification_jobs WHERE alert_id = %s", (found,))[0][0])
    assert {properties for _, properties, _ in lines} == {f"Idempotency-Key:{key}"}
    assert all(json.loads(body)["alert_id"] == found for _, _, body in lines)


def test_a_client_id_of_ones_own_is_on_one_connection_at_a_time(api, pulse, outside):
    broker = outside["broker"]
    route(api, channel(api, "mqtt", {"broker_host": "127.0.0.1", "broker_port": broker.port, "username": broker.user,
                                     "password": broker.password, "topic": "named/{device_id}", "client_id": "the-one"}))
    ids = [alert(pulse, f"named-{i}") for i in range(12)]
    for one in ids:
        assert settled(pulse, one) == [("OPEN", "COMPLETED", 1)]
