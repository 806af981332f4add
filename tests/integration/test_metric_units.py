"""Names and units of metrics from the device's template, and the list of devices out of service."""

import json

from ingest import post
from servers import wait_for


def created(stack, customer, device_id, template=None):
    made = json.loads(stack.command("admin", "create-device", "--tenant", "demo", "--id", device_id, "--site",
                                    "warehouse-north").stdout)
    if template:
        assign(customer, device_id, template)
    return made


def assign(customer, device_id, slug):
    templates = customer.get("/templates?source=system").json()["templates"]
    number = next(t["id"] for t in templates if t["slug"] == slug)
    assert customer.patch(f"/devices/{device_id}", json={"template_id": number}).status_code == 200


def metrics(customer, device_id):
    told = customer.get(f"/devices/{device_id}/telemetry/metrics").json()["metrics"]
    return {m["metric_key"]: m for m in told}


def send(stack, customer, made, **values):
    assert post(stack, made, {"metrics": values}).status_code == 202
    wait_for("the metrics", lambda: set(values) <= set(metrics(customer, made["device_id"])), 20)


def row(customer, device_id):
    return next(d for d in customer.get(f"/devices?q={device_id}").json()["devices"])


def test_optional_metrics_are_named_by_the_template(stack, customer):
    made = created(stack, customer, "units-meter", "energy-meter")
    send(stack, customer, made, voltage=230.1, current=3.2, own_thing=1)
    told = metrics(customer, "units-meter")
    assert (told["voltage"]["unit"], told["current"]["unit"], told["own_thing"]["unit"]) == ("V", "A", None)
    assert told["voltage"]["max_range"] == 500 and told["voltage"]["precision_digits"] == 1
    assert told["current"]["display_name"] == "Current"
    units = {"power": "W", "energy": "kWh", "voltage": "V", "current": "A"}
    assert row(customer, "units-meter")["units"] == units
    assert customer.get("/devices/units-meter").json()["device"]["units"] == units
    sources = {s["metric_key"]: s["source"] for s in customer.get("/devices/units-meter/sensors").json()["sensors"]}
    assert sources["voltage"] == "optional" and sources["own_thing"] == "unmodeled" and sources["power"] == "required"


def test_a_template_that_comes_later_names_what_was_sent_before(stack, customer):
    made = created(stack, customer, "units-late")
    send(stack, customer, made, heading=90, speed=12)
    assert row(customer, "units-late")["units"] == {}
    assign(customer, "units-late", "gps-tracker")
    told = metrics(customer, "units-late")
    assert told["heading"]["unit"] == "°" and told["speed"]["unit"] == "km/h"
    assert row(customer, "units-late")["units"]["heading"] == "°"


def test_every_metric_of_a_system_template_has_a_unit_or_needs_none(stack):
    without = stack.sql("SELECT DISTINCT metric_key FROM template_metrics m JOIN device_templates t ON t.id = template_id "
                        "WHERE t.tenant_id IS NULL AND unit IS NULL ORDER BY 1")
    assert [r[0] for r in without] == ["door_open", "openings"]


def test_only_decommissioned_devices_can_be_listed(stack, customer):
    def ids(query):
        return {d["device_id"] for d in customer.get(f"/devices?limit=1000&{query}").json()["devices"]}

    others = ids("decommissioned=true")
    created(stack, customer, "retired-1")
    assert customer.patch("/devices/retired-1/decommission").status_code == 200
    assert ids("decommissioned=true") == others | {"retired-1"}
    assert "retired-1" not in ids("decommissioned=false&include_decommissioned=true")
    assert "retired-1" in ids("include_decommissioned=true") and "retired-1" not in ids("")
    assert customer.patch("/devices/retired-1/restore").status_code == 200
    assert ids("decommissioned=true") == others and "retired-1" in ids("")
