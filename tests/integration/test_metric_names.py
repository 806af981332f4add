"""Names of metrics: the catalogue, normalized metrics and mappings, and rules that look at them."""

import pytest
import requests
from servers import wait_for


@pytest.fixture
def temperature(admin):
    answer = admin.post("/normalized-metrics", json={"normalized_name": "nm_temp", "display_unit": "°C", "expected_min": -40,
                                                     "expected_max": 60})
    assert answer.status_code == 200, answer.text
    yield answer.json()["metric"]
    admin.delete("/normalized-metrics/nm_temp")


def test_catalogue(admin, customer, other):
    entry = {"metric_name": " nm_cat ", "description": "Air", "unit": "°C", "expected_min": -40, "expected_max": 60}
    put = admin.post("/metrics/catalog", json=entry).json()
    assert put["tenant_id"] == "demo" and put["metric"]["metric_name"] == "nm_cat" and put["metric"]["unit"] == "°C"
    again = admin.post("/metrics/catalog", json={"metric_name": "nm_cat", "unit": "K"}).json()["metric"]
    assert (again["unit"], again["expected_min"], again["created_at"]) == ("K", None, put["metric"]["created_at"])
    assert [m["unit"] for m in customer.get("/metrics/catalog").json()["metrics"] if m["metric_name"] == "nm_cat"] == ["K"]
    assert "nm_cat" not in str(other.get("/metrics/catalog").json())
    blank = admin.post("/metrics/catalog", json={"metric_name": "  "})
    assert (blank.status_code, blank.json()["detail"]) == (400, "metric_name is required")
    odd = admin.post("/metrics/catalog", json={**entry, "expected_min": 61})
    assert (odd.status_code, odd.json()["detail"]) == (400, "expected_min must be <= expected_max")
    assert other.delete("/metrics/catalog/nm_cat").json() == {"detail": "Metric not found"}
    assert admin.delete("/metrics/catalog/nm_cat").json() == {"name": "nm_cat", "deleted": True}
    assert admin.delete("/metrics/catalog/nm_cat").status_code == 404


def test_normalized_metrics(admin, other, temperature):
    assert temperature["display_unit"] == "°C" and temperature["description"] is None
    taken = admin.post("/normalized-metrics", json={"normalized_name": "nm_temp"})
    assert (taken.status_code, taken.json()["detail"]) == (409, "Normalized metric already exists")
    bad = admin.post("/normalized-metrics", json={"normalized_name": "nm_x", "expected_min": 2, "expected_max": 1})
    assert (bad.status_code, bad.json()["detail"]) == (400, "expected_min must be <= expected_max")
    assert admin.post("/normalized-metrics", json={"normalized_name": " nm_x"}).status_code == 422
    one = "/normalized-metrics/nm_temp"
    changed = admin.patch(one, json={"description": "Air", "expected_max": None}).json()["metric"]
    assert (changed["description"], changed["expected_max"], changed["expected_min"]) == ("Air", None, -40)
    assert admin.patch(one, json={}).json() == {"detail": "No fields provided"}
    assert admin.patch(one, json={"expected_max": -41}).json() == {"detail": "expected_min must be <= expected_max"}
    for answer in (other.patch(one, json={"description": "x"}), other.delete(one)):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Normalized metric not found")
    # The same name in two tenants is two metrics.
    assert other.post("/normalized-metrics", json={"normalized_name": "nm_temp"}).status_code == 200
    assert other.delete(one).status_code == 200
    assert [m["description"] for m in admin.get("/normalized-metrics").json()["metrics"]
            if m["normalized_name"] == "nm_temp"] == ["Air"]


def test_mappings(admin, other, temperature):
    put = admin.post("/metric-mappings", json={"raw_metric": "nm_f", "normalized_name": "nm_temp", "multiplier": 0.5})
    assert put.json()["mapping"]["offset_value"] == 0 and put.json()["mapping"]["multiplier"] == 0.5
    one = "/metric-mappings/nm_f"
    assert admin.patch(one, json={"offset_value": -17}).json()["mapping"]["offset_value"] == -17
    assert admin.patch(one, json={}).json() == {"detail": "No fields provided"}
    assert [m["raw_metric"] for m in admin.get("/metric-mappings?normalized_name=nm_temp").json()["mappings"]] == ["nm_f"]
    assert admin.get("/metric-mappings?normalized_name=nothing").json()["mappings"] == []
    for body, status, words in (({"raw_metric": " x", "normalized_name": "nm_temp"}, 400, "Invalid raw metric name"),
                                ({"raw_metric": "x", "normalized_name": "nothing"}, 404, "Normalized metric not found")):
        answer = admin.post("/metric-mappings", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (status, words)
    for answer in (admin.post("/metric-mappings", json={"raw_metric": "x", "normalized_name": "nm_temp", "multiplier": 0}),
                   admin.patch(one, json={"multiplier": 0})):
        assert (answer.status_code, answer.json()["detail"]) == (
            400, "multiplier must not be 0: every value would become offset_value")
    reference = admin.get("/metrics/reference").json()
    assert {"name": "nm_f", "mapped_to": "nm_temp"} in reference["raw_metrics"]
    assert [n["mapped_from"] for n in reference["normalized_metrics"] if n["name"] == "nm_temp"] == [["nm_f"]]
    assert "nm_f" not in reference["unmapped"] and "nm_f" not in str(other.get("/metrics/reference").json())
    assert other.post("/metric-mappings", json={"raw_metric": "nm_f", "normalized_name": "nm_temp"}).status_code == 404
    for answer in (other.patch(one, json={"multiplier": 2}), other.delete(one)):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Metric mapping not found")
    assert admin.delete(one).json() == {"name": "nm_f", "deleted": True}
    assert admin.delete("/metric-mappings/%20x").json() == {"detail": "Invalid raw metric name"}


def test_only_administrators_write(customer, temperature):
    for method, path, body in (("post", "/metrics/catalog", {"metric_name": "x"}), ("delete", "/metrics/catalog/x", None),
                               ("post", "/normalized-metrics", {"normalized_name": "x"}),
                               ("patch", "/normalized-metrics/nm_temp", {"description": "x"}),
                               ("delete", "/normalized-metrics/nm_temp", None),
                               ("post", "/metric-mappings", {"raw_metric": "x", "normalized_name": "nm_temp"}),
                               ("patch", "/metric-mappings/x", {"multiplier": 2}), ("delete", "/metric-mappings/x", None)):
        answer = getattr(customer, method)(path, **({"json": body} if body else {}))
        assert (answer.status_code, answer.json()["detail"]) == (403, "Tenant administrator role required"), path


def test_each_write_is_in_the_audit_log(stack, admin, other):
    admin.post("/metrics/catalog", json={"metric_name": "nm_audit", "unit": "V"})
    admin.post("/normalized-metrics", json={"normalized_name": "nm_audit"})
    admin.patch("/normalized-metrics/nm_audit", json={"description": "Told"})
    admin.post("/metric-mappings", json={"raw_metric": "nm_audit", "normalized_name": "nm_audit", "multiplier": 2})
    admin.patch("/metric-mappings/nm_audit", json={"multiplier": 3})
    # Refused ones leave nothing there.
    admin.patch("/metric-mappings/nm_audit", json={"multiplier": 0})
    admin.post("/normalized-metrics", json={"normalized_name": "nm_audit"})
    admin.delete("/metric-mappings/nm_audit")
    admin.delete("/normalized-metrics/nm_audit")
    admin.delete("/metrics/catalog/nm_audit")

    def log(api):
        return api.get("/audit-log?entity_id=nm_audit&limit=50").json()["events"]
    told = wait_for("the last one", lambda: (found := log(admin)) and len(found) >= 8 and found)
    assert sorted((e["entity_type"], e["action"]) for e in told) == [
        ("metric_catalog", "delete"), ("metric_catalog", "update"), ("metric_mapping", "create"), ("metric_mapping", "delete"),
        ("metric_mapping", "update"), ("normalized_metric", "create"), ("normalized_metric", "delete"),
        ("normalized_metric", "update")]
    assert {e["event_type"] for e in told} == {"config_changed"}
    assert next(e for e in told if e["entity_type"] == "metric_mapping" and e["action"] == "create")[
        "details"]["after"]["multiplier"] == 2
    assert log(other) == []


def test_without_the_permission_nobody_writes(stack, admin, temperature):
    """Not even a service account, which stands for an administrator where it has the permission."""
    account = admin.post("/service-accounts", json={"name": "nm-reader"}).json()["id"]

    def bearer(scopes):
        token = admin.post(f"/service-accounts/{account}/tokens", json={"name": scopes[0], "scopes": scopes}).json()["token"]
        return lambda method, path, body: requests.request(
            method, f"{stack.url}/api/v1/customer{path}", json=body, timeout=10, headers={"Authorization": f"Bearer {token}"})
    reader, writer = bearer(["devices.read"]), bearer(["alerts.rules.write"])
    for method, path, body in (("POST", "/metrics/catalog", {"metric_name": "x"}), ("DELETE", "/metrics/catalog/x", None),
                               ("POST", "/normalized-metrics", {"normalized_name": "x"}),
                               ("PATCH", "/normalized-metrics/nm_temp", {"description": "x"}),
                               ("DELETE", "/normalized-metrics/nm_temp", None),
                               ("POST", "/metric-mappings", {"raw_metric": "x", "normalized_name": "nm_temp"}),
                               ("PATCH", "/metric-mappings/x", {"multiplier": 2}), ("DELETE", "/metric-mappings/x", None)):
        answer = reader(method, path, body)
        assert (answer.status_code, answer.json()["detail"]) == (403, "Permission required: alerts.rules.write"), path
    assert writer("PATCH", "/normalized-metrics/nm_temp", {"description": "By a machine"}).status_code == 200
    assert admin.delete(f"/service-accounts/{account}").status_code == 204


def test_rules_see_a_mapping_at_once(stack, admin, fresh_device, temperature):
    rule = admin.post("/alert-rules", json={"name": "Normal", "metric_name": "nm_temp", "operator": "GT",
                                            "threshold": 30}).json()["rule_id"]

    def sent():
        requests.post(f"{stack.url}/ingest/v1/tenant/demo/device/{fresh_device['device_id']}/telemetry", timeout=5,
                      json={"metrics": {"nm_raw": 100}}, headers={"X-Provision-Token": fresh_device["token"]})
        found = stack.sql("SELECT details FROM fleet_alert WHERE rule_id = %s", (rule,))
        return found and found[0][0]
    admin.post("/metric-mappings", json={"raw_metric": "nm_raw", "normalized_name": "nm_temp", "multiplier": 0.5,
                                         "offset_value": -10})
    details = wait_for("an alert", sent)
    assert (details["metric_name"], details["metric_value"]) == ("nm_temp", 40)
    admin.delete(f"/alert-rules/{rule}")
