"""What the document says of ingest and of parameters, and what a batch says of shapes."""

import jsonschema
import pytest
from ingest import batch, item, post


@pytest.fixture(scope="module")
def document(conformance):
    return conformance.document


def operation(document, path, method="post"):
    return document["paths"][path][method]


ONE, BATCH = "/ingest/v1/tenant/{tenant_id}/device/{device_id}/{msg_type}", "/ingest/v1/batch"


def faults(document, schema, value):
    whole = {**schema, "components": document["components"]}
    return [e.message for e in jsonschema.Draft202012Validator(whole).iter_errors(value)]


def test_the_body_of_one_message_is_described(document, stack, device):
    body = operation(document, ONE)["requestBody"]
    assert body["required"] and set(body["content"]) == {"application/json", "application/cbor"}
    schema = body["content"]["application/json"]["schema"]
    for good in ({"metrics": {"t": 1}},
                 {"version": "1", "ts": "2026-01-01T00:00:00Z", "seq": 1, "metrics": {"t": True}},
                 {"ts": 1767225600, "lat": 1.5, "lng": 2, "metrics": {"t": "a"}},
                 body["content"]["application/json"]["example"] | {"site_id": device["site_id"]}):
        assert faults(document, schema, good) == []
        assert post(stack, device, {**good, "seq": 0}).status_code == 202
    for bad in ([], {"seq": "x", "metrics": {}}, {"metrics": []}, {"lat": 91, "lng": 0}, {"site_id": 5}):
        assert faults(document, schema, bad) != []
        assert post(stack, device, bad).status_code == 422, bad


def test_the_body_of_a_batch_is_described(document, device):
    schema = operation(document, BATCH)["requestBody"]["content"]["application/json"]["schema"]
    assert faults(document, schema, {"messages": [item(device, 1)]}) == []
    for bad in ({}, {"messages": []}, {"messages": [{}]}, {"messages": [item(device)] * 101},
                {"messages": [item(device, msg_type="x")]}, {"messages": [item(device, provision_token=5)]}):
        assert faults(document, schema, bad) != [], bad


def test_the_token_is_a_header_parameter(document):
    header = [p for p in operation(document, ONE)["parameters"] if p["in"] == "header"]
    assert [(p["name"], p["required"]) for p in header] == [("X-Provision-Token", True)]
    assert {p["name"] for p in operation(document, ONE)["parameters"] if p["in"] == "path"} \
        == {"tenant_id", "device_id", "msg_type"}
    assert "415" not in operation(document, ONE)["responses"] and "413" in operation(document, ONE)["responses"]


def test_a_parameter_that_must_be_there_is_required(document, customer, device):
    told = {p["name"]: p["required"] for p in
            operation(document, "/api/v1/customer/devices/{device_id}/telemetry/history", "get")["parameters"]}
    assert told["metric"] and told["device_id"] and not told["range"] and not told["points"]
    for query in ("", "?" + "&".join(f"metric=m{i}" for i in range(51))):
        answer = customer.get(f"/devices/{device['device_id']}/telemetry/history{query}")
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["query", "metric"]


@pytest.mark.parametrize("change, reason", [
    ({"ts": []}, "INVALID_PAYLOAD:ts"), ({"seq": "x"}, "INVALID_PAYLOAD:seq"),
    ({"provision_token": 5}, "INVALID_PAYLOAD:provision_token"), ({"tenant_id": 5}, "INVALID_PAYLOAD:tenant_id"),
    ({"device_id": None}, "INVALID_PAYLOAD:device_id"), ({"msg_type": {}}, "INVALID_PAYLOAD:msg_type")],
    ids=lambda v: str(v))
def test_a_wrong_shape_in_a_batch_is_told_in_words(stack, device, change, reason):
    answer = batch(stack, {**item(device), **change}, item(device))
    assert answer.status_code == 202
    wrong, right = answer.json()["results"]
    assert (wrong["status"], wrong["reason"]) == ("rejected", reason) and wrong["detail"]
    assert right["status"] == "accepted" and right["detail"] is None


def test_what_is_no_message_at_all(stack, device):
    answer = batch(stack, 5, item(device, provision_token=""), item(device))
    assert [(r["reason"], bool(r["detail"])) for r in answer.json()["results"]] \
        == [("INVALID_PAYLOAD", True), ("TOKEN_MISSING", False), (None, False)]
