"""Devices as instances of their template: modules, sensors, transports, plan, health, uptime, attributes."""

import time

import pytest
import requests
from servers import wait_for


def system(api, slug):
    return next(t["id"] for t in api.get("/templates?source=system").json()["templates"] if t["slug"] == slug)


def tenant_of(api):
    return api.get("/devices?limit=1").json()["tenant_id"]


@pytest.fixture()
def gateway(other, stack):
    """A gateway of the tenant's, and its token. Made by the command line: 30 devices a minute is the API's limit."""
    stack.command("admin", "create-device", "--tenant", tenant_of(other), "--id", "gw-1", "--site", "instances")
    assert other.patch("/devices/gw-1", json={"template_id": system(other, "gateway")}).status_code == 200
    assert other.put("/devices/gw-1/plan", json={"plan_id": "premium"}).status_code == 200
    token = other.post("/devices/gw-1/tokens/rotate", json={}).json()["password"]
    yield token
    assert other.delete("/devices/gw-1").status_code == 200


def send(other, token, metrics, **more):
    tenant = tenant_of(other)
    answer = requests.post(f"{other.stack.url}/ingest/v1/tenant/{tenant}/device/gw-1/telemetry", timeout=10,
                           headers={"X-Provision-Token": token}, json={"metrics": metrics, **more})
    assert answer.status_code == 202, answer.text


def sensors(other, device="gw-1"):
    return {s["metric_key"]: s for s in other.get(f"/devices/{device}/sensors").json()["sensors"]}


def detail(other, device="gw-1"):
    return other.get(f"/devices/{device}").json()["device"]


PROBE = {"slot_key": "onewire", "bus_address": "28-01", "label": "Tank probe"}


def test_modules_bring_sensors_and_rename_metrics(other, gateway):
    probe = system(other, "module-temperature-1wire")
    body = {**PROBE, "module_template_id": probe, "metric_key_map": {"t1": "tank_temperature"}}
    made = other.post("/devices/gw-1/modules", json=body)
    assert made.status_code == 201, made.text
    module = made.json()
    assert module["module_template"]["slug"] == "module-temperature-1wire" and module["status"] == "active"
    sensor = sensors(other)["tank_temperature"]
    assert sensor["source"] == "required" and sensor["unit"] == "°C" and sensor["module"] == {"id": module["id"],
                                                                                              "label": "Tank probe"}
    assert detail(other)["module_count"] == 1
    send(other, gateway, {"t1": 21.5, "t2": 3})
    state = wait_for("the reading", lambda: detail(other)["state"].get("tank_temperature") == 21.5 and detail(other)["state"])
    assert "t1" not in state and state["t2"] == 3
    # A changed map is felt by the next message, not when some cache runs out.
    changed = other.put(f"/devices/gw-1/modules/{module['id']}", json={"metric_key_map": {"t2": "tank_temperature"}})
    assert changed.status_code == 200 and changed.json()["metric_key_map"] == {"t2": "tank_temperature"}
    send(other, gateway, {"t2": 33})
    wait_for("the reading by its new name", lambda: detail(other)["state"].get("tank_temperature") == 33)
    # Inactive: as it is sent.
    other.put(f"/devices/gw-1/modules/{module['id']}", json={"status": "inactive"})
    send(other, gateway, {"t2": 44})
    wait_for("the reading as it is sent", lambda: detail(other)["state"].get("t2") == 44)
    assert detail(other)["state"]["tank_temperature"] == 33
    assert other.delete(f"/devices/gw-1/modules/{module['id']}").status_code == 204
    assert sensors(other)["tank_temperature"]["status"] == "inactive"
    assert other.get("/devices/gw-1/modules").json() == {"device_id": "gw-1", "modules": [], "total": 0}
    removed = other.get("/devices/gw-1/modules?include_removed=true").json()["modules"]
    assert [m["status"] for m in removed] == ["removed"]
    # Its place is free.
    assert other.post("/devices/gw-1/modules", json=body).status_code == 201
    assert sensors(other)["tank_temperature"]["status"] == "active"


def test_what_modules_are_refused(other, gateway):
    probe, analog = system(other, "module-temperature-1wire"), system(other, "module-analog-0-10v")
    for body, status, detail_ in (
            ({**PROBE, "slot_key": "pcie"}, 400, "Slot key not found in device template"),
            ({**PROBE, "module_template_id": 999999}, 404, "Module template not found"),
            ({**PROBE, "module_template_id": system(other, "gateway")}, 400,
             "module_template_id must be an expansion_module template"),
            ({**PROBE, "module_template_id": analog}, 400, "Module template is not compatible with this slot")):
        answer = other.post("/devices/gw-1/modules", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (status, detail_), body
    assert other.post("/devices/gw-1/modules", json={**PROBE, "module_template_id": probe}).status_code == 201
    answer = other.post("/devices/gw-1/modules", json={**PROBE, "module_template_id": probe})
    assert (answer.status_code, answer.json()["detail"]) == (409, "Module already exists in this slot/address")
    assert other.post("/devices/gw-1/modules", json={"slot_key": "analog-1", "label": "A"}).status_code == 201
    answer = other.post("/devices/gw-1/modules", json={"slot_key": "analog-1", "label": "B", "bus_address": "2"})
    assert (answer.status_code, answer.json()["detail"]) == (409, "Slot full")
    answer = other.post("/devices/gw-1/modules", json={**PROBE, "bus_address": "x", "metric_key_map": {"a": "1 b"}})
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body", "metric_key_map"]
    assert other.put("/devices/gw-1/modules/999999", json={"label": "x"}).json()["detail"] == "Module not found"
    assert other.put("/devices/gw-1/modules/999999", json={}).json()["detail"] == "No fields to update"
    assert other.delete("/devices/gw-1/modules/999999").json()["detail"] == "Module not found"
    assert other.get("/devices/none/modules").json()["detail"] == "Device not found"


def test_a_slot_does_not_overflow_when_many_install_at_once(other, gateway):
    from concurrent.futures import ThreadPoolExecutor

    def install(i):
        return other.post("/devices/gw-1/modules", json={**PROBE, "bus_address": f"28-{i}"}).status_code

    with ThreadPoolExecutor(12) as pool:
        codes = sorted(pool.map(install, range(12)))
    assert codes == [201] * 8 + [409] * 4


def test_sensors_are_added_changed_and_deleted(other, gateway):
    body = {"metric_key": "pressure", "display_name": "Pressure", "unit": "bar", "min_range": 0, "max_range": 16}
    made = other.post("/devices/gw-1/sensors", json=body)
    assert made.status_code == 201 and made.json()["source"] == "unmodeled", made.text
    sensor = made.json()["id"]
    assert other.post("/devices/gw-1/sensors", json=body).status_code == 409
    metric = next(m for m in other.get(f"/templates/{system(other, 'gateway')}").json()["metrics"]
                  if m["metric_key"] == "cpu_temp")
    modeled = other.post("/devices/gw-1/sensors", json={"metric_key": "cpu_temp", "display_name": "CPU",
                                                        "template_metric_id": metric["id"]})
    assert modeled.status_code == 201 and modeled.json()["source"] == "optional"
    assert modeled.json()["template_metric"]["metric_key"] == "cpu_temp"
    one = f"/devices/gw-1/sensors/{sensor}"
    changed = other.put(one, json={"display_name": "Line pressure", "unit": None, "status": "inactive"})
    assert changed.status_code == 200 and changed.json()["unit"] is None and changed.json()["status"] == "inactive"
    bad = other.put(one, json={"min_range": 99})
    assert bad.status_code == 422 and bad.json()["detail"][0]["loc"][-1] == "min_range"
    assert other.put(one, json={}).json()["detail"] == "No fields to update"
    # The same by the fleet-wide path, under the older names.
    assert other.put(f"/sensors/{sensor}", json={"status": "active"}).json()["status"] == "active"
    listed = other.get("/sensors?device_id=gw-1&limit=200").json()
    assert listed["total"] == len(listed["sensors"]) == len(sensors(other))
    old = next(s for s in listed["sensors"] if s["metric_name"] == "pressure")
    assert old["sensor_id"] == sensor and old["label"] == "Line pressure" and old["auto_discovered"]
    assert other.delete(one).status_code == 204
    assert other.delete(one).json()["detail"] == "Sensor not found"
    assert other.delete(f"/sensors/{modeled.json()['id']}").status_code == 204
    required = sensors(other)["battery_pct"]["id"]
    for path in (f"/devices/gw-1/sensors/{required}", f"/sensors/{required}"):
        answer = other.delete(path)
        assert (answer.status_code, answer.json()["detail"]) == (400, "Cannot delete a required sensor. Deactivate it instead.")


def test_sensors_refer_to_their_own_device_and_have_a_limit(other, gateway):
    body = {"metric_key": "x", "display_name": "X"}
    assert other.post("/devices", json={"device_id": "plain-1"}).status_code == 201
    battery = sensors(other)["battery_pct"]["template_metric"]["id"]
    for device, extra, words in (
            ("plain-1", {"template_metric_id": battery}, "Device has no template; cannot use template_metric_id"),
            ("gw-1", {"template_metric_id": 999999}, "template_metric_id does not belong to device template"),
            ("gw-1", {"device_module_id": 999999}, "device_module_id does not belong to this device")):
        answer = other.post(f"/devices/{device}/sensors", json={**body, **extra})
        assert (answer.status_code, answer.json()["detail"]) == (400, words)
    for i in range(5):
        assert other.post("/devices/plain-1/sensors", json={**body, "metric_key": f"x{i}"}).status_code == 201
    answer = other.post("/devices/plain-1/sensors", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (403, "Sensor limit reached for this device plan")
    other.delete("/devices/plain-1")


def test_transports_have_one_primary(other, gateway):
    base = "/devices/gw-1/transports"
    first = other.get(base).json()["transports"]
    assert [(t["ingestion_protocol"], t["is_primary"]) for t in first] == [("mqtt_direct", True)]
    http = other.post(base, json={"ingestion_protocol": "http_api", "physical_connectivity": "cellular",
                                  "protocol_config": {"path": "/x"}})
    assert http.status_code == 201, http.text
    assert [(t["ingestion_protocol"], t["is_primary"]) for t in other.get(base).json()["transports"]] == [
        ("http_api", True), ("mqtt_direct", False)]
    # The same protocol once more is the same transport.
    again = other.post(base, json={"ingestion_protocol": "http_api", "is_primary": False, "status": "failover"})
    assert again.status_code == 201 and again.json()["id"] == http.json()["id"] and again.json()["status"] == "failover"
    assert sum(t["is_primary"] for t in other.get(base).json()["transports"]) == 1
    one = f"{base}/{http.json()['id']}"
    assert other.put(one, json={"is_primary": True}).json()["is_primary"]
    assert other.put(one, json={}).json()["detail"] == "No fields to update"
    assert other.put(one, json={"carrier_integration_id": 999999}).json()["detail"] == "Carrier integration not found"
    assert other.post(base, json={"ingestion_protocol": "lorawan", "carrier_integration_id": 999999}).status_code == 404
    assert other.delete(one).status_code == 204
    assert [(t["ingestion_protocol"], t["is_primary"]) for t in other.get(base).json()["transports"]] == [("mqtt_direct", True)]
    assert other.delete(one).json()["detail"] == "Transport not found"
    assert other.post(base, json={"ingestion_protocol": "pigeon"}).status_code == 422


def test_secrets_of_a_transport_are_not_told(other, stack, gateway):
    base = "/devices/gw-1/transports"
    config = {"app_key": "s3cret-a", "modem": {"wifiPassword": "s3cret-b", "sim-pin": "s3cret-c"}, "dev_eui": "70B3D5"}
    made = other.post(base, json={"ingestion_protocol": "lorawan", "is_primary": False, "protocol_config": config})
    assert made.status_code == 201 and made.json()["protocol_config"] == config
    one = f"{base}/{made.json()['id']}"
    other.put(one, json={"protocol_config": {**config, "app_key": "s3cret-d"}, "connectivity_config": {"apn_token": "s3cret-e"}})
    def event():
        events = other.get("/audit-log?entity_type=device&entity_id=gw-1&limit=100").json()["events"]
        return next((e for e in events if e["event_type"] == "device.transport_changed"
                     and "lorawan" in e["message"]), None)

    details = wait_for("the event", event)["details"]
    assert details["after"] == {"protocol_config": {"app_key": "***", "modem": {"wifiPassword": "***", "sim-pin": "***"},
                                                    "dev_eui": "70B3D5"}, "connectivity_config": {"apn_token": "***"}}
    assert details["before"]["protocol_config"]["dev_eui"] == "70B3D5"
    assert stack.sql("SELECT count(*) FROM audit_log WHERE to_jsonb(audit_log)::text LIKE '%%s3cret-%%'") == [(0,)]
    assert other.delete(one).status_code == 204


def test_the_older_connection_view(other, gateway):
    path = "/devices/gw-1/connection"
    empty = other.get(path)
    assert empty.json() == {"device_id": "gw-1", "connection": None}
    assert empty.headers["Deprecation"] == "true" and empty.headers["Sunset"].endswith("GMT")
    assert empty.headers["Link"] == '</api/v1/customer/devices/gw-1/transports>; rel="successor-version"'
    set_ = other.put(path, json={"carrier_name": "Hologram", "sim_iccid": "8944500102198304826", "data_limit_mb": 50})
    assert set_.status_code == 200 and set_.json()["connection_type"] == "cellular", set_.text
    assert other.get(path).json()["connection"]["sim_iccid"] == "8944500102198304826"
    assert detail(other)["connection"]["carrier_name"] == "Hologram"
    transport = other.get("/devices/gw-1/transports").json()["transports"][0]
    assert transport["physical_connectivity"] == "cellular" and transport["connectivity_config"]["data_limit_mb"] == 50
    gone = other.delete(path)
    assert gone.status_code == 204 and gone.headers["Deprecation"] == "true"
    assert other.get(path).json()["connection"] is None
    assert other.put(path, json={"billing_cycle_start": 31}).status_code == 422


def test_a_plan_changes_with_its_subscription(other, gateway):
    answer = other.put("/devices/gw-1/plan", json={"plan_id": "standard"})
    assert answer.json() == {"device_id": "gw-1", "plan_id": "standard", "status": "ok"}
    device = detail(other)
    assert device["plan_id"] == "standard" and device["sensor_limit"] == 15
    subscription = other.get(f"/subscriptions/{device['subscription_id']}").json()
    assert subscription["plan_id"] == "standard"
    history = other.get("/subscription/audit").json()["events"]
    assert history[0]["event_type"] == "PLAN_CHANGED" and history[0]["details"]["device_id"] == "gw-1"
    assert other.put("/devices/gw-1/plan", json={"plan_id": "gold"}).json()["detail"] == "Device plan not found"
    assert other.put("/devices/none/plan", json={"plan_id": "basic"}).json()["detail"] == "Device not found"
    for answer in (other.put("/devices/gw-1/tier", json={"tier_id": 1}), other.delete("/devices/gw-1/tier")):
        assert (answer.status_code, answer.json()["detail"]) == (410, "Device tiers were removed. Use device plans instead.")


def test_health_is_kept_from_what_devices_send(other, gateway):
    assert other.get("/devices/gw-1/health/latest").json()["detail"] == "No health telemetry found"
    assert detail(other)["health"] is None
    send(other, gateway, {"battery_pct": 81, "signal_rssi": -71, "uptime_seconds": 3600, "network_type": "LTE-M",
                          "charging": True, "temperature": 3})
    latest = wait_for("health", lambda: (a := other.get("/devices/gw-1/health/latest")).status_code == 200 and a.json())
    assert (latest["battery_pct"], latest["rssi"], latest["uptime_seconds"], latest["network_type"],
            latest["charging"]) == (81, -71, 3600, "LTE-M", True)
    # Within the plan's interval nothing more is kept.
    send(other, gateway, {"battery_pct": 80, "marker": 1})
    wait_for("the second message", lambda: detail(other)["state"].get("marker") == 1)
    health = other.get("/devices/gw-1/health?range=1h").json()
    assert health["total"] == 1 and health["latest"]["battery_pct"] == 81 and health["data_points"][0] == health["latest"]
    assert detail(other)["health"]["battery_pct"] == 81
    # What no column can hold makes no fault: text for a number, a fraction for a count.
    later = int(time.time()) + 600
    send(other, gateway, {"battery_pct": "full", "reboot_count": 1.5, "rssi_dbm": -60, "marker": 2}, ts=later)
    wait_for("the third message", lambda: detail(other)["state"].get("marker") == 2)
    latest = other.get("/devices/gw-1/health/latest").json()
    assert (latest["battery_pct"], latest["reboot_count"], latest["rssi"]) == (None, None, -60)
    assert other.get("/devices/gw-1/health?range=5h").json()["detail"].startswith("Invalid range")


def test_uptime_counts_silences(other, stack, gateway):
    fresh = other.get("/devices/gw-1/uptime").json()
    assert fresh["status"] == "offline" and fresh["range_seconds"] == 86400 and fresh["uptime_pct"] > 99
    # There for ten hours, silent for the last six but one.
    stack.sql("UPDATE device_registry SET created_at = now() - interval '10 hours' WHERE device_id = 'gw-1'")
    tenant = tenant_of(other)
    for hours, kind, reason in ((10, "CONNECTED", "first_seen"), (8, "DISCONNECTED", "client"),
                                (6, "DISCONNECTED", "heartbeat_timeout"), (1, "CONNECTED", "heartbeat_resumed")):
        stack.sql("INSERT INTO device_connection_events (tenant_id, device_id, event_type, \"timestamp\", details) VALUES "
                  f"('{tenant}', 'gw-1', '{kind}', now() - interval '{hours} hours', '{{\"reason\": \"{reason}\"}}')")
    day = other.get("/devices/gw-1/uptime?range=24h").json()
    assert abs(day["offline_seconds"] - 5 * 3600) <= 2, day
    assert abs(day["uptime_pct"] - (100 - 500 / 24)) < 0.1
    assert other.get("/devices/gw-1/uptime?range=2h").status_code == 422
    fleet = other.get("/fleet/uptime-summary").json()
    assert fleet["total_devices"] == fleet["online"] + fleet["offline"] > 0
    assert 0 <= fleet["avg_uptime_pct"] <= 100
    stack.sql("DELETE FROM device_connection_events WHERE device_id = 'gw-1'")


def test_attributes_of_ones_own(other, gateway):
    path = "/devices/gw-1/attributes"
    assert other.get(path).json() == {"device_id": "gw-1", "attributes": {}}
    assert other.put(path, json={"attributes": {"asset": "A-17", "door": {"floor": 3}}}).status_code == 200
    assert other.get(path).json()["attributes"]["door"] == {"floor": 3}
    assert other.put(path, json={"attributes": {"big": "x" * 20_000}}).status_code == 422
    assert other.get("/devices/none/attributes").status_code == 404


def test_parents_make_no_cycle_and_no_tower(other, stack):
    tenant = tenant_of(other)
    names = [f"level-{i:02d}" for i in range(11)]
    for i, name in enumerate(names):
        stack.command("admin", "create-device", "--tenant", tenant, "--id", name, "--site", "levels")
        if 0 < i < 10:
            put = other.patch(f"/devices/{name}", json={"parent_device_id": names[i - 1]})
            assert put.status_code == 200, put.text
    deep = other.patch(f"/devices/{names[10]}", json={"parent_device_id": names[9]})
    assert (deep.status_code, deep.json()["detail"]) == (400, "parent_device_id: at most 10 levels")
    # What hangs below counts, too.
    deep = other.patch(f"/devices/{names[0]}", json={"parent_device_id": names[10]})
    assert deep.json()["detail"] == "parent_device_id: at most 10 levels"
    cycle = other.patch(f"/devices/{names[0]}", json={"parent_device_id": names[5]})
    assert cycle.json()["detail"] == "parent_device_id would make a cycle"
    assert other.patch(f"/devices/{names[5]}", json={"parent_device_id": None}).status_code == 200
    assert detail(other, names[5])["parent_device_id"] is None
    for name in reversed(names):
        other.delete(f"/devices/{name}")


def test_another_tenants_modules_and_sensors_are_not_there(admin, other, gateway):
    module = other.post("/devices/gw-1/modules", json=PROBE).json()["id"]
    sensor = sensors(other)["battery_pct"]["id"]
    for method, path in (("GET", "/devices/gw-1/modules"), ("POST", "/devices/gw-1/modules"),
                         ("DELETE", f"/devices/gw-1/modules/{module}"), ("PUT", f"/sensors/{sensor}"),
                         ("DELETE", f"/sensors/{sensor}"), ("GET", "/devices/gw-1/health"), ("GET", "/devices/gw-1/uptime"),
                         ("PUT", "/devices/gw-1/tier"), ("GET", "/devices/gw-1/connection")):
        answer = admin.request(method, path, json={**PROBE, "status": "inactive", "tier_id": 1})
        assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text}"
    assert sensors(other)["battery_pct"]["status"] == "active"


def test_a_deleted_device_leaves_no_open_jobs(other, stack):
    stack.command("admin", "create-device", "--tenant", tenant_of(other), "--id", "leaver", "--site", "instances")
    job = other.post("/jobs", json={"document_type": "reboot", "target_device_id": "leaver"})
    assert job.status_code == 201, job.text
    assert other.delete("/devices/leaver").status_code == 200
    executions = other.get(f"/jobs/{job.json()['job_id']}").json()["executions"]
    assert [(e["status"], e["status_details"]) for e in executions] == [("REJECTED", {"reason": "device_deleted"})]
    # Who comes by the same id has nothing to do.
    stack.command("admin", "create-device", "--tenant", tenant_of(other), "--id", "leaver", "--site", "instances")
    token = other.post("/devices/leaver/tokens/rotate", json={}).json()["password"]
    pending = requests.get(f"{stack.url}/device/v1/jobs/pending", headers={"X-Provision-Token": token}, timeout=5)
    assert pending.json() == {"jobs": []}
    other.delete("/devices/leaver")


def test_a_decommissioned_device_has_nothing_left_to_do(other, stack):
    stack.command("admin", "create-device", "--tenant", tenant_of(other), "--id", "retired", "--site", "instances")
    job = other.post("/jobs", json={"document_type": "reboot", "target_device_id": "retired", "expires_in_hours": None}).json()
    command = other.post("/devices/retired/commands", json={"command_type": "factory_reset"}).json()["command_id"]
    assert other.patch("/devices/retired/decommission").status_code == 200
    executions = other.get(f"/jobs/{job['job_id']}").json()["executions"]
    assert [(e["status"], e["status_details"]) for e in executions] == [("REJECTED", {"reason": "device_decommissioned"})]
    ended = {c["command_id"]: c["status"] for c in other.get("/devices/retired/commands").json()}
    assert ended[command] in ("expired", "missed")
    # Nothing of it comes when the device is back.
    assert other.patch("/devices/retired/restore").status_code == 200
    token = other.post("/devices/retired/tokens/rotate", json={}).json()["password"]
    for what in ("jobs", "commands"):
        pending = requests.get(f"{stack.url}/device/v1/{what}/pending", headers={"X-Provision-Token": token}, timeout=5)
        assert pending.json() == {what: []}
    other.delete("/devices/retired")


def test_a_template_of_installed_modules_is_in_use(other, gateway):
    module = other.post("/templates", json={"name": "M", "slug": "in-use", "category": "expansion_module"}).json()["id"]
    frame = other.post("/templates", json={"name": "F", "slug": "frame", "category": "gateway"}).json()["id"]
    other.post(f"/templates/{frame}/slots", json={"slot_key": "s", "display_name": "S", "slot_type": "sensor",
                                                  "interface_type": "usb"})
    other.patch("/devices/gw-1", json={"template_id": frame})
    made = other.post("/devices/gw-1/modules", json={"slot_key": "s", "label": "M", "module_template_id": module})
    assert made.status_code == 201, made.text
    assert other.delete(f"/templates/{module}").json()["detail"] == "Template is in use by devices"
    assert other.delete(f"/devices/gw-1/modules/{made.json()['id']}").status_code == 204
    assert other.delete(f"/templates/{module}").status_code == 204
