"""Commands: sent, validated, acknowledged, missed and expired; by API, MQTT and the device's own HTTP API."""

import json
import time

import pytest
import requests
from conftest import Api
from ingest import quarantined
from mqtt_clients import Client
from servers import Stack, wait_for
from test_page_news import connect, until
from test_twin import by_device, topic_of


def path_of(device, rest=""):
    return f"/devices/{device['device_id']}/commands{rest}"


def send(api, device, kind="blink", params=None, minutes=60):
    answer = api.post(path_of(device), json={"command_type": kind, "command_params": params or {},
                                             "expires_in_minutes": minutes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def one(api, device, command):
    return api.get(path_of(device, f"/{command['command_id']}")).json()


def became(api, device, command, status, seconds=15):
    return wait_for(status, lambda: (lambda c: c if c["status"] == status else None)(one(api, device, command)), seconds)


@pytest.fixture()
def gateway(customer, fresh_device):
    """A device of the system's gateway template, which defines commands."""
    templates = customer.get("/templates?source=system").json()["templates"]
    wanted = next(t for t in templates if t["slug"] == "gateway")
    done = customer.patch(f"/devices/{fresh_device['device_id']}", json={"template_id": wanted["id"]})
    assert done.status_code == 200, done.text
    return fresh_device


@pytest.mark.parametrize("version", [4, 5])
def test_a_command_by_mqtt_from_sent_to_delivered(stack, customer, fresh_device, version):
    with Client(stack, fresh_device, version) as client:
        assert client.subscribe(topic_of(fresh_device, "commands"))[0] < 0x80
        sent = send(customer, fresh_device, "blink", {"times": 3})
        assert sent["status"] == "queued" and sent["mqtt_published"] is True
        message = wait_for("the command", lambda: client.messages, 10)[0]
        assert message.qos == 1
        assert json.loads(message.payload) == {"command_id": sent["command_id"], "type": "blink", "params": {"times": 3},
                                               "expires_at": sent["expires_at"]}
        client.publish(json.dumps({"command_id": sent["command_id"], "status": "ok", "details": {"took_ms": 12}}),
                       kind="commands/ack")
        done = became(customer, fresh_device, sent, "delivered")
    assert done["published_at"] and done["acked_at"] and done["created_by"] == "customer1"
    assert done["ack_details"] == {"status": "ok", "details": {"took_ms": 12}}
    listed = customer.get(path_of(fresh_device)).json()
    assert [c["command_id"] for c in listed] == [sent["command_id"]]


def test_the_list_filters_by_status(customer, fresh_device):
    first, second = send(customer, fresh_device, "a"), send(customer, fresh_device, "b")
    assert [c["command_type"] for c in customer.get(path_of(fresh_device)).json()] == ["b", "a"]
    assert customer.delete(path_of(fresh_device, f"/{first['command_id']}")).status_code == 200
    assert [c["command_type"] for c in customer.get(path_of(fresh_device, "?status=queued")).json()] == ["b"]
    assert [c["command_type"] for c in customer.get(path_of(fresh_device, "?status=expired&limit=1")).json()] == ["a"]
    wrong = customer.get(path_of(fresh_device, "?status=lost"))
    assert wrong.status_code == 400 and wrong.json()["detail"] == "Invalid status"
    assert customer.get("/devices/no-such-device/commands").status_code == 404
    assert second["status"] == "queued"


@pytest.mark.parametrize("body, member", [
    ({}, "command_type"), ({"command_type": ""}, "command_type"), ({"command_type": "x" * 101}, "command_type"),
    ({"command_type": "a", "command_params": []}, "command_params"), ({"command_type": "a", "expires_in_minutes": 0},
                                                                      "expires_in_minutes"),
    ({"command_type": "a", "expires_in_minutes": 10081}, "expires_in_minutes"),
    ({"command_type": "a", "command_params": {"n": "nul\x00"}}, "command_params")])
def test_bodies_that_are_refused(customer, fresh_device, body, member):
    answer = customer.post(path_of(fresh_device), json=body)
    assert answer.status_code == 422 and member in answer.text, answer.text
    assert customer.get(path_of(fresh_device)).json() == []


def test_parameters_that_are_too_long(customer, fresh_device):
    answer = customer.post(path_of(fresh_device), json={"command_type": "a", "command_params": {"n": "x" * 20_000}})
    assert answer.status_code == 413 and "16384" in answer.json()["detail"]


@pytest.mark.parametrize("params, member, words", [
    ({}, "seconds", "is required"), ({"seconds": "60"}, "seconds", "must be of type integer"),
    ({"seconds": 1}, "seconds", "must be at least 5"), ({"seconds": 86401}, "seconds", "must be at most 86400"),
    ({"seconds": 60.5}, "seconds", "must be of type integer"), ({"seconds": 60, "more": 1}, "more", "is not known")])
def test_parameters_are_checked_by_the_template(customer, gateway, params, member, words):
    answer = customer.post(path_of(gateway), json={"command_type": "set_interval", "command_params": params})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == ["body", "command_params", member]
    assert answer.json()["detail"][0]["msg"] == words


def test_what_the_template_allows_or_does_not_define_is_sent(customer, gateway):
    send(customer, gateway, "set_interval", {"seconds": 60})
    send(customer, gateway, "factory_reset", {"confirm": True})
    send(customer, gateway, "of_our_own", {"any": ["thing"]})


def test_the_device_fetches_and_acknowledges_by_http(stack, customer, fresh_device):
    sent = [send(customer, fresh_device, f"c{i}") for i in range(22)]
    pending = by_device(stack, fresh_device, "GET", "/commands/pending").json()["commands"]
    assert [c["command_id"] for c in pending] == [s["command_id"] for s in sent[:20]]
    assert set(pending[0]) == {"command_id", "type", "params", "expires_at"}
    first = sent[0]["command_id"]
    done = by_device(stack, fresh_device, "POST", f"/commands/{first}/ack", json={"status": "failed", "details": {"why": "x"}})
    assert done.status_code == 200 and done.json() == {"command_id": first, "acknowledged": True}
    again = by_device(stack, fresh_device, "POST", f"/commands/{first}/ack")
    assert again.status_code == 404 and again.json()["detail"] == "Command not found or already acknowledged"
    assert by_device(stack, fresh_device, "POST", f"/commands/{sent[1]['command_id']}/ack").status_code == 200
    assert one(customer, fresh_device, sent[0])["ack_details"] == {"status": "failed", "details": {"why": "x"}}
    assert one(customer, fresh_device, sent[1])["ack_details"]["status"] == "ok"
    pending = by_device(stack, fresh_device, "GET", "/commands/pending").json()["commands"]
    assert [c["command_id"] for c in pending] == [s["command_id"] for s in sent[2:]]
    for token, words in (("", "Missing provision token"), ("x", "Invalid provision token")):
        refused = by_device(stack, fresh_device, "GET", "/commands/pending", token=token)
        assert refused.status_code == 401 and refused.json()["detail"] == words


def test_a_device_acknowledges_its_own_only(stack, customer, device, fresh_device):
    sent = send(customer, fresh_device)
    assert by_device(stack, device, "POST", f"/commands/{sent['command_id']}/ack").status_code == 404
    with Client(stack, device) as client:
        client.publish(json.dumps({"command_id": sent["command_id"]}), kind="commands/ack")
        client.wait_acknowledged(1)
        wait_for("its quarantine", lambda: "UNKNOWN_COMMAND" in quarantined(stack, device), 10)
    assert one(customer, fresh_device, sent)["status"] == "queued"


def test_who_comes_back_gets_what_waited_in_order(stack, customer, fresh_device):
    sent = [send(customer, fresh_device, f"c{i}") for i in range(5)]
    customer.delete(path_of(fresh_device, f"/{sent[2]['command_id']}"))
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "commands"))
        wait_for("the commands", lambda: len(client.messages) >= 4, 10)
        kinds = [json.loads(m.payload)["type"] for m in client.messages[:4]]
        assert kinds == ["c0", "c1", "c3", "c4"] and not client.messages[0].retain


def test_it_is_sent_again_until_acknowledged_and_never_after(stack, customer, fresh_device):
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "commands"))
        sent = send(customer, fresh_device)
        wait_for("a second time", lambda: len(client.messages) >= 2, 30)
        assert {json.loads(m.payload)["command_id"] for m in client.messages} == {sent["command_id"]}
        client.publish(json.dumps({"command_id": sent["command_id"]}), kind="commands/ack")
        became(customer, fresh_device, sent, "delivered")
        stack.sql("UPDATE device_commands SET publish_at = now() WHERE command_id = %s RETURNING 1", (sent["command_id"],))
        so_far = len(client.messages)
        # One that is due proves that the sweeper has looked since.
        other = send(customer, fresh_device, "later")
        stack.sql("UPDATE device_commands SET publish_at = now() WHERE command_id = %s RETURNING 1", (other["command_id"],))
        wait_for("the sweep", lambda: len([m for m in client.messages if b"later" in m.payload]) >= 2, 30)
        assert len([m for m in client.messages if b"later" not in m.payload]) == so_far
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "commands"))
        wait_for("what waits", lambda: client.messages, 10)
        assert all(b"later" in m.payload for m in client.messages)


def test_a_row_that_nobody_published_is_sent(stack, customer, fresh_device):
    """As after kill -9 between commit and publish."""
    with Client(stack, fresh_device) as client:
        client.subscribe(topic_of(fresh_device, "commands"))
        stack.sql("INSERT INTO device_commands (tenant_id, device_id, command_id, command_type) "
                  "VALUES ('demo', %s, 'lost-' || %s, 'blink') RETURNING 1", (fresh_device["device_id"],) * 2)
        message = wait_for("the command", lambda: client.messages, 30)[0]
        assert json.loads(message.payload)["command_id"].startswith("lost-")
    assert customer.get(path_of(fresh_device)).json()[0]["published_at"]


def test_missed_when_sent_and_expired_when_not(stack, customer, fresh_device):
    sent, unsent = send(customer, fresh_device), send(customer, fresh_device)
    stack.sql("UPDATE device_commands SET expires_at = now() - interval '1 second', published_at = CASE WHEN command_id = %s "
              "THEN published_at END WHERE device_id = %s RETURNING 1", (sent["command_id"], fresh_device["device_id"]))
    assert by_device(stack, fresh_device, "GET", "/commands/pending").json() == {"commands": []}
    became(customer, fresh_device, sent, "missed", 80)
    became(customer, fresh_device, unsent, "expired", 20)
    assert by_device(stack, fresh_device, "POST", f"/commands/{sent['command_id']}/ack").status_code == 404
    again = customer.post(path_of(fresh_device, f"/{sent['command_id']}/retry"))
    assert again.status_code == 201, again.text
    fresh = one(customer, fresh_device, again.json())
    assert fresh["status"] == "queued" and fresh["retry_of"] == sent["command_id"] and fresh["command_type"] == "blink"


def test_retry_and_cancel(customer, fresh_device):
    sent = send(customer, fresh_device)
    early = customer.post(path_of(fresh_device, f"/{sent['command_id']}/retry"))
    assert early.status_code == 409 and early.json()["detail"] == "Command is still queued"
    gone = customer.delete(path_of(fresh_device, f"/{sent['command_id']}"))
    assert gone.status_code == 200 and gone.json()["status"] == "expired" and gone.json()["cancelled_at"]
    assert customer.delete(path_of(fresh_device, f"/{sent['command_id']}")).status_code == 409
    assert customer.delete(path_of(fresh_device, "/none")).status_code == 404
    assert customer.post(path_of(fresh_device, "/none/retry")).status_code == 404
    assert customer.get(path_of(fresh_device, "/none")).status_code == 404


def test_many_devices_at_once(stack, customer, device, gateway):
    body = {"device_ids": [device["device_id"], gateway["device_id"], gateway["device_id"], "no-such-device"],
            "command_type": "set_interval", "command_params": {"seconds": 1}}
    wrong = customer.post("/devices/commands/bulk", json=body)
    assert wrong.status_code == 422 and "seconds" in wrong.text
    body["command_params"] = {"seconds": 30}
    with Client(stack, gateway) as client:
        client.subscribe(topic_of(gateway, "commands"))
        done = customer.post("/devices/commands/bulk", json=body)
        assert done.status_code == 201, done.text
        wait_for("the command", lambda: client.messages, 10)
    told = done.json()
    assert {c["device_id"] for c in told["commands"]} == {device["device_id"], gateway["device_id"]}
    assert told["not_found"] == ["no-such-device"] and told["mqtt_published"] is True
    assert len(customer.get(path_of(gateway)).json()) == 1
    assert customer.post("/devices/commands/bulk", json={**body, "device_ids": []}).status_code == 422
    for c in told["commands"]:
        customer.delete(f"/devices/{c['device_id']}/commands/{c['command_id']}")


def test_another_tenant_reaches_nothing(customer, other, fresh_device):
    sent = send(customer, fresh_device)
    assert other.get(path_of(fresh_device)).status_code == 404
    assert other.post(path_of(fresh_device), json={"command_type": "a"}).status_code == 404
    assert other.delete(path_of(fresh_device, f"/{sent['command_id']}")).status_code == 404
    bulk = other.post("/devices/commands/bulk", json={"device_ids": [fresh_device["device_id"]], "command_type": "a"})
    assert bulk.status_code == 201 and bulk.json()["commands"] == []
    assert [c["command_id"] for c in customer.get(path_of(fresh_device)).json()] == [sent["command_id"]]


def test_a_device_out_of_service_gets_none(customer, fresh_device):
    customer.patch(f"/devices/{fresh_device['device_id']}/decommission")
    answer = customer.post(path_of(fresh_device), json={"command_type": "a"})
    assert answer.status_code == 409 and answer.json()["detail"] == "Device is out of service"


def test_a_device_made_anew_begins_without_what_another_was_told(stack, customer, fresh_device):
    send(customer, fresh_device)
    customer.patch(f"/devices/{fresh_device['device_id']}/twin/desired", json={"desired": {"a": 1}},
                   headers={"If-Match": '"0"'})
    assert customer.delete(f"/devices/{fresh_device['device_id']}").status_code == 200
    assert customer.get(path_of(fresh_device)).status_code == 404
    assert customer.post("/devices", json={"device_id": fresh_device["device_id"]}).status_code == 201
    assert customer.get(path_of(fresh_device)).json() == []
    assert customer.get(f"/devices/{fresh_device['device_id']}/twin").json()["desired"] == {}
    assert customer.get(f"/devices/{fresh_device['device_id']}/twin/history").json()["history"] == []


@pytest.mark.parametrize("payload, reason", [
    ("{}", "INVALID_PAYLOAD:command_id"), ('{"command_id":7}', "INVALID_PAYLOAD:command_id"),
    ('{"command_id":"x","status":7}', "INVALID_PAYLOAD:status"), ('{"command_id":"x","details":7}', "INVALID_PAYLOAD:details"),
    ('{"command_id":"x"}', "UNKNOWN_COMMAND"), ("x", "INVALID_JSON")])
def test_acknowledgements_that_are_wrong(stack, fresh_device, payload, reason):
    with Client(stack, fresh_device) as client:
        client.publish(payload, kind="commands/ack")
        client.wait_acknowledged(1)
    wait_for("its quarantine", lambda: quarantined(stack, fresh_device) == [reason], 10)


def test_an_acknowledgement_that_came_in_time_counts_when_it_is_late_in_the_table(stack, customer, fresh_device):
    sent = send(customer, fresh_device)
    stack.sql("UPDATE device_commands SET status = 'missed', expires_at = now() + interval '1 hour' WHERE command_id = %s "
              "RETURNING 1", (sent["command_id"],))
    with Client(stack, fresh_device) as client:
        client.publish(json.dumps({"command_id": sent["command_id"]}), kind="commands/ack")
        became(customer, fresh_device, sent, "delivered")


@pytest.fixture(scope="module")
def own():
    """A Pulse of its own, to be killed."""
    with Stack(devices=2, settings={"PULSE_THREADS": "3"}) as running:
        yield running


def api_of(own):
    return f"{own.url}/api/v1/customer", {"Authorization": f"Bearer {own.token()}"}


def test_a_killed_process_loses_no_command(own):
    device = own.devices()[0]
    base, headers = api_of(own)
    body = {"command_type": "blink"}
    sent = requests.post(f"{base}/devices/{device['device_id']}/commands", json=body, headers=headers, timeout=10).json()
    pulse = own.pulses[0]
    pulse.kill()
    pulse.start()
    own.wait_ready()
    with Client(own, device) as client:
        client.subscribe(topic_of(device, "commands"))
        message = wait_for("the command", lambda: client.messages, 20)[0]
        assert json.loads(message.payload)["command_id"] == sent["command_id"]
        client.publish(json.dumps({"command_id": sent["command_id"]}), kind="commands/ack")
        client.wait_acknowledged(1)
        pulse.kill()  # the acknowledgement may lie in the stream alone
    pulse.start()
    own.wait_ready()
    base, headers = api_of(own)
    url = f"{base}/devices/{device['device_id']}/commands/{sent['command_id']}"
    wait_for("delivered", lambda: requests.get(url, headers=headers, timeout=10).json()["status"] == "delivered", 90)


def test_what_is_sent_while_nats_is_away_arrives_when_it_is_back(own):
    device = own.devices()[1]
    base, headers = api_of(own)
    with Client(own, device) as client:
        client.subscribe(topic_of(device, "commands"))
        own.nats.kill()
        wait_for("the loss to be known", lambda: requests.post(
            f"{base}/devices/{device['device_id']}/commands", json={"command_type": "blink"}, headers=headers,
            timeout=10).json()["mqtt_published"] is False, 20, every=0.5)
        heard = len(client.messages)
        own.start_nats()
        wait_for("the command", lambda: len(client.messages) > heard, 60)


def test_simulated_devices_take_part(stack, customer, fresh_device, tmp_path):
    done = customer.patch(f"/devices/{fresh_device['device_id']}/twin/desired", json={"desired": {"interval": 60}},
                          headers={"If-Match": '"0"'})
    assert done.status_code == 200
    sent = send(customer, fresh_device, "blink")
    lines = tmp_path / "devices.jsonl"
    lines.write_text(json.dumps({k: fresh_device[k] for k in ("tenant_id", "device_id", "site_id", "token")}) + "\n")
    run = stack.command("simulate", "--devices-file", lines, "--protocol", "mqtt", "--mqtt", f"127.0.0.1:{stack.mqtt_port}",
                        "--rate", "5", "--duration", "4", "--twin", "on", "--fail-commands", "100", "--report", "json")
    report = json.loads(run.stdout)
    assert report["desired_applied"] >= 1 and report["commands_failed"] >= 1 and report["commands_done"] == 0
    became(customer, fresh_device, sent, "delivered")
    assert one(customer, fresh_device, sent)["ack_details"]["status"] == "failed"
    twin = wait_for("the report", lambda: (lambda t: t if t["sync_status"] == "synced" else None)(
        customer.get(f"/devices/{fresh_device['device_id']}/twin").json()), 10)
    assert twin["reported"] == {"interval": 60}


def test_open_pages_are_told_of_twin_and_commands(stack, customer, other, fresh_device):
    def stream_of(user):
        socket = connect(stack, f"/api/v1/customer/telemetry/stream?metric=_nobody_&token={stack.token(user)}")
        until(socket, lambda m: m["type"] == "connected")
        return socket

    ours, theirs = stream_of("customer1"), stream_of("other1")
    name = fresh_device["device_id"]

    def told(what):
        until(ours, lambda m: m["type"] == "changed" and m["what"] == f"{what}:{name}")

    sent = send(customer, fresh_device)
    told("commands")
    customer.patch(f"/devices/{name}/twin/desired", json={"desired": {"a": 1}}, headers={"If-Match": '"0"'})
    told("twin")
    with Client(stack, fresh_device) as client:
        client.publish(json.dumps({"command_id": sent["command_id"]}), kind="commands/ack")
        told("commands")
        client.publish('{"reported":{"a":1},"version":1}', kind="shadow/reported")
        told("twin")
    assert other.post("/sites", json={"site_id": "after-twin", "name": "x"}).status_code == 201
    # Nothing of ours came before what is theirs.
    assert until(theirs, lambda m: m["type"] == "changed")["what"] == "sites"
    ours.close()
    theirs.close()


def test_an_accepted_acknowledgement_stops_the_command_also_while_it_is_not_stored():
    """The worker is away; the stream has the acknowledgement, the table does not."""
    with Stack(["gateway,mqtt,ops", "ingest"], devices=2) as apart:
        device = apart.devices()[0]
        api = Api(apart, "customer1")
        worker = apart.pulses[1]
        with Client(apart, device, 5) as client:
            client.subscribe(topic_of(device, "commands"))
            sent = send(api, device)
            wait_for("the command", lambda: client.messages, 10)
            worker.kill()
            client.publish(json.dumps({"command_id": sent["command_id"], "status": "ok"}), kind="commands/ack")
            client.wait_acknowledged(1)
            # Due now, and again and again.
            due = "UPDATE device_commands SET publish_at = now() - interval '1 second' WHERE command_id = %s"
            apart.sql(due, (sent["command_id"],))
            time.sleep(12)  # two rounds of the sweeper
            assert len(client.messages) == 1
        with Client(apart, device, 5) as client:
            client.subscribe(topic_of(device, "commands"))
            pending = by_device(apart, device, "GET", "/commands/pending")
            assert (pending.status_code, pending.json()) == (200, {"commands": []})
            assert client.messages == []
            worker.start()
            became(api, device, sent, "delivered", 30)
            # What was never acknowledged goes on being sent.
            second = send(api, device)
            wait_for("the second", lambda: [m for m in client.messages if second["command_id"] in str(m.payload)], 10)
            apart.sql(due, (second["command_id"],))
            wait_for("it again", lambda: len([m for m in client.messages if second["command_id"] in str(m.payload)]) > 1, 20)
            assert not [m for m in client.messages if sent["command_id"] in str(m.payload)]
