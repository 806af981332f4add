"""Templates: metrics, commands, slots, versions, import and export, and what devices make of them."""

import pytest
from servers import wait_for

TEMPLATE = {"name": "Boiler", "slug": "boiler", "category": "edge_device", "manufacturer": "Acme"}
TEMPERATURE = {"metric_key": "water_temp", "display_name": "Water", "data_type": "float", "unit": "°C", "min_value": 0,
               "max_value": 110, "precision_digits": 1, "is_required": True}


@pytest.fixture()
def boiler(other):
    """A template of the tenant's own, and nothing of it afterwards."""
    made = other.post("/templates", json=TEMPLATE)
    assert made.status_code == 201, made.text
    yield made.json()["id"]
    for device in other.get("/devices?include_decommissioned=true&limit=1000").json()["devices"]:
        if device["template_id"] == made.json()["id"]:
            other.delete(f"/devices/{device['device_id']}")
    for template in other.get("/templates?source=tenant").json()["templates"]:
        assert other.delete(f"/templates/{template['id']}").status_code == 204


def system(api, slug):
    return next(t["id"] for t in api.get("/templates?source=system").json()["templates"] if t["slug"] == slug)


def test_systems_gateway_has_everything(other):
    gateway = other.get(f"/templates/{system(other, 'gateway')}").json()
    assert {m["metric_key"] for m in gateway["metrics"][:2]} == {"battery_pct", "signal_rssi"}  # required ones first
    assert [c["command_key"] for c in gateway["commands"]] == ["reboot", "set_interval", "factory_reset"]
    assert gateway["commands"][1]["parameters_schema"]["required"] == ["seconds"]
    slots = {s["slot_key"]: s for s in gateway["slots"]}
    assert slots["onewire"]["max_devices"] == 8 and slots["onewire"]["interface_type"] == "1-wire"
    assert slots["onewire"]["compatible_templates"] == [system(other, "module-temperature-1wire")]
    assert gateway["source"] == "system" and gateway["is_locked"] and gateway["tenant_id"] is None


def test_systems_templates_are_not_changed(other):
    gateway = system(other, "gateway")
    metric = other.get(f"/templates/{gateway}").json()["metrics"][0]["id"]
    calls = [("PUT", f"/templates/{gateway}", {"name": "Mine"}), ("DELETE", f"/templates/{gateway}", None),
             ("POST", f"/templates/{gateway}/metrics", TEMPERATURE),
             ("PUT", f"/templates/{gateway}/metrics/{metric}", {"unit": "V"}),
             ("DELETE", f"/templates/{gateway}/metrics/{metric}", None),
             ("POST", f"/templates/{gateway}/versions/1/restore", None)]
    for method, path, body in calls:
        answer = other.request(method, path, json=body)
        assert (answer.status_code, answer.json()["detail"]) == (403, "Cannot modify a locked system template"), path


def test_parts_are_added_changed_and_deleted(other, boiler):
    kinds = [("metrics", "Metric", TEMPERATURE, {"unit": "K", "max_value": None}),
             ("commands", "Command", {"command_key": "purge", "display_name": "Purge", "parameters_schema":
                                      {"type": "object"}}, {"description": "Empties it", "parameters_schema": None}),
             ("slots", "Slot", {"slot_key": "bus-1", "display_name": "Bus", "slot_type": "sensor", "interface_type": "rs485",
                                "max_devices": 4}, {"max_devices": None, "is_required": True})]
    for path, word, body, change in kinds:
        base = f"/templates/{boiler}/{path}"
        made = other.post(base, json=body)
        assert made.status_code == 201 and made.json() == {**made.json(), **body, "template_id": boiler}, made.text
        again = other.post(base, json=body)
        assert (again.status_code, again.json()["detail"]) == (409, f"{word} key already exists on template")
        one = f"{base}/{made.json()['id']}"
        changed = other.put(one, json=change)
        assert changed.status_code == 200 and changed.json() == {**made.json(), **change}, changed.text
        assert other.put(one, json={}).json()["detail"] == "No fields to update"
        assert other.get(f"/templates/{boiler}").json()[path] == [changed.json()]
        assert other.delete(one).status_code == 204
        gone = other.delete(one)
        assert (gone.status_code, gone.json()["detail"]) == (404, f"{word} not found")
        assert other.put(one, json=change).status_code == 404


def test_a_template_has_room_for_so_many_parts(other, stack, boiler):
    columns = {"metrics": "metric_key, display_name, data_type) SELECT %s, 'm' || n, 'M', 'float'",
               "commands": "command_key, display_name) SELECT %s, 'c' || n, 'C'",
               "slots": "slot_key, display_name, slot_type, interface_type) SELECT %s, 's' || n, 'S', 'sensor', 'gpio'"}
    bodies = {"metrics": TEMPERATURE, "commands": {"command_key": "purge", "display_name": "Purge"},
              "slots": {"slot_key": "bus-1", "display_name": "Bus", "slot_type": "sensor", "interface_type": "rs485"}}
    for kind, rest in columns.items():
        stack.sql(f"INSERT INTO template_{kind} (template_id, {rest} FROM generate_series(1, 499) n", (boiler,))
        assert other.post(f"/templates/{boiler}/{kind}", json=bodies[kind]).status_code == 201
        key = next(iter(bodies[kind]))
        full = other.post(f"/templates/{boiler}/{kind}", json={**bodies[kind], key: "one-more" if kind == "slots" else "more"})
        assert (full.status_code, full.json()["detail"]) == (409, f"A template has at most 500 {kind}")
    document = other.get(f"/templates/{boiler}/export").json()
    document["device_template"]["slug"] = "full"
    whole = other.post("/templates/import", json=document)
    assert whole.status_code == 201 and len(whole.json()["metrics"]) == 500
    assert other.post(f"/templates/{boiler}/clone").status_code == 201
    for kind in columns:
        key = next(iter(bodies[kind]))
        more = {**document, kind: [*document[kind], {**document[kind][0], key: "over"}]}
        refused = other.post("/templates/import", json=more)
        assert refused.status_code == 422, refused.text
        assert [(f["loc"], f["msg"]) for f in refused.json()["detail"]] == [(["body", kind], "must have at most 500 items")]
    # What has more from before is not copied.
    stack.sql("INSERT INTO template_commands (template_id, command_key, display_name) VALUES (%s, 'old', 'Old')", (boiler,))
    refused = other.post(f"/templates/{boiler}/clone")
    assert refused.status_code == 422 and "at most 500" in refused.text


def test_bad_parts_are_refused_by_field(other, boiler):
    for path, body, member in (
            ("metrics", {**TEMPERATURE, "metric_key": "1st"}, "metric_key"),
            ("metrics", {**TEMPERATURE, "data_type": "decimal"}, "data_type"),
            ("metrics", {**TEMPERATURE, "min_value": 200}, "min_value"),
            ("metrics", {**TEMPERATURE, "enum_values": "low"}, "enum_values"),
            ("metrics", {**TEMPERATURE, "precision_digits": 11}, "precision_digits"),
            ("commands", {"command_key": "a-b", "display_name": "x"}, "command_key"),
            ("commands", {"command_key": "ab", "display_name": "x", "parameters_schema": []}, "parameters_schema"),
            ("slots", {"slot_key": "Bus", "display_name": "x", "slot_type": "sensor", "interface_type": "usb"}, "slot_key"),
            ("slots", {"slot_key": "bus", "display_name": "x", "slot_type": "sensor", "interface_type": "usb",
                       "compatible_templates": [boiler]}, "compatible_templates")):
        answer = other.post(f"/templates/{boiler}/{path}", json=body)
        assert answer.status_code == 422 and [f["loc"][-1] for f in answer.json()["detail"]] == [member], answer.text
    metric = other.post(f"/templates/{boiler}/metrics", json=TEMPERATURE).json()["id"]
    # The other bound is the stored one.
    answer = other.put(f"/templates/{boiler}/metrics/{metric}", json={"max_value": -5})
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == "min_value"
    assert other.get(f"/templates/{boiler}").json()["metrics"][0]["max_value"] == 110


def test_templates_change_and_slugs_are_unique(other, boiler):
    changed = other.put(f"/templates/{boiler}", json={"name": "Boiler 2", "model": "B2", "metadata": {"a": 1}})
    assert changed.status_code == 200 and changed.json()["model"] == "B2" and changed.json()["version"] == 2
    assert changed.json()["slug"] == "boiler" and changed.json()["manufacturer"] == "Acme"
    assert other.put(f"/templates/{boiler}", json={"manufacturer": None}).json()["manufacturer"] is None
    assert other.put(f"/templates/{boiler}", json={}).json()["detail"] == "No fields to update"
    second = other.post("/templates", json={**TEMPLATE, "slug": "boiler-2"}).json()["id"]
    taken = other.put(f"/templates/{second}", json={"slug": "boiler"})
    assert (taken.status_code, taken.json()["detail"]) == (409, "Template slug already exists")
    assert other.post("/templates", json=TEMPLATE).status_code == 409


def test_another_tenants_template_is_not_there(admin, other, boiler):
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/clone"), ("GET", "/export"),
                         ("GET", "/versions"), ("POST", "/versions/1/restore"), ("POST", "/metrics")):
        answer = admin.request(method, f"/templates/{boiler}{path}", json=TEMPERATURE if path == "/metrics" else {"name": "x"})
        assert answer.status_code == 404, f"{method} {path}: {answer.text}"
    assert boiler not in [t["id"] for t in admin.get("/templates").json()["templates"]]


def test_required_metrics_become_sensors_of_its_devices(other, boiler):
    assert other.post("/devices", json={"device_id": "boiler-1", "template_id": boiler}).status_code == 201
    metric = other.post(f"/templates/{boiler}/metrics", json=TEMPERATURE).json()["id"]

    def sensor():
        found = [s for s in other.get("/devices/boiler-1/sensors").json()["sensors"] if s["metric_key"] == "water_temp"]
        return found[0] if found else None

    assert sensor()["source"] == "required" and sensor()["unit"] == "°C" and sensor()["max_range"] == 110
    other.put(f"/templates/{boiler}/metrics/{metric}", json={"unit": "K", "display_name": "Hot water"})
    assert sensor()["unit"] == "K" and sensor()["display_name"] == "Hot water"
    other.put(f"/templates/{boiler}/metrics/{metric}", json={"is_required": False})
    assert sensor()["source"] == "optional"
    other.put(f"/templates/{boiler}/metrics/{metric}", json={"is_required": True})
    assert other.delete(f"/templates/{boiler}/metrics/{metric}").status_code == 204
    assert sensor()["source"] == "optional" and sensor()["template_metric"] is None
    used = other.delete(f"/templates/{boiler}")
    assert (used.status_code, used.json()["detail"]) == (409, "Template is in use by devices")
    assert other.get(f"/templates/{boiler}").json()["device_count"] == 1


def test_clones_have_all_parts_and_free_slugs(other, boiler):
    gateway = system(other, "gateway")
    slugs = []
    for _ in range(2):
        copy = other.post(f"/templates/{gateway}/clone")
        assert copy.status_code == 201, copy.text
        slugs.append(copy.json()["slug"])
        source = other.get(f"/templates/{gateway}").json()
        for part, key in (("metrics", "metric_key"), ("commands", "command_key"), ("slots", "slot_key")):
            assert [p[key] for p in copy.json()[part]] == [p[key] for p in source[part]]
        assert copy.json()["slots"][0]["compatible_templates"] == source["slots"][0]["compatible_templates"]
        assert copy.json()["source"] == "tenant" and not copy.json()["is_locked"]
    assert slugs == ["gateway-copy", "gateway-copy2"]


def test_export_and_import_are_each_others_inverse(admin, other, boiler):
    other.post(f"/templates/{boiler}/metrics", json={**TEMPERATURE, "data_type": "enum", "enum_values": ["low", "high"]})
    module = other.post("/templates", json={"name": "M", "slug": "own-module", "category": "expansion_module"}).json()["id"]
    other.post(f"/templates/{boiler}/slots", json={"slot_key": "s", "display_name": "S", "slot_type": "sensor",
                                                   "interface_type": "i2c", "compatible_templates": [module]})
    exported = other.get(f"/templates/{boiler}/export")
    document = exported.json()
    assert 'filename="boiler.template.json"' in exported.headers["Content-Disposition"]
    assert document["slots"][0]["compatible_slugs"] == ["own-module"] and "id" not in document["metrics"][0]
    # The other company has no such module.
    refused = admin.post("/templates/import", json=document)
    assert refused.status_code == 422 and "own-module" in refused.text
    assert other.post("/templates/import", json=document).status_code == 409
    document["device_template"]["slug"] = "boiler-again"
    made = other.post("/templates/import", json=document)
    assert made.status_code == 201, made.text
    assert other.get(f"/templates/{made.json()['id']}/export").json() == document
    for fault, member in ((lambda d: d.update(format="zip"), "format"),
                          (lambda d: d["metrics"].append(d["metrics"][0]), "metrics"),
                          (lambda d: d["metrics"][0].update(metric_key="?"), "metric_key")):
        broken = other.get(f"/templates/{boiler}/export").json()
        fault(broken)
        answer = other.post("/templates/import", json=broken)
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] == member, answer.text


def test_each_change_is_a_version_and_can_be_had_back(other, boiler):
    metric = other.post(f"/templates/{boiler}/metrics", json=TEMPERATURE).json()["id"]
    other.post("/devices", json={"device_id": "boiler-2", "template_id": boiler})
    other.put(f"/templates/{boiler}", json={"name": "Renamed", "slug": "renamed"})
    other.post(f"/templates/{boiler}/metrics", json={**TEMPERATURE, "metric_key": "flow", "is_required": False})
    other.put(f"/templates/{boiler}/metrics/{metric}", json={"unit": "K"})
    versions = other.get(f"/templates/{boiler}/versions").json()["versions"]
    assert [v["version"] for v in versions] == [5, 4, 3, 2, 1]
    assert versions[0]["changed_by"] and len(versions[-1]["document"]["metrics"]) == 0
    back = other.post(f"/templates/{boiler}/versions/2/restore")
    assert back.status_code == 200, back.text
    assert back.json()["name"] == "Boiler" and back.json()["slug"] == "renamed" and back.json()["version"] == 6
    # The metric is the same one: its sensors stay its own.
    assert [(m["id"], m["unit"]) for m in back.json()["metrics"]] == [(metric, "°C")]
    sensors = other.get("/devices/boiler-2/sensors").json()["sensors"]
    assert [s["template_metric"]["id"] for s in sensors if s["metric_key"] == "water_temp"] == [metric]
    assert other.post(f"/templates/{boiler}/versions/99/restore").json()["detail"] == "Version not found"


def test_changes_are_told(other, boiler):
    other.put(f"/templates/{boiler}", json={"name": "Told"})
    def event():
        events = other.get(f"/audit-log?entity_type=template&entity_id={boiler}").json()["events"]
        return next((e for e in events if e["event_type"] == "template.updated"), None)

    told = wait_for("the event", event)
    assert told["details"]["before"] == {"name": "Boiler"} and told["details"]["after"] == {"name": "Told"}


def test_messages_are_checked_against_a_template(other, boiler):
    other.post(f"/templates/{boiler}/metrics", json=TEMPERATURE)
    other.post(f"/templates/{boiler}/metrics", json={"metric_key": "mode", "display_name": "Mode", "data_type": "enum",
                                                     "enum_values": ["eco", "full"]})
    for key, kind in (("starts", "integer"), ("burning", "boolean")):
        other.post(f"/templates/{boiler}/metrics", json={"metric_key": key, "display_name": key, "data_type": kind})
    check = f"/templates/{boiler}/validate"
    good = other.post(check, json={"metrics": {"water_temp": 60, "mode": "eco", "starts": 3, "burning": True}})
    assert good.json() == {"valid": True, "problems": []}
    bad = other.post(check, json={"metrics": {"water_temp": 140, "mode": "off", "starts": 1.5, "burning": 1, "smoke": 2}}).json()
    assert not bad["valid"]
    assert [(p["metric"], p["level"], p["message"]) for p in bad["problems"]] == [
        ("water_temp", "warning", "is above the greatest value, 110 °C"), ("mode", "error", "must be one of eco, full"),
        ("starts", "error", "must be a whole number"), ("burning", "error", "must be true or false"),
        ("smoke", "warning", "is no metric of the template: it becomes an unmodeled sensor")]
    assert other.post(check, json={"metrics": {}}).json() == {"valid": True, "problems": [
        {"metric": "water_temp", "level": "warning", "message": "is required and missing"}]}
