"""What clients were promised: every endpoint of tests/contract, with its success, errors, query, permission, and the
fields of its body and of its answer, stands in our OpenAPI document. What is answered is checked against that document
and against the promised fields by all other tests (harness/replay.py)."""

import promises
import pytest

PROMISED = promises.read()
TEMPLATES = "/api/v1/customer/templates/{template_id}"
# Where we differ, and why.
DIFFERENT = {
    ("PUT", "/api/v1/customer/devices/{device_id}/tier"): {"success": 410},  # it is gone, and nothing else is ever answered
    ("DELETE", "/api/v1/customer/devices/{device_id}/tier"): {"success": 410},
    # A change names no key, so no key can be taken.
    ("PUT", TEMPLATES + "/metrics/{metric_id}"): {"errors": [400, 404]},
    ("PUT", TEMPLATES + "/commands/{command_id}"): {"errors": [400, 404]},
    ("PUT", TEMPLATES + "/slots/{slot_id}"): {"errors": [400, 404]}}

# The schema is one of static groups and dynamic ones; of these it is always there.
MAY_BE_NULL = {"query_filter may be null"}


@pytest.mark.parametrize("promised", PROMISED, ids=lambda p: f"{p['method']} {p['path']}")
def test_promised(conformance, promised):
    promised = {**promised, **DIFFERENT.get((promised["method"], promised["path"]), {})}
    operation = conformance.document["paths"].get(promised["path"], {}).get(promised["method"].lower())
    assert operation, "no such endpoint"
    told = {int(status) for status in operation["responses"]}
    assert promised["success"] in told
    assert not set(promised["errors"]) - told
    assert not set(promised["query"]) - {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    schemas = promises.Schemas(conformance.document)
    if promised["body"] is not None:
        for content in operation["requestBody"]["content"].values():
            assert not list(schemas.body_faults(content["schema"], promised["body"]))
    if promised["answer"]:
        content = operation["responses"][str(promised["success"])]["content"]["application/json"]
        assert set(schemas.answer_faults(content["schema"], promised["answer"])) <= MAY_BE_NULL
    assert not promised["permission"] or operation.get("x-permission") == promised["permission"]


def test_all_of_the_fleets_endpoints_are_listed():
    assert sum(1 for _ in (promises.CONTRACT / "fleet.jsonl").open()) == 105


def test_what_is_promised_can_be_missed():
    promised = {"a": "str", "b": "num|null", "list": "array", "list[].c": "bool", "d": "object?", "d.e": "str"}
    good = {"a": "x", "b": None, "list": [{"c": True}, {"c": False}]}
    assert not list(promises.value_faults(good, promised))
    assert not list(promises.value_faults([good["list"][0]], {"[].c": "bool"}))
    bad = {"a": None, "list": [{"c": True}, {"c": 1}, {}], "d": {}}
    assert list(promises.value_faults(bad, promised)) == [
        "a is null", "b is missing", "list[].c is 1, not bool", "list[].c is missing", "d.e is missing"]
