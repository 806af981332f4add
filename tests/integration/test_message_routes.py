"""Message routes: what is matched, where it goes, what becomes of what can't be delivered."""

import json
import os
import shutil
import threading

import psycopg2
import requests
from conftest import Api
from routing import api, devices, hook, nothing_left, pulse, rival, route, send, sink, values  # noqa: F401 (fixtures)
from servers import Stack, make_authority, wait_for


def test_a_message_reaches_its_webhook_signed(pulse, api, sink, devices):
    made = route(api, hook(sink, secret="s3cret", method="PUT", headers={"Authorization": "Bearer abc"}),
                 payload_filter={"temp": {"$gt": 30}})
    assert made["destination_config"] == {"url": sink.url + "/hook", "method": "PUT", "secret": "***",
                                          "headers": {"Authorization": "***"}}
    send(pulse, devices[0], {"temp": 20})
    send(pulse, devices[0], {"temp": 31.5})
    send(pulse, devices[2], {"temp": 40})  # another tenant's
    got = wait_for("the message", lambda: sink.of("/hook"))
    assert len(got) == 1 and got[0].method == "PUT" and got[0].signed_by("s3cret")
    assert got[0].headers["Authorization"] == "Bearer abc"
    body = got[0].body
    assert body["payload"]["metrics"] == {"temp": 31.5} and "provision_token" not in got[0].raw.decode()
    assert (body["tenant_id"], body["device_id"], body["topic"], body["route_id"], body["message_id"]) == (
        "acme", "a1", "tenant/acme/device/a1/telemetry", made["id"], got[0].id)
    wait_for("an empty queue", lambda: pulse.sql("SELECT count(*) FROM message_route_queue") == [(0,)])
    stored = pulse.sql("SELECT destination_config::text || sealed_secrets FROM message_routes")[0][0]
    assert "s3cret" not in stored and "Bearer" not in stored
    assert api.delete(f"/message-routes/{made['id']}").status_code == 204
    assert api.delete(f"/message-routes/{made['id']}").status_code == 404


def test_secrets_are_kept_and_never_told(pulse, api, sink, devices):
    made = route(api, hook(sink, secret="s3cret"))
    where = f"/message-routes/{made['id']}"
    kept = api.put(where, json={"name": "renamed", "destination_config": hook(sink, secret="***")})
    assert kept.status_code == 200 and kept.json()["version"] == made["version"] + 1
    tested = api.post(where + "/test", json={"topic": "tenant/acme/device/x/telemetry", "payload": {"a": 1}})
    assert tested.json()["success"] is True and tested.json()["status_code"] == 200 and tested.json()["matches"] is True
    assert sink.of("/hook")[0].signed_by("s3cret")
    # A kept secret does not go where somebody else wants it.
    moved = api.put(where, json={"destination_config": hook(sink, "/other", secret="***")})
    assert moved.status_code == 400 and "secret" in moved.json()["detail"]
    assert api.put(where, json={"destination_config": hook(sink, "/other", secret="new")}).status_code == 200
    events = wait_for("the events", lambda: len(found := pulse.sql(
        "SELECT a::text FROM audit_log a WHERE event_type LIKE 'message_route.%%'")) >= 4 and found)
    assert "s3cret" not in str(events)


def test_a_sample_is_sent_and_a_message_tried_on_all_routes(pulse, api, sink):
    made = route(api, hook(sink), payload_filter={"temp": {"$gt": 30}, "mode": "run"})
    off = route(api, {}, kind="postgresql", topic_filter="tenant/acme/device/x/heartbeat", is_enabled=False)
    asked = api.post("/message-routes/match", json={"topic": "tenant/acme/device/x/telemetry",
                                                    "payload": {"metrics": {"temp": 20}}}).json()
    reasons = {r["route_id"]: r["reasons"] for r in asked["routes"]}
    assert asked["matched"] == 0
    assert reasons[made["id"]] == ["The payload has no 'mode'", "'temp' is 20; the filter asks for greater than 30"]
    assert reasons[off["id"]] == ["Level 5 of the topic is 'telemetry'; the filter asks for 'heartbeat'", "The route is disabled"]
    assert sink.requests == []
    tested = api.post(f"/message-routes/{made['id']}/test", json={}).json()
    assert tested["success"] and not tested["matches"] and len(sink.of("/hook")) == 1
    sink.answers = lambda request: 503
    tested = api.post(f"/message-routes/{made['id']}/test", json={}).json()
    assert (tested["success"], tested["status_code"], tested["error"]) == (False, 503, "The destination answered 503")
    nothing = api.post(f"/message-routes/{off['id']}/test", json={}).json()
    assert nothing["success"] is True  # the built-in store has it already


def test_what_a_destination_refuses_becomes_a_dead_letter_and_is_replayed(pulse, api, rival, sink, devices):
    for device in devices[:2]:  # a route each: by both together one destination failed five times in a row
        route(api, hook(sink, secret="s3cret"), f"tenant/+/device/{device['device_id']}/telemetry")
    sink.answers = lambda request: 500
    send(pulse, devices[0], {"n": 1})
    send(pulse, devices[1], {"n": 2})
    letters = wait_for("two dead letters", lambda: (m := api.get("/dead-letter").json())["total"] == 2 and m["messages"])
    assert {m["error_message"] for m in letters} == {"The destination answered 500"}
    assert {(m["attempts"], m["status"], m["route_name"], m["destination_config"]["secret"]) for m in letters} == {
        (3, "FAILED", "r", "***")}
    assert len(sink.of("/hook")) == 6 and len({r.id for r in sink.of("/hook")}) == 2
    assert [r["failed_count"] for r in api.get("/message-routes").json()["routes"]] == [1, 1]
    assert [r["count"] for r in api.get("/dead-letter/reasons").json()["reasons"]] == [1, 1]
    one, two = (m["id"] for m in letters)
    failed = api.post(f"/dead-letter/{one}/replay")
    assert (failed.status_code, failed.json()["detail"]) == (502, "Replay failed: The destination answered 500")
    assert rival.get("/dead-letter").json()["total"] == 0
    for path in (f"/dead-letter/{one}/replay",):
        assert rival.post(path).status_code == 404
    assert rival.delete(f"/dead-letter/{one}").status_code == 404
    sink.answers = lambda request: 200
    assert api.post(f"/dead-letter/{one}/replay").json() == {
        "id": one, "status": "REPLAYED", "message": "Message replayed successfully"}
    again = api.post(f"/dead-letter/{one}/replay")
    assert (again.status_code, again.json()["detail"]) == (400, "Cannot replay message with status REPLAYED")
    batch = api.post("/dead-letter/replay-batch", json={"ids": [one, two, 10**9]}).json()
    assert (batch["total"], batch["replayed"], batch["failed"]) == (3, 1, 2)
    assert len({r.id for r in sink.of("/hook")}) == 2  # the same ids as before
    assert api.get("/dead-letter?status=REPLAYED").json()["total"] == 2
    assert api.get("/dead-letter?status=ODD").json()["detail"] == "Invalid status filter"


def test_dead_letters_are_discarded_and_purged_by_age(pulse, api, sink):
    for days, text in ((0, "new"), (40, "old")):
        pulse.sql("INSERT INTO dead_letter_messages (tenant_id, original_topic, payload, destination_type, error_message, "
                  "created_at) VALUES ('acme', 'tenant/acme/device/x/telemetry', '{\"a\": 1}', 'ingest', %s, "
                  "now() - make_interval(days => %s)) RETURNING id", (text, days))
    new, old = (m["id"] for m in api.get("/dead-letter").json()["messages"])
    refused = api.post(f"/dead-letter/{new}/replay")
    assert refused.status_code == 502 and "send it again" in refused.json()["detail"]
    assert api.delete(f"/dead-letter/{new}").json() == {"id": new, "status": "DISCARDED"}
    assert api.delete(f"/dead-letter/{new}").status_code == 404
    assert api.delete("/dead-letter/purge?older_than_days=30").json() == {"purged": 1, "older_than_days": 30}
    assert [m["id"] for m in api.get("/dead-letter").json()["messages"]] == [new]


def test_a_slow_destination_holds_up_nobody_else_and_keeps_the_order(pulse, api, sink, devices):
    slow_gate = threading.Event()

    def answers(request):
        if request.path == "/slow":
            slow_gate.wait(8)
        return 200
    sink.answers = answers
    route(api, hook(sink, "/slow"))
    route(api, hook(sink, "/fast"))
    for n in range(1, 201):
        send(pulse, devices[n % 2], {"n": n})
    wait_for("all at the fast one", lambda: len(sink.of("/fast")) >= 200)
    assert len(sink.of("/slow")) <= 4  # one of each device under way
    for device in devices[:2]:
        mine = [r for r in sink.of("/fast") if r.body["device_id"] == device["device_id"]]
        assert values(mine) == sorted(values(mine))
    slow_gate.set()
    wait_for("all at the slow one", lambda: len({r.id for r in sink.of("/slow")}) == 200)
    assert pulse.sql("SELECT count(*) FROM dead_letter_messages") == [(0,)]


def test_a_dead_destination_is_given_up_soon_and_a_change_is_felt(pulse, api, sink, devices):
    sink.answers = lambda request: 503
    made = route(api, hook(sink, "/dead"))
    for n in range(1, 31):
        send(pulse, devices[0], {"n": n})
    wait_for("tries", lambda: len(sink.of("/dead")) >= 5)
    # The breaker holds the rest back; another address is tried at once.
    sink.answers = lambda request: 503 if request.path == "/dead" else 200
    assert api.put(f"/message-routes/{made['id']}", json={"destination_config": hook(sink, "/alive")}).status_code == 200
    wait_for("all delivered or dead letters", lambda: len({r.id for r in sink.of("/alive")}) + pulse.sql(
        "SELECT count(*) FROM dead_letter_messages")[0][0] == 30)
    assert len({r.id for r in sink.of("/alive")}) >= 25


def test_private_addresses_and_foreign_topics_are_refused(api, sink):
    def refused(kind, config, topic_filter="tenant/+/device/+/telemetry"):
        answer = api.post("/message-routes", json={"name": "r", "topic_filter": topic_filter, "destination_type": kind,
                                                   "destination_config": config})
        assert answer.status_code == 400, answer.text
        return answer.json()["detail"]
    for url in ("http://127.0.0.1:1/", "http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.8/", "http://localhost/"):
        assert refused("webhook", {"url": url}) == "url must lead to a public address"
    for url in ("ftp://example.com/", "nonsense", "http://user:word@example.com/"):
        assert "url" in refused("webhook", {"url": url})
    assert refused("webhook", {}) == "Missing required config keys for webhook: ['url']"
    assert "method" in refused("webhook", {"url": "https://example.com/", "method": "GET"})
    assert "Host" in refused("webhook", {"url": "https://example.com/", "headers": {"Host": "x"}})
    assert "public" in refused("postgresql", {"dsn": "postgresql://u:p@127.0.0.1/db", "table": "t"})
    assert "sslmode" in refused("postgresql", {"dsn": "postgresql://u:p@example.com/db?sslkey=/etc/passwd", "table": "t"})
    assert "table" in refused("postgresql", {"dsn": "postgresql://u:p@example.com/db", "table": 't"; DROP'})
    for topic in ("tenant/rival/device/x/y", "other/x", "tenant/{tenant_id}/device/{device_id}/telemetry",
                  "tenant/{tenant_id}/device/{device_id}/commands", "tenant/{tenant_id}/device/x/ota", "tenant/{tenant_id}/#"):
        assert "topic" in refused("mqtt_republish", {"topic": topic})
    assert "circles" in refused("mqtt_republish", {"topic": "tenant/{tenant_id}/device/{device_id}/x"}, "tenant/+/device/#")
    bad = api.post("/message-routes", json={"name": "", "topic_filter": "a/#/b", "destination_type": "webhook",
                                            "payload_filter": {"a": {"$gt": "x"}}})
    assert bad.status_code == 422


def test_a_name_that_leads_inside_is_not_followed(pulse, api, sink, devices):
    """What is refused when saved as an address is refused at run time as a name."""
    made = route(api, {"url": f"http://localhost.localdomain:{sink.host.split(':')[1]}/hook"})
    tested = api.post(f"/message-routes/{made['id']}/test", json={}).json()
    assert tested["success"] is False and ("public" in tested["error"] or "no address" in tested["error"])
    assert sink.requests == []


def test_republished_messages_reach_devices_and_other_routes_and_never_go_round(pulse, api, sink, devices):
    # Two routes that feed each other: the hop count cuts what no check of one route can see.
    route(api, {"topic": "tenant/{tenant_id}/device/{device_id}/ping"}, kind="mqtt_republish")
    route(api, {"topic": "tenant/{tenant_id}/device/{device_id}/pong"}, "tenant/+/device/+/ping", "mqtt_republish")
    route(api, {"topic": "tenant/{tenant_id}/device/{device_id}/ping"}, "tenant/+/device/+/pong", "mqtt_republish")
    route(api, hook(sink, "/pong"), "tenant/+/device/+/pong")
    send(pulse, devices[0], {"n": 7})
    wait_for("the cut", lambda: pulse.sql("SELECT count(*) FROM dead_letter_messages WHERE error_message LIKE 'Cut:%%'") == [(1,)])
    wait_for("an empty queue", lambda: pulse.sql("SELECT count(*) FROM message_route_queue") == [(0,)])
    assert values(sink.of("/pong")) == [7, 7] and {r.body["topic"] for r in sink.of("/pong")} == {"tenant/acme/device/a1/pong"}


def test_rows_reach_a_database_of_the_tenants_own(pulse):
    port = pulse.postgres.port
    pulse.postgres.psql("postgres", "CREATE ROLE theirs LOGIN PASSWORD 'their-word'")
    pulse.postgres.psql("postgres", "CREATE DATABASE theirs OWNER theirs")
    theirs = psycopg2.connect(f"postgresql://theirs:their-word@127.0.0.1:{port}/theirs")
    theirs.autocommit = True
    rows_of = theirs.cursor()
    rows_of.execute("CREATE SCHEMA own; "
                    "CREATE TABLE own.readings (id text PRIMARY KEY, device text, temp double precision, note text, "
                    "at timestamptz)")

    def stored():
        rows_of.execute("SELECT device, temp FROM own.readings ORDER BY temp")
        return rows_of.fetchall()
    with Stack(settings={"OUTBOUND_PRIVATE_HOSTS": f"127.0.0.1:{port}"}, devices=1) as running:
        own = Api(running, "customer1")
        dsn = f"postgresql://theirs:their-word@127.0.0.1:{port}/theirs?sslmode=disable"
        made = route(own, {"dsn": dsn, "table": "own.readings",
                           "columns": {"id": "message_id", "device": "device_id", "temp": "metrics.temp", "at": "received_at",
                                       "note": "payload.note"}},
                     kind="postgresql")
        assert made["destination_config"]["dsn"] == "***"
        device = json.loads(running.command("admin", "create-device", "--tenant", "demo", "--id", "d", "--site",
                                            "warehouse-north").stdout)
        # Half a character of an error's text, at one of two places, must not stop what comes behind it; nor must NUL.
        hard = ["\u00e4" * 200, "x" + "\u00e4" * 200]
        for temp in (1.5, "broken", *hard, 3.5):
            answer = requests.post(f"{running.url}/ingest/v1/tenant/demo/device/d/telemetry",
                                   json={"metrics": {"temp": temp}, "note": "a\u0000b"}, headers={"X-Provision-Token": device["token"]},
                                   timeout=10)
            assert answer.status_code == 202
        wait_for("two rows", lambda: stored() == [("d", 1.5), ("d", 3.5)])
        letters = wait_for("those that no column takes", lambda: len(m := own.get("/dead-letter").json()["messages"]) == 3 and m)
        assert all("invalid input syntax" in m["error_message"] for m in letters)
        assert sorted(m["payload"]["metrics"]["temp"] for m in letters) == sorted(
            ["broken", *hard])
        check_verified(pulse, own, made, dsn)


def check_verified(pulse, own, made, dsn):
    """verify-full: by the authority that the route names, for the name that the dsn has."""
    for name, file in (("server.crt", "cert.pem"), ("server.key", "key.pem")):
        target = pulse.postgres.home / "data" / name
        target.write_bytes((pulse.home / file).read_bytes())
        shutil.chown(target, *(["postgres"] * 2 if os.getuid() == 0 else [os.getuid()]))
        target.chmod(0o600)
    pulse.postgres.psql("postgres", "ALTER SYSTEM SET ssl = on")
    pulse.postgres.psql("postgres", "SELECT pg_reload_conf()")

    def tested(authority, mode="verify-full"):
        config = {"dsn": dsn.replace("sslmode=disable", f"sslmode={mode}"), "table": "own.readings",
                  "columns": {"id": "message_id", "device": "device_id"},
                  **({"sslrootcert": authority.read_text()} if authority else {})}
        put = own.put(f"/message-routes/{made['id']}", json={"destination_config": config})
        assert put.status_code == 200, put.text
        return own.post(f"/message-routes/{made['id']}/test", json={}).json()
    wait_for("a server with TLS", lambda: tested(None, "require")["success"])
    assert tested(pulse.home / "ca.pem")["success"] is True
    assert tested(None)["success"] is False  # the system's authorities don't know it
    make_authority(pulse.home, "stranger", "Somebody else")
    refused = tested(pulse.home / "stranger.pem")
    assert refused["success"] is False and "can't be reached" in refused["error"]
    for config, word in (({"sslrootcert": "no PEM"}, "PEM"), ({"dsn": dsn, "sslrootcert": (pulse.home / "ca.pem").read_text()},
                                                              "verify-full")):
        bad = own.post("/message-routes", json={
            "name": "r", "topic_filter": "a", "destination_type": "postgresql",
            "destination_config": {"dsn": dsn + "&sslmode=verify-full", "table": "t", **config}})
        assert bad.status_code == 400 and word in bad.json()["detail"], bad.text


def test_nothing_is_lost_when_the_delivery_is_killed(sink):
    with Stack(processes=("gateway,mqtt,ingest,ops", "delivery", "delivery"), settings={"OUTBOUND_PRIVATE_HOSTS": sink.host},
               devices=1) as running:
        own = Api(running, "customer1")
        sink.answers = lambda request: 500 if request.body["payload"]["metrics"]["n"] % 50 == 0 else 200
        route(own, hook(sink, "/killed"))
        device = json.loads(running.command("admin", "create-device", "--tenant", "demo", "--id", "d", "--site",
                                            "warehouse-north").stdout)
        count = 600
        for n in range(1, count + 1):
            answer = requests.post(f"{running.url}/ingest/v1/tenant/demo/device/d/telemetry",
                                   json={"metrics": {"n": n}}, headers={"X-Provision-Token": device["token"]}, timeout=10)
            assert answer.status_code == 202
            if n % 150 == 0:
                victim = running.pulses[1 + (n // 150) % 2]
                victim.kill()
                victim.start()

        def accounted():
            told = {r.body["payload"]["metrics"]["n"] for r in sink.of("/killed") if r.body["payload"]["metrics"]["n"] % 50}
            dead = {p["metrics"]["n"] for (p,) in running.sql("SELECT payload FROM dead_letter_messages")}
            return told | dead
        wait_for("every message delivered or dead", lambda: accounted() == set(range(1, count + 1)), seconds=120)
        by_message = {}
        for r in sink.of("/killed"):
            by_message.setdefault(r.body["payload"]["metrics"]["n"], set()).add(r.id)
        assert all(len(ids) == 1 for ids in by_message.values())
