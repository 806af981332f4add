"""What a device leaves behind and what it may not reach: limits of silence, ids given anew, parents, tags, pages."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from conftest import Api
from ingest import post
from mqtt_clients import Client
from servers import Stack, wait_for


@pytest.fixture(scope="module")
def tenant(stack):
    """A tenant that creates devices without spending another test's thirty a minute."""
    made = []

    def make(name):
        stack.command("admin", "create-tenant", "--id", name, "--name", name)
        stack.command("admin", "create-user", "--username", f"{name}1", "--password", "pulse-demo-1", "--email",
                      f"{name}1@{name}.example", "--tenant", name, "--role", "customer,tenant-admin")
        made.append(name)
        return Api(stack, f"{name}1")
    return make


@pytest.fixture(scope="module")
def fleet(tenant):
    return tenant("lives")


def create(api, device_id, **more):
    answer = api.post("/devices", json={"device_id": device_id, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def register(stack, name):
    return json.loads(stack.command("admin", "create-device", "--tenant", "demo", "--id", name, "--site",
                                    "warehouse-north").stdout)


def test_silence_is_told_by_the_devices_limit_then_its_templates(stack, customer):
    """The platform's limit is 30 s here, so only an own limit makes STALE before that."""
    template = customer.post("/templates", json={"name": "Chatty", "slug": "chatty", "category": "gateway",
                                                 "heartbeat_stale_seconds": 1}).json()
    assert template["heartbeat_stale_seconds"] == 1
    assert customer.post(f"/templates/{template['id']}/clone").json()["heartbeat_stale_seconds"] == 1
    wanted = {"own": {"heartbeat_stale_seconds": 1}, "by-template": {"template_id": template["id"]},
              "patient": {"template_id": template["id"], "heartbeat_stale_seconds": 86400}}
    devices = {name: register(stack, f"silent-{name}") for name in wanted}

    def status(name):
        return stack.sql("SELECT status FROM device_state WHERE device_id = %s", (f"silent-{name}",))[0][0]

    for name, device in devices.items():
        changed = customer.patch(f"/devices/silent-{name}", json=wanted[name])
        assert changed.status_code == 200, changed.text
        assert changed.json()["device"]["heartbeat_stale_seconds"] == wanted[name].get("heartbeat_stale_seconds")
        assert post(stack, device, {"metrics": {"t": 1}}).status_code == 202
    for name in ("own", "by-template"):
        wait_for(f"{name} to be STALE", lambda n=name: status(n) == "STALE", 25)
    assert status("patient") == "ONLINE"
    back = customer.patch("/devices/silent-own", json={"heartbeat_stale_seconds": None})
    assert back.json()["device"]["heartbeat_stale_seconds"] is None
    for bad in (0, 86401, "x"):
        answer = customer.patch("/devices/silent-own", json={"heartbeat_stale_seconds": bad})
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == "heartbeat_stale_seconds"
        assert customer.post("/templates", json={"name": "X", "slug": "x", "category": "gateway",
                                                 "heartbeat_stale_seconds": bad}).status_code == 422


def test_what_lay_in_the_stream_brings_nobody_online():
    """Longer than a device may be silent: it was there then, and nobody knows whether it is now."""
    with Stack(["gateway,mqtt", "ingest"], devices=2) as apart:
        late, fresh = apart.devices()
        apart.sql("UPDATE device_registry SET heartbeat_stale_seconds = 1 WHERE device_id = %s", (late["device_id"],))
        worker = apart.pulses[1]
        worker.kill()
        assert post(apart, late, {"metrics": {"t": 1}}).status_code == 202
        sent = time.monotonic()
        wait_for("it to be late", lambda: time.monotonic() > sent + 1.5)
        assert post(apart, fresh, {"metrics": {"t": 1}}).status_code == 202
        worker.start()
        rows = "SELECT device_id, status, last_seen_at IS NOT NULL, state ->> 't' FROM device_state ORDER BY status"
        wait_for("both", lambda: len(apart.sql(rows)) == 2, 30)
        assert apart.sql(rows) == [(late["device_id"], "OFFLINE", True, "1"), (fresh["device_id"], "ONLINE", True, "1")]
        came = apart.sql("SELECT device_id FROM device_connection_events WHERE event_type = 'CONNECTED'")
        assert came == [(fresh["device_id"],)]


def test_ten_thousand_silent_devices_hide_nobody(stack):
    """Those that are STALE already stand in front in the order of tenants, and take no place in a round."""
    try:
        for tenant, count, status in (("aa-silent", 10_000, "STALE"), ("zz-last", 1, "ONLINE")):
            stack.sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'x')", (tenant,))
            stack.sql("INSERT INTO sites (tenant_id, site_id, name) VALUES (%s, 's', 's')", (tenant,))
            stack.sql("INSERT INTO device_registry (tenant_id, device_id, site_id) "
                      "SELECT %s, 'd' || n, 's' FROM generate_series(1, %s) n", (tenant, count))
            stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at) "
                      "SELECT %s, 'd' || n, 's', %s, now() - interval '1 minute' FROM generate_series(1, %s) n",
                      (tenant, status, count))
        wait_for("STALE", lambda: stack.sql("SELECT status FROM device_state WHERE tenant_id = 'zz-last'")
                 == [("STALE",)], 25)
    finally:
        stack.sql("DELETE FROM tenants WHERE tenant_id IN ('aa-silent', 'zz-last')")


def test_an_id_given_again_begins_anew(stack, fleet):
    create(fleet, "again")
    changed = fleet.patch("/devices/again", json={
        "name": "Old", "tags": ["old"], "latitude": 1, "longitude": 2, "address": "Old street", "notes": "old",
        "serial_number": "old", "mac_address": "old", "imei": "old", "iccid": "old", "hw_revision": "old",
        "fw_version": "old", "manufacturer": "old", "heartbeat_stale_seconds": 5})
    assert changed.status_code == 200, changed.text
    token = fleet.post("/devices/again/tokens/rotate", json={}).json()["password"]
    old = {"tenant_id": "lives", "device_id": "again", "token": token}
    assert post(stack, old, {"metrics": {"old": 1}}).status_code == 202
    wait_for("the sensor", lambda: fleet.get("/devices/again/sensors").json()["total"] == 1, 10)
    # What no endpoint sets yet is left behind as well.
    stack.sql("UPDATE device_registry SET metadata = '{\"old\": 1}', meid = 'old', chipset = 'old', "
              "modem_model = 'old', modem_fw_version = 'old', board_revision = 'old', bootloader_version = 'old', "
              "batch_id = 'old', "
              "installation_notes = 'old', deployment_date = now(), sensor_limit = 3 WHERE device_id = 'again'")
    assert fleet.delete("/devices/again").status_code == 200
    create(fleet, "again")
    create(fleet, "never-before")

    def row(device_id):
        whole = stack.sql("SELECT to_jsonb(r) FROM device_registry r WHERE tenant_id = 'lives' AND device_id = %s",
                          (device_id,))[0][0]
        return {k: v for k, v in whole.items()
                if k not in ("device_id", "created_at", "updated_at", "subscription_id", "search_text")}

    assert row("again") == row("never-before")
    device = fleet.get("/devices/again").json()["device"]
    assert device["tags"] == [] == device["sensors"] and device["state"] == {} and device["last_seen_at"] is None
    assert post(stack, old, {"metrics": {"old": 1}}).status_code == 401


def test_a_site_goes_when_its_devices_are_deleted(stack, fleet):
    assert fleet.post("/sites", json={"site_id": "short", "name": "Short-lived"}).status_code == 201
    create(fleet, "guest", site_id="short")
    assert fleet.delete("/sites/short").status_code == 409
    assert fleet.patch("/devices/guest/decommission").status_code == 200
    assert fleet.delete("/sites/short").status_code == 409, "it may come back into service"
    assert fleet.delete("/devices/guest").status_code == 200
    assert fleet.delete("/sites/short").status_code == 204 and fleet.get("/sites/short").status_code == 404
    assert fleet.post("/sites", json={"site_id": "short", "name": "Once more"}).status_code == 201
    create(fleet, "guest", site_id="short")
    assert fleet.get("/devices/guest").json()["device"]["site_id"] == "short"


def test_parents_make_no_circle(fleet):
    create(fleet, "top")
    create(fleet, "middle", parent_device_id="top")
    create(fleet, "bottom", parent_device_id="middle")
    for parent, detail in (("bottom", "parent_device_id would make a cycle"),
                           ("top", "A device can't be its own parent"),
                           ("nobody", "Parent device not found")):
        answer = fleet.patch("/devices/top", json={"parent_device_id": parent})
        assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert fleet.get("/devices/top").json()["device"]["parent_device_id"] is None
    assert fleet.delete("/devices/top").status_code == 200
    # Its children went out of the circle with it.
    create(fleet, "top", parent_device_id="bottom")


def test_another_tenants_template_is_not_there(fleet, customer):
    theirs = customer.post("/templates", json={"name": "Theirs", "slug": "theirs", "category": "gateway"}).json()["id"]
    create(fleet, "without")
    for answer in (fleet.get(f"/templates/{theirs}"), fleet.post(f"/templates/{theirs}/clone"),
                   fleet.post("/devices", json={"device_id": "thief", "template_id": theirs}),
                   fleet.patch("/devices/without", json={"template_id": theirs})):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Template not found")
    assert fleet.get("/devices/thief").status_code == 404
    assert fleet.get("/devices/without").json()["device"]["template_id"] is None


def test_thirty_devices_a_minute(tenant):
    busy = tenant("busy")
    answers = []
    while len(answers) < 200 and (not answers or answers[-1].status_code == 201):
        answers.append(busy.post("/devices", json={"device_id": f"b{len(answers)}"}))
    last = answers[-1]
    assert last.status_code == 429 and len(answers) > 30
    assert last.json()["detail"] == "At most 30 devices a minute" and int(last.headers["Retry-After"]) >= 1
    assert busy.get("/devices").json()["total"] == len(answers) - 1


def test_tags_hold_no_commas(fleet):
    create(fleet, "tagged")
    for answer in (fleet.put("/devices/tagged/tags", json={"tags": ["fine", "a,b"]}),
                   fleet.patch("/devices/tagged", json={"tags": ["a,b"]})):
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body", "tags"], answer.text
    answer = fleet.post("/devices/tagged/tags/a%2Cb")
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["path", "tag"]
    assert fleet.get("/devices/tagged/tags").json()["tags"] == []
    assert fleet.put("/devices/tagged/tags", json={"tags": ["a b"]}).status_code == 200
    assert fleet.get("/devices", params={"tag": " a b "}).json()["total"] == 1
    gone = fleet.delete("/devices/tagged/tags/a%20b")
    assert gone.status_code == 200 and gone.json()["tag"] == "a b"
    assert fleet.get("/devices/tagged/tags").json()["tags"] == []


@pytest.mark.parametrize("content", [["a\0", "b", "1"], ["a", "b\0", "1"], ["a", "b", "1\0"], ["a", "b", "-1"],
                                     ["a b", "b", "1"], ["a", "b", ""], ["a", "b"], ["a", "b", 1], "ab", None],
                         ids=str)
def test_a_cursor_that_we_never_gave_is_named(fleet, content):
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    answer = fleet.get("/devices", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Invalid cursor")


def test_a_session_that_only_listens_ends_with_its_token_too(stack, customer, fresh_device):
    """Nobody announces that a token's time is over, and a device that sends nothing is not looked at by its messages."""
    name = fresh_device["device_id"]
    customer.post(f"/devices/{name}/tokens/rotate?grace_hours=1", json={})
    stack.sql("UPDATE device_api_tokens SET expires_at = now() + interval '3 seconds' WHERE device_id = %s "
              "AND expires_at IS NOT NULL", (name,))
    customer.patch(f"/devices/{name}", json={"notes": "look again"})
    with Client(stack, fresh_device) as old:
        assert old.code == 0 and not old.gone.is_set()
        assert old.gone.wait(60), "the listener is still connected"


@pytest.mark.parametrize("version", [4, 5])
def test_a_session_ends_with_the_token_that_opened_it(stack, customer, fresh_device, version):
    """As at the end of a rotation's grace: the token ends while its session is open, and nobody announces it."""
    name = fresh_device["device_id"]
    with Client(stack, fresh_device, version) as keeper, Client(stack, fresh_device, version) as ours:
        assert ours.code == 0
        ours.publish('{"metrics": {"t": 1}}')
        ours.wait_acknowledged(1)
        assert keeper.code == 0
    # The door reads the token's end when the device is next looked up.
    fresh = customer.post(f"/devices/{name}/tokens/rotate?grace_hours=1", json={}).json()["password"]
    stack.sql("UPDATE device_api_tokens SET expires_at = now() + interval '3 seconds' WHERE device_id = %s "
              "AND expires_at IS NOT NULL", (name,))
    customer.patch(f"/devices/{name}", json={"notes": "look again"})
    with Client(stack, fresh_device, version) as old, \
            Client(stack, {**fresh_device, "token": fresh}, version) as new:
        assert old.code == 0 and new.code == 0
        sent = 0

        def ended():
            nonlocal sent
            if old.gone.is_set():
                return True
            sent += 1
            old.publish('{"metrics": {"t": 2}}')
            return False
        wait_for("the end of the session", ended, 15, every=0.2)
        assert old.disconnect_code == (0x87 if version == 5 else old.disconnect_code)
        assert stack.sql("SELECT expires_at < now() FROM device_api_tokens WHERE device_id = %s "
                         "AND expires_at IS NOT NULL", (name,)) == [(True,)], "it ended before its token"
        new.publish('{"metrics": {"t": 3}}')
        new.wait_acknowledged(1)
        assert not new.gone.is_set()


def gauges(stack, tenant):
    """{status: devices} of a tenant, as /metrics says."""
    found = {}
    for line in requests.get(f"{stack.url}/metrics", timeout=10).text.splitlines():
        if line.startswith("fleet_devices_by_status{") and f'tenant_id="{tenant}"' in line:
            found[line.split('status="')[1].split('"')[0]] = float(line.rsplit(" ", 1)[1])
    return found


def test_gauges_fall_to_zero_and_end_with_their_tenant(stack, tenant):
    for name in ("gauged", "leaving"):
        api = tenant(name)
        create(api, "one")
        create(api, "two")
        token = api.post("/devices/one/tokens/rotate", json={}).json()["password"]
        device = {"tenant_id": name, "device_id": "one", "token": token}
        assert post(stack, device, {"metrics": {"t": 1}}).status_code == 202
        if name == "gauged":
            stay = api
    stack.sql("UPDATE device_registry SET heartbeat_stale_seconds = 86400 WHERE tenant_id IN ('gauged', 'leaving')")
    for name in ("gauged", "leaving"):
        wait_for(f"the gauges of {name}",
                 lambda n=name: gauges(stack, n) == {"ONLINE": 1, "STALE": 0, "OFFLINE": 1}, 60, every=0.5)
    assert stay.delete("/devices/one").status_code == 200 and stay.delete("/devices/two").status_code == 200
    stack.sql("UPDATE tenants SET deleted_at = now() WHERE tenant_id = 'leaving'")
    wait_for("nothing", lambda: gauges(stack, "gauged") == {"ONLINE": 0, "STALE": 0, "OFFLINE": 0}, 60, every=0.5)
    assert gauges(stack, "leaving") == {}


def test_who_changes_a_device_and_its_messages_make_no_circle(stack, fleet):
    """A message holds the device's state and, for a new sensor, asks for the device's key. Who moves the device meanwhile
    holds its row and waits for the state: it must leave the key to others."""
    create(fleet, "crossed")
    assert fleet.post("/sites", json={"site_id": "crossing", "name": "Crossing"}).status_code == 201
    stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id) VALUES ('lives', 'crossed', 'default-site') "
              "ON CONFLICT DO NOTHING")
    with ThreadPoolExecutor() as pool:
        with stack.transaction() as message:
            message.execute("UPDATE device_state SET last_seen_at = now() WHERE tenant_id = 'lives' AND device_id = 'crossed'")
            moved = pool.submit(fleet.patch, "/devices/crossed", json={"site_id": "crossing"})
            stack.wait_for_lock("UPDATE device_state SET site_id")
            message.execute("INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, source) "
                            "VALUES ('lives', 'crossed', 'new', 'New', 'unmodeled')")
        assert moved.result(20).status_code == 200
    assert stack.sql("SELECT site_id FROM device_state WHERE tenant_id = 'lives' AND device_id = 'crossed'") == [("crossing",)]
    assert fleet.get("/devices/crossed/sensors").json()["total"] == 1
