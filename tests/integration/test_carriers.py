"""Carriers: integrations, the SIMs of devices, linking, provisioning, faults of carriers, the sync job."""

import contextlib
import json
import threading

import pytest
import requests
from carriers import Hologram, OneNce
from conftest import Api
from servers import Stack, wait_for

MB = 1024 * 1024
ICCID, NCE_ICCID = "89014103211118510720", "8988280666000000001"


@pytest.fixture(scope="module")
def holo():
    with Hologram() as carrier:
        yield carrier


@pytest.fixture(scope="module")
def nce():
    with OneNce() as carrier:
        yield carrier


@pytest.fixture(scope="module")
def pulse(holo, nce):
    settings = {"OUTBOUND_PRIVATE_HOSTS": f"{holo.host},{nce.host}", "CARRIER_TIMEOUT_SECONDS": "2",
                "CARRIER_SYNC_SECONDS": "1"}
    with Stack(settings=settings) as running:
        for tenant, user in (("acme", "acme1"), ("rival", "rival1")):
            running.command("admin", "create-tenant", "--id", tenant, "--name", tenant)
            running.command("admin", "create-user", "--username", user, "--password", "pulse-demo-1", "--email",
                            f"{user}@x.example", "--tenant", tenant, "--role", "customer,tenant-admin")
        yield running


@pytest.fixture(scope="module")
def api(pulse):
    return Api(pulse, "acme1")


@pytest.fixture(scope="module")
def rival(pulse):
    return Api(pulse, "rival1")


@pytest.fixture(autouse=True)
def _as_documented(holo, nce):
    """Whatever Pulse asked, it asked as the carriers' documents say."""
    yield
    assert holo.faults == [] and nce.faults == []
    for carrier in (holo, nce):
        carrier.failing.clear()
        carrier.broken, carrier.delay = None, 0
        carrier.requests.clear()
        carrier.going_on.set()


@pytest.fixture()
def hologram(api, holo):
    """An integration at Hologram that is not synced by itself, gone afterwards."""
    holo.devices = {7: {"state": "live", "sim": ICCID, "session": {"active": True, "ip": "10.9.8.7"}}}
    holo.sessions = [{"deviceid": 7, "bytes": MB}, {"deviceid": 8, "bytes": 5}, {"deviceid": 7, "bytes": 2 * MB},
                     {"deviceid": 7, "bytes": MB // 2}]
    made = api.post("/carrier/integrations", json={
        "carrier_name": "hologram", "display_name": "Our SIMs", "api_key": holo.key, "api_secret": "second-secret",
        "api_base_url": holo.url, "account_id": "55", "sync_enabled": False})
    assert made.status_code == 200, made.text
    yield made.json()
    for device in api.get("/devices").json()["devices"]:
        api.delete(f"/devices/{device['device_id']}")
    api.delete(f"/carrier/integrations/{made.json()['id']}")


@pytest.fixture()
def one_nce(api, nce):
    nce.sims = {NCE_ICCID: {"status": "Enabled", "left": 400.0, "total": 500.0, "connected": True}}
    made = api.post("/carrier/integrations", json={"carrier_name": "1nce", "display_name": "1NCE", "api_key": nce.key,
                                                   "api_base_url": nce.url, "sync_enabled": False})
    assert made.status_code == 200, made.text
    yield made.json()
    for device in api.get("/devices").json()["devices"]:
        api.delete(f"/devices/{device['device_id']}")
    api.delete(f"/carrier/integrations/{made.json()['id']}")


_made = 0


@pytest.fixture()
def device(api):
    global _made
    _made += 1
    name = f"tracker-{_made}"
    assert api.post("/devices", json={"device_id": name}).status_code == 201
    return name


def link(api, device, integration, carrier_device_id="7"):
    answer = api.post(f"/devices/{device}/carrier/link", json={"carrier_integration_id": integration["id"],
                                                               "carrier_device_id": carrier_device_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def audit_of(pulse, event_type, entity_id):
    return wait_for(f"{event_type} in the audit log", lambda: pulse.sql(
        "SELECT action, entity_type, entity_name, details::text, category FROM audit_log WHERE tenant_id = 'acme' "
        "AND event_type = %s AND entity_id = %s ORDER BY id DESC LIMIT 1", (event_type, str(entity_id))))[0]


def test_integrations_are_kept_sealed_and_masked(pulse, api, holo, hologram):
    assert {k: hologram[k] for k in ("carrier_name", "display_name", "enabled", "account_id", "sync_enabled",
                                     "sync_interval_minutes", "last_sync_at", "last_sync_status", "last_sync_error",
                                     "api_key_masked")} == {
        "carrier_name": "hologram", "display_name": "Our SIMs", "enabled": True, "account_id": "55", "sync_enabled": False,
        "sync_interval_minutes": 60, "last_sync_at": None, "last_sync_status": "never", "last_sync_error": None,
        "api_key_masked": "****0001"}
    assert "deactivate" in hologram["capabilities"]
    key, secret = pulse.sql("SELECT api_key, api_secret FROM carrier_integrations WHERE id = %s", (hologram["id"],))[0]
    assert key.startswith("v1.") and secret.startswith("v1.") and holo.key not in key
    listed = api.get("/carrier/integrations").json()["integrations"]
    assert [i["id"] for i in listed] == [hologram["id"]] and listed[0]["device_count"] == 0
    again = api.post("/carrier/integrations", json={"carrier_name": "hologram", "display_name": "Twice"})
    assert again.status_code == 409
    assert audit_of(pulse, "carrier.integration_created", hologram["id"])[0] == "create"


def test_integrations_are_changed(pulse, api, holo, hologram):
    path = f"/carrier/integrations/{hologram['id']}"
    assert api.put(path, json={}).json()["detail"] == "No fields to update"
    changed = api.put(path, json={"display_name": "New name", "sync_interval_minutes": 5, "config": {"billing_cycle_day": 9}})
    assert changed.status_code == 200 and changed.json()["display_name"] == "New name"
    assert changed.json()["api_key_masked"] == "****0001" and changed.json()["config"] == {"billing_cycle_day": 9}
    # A kept key goes to no new address.
    moved = api.put(path, json={"api_base_url": "https://elsewhere.example/api"})
    assert moved.status_code == 400 and "API key again" in moved.json()["detail"]
    assert api.put(path, json={"api_base_url": "https://elsewhere.example/api", "api_key": "another-long-key"}).status_code == 200
    details = json.loads(audit_of(pulse, "carrier.integration_updated", hologram["id"])[3])
    assert details["api_key_changed"] is True and "api_key" not in details["after"]
    assert details["after"]["api_base_url"] == "https://elsewhere.example/api"
    for url in ("http://elsewhere.example", "ftp://x", "https://x.example/?a=b"):
        assert api.put(path, json={"api_base_url": url, "api_key": "k"}).status_code == 400
    for body in ({"sync_interval_minutes": 4}, {"display_name": ""}, {"config": {"billing_cycle_day": 31}}):
        assert api.put(path, json=body).status_code == 422
    assert api.put("/carrier/integrations/2000000000", json={"enabled": False}).json()["detail"] == "Integration not found"
    assert api.put(path, json={"api_key": ""}).json()["api_key_masked"] is None


def test_an_integration_that_devices_use_stays(api, hologram, device):
    link(api, device, hologram)
    refused = api.delete(f"/carrier/integrations/{hologram['id']}")
    assert refused.status_code == 400 and "1 device:" in refused.json()["detail"]
    api.delete(f"/devices/{device}")
    gone = api.delete(f"/carrier/integrations/{hologram['id']}")
    assert gone.json() == {"deleted": True, "id": hologram["id"]}
    assert api.delete(f"/carrier/integrations/{hologram['id']}").status_code == 404


def test_plans(api, hologram, one_nce):
    plans = api.get(f"/carrier/integrations/{hologram['id']}/plans").json()
    assert plans["carrier_name"] == "hologram" and plans["plans"][0]["name"] == "Pilot"
    none = api.get(f"/carrier/integrations/{one_nce['id']}/plans").json()
    assert none["plans"] == [] and none["note"] == "Plan listing not supported for this carrier"
    assert api.get("/carrier/integrations/2000000000/plans").status_code == 404
    strange = api.post("/carrier/integrations", json={"carrier_name": "smoke-signals", "display_name": "S", "enabled": False})
    answer = api.get(f"/carrier/integrations/{strange.json()['id']}/plans")
    assert (answer.status_code, answer.json()["detail"]) == (400, "Unsupported carrier provider")
    assert strange.json()["capabilities"] == []
    assert api.delete(f"/carrier/integrations/{strange.json()['id']}").status_code == 200


def test_a_tier_without_carriers(pulse, api, hologram, device):
    pulse.sql("UPDATE tenants SET account_tier_id = 'free' WHERE tenant_id = 'acme'")
    try:
        calls = [api.post("/carrier/integrations", json={"carrier_name": "x", "display_name": "x"}),
                 api.put(f"/carrier/integrations/{hologram['id']}", json={"enabled": False}),
                 api.delete(f"/carrier/integrations/{hologram['id']}"),
                 api.post(f"/devices/{device}/carrier/provision", json={"carrier_integration_id": hologram["id"], "iccid": ICCID})]
        for answer in calls:
            assert answer.status_code == 403
            assert answer.json()["detail"] == "Carrier self-service is not included in tier Free: ask for a larger tier"
        assert api.get("/carrier/integrations").status_code == 200
    finally:
        pulse.sql("UPDATE tenants SET account_tier_id = 'growth' WHERE tenant_id = 'acme'")


def test_a_device_without_sim(api, hologram, device):
    for what in ("status", "usage", "diagnostics"):
        assert api.get(f"/devices/{device}/carrier/{what}").json() == {"linked": False}
        assert api.get(f"/devices/nobody/carrier/{what}").status_code == 404
    refused = api.post(f"/devices/{device}/carrier/actions/suspend")
    assert (refused.status_code, refused.json()["detail"]) == (400, "Device is not linked to a carrier integration")
    unknown = api.post(f"/devices/{device}/carrier/link", json={"carrier_integration_id": 2000000000, "carrier_device_id": "7"})
    assert (unknown.status_code, unknown.json()["detail"]) == (400, "Invalid carrier_integration_id")


def test_a_linked_device_at_hologram(pulse, api, holo, hologram, device):
    assert link(api, device, hologram) == {"linked": True, "device_id": device, "carrier_integration_id": hologram["id"]}
    transport = api.get(f"/devices/{device}/transports").json()["transports"][0]
    assert transport["physical_connectivity"] == "cellular" and transport["carrier_integration"]["id"] == hologram["id"]
    assert transport["connectivity_config"]["carrier_device_id"] == "7"
    status = api.get(f"/devices/{device}/carrier/status").json()
    assert status["linked"] is True and status["carrier_name"] == "hologram"
    assert status["device_info"] == {
        "carrier_device_id": "7", "iccid": ICCID, "sim_status": "active", "network_status": "connected",
        "ip_address": "10.9.8.7", "network_type": "LTE", "last_connection": "2026-11-20T10:00:00.000000+00:00",
        "signal_strength": None}
    used = api.get(f"/devices/{device}/carrier/usage").json()["usage"]
    assert used["data_used_mb"] == 3.5 and used["data_used_bytes"] == 3.5 * MB and used["data_limit_mb"] is None
    assert used["usage_pct"] == 0 and used["billing_cycle_start"] < used["billing_cycle_end"] and used["sms_count"] == 0
    assert len(holo.seen("GET", "/usage/data")) == 2  # all pages
    api.put(f"/devices/{device}/connection", json={"data_limit_mb": 7})
    assert api.get(f"/devices/{device}/carrier/usage").json()["usage"]["usage_pct"] == 50
    found = api.get(f"/devices/{device}/carrier/diagnostics").json()
    assert found["carrier_device_id"] == "7" and found["diagnostics"]["links"][0]["deviceid"] == 7
    assert found["diagnostics"]["links"][0]["whole"] == "?apikey=***"
    assert audit_of(pulse, "device.carrier_linked", device)[0] == "update"


def test_a_sim_is_unlinked_by_its_transport(api, hologram, device):
    link(api, device, hologram)
    transport = api.get(f"/devices/{device}/transports").json()["transports"][0]["id"]
    changed = api.put(f"/devices/{device}/transports/{transport}", json={"carrier_integration_id": None})
    assert changed.status_code == 200 and changed.json()["carrier_integration"] is None, changed.text
    assert api.get(f"/devices/{device}/carrier/status").json() == {"linked": False}
    assert api.delete(f"/carrier/integrations/{hologram['id']}").status_code == 200


def test_actions_at_hologram(pulse, api, holo, hologram, device):
    link(api, device, hologram)
    path = f"/devices/{device}/carrier/actions"
    assert api.post(f"{path}/suspend").json() == {"action": "suspend", "success": True, "carrier_name": "hologram"}
    assert holo.devices[7]["state"] == "paused"
    assert api.get(f"/devices/{device}/carrier/status").json()["device_info"]["sim_status"] == "suspended"
    assert api.get(f"/devices/{device}/connection").json()["connection"]["sim_status"] == "suspended"
    action, entity, name, details, category = audit_of(pulse, "config_changed", device)
    assert (action, entity, name, category) == ("execute", "carrier_action", "hologram:suspend", "config")
    assert json.loads(details)["success"] is True
    assert api.post(f"{path}/activate").json()["success"] is True and holo.devices[7]["state"] == "live"
    assert api.post(f"{path}/reboot").json()["success"] is True
    assert holo.seen("POST", "/sms/incoming")[0].body["deviceid"] == 7
    assert api.post(f"{path}/explode").status_code == 422
    # What can't be undone is confirmed by the SIM's number.
    for query, words in (("", "can't be undone"), (f"?confirm_iccid={ICCID[:-1]}1", "not the ICCID")):
        refused = api.post(f"{path}/deactivate{query}")
        assert refused.status_code == 400 and words in refused.json()["detail"]
        assert holo.devices[7]["state"] == "live"
    assert api.post(f"{path}/deactivate?confirm_iccid={ICCID}").json()["success"] is True
    assert holo.devices[7]["state"] == "deactivated"


def test_who_may_not(pulse, hologram, api, device):
    pulse.command("admin", "create-user", "--username", "viewer1", "--password", "pulse-demo-1", "--email",
                  "viewer1@x.example", "--tenant", "acme", "--role", "customer")
    viewer = Api(pulse, "viewer1")
    assert viewer.get("/carrier/integrations").status_code == 200
    body = {"carrier_integration_id": hologram["id"], "carrier_device_id": "7"}
    for answer, permission in ((viewer.post(f"/devices/{device}/carrier/actions/suspend"), "carrier.actions.execute"),
                               (viewer.post(f"/devices/{device}/carrier/link", json=body), "carrier.links.write"),
                               (viewer.delete(f"/carrier/integrations/{hologram['id']}"), "carrier.integrations.write")):
        assert answer.status_code == 403 and permission in answer.text


def test_a_linked_device_at_1nce(api, nce, one_nce, device):
    link(api, device, one_nce, NCE_ICCID)
    status = api.get(f"/devices/{device}/carrier/status").json()
    assert status["device_info"]["iccid"] == NCE_ICCID and status["device_info"]["network_type"] == "LTE-M"
    assert (status["device_info"]["sim_status"], status["device_info"]["network_status"]) == ("active", "connected")
    assert "deactivate" not in status["capabilities"] and "suspend" in status["capabilities"]
    nce.sims[NCE_ICCID]["connected"] = False
    assert api.get(f"/devices/{device}/carrier/status").json()["device_info"]["network_status"] is None
    used = api.get(f"/devices/{device}/carrier/usage").json()["usage"]
    assert (used["data_used_mb"], used["data_limit_mb"], used["usage_pct"]) == (100, 500, 20)
    assert api.get(f"/devices/{device}/carrier/diagnostics").json()["diagnostics"]["sim"]["status"] == "Enabled"
    path = f"/devices/{device}/carrier/actions"
    assert api.post(f"{path}/suspend").json()["success"] is True and nce.sims[NCE_ICCID]["status"] == "Disabled"
    assert api.post(f"{path}/activate").json()["success"] is True and nce.sims[NCE_ICCID]["status"] == "Enabled"
    assert api.post(f"{path}/reboot").json()["success"] is True
    refused = api.post(f"{path}/deactivate?confirm_iccid={NCE_ICCID}")
    assert (refused.status_code, refused.json()["detail"]) == (501, "deactivate is not supported by 1NCE")
    refused = api.post(f"/devices/{device}/carrier/provision", json={"carrier_integration_id": one_nce["id"], "iccid": NCE_ICCID})
    assert (refused.status_code, refused.json()["detail"]) == (501, "provision is not supported by 1NCE")


def test_provisioning(pulse, api, holo, hologram, device):
    path = f"/devices/{device}/carrier/provision"
    body = {"carrier_integration_id": hologram["id"], "iccid": ICCID}
    lost = api.post(path, json=body)
    assert (lost.status_code, lost.json()["detail"]) == (502, "Carrier claim succeeded but no device ID returned")
    assert api.get(f"/devices/{device}/carrier/status").json() == {"linked": False}
    assert json.loads(audit_of(pulse, "device.sim_provisioned", device)[3])["iccid"] == ICCID  # it is theirs all the same
    holo.claims[ICCID] = {"deviceid": 7}
    made = api.post(path, json={**body, "plan_id": 73})
    assert made.status_code == 200, made.text
    assert made.json() == {"provisioned": True, "device_id": device, "carrier_device_id": "7", "iccid": ICCID,
                           "carrier_integration_id": hologram["id"],
                           "claim_result": {"success": True, "data": {"deviceid": 7}}}
    assert holo.requests[-1].body == {"sim": ICCID, "plan": 73}
    assert api.get(f"/devices/{device}/connection").json()["connection"]["sim_iccid"] == ICCID
    assert api.get(f"/devices/{device}/carrier/status").json()["linked"] is True
    assert api.post(path, json={**body, "carrier_integration_id": 2000000000}).json()["detail"] == "Invalid carrier_integration_id"
    assert api.post(path, json={**body, "iccid": "123"}).status_code == 422
    assert api.post("/devices/nobody/carrier/provision", json=body).status_code == 404
    assert audit_of(pulse, "device.sim_provisioned", device)


def test_what_carriers_do_wrong_is_a_502_without_the_key(pulse, api, holo, hologram, device):
    link(api, device, hologram)
    answers = []

    def failing(method, path):
        answer = api.request(method, f"/devices/{device}/carrier/{path}")
        answers.append(answer.text)
        assert answer.status_code == 502, answer.text
        return answer.json()["detail"]

    for status in (500, 401, 429):
        holo.fail(status)
        for method, path in (("GET", "status"), ("GET", "usage"), ("GET", "diagnostics"), ("POST", "actions/suspend")):
            assert failing(method, path) == f"Carrier API error: {status}"
    holo.failing.clear()
    holo.broken = b"<html>no JSON " + holo.key.encode()
    assert failing("GET", "status") == "Failed to reach carrier API: its answer is no JSON"
    holo.broken = None
    holo.going_on.clear()
    assert failing("GET", "status") == "Failed to reach carrier API: no answer in time"
    holo.going_on.set()
    changed = api.put(f"/carrier/integrations/{hologram['id']}", json={"api_base_url": "https://127.0.0.1:1/api", "api_key": holo.key})
    assert changed.status_code == 200
    assert failing("GET", "status") == "Failed to reach carrier API: its address is not a public one"
    answers += [api.get(p).text for p in ("/carrier/integrations", "/audit-log?limit=200", f"/devices/{device}/transports")]
    assert not [a for a in answers if holo.key in a or "second-secret" in a]
    logs = "".join(p.log.read_text(errors="replace") for p in pulse.pulses)
    assert holo.key not in logs and "apikey" not in logs and "second-secret" not in logs
    rows = pulse.sql("SELECT coalesce(string_agg(details::text || message, ' '), '') FROM audit_log")[0][0]
    assert holo.key not in rows
    # Disabled: nobody is asked.
    asked = len(holo.requests)
    api.put(f"/carrier/integrations/{hologram['id']}", json={"enabled": False})
    assert api.get(f"/devices/{device}/carrier/status").json()["detail"] == "Carrier integration is disabled"
    assert len(holo.requests) == asked


def test_two_tenants(api, rival, holo, hologram, device):
    link(api, device, hologram)
    assert rival.get("/carrier/integrations").json() == {"integrations": []}
    path = f"/carrier/integrations/{hologram['id']}"
    for answer in (rival.put(path, json={"enabled": False}), rival.delete(path), rival.get(f"{path}/plans"),
                   rival.get(f"/devices/{device}/carrier/status"), rival.post(f"/devices/{device}/carrier/actions/suspend")):
        assert answer.status_code == 404
    rival.post("/devices", json={"device_id": "theirs"})
    for call, body in (("link", {"carrier_device_id": "7"}), ("provision", {"iccid": ICCID})):
        refused = rival.post(f"/devices/theirs/carrier/{call}", json={"carrier_integration_id": hologram["id"], **body})
        assert (refused.status_code, refused.json()["detail"]) == (400, "Invalid carrier_integration_id")
    assert holo.devices[7]["state"] == "live"
    # The same carrier, an account of their own.
    own = rival.post("/carrier/integrations", json={"carrier_name": "hologram", "display_name": "Theirs", "enabled": False})
    assert own.status_code == 200
    assert rival.delete(f"/carrier/integrations/{own.json()['id']}").status_code == 200


def connection(api, device):
    return api.get(f"/devices/{device}/connection").json()["connection"]


def integration(api, known):
    return next(i for i in api.get("/carrier/integrations").json()["integrations"] if i["id"] == known["id"])


def test_sync_reads_usage_in_pages_and_status(api, holo, hologram, device):
    holo.devices[8] = {"state": "paused", "sim": "8900000000000000008", "session": {"active": False, "ip": ""}}
    second = f"{device}-b"
    assert api.post("/devices", json={"device_id": second}).status_code == 201
    link(api, device, hologram)
    link(api, second, hologram, "8")
    holo.requests.clear()
    api.put(f"/carrier/integrations/{hologram['id']}", json={"sync_enabled": True})
    done = wait_for("the sync", lambda: (i := integration(api, hologram))["last_sync_at"] and i)
    assert (done["last_sync_status"], done["last_sync_error"]) == ("success", None)
    one, two = connection(api, device), connection(api, second)
    assert (one["data_used_mb"], one["sim_status"], one["network_status"]) == (3.5, "active", "connected")
    assert one["data_used_updated_at"] and one["sim_iccid"] == ICCID
    assert (two["data_used_mb"], two["sim_status"], two["network_status"]) == (0, "suspended", "disconnected")
    pages = holo.seen("GET", "/usage/data")
    assert [r.query["orgid"] for r in pages] == ["55", "55"]
    # Not again before its interval.
    asked = len(holo.requests)
    wait_for("another round", lambda: api.get("/carrier/integrations").status_code == 200)
    assert integration(api, hologram)["last_sync_at"] == done["last_sync_at"] and len(holo.requests) == asked


def test_sync_tells_what_failed_and_backs_off(pulse, api, holo, hologram, device):
    second = f"{device}-b"
    assert api.post("/devices", json={"device_id": second}).status_code == 201
    link(api, device, hologram)
    link(api, second, hologram, "9")  # nobody knows it
    path = f"/carrier/integrations/{hologram['id']}"
    api.put(path, json={"sync_enabled": True})
    done = wait_for("the sync", lambda: (i := integration(api, hologram))["last_sync_at"] and i)
    assert (done["last_sync_status"], done["last_sync_error"]) == ("partial", "Carrier API error: 404")
    assert connection(api, device)["data_used_mb"] == 3.5 and connection(api, second)["data_used_mb"] is None

    def waits():
        return pulse.sql("SELECT sync_failures, extract(epoch FROM next_sync_at - last_sync_at)::integer / 60 "
                         "FROM carrier_integrations WHERE id = %s", (hologram["id"],))[0]

    assert waits() == (0, 60)
    holo.fail(500)
    api.put(path, json={"sync_interval_minutes": 60})
    wait_for("the failed sync", lambda: integration(api, hologram)["last_sync_status"] == "error")
    assert integration(api, hologram)["last_sync_error"] == "Carrier API error: 500" and waits() == (1, 120)
    pulse.sql("UPDATE carrier_integrations SET next_sync_at = now() WHERE id = %s", (hologram["id"],))
    wait_for("the second failure", lambda: waits() == (2, 240))
    assert holo.key not in json.dumps(integration(api, hologram))


def test_sync_of_1nce_one_by_one_and_a_warning(pulse, api, nce, one_nce, device):
    link(api, device, one_nce, NCE_ICCID)
    path = f"/carrier/integrations/{one_nce['id']}"
    api.put(path, json={"sync_enabled": True})
    wait_for("the sync", lambda: connection(api, device)["data_used_mb"] == 100)

    def warnings():
        return pulse.sql("SELECT severity, details::text FROM audit_log WHERE tenant_id = 'acme' AND entity_id = %s "
                         "AND event_type = 'device.data_usage_high'", (device,))

    assert warnings() == []
    for left, used in ((90.0, 410), (80.0, 420)):  # of 500: told once
        nce.sims[NCE_ICCID]["left"] = left
        api.put(path, json={"sync_enabled": True})
        wait_for("the next sync", lambda used=used: connection(api, device)["data_used_mb"] == used)
        severity, details = wait_for("the warning", warnings)[0]
        assert severity == "warning" and json.loads(details)["data_limit_mb"] == 500
    wait_for("the sync's end", lambda: integration(api, one_nce)["last_sync_status"] == "success")
    api.post(f"/devices/{device}/tags/later")  # what was written to the log before is there when this is
    wait_for("the tag in the log", lambda: pulse.sql("SELECT 1 FROM audit_log WHERE entity_id = %s AND event_type LIKE %s",
                                                     (device, "%tag%")))
    assert len(warnings()) == 1


@pytest.fixture()
def quick(rival, nce):
    """A device of another tenant with its SIM at another carrier, which answers at once."""
    nce.sims = {NCE_ICCID: {"status": "Enabled", "left": 400.0, "total": 500.0, "connected": True}}
    made = rival.post("/carrier/integrations", json={"carrier_name": "1nce", "display_name": "1NCE", "api_key": nce.key,
                                                     "api_base_url": nce.url, "sync_enabled": False}).json()
    assert rival.post("/devices", json={"device_id": "quick"}).status_code == 201
    link(rival, "quick", made, NCE_ICCID)
    yield made
    rival.delete("/devices/quick")
    rival.delete(f"/carrier/integrations/{made['id']}")


def test_a_slow_sync_holds_up_nobody_else(api, rival, holo, hologram, quick, device):
    link(api, device, hologram)
    for number in range(8, 24):
        holo.devices[number] = {"state": "live", "sim": ICCID, "session": {"active": True, "ip": ""}}
        assert api.post("/devices", json={"device_id": f"{device}-{number}"}).status_code == 201
        link(api, f"{device}-{number}", hologram, str(number))
    holo.requests.clear()
    holo.delay = 1.5
    api.put(f"/carrier/integrations/{hologram['id']}", json={"sync_enabled": True})
    wait_for("the slow carrier to be asked", lambda: holo.requests)
    rival.put(f"/carrier/integrations/{quick['id']}", json={"sync_enabled": True})
    done = wait_for("the other tenant's sync", lambda: (i := integration(rival, quick))["last_sync_at"] and i)
    assert done["last_sync_status"] == "success"
    assert integration(api, hologram)["last_sync_at"] is None, "the slow one is still at it"
    holo.delay = 0
    slow = wait_for("the slow sync", lambda: (i := integration(api, hologram))["last_sync_at"] and i, 30)
    assert slow["last_sync_status"] == "success"


def test_calls_that_hang_hold_up_nobody_else(api, rival, holo, hologram, quick, device):
    link(api, device, hologram)
    holo.requests.clear()
    holo.going_on.clear()
    threads = [threading.Thread(target=Api.get, args=(api, f"/devices/{device}/carrier/status")) for _ in range(60)]
    [t.start() for t in threads]
    wait_for("the slow carrier to be asked", lambda: holo.requests)
    assert rival.get("/devices/quick/carrier/status").status_code == 200
    assert any(t.is_alive() for t in threads), "those before it still wait"
    [t.join() for t in threads]
    holo.going_on.set()


def test_a_stop_while_a_carrier_does_not_answer(pulse, api, holo, hologram, device):
    link(api, device, hologram)
    holo.requests.clear()
    holo.going_on.clear()

    def ask():
        with contextlib.suppress(requests.RequestException):
            api.get(f"/devices/{device}/carrier/status")

    caller = threading.Thread(target=ask)
    caller.start()
    api.put(f"/carrier/integrations/{hologram['id']}", json={"sync_enabled": True})
    wait_for("page and sync to ask", lambda: len(holo.requests) > 1)
    assert pulse.pulses[0].stop() == 0, pulse.pulses[0].tail()
    caller.join()
    pulse.pulses[0].start()
    pulse.wait_ready()
    assert "broke" not in (integration(api, hologram)["last_sync_error"] or ""), "our stop is no fault of the carrier's"
