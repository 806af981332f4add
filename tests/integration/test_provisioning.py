"""Devices that get their credential by themselves: activation codes, admin key, self-registration keys."""

import http.client
import json
import threading

import pytest
import requests
from conftest import Api
from ingest import post
from mqtt_clients import Client
from people import make_user
from servers import ADMIN_KEY, wait_for


@pytest.fixture(scope="module")
def fleet(stack):
    stack.command("admin", "create-tenant", "--id", "factory", "--name", "Factory company")
    make_user(stack, "factory-admin", tenant="factory", roles="customer,tenant-admin")
    make_user(stack, "factory-reader", tenant="factory")
    api = Api(stack, "factory-admin")
    assert api.post("/sites", json={"site_id": "dock", "name": "Dock"}).status_code == 201
    return api


def admin(stack, method, path="", key=ADMIN_KEY, **kwargs):
    headers = {} if key is None else {"X-Admin-Key": key}
    return requests.request(method, f"{stack.url}/api/admin/devices{path}", headers=headers, timeout=10, **kwargs)


def register(stack, device_id, **more):
    made = admin(stack, "POST", json={"tenant_id": "factory", "device_id": device_id, "site_id": "dock", **more})
    assert made.status_code == 200, made.text
    return made.json()["activation_code"]


def activate(stack, device_id, code, tenant="factory"):
    return requests.post(f"{stack.url}/api/device/activate", timeout=10, json={
        "tenant_id": tenant, "device_id": device_id, "activation_code": code})


def claim(stack, key, device_id, **more):
    return requests.post(f"{stack.url}/api/device/claim", json={"key": key, "device_id": device_id, **more}, timeout=10)


def sends(stack, device_id, token, tenant="factory"):
    return post(stack, {"tenant_id": tenant, "device_id": device_id, "token": token}, {"metrics": {"t": 1}}).status_code


@pytest.fixture()
def patient(stack):
    """Failures count by address for a minute: a Pulse that has forgotten them."""
    stack.pulses[0].stop()
    stack.pulses[0].start()
    stack.wait_ready()


def test_a_code_becomes_the_devices_token_everywhere(stack, fleet):
    code = register(stack, "act-1", fw_version="1.2", metadata={"batch": 7})
    assert len(code) == 24
    assert sends(stack, "act-1", code) == 401, "the code is no token"
    answer = activate(stack, "act-1", code)
    assert answer.status_code == 200, answer.text
    token = answer.json()["provision_token"]
    assert token.startswith("tok-") and len(token) == 36
    assert {k: answer.json()[k] for k in ("tenant_id", "device_id")} == {"tenant_id": "factory", "device_id": "act-1"}
    assert sends(stack, "act-1", token) == 202
    with Client(stack, {"tenant_id": "factory", "device_id": "act-1", "token": token}) as client:
        assert client.code == 0
    device = fleet.get("/devices/act-1").json()["device"]
    assert (device["site_id"], device["fw_version"], device["subscription_status"]) == ("dock", "1.2", "TRIAL")
    assert stack.sql("SELECT count(*) FROM activation_codes WHERE code_hash = %s", (code,)) == [(0,)]
    assert stack.sql("SELECT metadata->>'batch' FROM device_registry WHERE device_id = 'act-1'") == [("7",)]


def test_a_code_works_once_in_its_time_and_for_its_device(stack, fleet):
    code = register(stack, "act-2")
    register(stack, "act-3")
    for device, given, tenant in (("act-2", "wrong", "factory"), ("act-3", code, "factory"), ("act-2", code, "demo"),
                                  ("act-2", code, "nobody"), ("ghost", code, "factory")):
        answer = activate(stack, device, given, tenant)
        assert (answer.status_code, answer.json()["detail"]) == (400, "Invalid activation code")
    assert activate(stack, "act-2", code).status_code == 200
    again = activate(stack, "act-2", code)
    assert (again.status_code, again.json()["detail"]) == (400, "Activation code already used")
    late = register(stack, "act-2")
    stack.sql("UPDATE activation_codes SET expires_at = now() WHERE device_id = 'act-2' AND used_at IS NULL")
    answer = activate(stack, "act-2", late)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Activation code expired")
    earlier, newest = register(stack, "act-2"), register(stack, "act-2")
    assert activate(stack, "act-2", earlier).json()["detail"] == "Invalid activation code"
    assert activate(stack, "act-2", newest).status_code == 200


def test_of_many_who_come_at_once_one_gets_the_token(stack, fleet, patient):
    code = register(stack, "act-race")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(activate(stack, "act-race", code))) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(a.status_code for a in answers) == [200] + [400] * 7
    assert {a.json()["detail"] for a in answers if a.status_code == 400} == {"Activation code already used"}
    token = next(a.json()["provision_token"] for a in answers if a.status_code == 200)
    assert sends(stack, "act-race", token) == 202


def test_the_admin_key_registers_lists_revokes_and_rotates(stack, fleet):
    token = activate(stack, "act-4", register(stack, "act-4")).json()["provision_token"]
    rotated = admin(stack, "POST", "/factory/act-4/rotate-token")
    assert rotated.status_code == 200 and sends(stack, "act-4", token) == 401
    token = rotated.json()["new_provision_token"]
    assert token.startswith("tok-") and sends(stack, "act-4", token) == 202
    code = register(stack, "act-4")
    assert sends(stack, "act-4", token) == 202, "a new code alone ends nothing"
    revoked = admin(stack, "POST", "/factory/act-4/revoke")
    assert revoked.json() == {"tenant_id": "factory", "device_id": "act-4", "status": "REVOKED"}
    assert sends(stack, "act-4", token) in (401, 403)
    assert activate(stack, "act-4", code).json()["detail"] == "Invalid activation code"
    listed = admin(stack, "GET", params={"tenant_id": "factory", "status": "REVOKED"}).json()
    assert [(d["device_id"], d["activated"]) for d in listed["devices"]] == [("act-4", False)]
    # Registered anew it may be activated again.
    token = activate(stack, "act-4", register(stack, "act-4")).json()["provision_token"]
    assert sends(stack, "act-4", token) == 202
    for path in ("/factory/ghost/revoke", "/nobody/act-4/rotate-token"):
        assert admin(stack, "POST", path).status_code == 404
    missing = admin(stack, "POST", json={"tenant_id": "nobody", "device_id": "a", "site_id": "b"})
    assert (missing.status_code, missing.json()["detail"]) == (404, "Tenant not found")
    assert admin(stack, "GET", params={"limit": 1}).json()["count"] == 1
    faults = admin(stack, "POST", json={"tenant_id": "factory", "device_id": "no spaces", "site_id": "a/b"})
    assert faults.status_code == 422 and {f["loc"][-1] for f in faults.json()["detail"]} == {"device_id", "site_id"}


def test_without_the_key_nothing(stack, fleet, patient):
    for key in (None, "", "x" * 35, ADMIN_KEY[:-1]):
        for method, path in (("GET", ""), ("POST", "/factory/act-1/revoke"), ("POST", "/factory/act-1/rotate-token")):
            answer = admin(stack, method, path, key=key)
            assert (answer.status_code, answer.json()["detail"]) == (401, "Unauthorized")
    assert admin(stack, "POST", key="x" * 35, json={}).status_code == 401, "before the body is looked at"
    assert admin(stack, "POST", key="x" * 35, json={"tenant_id": "factory", "device_id": "a", "site_id": "b"}).status_code == 401
    for _ in range(10):
        blocked = admin(stack, "GET", key="guess")
    assert blocked.status_code == 429 and int(blocked.headers["Retry-After"]) > 0
    assert admin(stack, "GET").status_code == 429, "also with the right key, from this address"
    short = stack.command("serve", settings={"PROVISION_ADMIN_KEY": "short"}, check=False)
    assert short.returncode != 0 and "PROVISION_ADMIN_KEY" in short.stderr + short.stdout


def activate_from(stack, address, device_id, code):
    """The status of an activation that comes from another address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10, source_address=(address, 0))
    body = {"tenant_id": "factory", "device_id": device_id, "activation_code": code}
    connection.request("POST", "/api/device/activate", json.dumps(body), {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_who_guesses_is_shut_out_and_the_device_is_not(stack, fleet, patient):
    code, neighbour = register(stack, "act-guess"), register(stack, "act-neighbour")
    codes = [activate(stack, "act-guess", f"guess-{i}").status_code for i in range(25)]
    assert codes[:20] == [400] * 20 and set(codes[20:]) == {429}
    assert activate(stack, "act-guess", code).status_code == 429, "also with the right code, from this address"
    assert activate(stack, "act-neighbour", neighbour).status_code == 200, "another device of the same address"
    # Others guess, too: the right code is slowed down, and never refused.
    for i in range(3):
        assert activate_from(stack, "127.0.0.3", "act-guess", f"guess-{i}") == 400
    assert activate_from(stack, "127.0.0.2", "act-guess", code) == 200


def test_who_names_ever_other_devices_is_shut_out_too(stack, fleet, patient):
    codes = [activate_from(stack, "127.0.0.9", f"made-up-{i}", "guess") for i in range(105)]
    assert codes[:100] == [400] * 100 and set(codes[100:]) == {429}


def test_devices_register_themselves_by_a_key(stack, fleet, patient):
    template = next(t for t in fleet.get("/templates").json()["templates"] if t["slug"] == "tank-level")
    made = fleet.post("/provisioning-keys", json={"name": "Batch 7", "site_id": "dock", "template_id": template["id"],
                                                  "max_devices": 2, "expires_at": "2126-01-01T00:00:00Z"})
    assert made.status_code == 201, made.text
    key = made.json()["key"]
    assert key not in fleet.get("/provisioning-keys").text
    assert stack.sql("SELECT count(*) FROM provisioning_keys WHERE key_hash = %s", (key,)) == [(0,)]
    first = claim(stack, key, "self-1", name="Tank 1", serial_number="S-1")
    assert first.status_code == 201, first.text
    got = first.json()
    assert (got["tenant_id"], got["site_id"], got["username"]) == ("factory", "dock", "factory/self-1")
    assert sends(stack, "self-1", got["password"]) == 202
    device = fleet.get("/devices/self-1").json()["device"]
    assert (device["name"], device["template_slug"], device["serial_number"], device["device_type"],
            [s["metric_name"] for s in device["sensors"]]) == ("Tank 1", "tank-level", "S-1", "standalone_sensor", ["level"])
    wait_for("its message", lambda: fleet.get("/devices/self-1").json()["device"]["last_seen_at"])
    again = claim(stack, key, "self-1")
    assert (again.status_code, again.json()["detail"]) == (409, "Device already exists")
    assert claim(stack, key, "self-2").status_code == 201
    used_up = claim(stack, key, "self-3")
    assert (used_up.status_code, used_up.json()["detail"]) == (403, "Provisioning key used up")
    listed = fleet.get("/provisioning-keys").json()["keys"][0]
    assert (listed["claimed"], listed["max_devices"], listed["template_name"]) == (2, 2, template["name"])
    wait_for("the event", lambda: "registered itself" in fleet.get("/audit-log?limit=100").text)


def test_a_key_ends(stack, fleet, patient):
    made = fleet.post("/provisioning-keys", json={"name": "Short", "site_id": "dock"}).json()
    assert made["max_devices"] == 100
    stack.sql("UPDATE provisioning_keys SET expires_at = now() WHERE key_id = %s", (made["key_id"],))
    assert claim(stack, made["key"], "late-1").json()["detail"] == "Provisioning key expired"
    stack.sql("UPDATE provisioning_keys SET expires_at = NULL WHERE key_id = %s", (made["key_id"],))
    assert claim(stack, made["key"], "late-1").status_code == 201
    assert fleet.delete(f"/provisioning-keys/{made['key_id']}").status_code == 204
    assert fleet.delete(f"/provisioning-keys/{made['key_id']}").status_code == 404
    for key in (made["key"], "claim-nobodys"):
        refused = claim(stack, key, "late-2")
        assert (refused.status_code, refused.json()["detail"]) == (401, "Invalid provisioning key")
    assert fleet.get("/devices/late-1").status_code == 200, "who claimed before stays"
    for body, detail in (({"name": "x", "site_id": "nowhere"}, "Site not found"),
                         ({"name": "x", "site_id": "dock", "template_id": 999999}, "Template not found")):
        answer = fleet.post("/provisioning-keys", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, detail)
    assert fleet.post("/provisioning-keys", json={"name": "x", "site_id": "dock", "expires_at": "2020-01-01T00:00:00Z"}
                      ).status_code == 422
    assert Api(stack, "factory-reader").post("/provisioning-keys", json={"name": "x", "site_id": "dock"}).status_code == 403


def test_a_site_takes_its_keys_with_it(fleet):
    fleet.post("/sites", json={"site_id": "gone", "name": "Gone"})
    made = fleet.post("/provisioning-keys", json={"name": "Of a site", "site_id": "gone"}).json()
    assert fleet.delete("/sites/gone").status_code in (200, 204)
    assert made["key_id"] not in fleet.get("/provisioning-keys").text


def test_no_more_devices_than_a_key_allows_also_at_once(stack, fleet, patient):
    key = fleet.post("/provisioning-keys", json={"name": "Race", "site_id": "dock", "max_devices": 3}).json()["key"]
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(claim(stack, key, f"race-{i}").status_code))
               for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(answers) == [201] * 3 + [403] * 5


def test_a_claim_whose_answer_was_lost_is_repeated(stack, fleet, patient):
    made = fleet.post("/provisioning-keys", json={"name": "Lossy", "site_id": "dock", "max_devices": 1}).json()
    other = fleet.post("/provisioning-keys", json={"name": "Another", "site_id": "dock"}).json()["key"]
    lost = claim(stack, made["key"], "lost-1").json()["password"]
    foreign = claim(stack, other, "lost-1")
    assert (foreign.status_code, foreign.json()["detail"]) == (409, "Device already exists"), "another key's claim"
    again = claim(stack, made["key"], "lost-1")
    assert again.status_code == 201, again.text
    assert again.json()["site_id"] == "dock" and again.json()["password"] != lost
    assert sends(stack, "lost-1", lost) == 401, "the first is revoked"
    key = next(k for k in fleet.get("/provisioning-keys").json()["keys"] if k["key_id"] == made["key_id"])
    assert key["claimed"] == 1, "it is the same device"
    assert claim(stack, made["key"], "lost-2").json()["detail"] == "Provisioning key used up"
    assert stack.sql("SELECT count(*) FROM device_registry WHERE device_id = 'lost-1'") == [(1,)]
    event = wait_for("the event", lambda: fleet.get("/audit-log?event_type=device.claimed_again").json()["events"])[0]
    assert event["entity_id"] == "lost-1" and made["key"] not in str(event)
    # Once it was used, it is nobody's any more.
    assert sends(stack, "lost-1", again.json()["password"]) == 202
    wait_for("its message", lambda: fleet.get("/devices/lost-1").json()["device"]["last_seen_at"])
    # The key is used up; what stands in the way is the device.
    stack.sql("UPDATE provisioning_keys SET max_devices = 9 WHERE key_id = %s", (made["key_id"],))
    used = claim(stack, made["key"], "lost-1")
    assert (used.status_code, used.json()["detail"]) == (409, "Device already exists")
    assert sends(stack, "lost-1", again.json()["password"]) == 202


def test_a_claim_is_repeated_for_a_quarter_of_an_hour_only(stack, fleet, patient):
    key = fleet.post("/provisioning-keys", json={"name": "Slow", "site_id": "dock"}).json()["key"]
    assert claim(stack, key, "slow-1").status_code == 201
    stack.sql("UPDATE device_registry SET created_at = now() - interval '16 minutes' WHERE device_id = 'slow-1'")
    assert claim(stack, key, "slow-1").status_code == 409
    # Nor one that the device used, be it only to ask.
    own = claim(stack, key, "slow-3").json()["password"]
    asked = requests.get(f"{stack.url}/device/v1/commands/pending", headers={"X-Provision-Token": own}, timeout=10)
    assert asked.status_code == 200
    assert claim(stack, key, "slow-3").status_code == 409
    # A credential that a person made is not taken away.
    assert claim(stack, key, "slow-2").status_code == 201
    assert fleet.post("/devices/slow-2/tokens/rotate", json={}).status_code == 201
    assert claim(stack, key, "slow-2").status_code == 409
