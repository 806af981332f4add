"""What clients were promised: every endpoint of tests/contract, with its success, errors, query and permission, stands in
our OpenAPI document. What is answered is checked against that document by all other tests."""

import json

import pytest
from servers import ROOT

PROMISED = [json.loads(line) for file in sorted((ROOT / "tests/contract").glob("*.jsonl"))
            for line in file.read_text().splitlines()]
TEMPLATES = "/api/v1/customer/templates/{template_id}"
# Where we differ, and why.
DIFFERENT = {
    ("PUT", "/api/v1/customer/devices/{device_id}/tier"): {"success": 410},  # it is gone, and nothing else is ever answered
    ("DELETE", "/api/v1/customer/devices/{device_id}/tier"): {"success": 410},
    # A change names no key, so no key can be taken.
    ("PUT", TEMPLATES + "/metrics/{metric_id}"): {"errors": [400, 404]},
    ("PUT", TEMPLATES + "/commands/{command_id}"): {"errors": [400, 404]},
    ("PUT", TEMPLATES + "/slots/{slot_id}"): {"errors": [400, 404]}}


@pytest.mark.parametrize("promised", PROMISED, ids=lambda p: f"{p['method']} {p['path']}")
def test_promised(conformance, promised):
    promised = {**promised, **DIFFERENT.get((promised["method"], promised["path"]), {})}
    operation = conformance.document["paths"].get(promised["path"], {}).get(promised["method"].lower())
    assert operation, "no such endpoint"
    told = {int(status) for status in operation["responses"]}
    assert promised["success"] in told
    assert not set(promised["errors"]) - told
    assert not set(promised["query"]) - {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    assert not promised["body"] or "requestBody" in operation
    assert not promised["permission"] or operation.get("x-permission") == promised["permission"]


def test_all_of_the_fleets_endpoints_are_listed():
    assert sum(1 for _ in (ROOT / "tests/contract/fleet.jsonl").open()) == 105
