"""Devices, tokens, sites, templates and tags, as a customer uses them."""

import time

import pytest
import requests
from servers import wait_for


@pytest.fixture(scope="module")
def fleet(other):
    """Twelve devices at two sites in a tenant of its own."""
    for site in ("east", "west"):
        assert other.post("/sites", json={"site_id": site, "name": f"Site {site}"}).status_code == 201
    for i in range(12):
        made = other.post("/devices", json={"device_id": f"unit-{i:02d}", "site_id": "east" if i % 2 else "west",
                                            "name": f"Unit {i} 100%_sure" if i == 3 else f"Unit {i}"})
        assert made.status_code == 201, made.text
        assert made.json()["status"] == "created" and made.json()["plan_id"] == "basic"
    return other


def ids(answer):
    return [d["device_id"] for d in answer.json()["devices"]]


def test_list_is_ordered_paged_and_counted(fleet):
    first = fleet.get("/devices?limit=5")
    assert first.json()["total"] == 12 and len(ids(first)) == 5
    second = fleet.get("/devices?limit=5&offset=5")
    third = fleet.get(f"/devices?limit=5&cursor={first.json()['next_cursor']}")
    assert ids(third) == ids(second) and third.json()["total"] == 12
    everything = ids(fleet.get("/devices?limit=100"))
    assert everything == [f"unit-{i:02d}" for i in range(1, 12, 2)] + [f"unit-{i:02d}" for i in range(0, 12, 2)]


def test_filters_and_search(fleet):
    assert len(ids(fleet.get("/devices?site_id=east"))) == 6
    assert ids(fleet.get("/devices?q=UNIT-07")) == ["unit-07"]
    # Wildcards of SQL are plain characters here.
    assert ids(fleet.get("/devices", params={"q": "100%_"})) == ["unit-03"]
    assert ids(fleet.get("/devices", params={"q": "%"})) == ["unit-03"]
    assert len(ids(fleet.get("/devices?status=OFFLINE"))) == 12 and ids(fleet.get("/devices?status=ONLINE")) == []
    assert fleet.get("/devices?status=SLEEPING").status_code == 400
    assert ids(fleet.get("/devices?sort=-device_id&limit=1")) == ["unit-11"]
    assert fleet.get("/devices?sort=colour").status_code == 400
    faults = fleet.get("/devices?limit=0&offset=-1").json()["detail"]
    assert {f["loc"][-1] for f in faults} == {"limit", "offset"}


def test_bad_input_names_every_field(fleet):
    answer = fleet.post("/devices", json={"device_id": "no spaces", "site_id": "a/b", "template_id": "x"})
    assert answer.status_code == 422
    assert {f["loc"][-1] for f in answer.json()["detail"]} >= {"template_id"}
    answer = fleet.post("/devices", json={"device_id": "no spaces", "site_id": "a/b"})
    assert {f["loc"][-1] for f in answer.json()["detail"]} == {"device_id", "site_id"}
    for body, status, detail in (
            ({"device_id": "n1", "plan_id": "gold"}, 400, "Invalid plan_id"),
            ({"device_id": "n1", "template_id": 999999}, 404, "Template not found"),
            ({"device_id": "n1", "site_id": "nowhere"}, 404, "Site not found"),
            ({"device_id": "n1", "parent_device_id": "ghost"}, 400, "Parent device not found"),
            ({"device_id": "unit-01"}, 409, "Device already exists")):
        answer = fleet.post("/devices", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (status, detail)


def test_change_decommission_restore_delete_and_create_anew(fleet):
    changed = fleet.patch("/devices/unit-05", json={"name": "Boiler", "latitude": 51.5, "longitude": 0.1,
                                                    "tags": [" hot ", "hot", "roof"]})
    assert changed.status_code == 200, changed.text
    device = changed.json()["device"]
    assert (device["name"], device["model"], device["location_source"]) == ("Boiler", "Boiler", "manual")
    assert device["tags"] == ["hot", "roof"]
    assert ids(fleet.get("/devices?tags=hot,roof")) == ["unit-05"] and ids(fleet.get("/devices?tags=hot,cold")) == []
    assert fleet.patch("/devices/unit-05", json={}).json()["detail"] == "No fields provided"
    assert fleet.patch("/devices/unit-05", json={"latitude": 91}).status_code == 422

    assert fleet.patch("/devices/unit-05/decommission").status_code == 200
    assert fleet.patch("/devices/unit-05/decommission").status_code == 404
    assert "unit-05" not in ids(fleet.get("/devices?limit=100"))
    assert "unit-05" in ids(fleet.get("/devices?limit=100&include_decommissioned=true"))
    assert fleet.patch("/devices/unit-05/restore").status_code == 200
    assert "unit-05" in ids(fleet.get("/devices?limit=100"))

    assert fleet.delete("/devices/unit-05").json() == {"device_id": "unit-05", "status": "deleted"}
    assert fleet.get("/devices/unit-05").status_code == 404
    assert fleet.post("/devices", json={"device_id": "unit-05", "site_id": "east"}).status_code == 201


def test_tokens_rotate_with_grace_and_end_at_once_when_revoked(stack, fleet):
    def send(token):
        return requests.post(f"{stack.url}/ingest/v1/tenant/other/device/unit-00/telemetry", timeout=10,
                             headers={"X-Provision-Token": token}, json={"metrics": {"t": 1}}).status_code

    first = fleet.post("/devices/unit-00/tokens/rotate", json={"label": "one"}).json()
    assert first["username"] == "other/unit-00" and first["broker_url"].startswith("mqtt://")
    assert first["client_id"].startswith("other-unit-00-")
    assert send(first["password"]) == 202
    second = fleet.post("/devices/unit-00/tokens/rotate?grace_hours=1", json={}).json()
    assert send(first["password"]) == 202 and send(second["password"]) == 202
    third = fleet.post("/devices/unit-00/tokens/rotate", json={}).json()
    assert send(second["password"]) == 401 and send(third["password"]) == 202
    tokens = fleet.get("/devices/unit-00/tokens").json()
    assert tokens["total"] == 1 and third["password"] not in str(tokens)
    token_id = tokens["tokens"][0]["id"]
    assert fleet.delete(f"/devices/unit-00/tokens/{token_id}").status_code == 204
    assert fleet.delete(f"/devices/unit-00/tokens/{token_id}").status_code == 404
    assert send(third["password"]) == 401
    stored = stack.sql("SELECT token_hash FROM device_api_tokens WHERE tenant_id = 'other'")
    assert all(len(h) == 64 and h != third["password"] for (h,) in stored)


def test_sites_are_created_changed_and_kept_while_in_use(fleet):
    assert fleet.post("/sites", json={"site_id": "east", "name": "Again"}).status_code == 409
    assert fleet.patch("/sites/east", json={"location": "Leipzig"}).json()["location"] == "Leipzig"
    assert fleet.patch("/sites/east", json={"location": None}).json()["location"] is None
    assert fleet.delete("/sites/east").status_code == 409
    assert fleet.post("/sites", json={"site_id": "empty", "name": "Empty"}).status_code == 201
    assert fleet.delete("/sites/empty").status_code == 204 and fleet.get("/sites/empty").status_code == 404
    summary = fleet.get("/sites/west/summary").json()
    assert summary["device_count"] == len(summary["devices"]) == 6


def test_templates_are_cloned_into_slugs_that_are_free(fleet):
    system = [t for t in fleet.get("/templates?source=system").json()["templates"] if t["slug"] == "tank-level"][0]
    assert system["is_locked"]
    first = fleet.post(f"/templates/{system['id']}/clone")
    assert first.status_code == 201 and first.json()["slug"] == "tank-level-copy" and first.json()["metrics"]
    shown = fleet.get(f"/templates/{first.json()['id']}").json()
    assert shown["slug"] == "tank-level-copy" and not shown["is_locked"] and shown["metrics"] == first.json()["metrics"]
    assert fleet.post(f"/templates/{system['id']}/clone").json()["slug"] == "tank-level-copy2"
    assert fleet.post("/templates", json={"name": "X", "slug": "tank-level-copy", "category": "gateway"}
                      ).status_code == 409
    bad = fleet.post("/templates", json={"name": "", "slug": "Bad Slug", "category": "robot"})
    assert {f["loc"][-1] for f in bad.json()["detail"]} == {"name", "slug", "category"}


def test_a_templates_required_metrics_become_sensors(fleet):
    system = [t for t in fleet.get("/templates?source=system").json()["templates"]
              if t["slug"] == "cold-chain-logger"][0]
    assert fleet.post("/devices", json={"device_id": "cold", "template_id": system["id"]}).status_code == 201
    sensors = fleet.get("/devices/cold/sensors").json()
    assert sensors["total"] > 0 and all(s["source"] == "required" for s in sensors["sensors"])
    assert fleet.get("/devices/cold").json()["device"]["template"]["slug"] == "cold-chain-logger"


def test_each_change_leaves_an_audit_event(stack, fleet):
    events = wait_for("audit events", lambda: stack.sql(
        "SELECT event_type, actor_name, request_id IS NOT NULL FROM audit_log WHERE tenant_id = 'other' "
        "AND category IN ('device', 'site', 'template')"), 5)
    time.sleep(2)
    kinds = {e[0] for e in stack.sql("SELECT event_type FROM audit_log WHERE tenant_id = 'other'")}
    assert {"device.created", "device.updated", "device.decommissioned", "device.restored", "device.deleted",
            "device.token_rotated", "device.token_revoked", "site.created", "site.deleted",
            "template.cloned"} <= kinds
    assert all(name == "other1" and has_id for _, name, has_id in events)
