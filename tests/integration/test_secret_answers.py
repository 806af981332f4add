"""Answers that carry a secret say that nobody may store them."""

import re

import pytest

SECRET = re.compile(r"(^|_)(password|secret|token|private_key|private_key_pem|activation_code|ticket)$|^key$")
# What no schema tells: a table with passwords, a link that is the secret.
TABLES = {("POST", "/api/v1/customer/devices/import-jobs/{import_id}/credentials"),
          ("POST", "/api/v1/customer/oncall-schedules/{schedule_id}/feeds")}


def secrets_of(document, schema, seen=frozenset()):
    """Names of the texts in an answer that are secrets, at any depth."""
    if not isinstance(schema, dict):
        return
    if name := schema.get("$ref", "").rsplit("/", 1)[-1]:
        if name not in seen:
            yield from secrets_of(document, document["components"]["schemas"][name], seen | {name})
        return
    for name, member in schema.get("properties", {}).items():
        kinds = [member, *member.get("anyOf", [])]
        if SECRET.search(name) and any("string" in str(k.get("type")) for k in kinds):
            yield name
        yield from secrets_of(document, member, seen)
    for part in (*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])):
        yield from secrets_of(document, part, seen)
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from secrets_of(document, schema[inner], seen)


def successes(conformance):
    for method, path, operation in conformance.operations():
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                yield method, path, answer


def test_each_answer_with_a_secret_is_declared_so(conformance):
    carriers = set(TABLES)
    for method, path, answer in successes(conformance):
        for told in answer.get("content", {}).values():
            if any(secrets_of(conformance.document, told.get("schema"))):
                carriers.add((method, path))
    declared = {(method, path) for method, path, answer in successes(conformance)
                if "Cache-Control" in answer.get("headers", {})}
    assert len(carriers) >= 16, carriers
    assert carriers - declared == set(), "to be declared .secret()"
    assert declared - carriers == set(), "declared .secret(), and carries none"


@pytest.mark.parametrize("schema, found", [
    ({"properties": {"a": {"properties": {"new_provision_token": {"type": "string"}}}}}, ["new_provision_token"]),
    ({"properties": {"rows": {"items": {"properties": {"password": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}}},
     ["password"]),
    ({"properties": {"tokens": {"type": "integer"}, "metric_key": {"type": "string"}, "token_type": {"type": "string"}}}, [])])
def test_what_counts_as_a_secret(conformance, schema, found):
    assert list(secrets_of(conformance.document, schema)) == found


def test_it_is_sent_with_good_and_bad_answers(admin, device):
    made = admin.post("/api-tokens", json={"name": "Not to be stored", "scopes": ["devices.read"]})
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    one = f"/api-tokens/{made.json()['id']}"
    assert admin.post(f"{one}/rotate").headers["Cache-Control"] == "no-store"
    assert admin.delete(one).status_code == 204
    refused = admin.post(f"{one}/rotate")
    assert refused.status_code == 404 and refused.headers["Cache-Control"] == "no-store"
    assert "Cache-Control" not in admin.get("/devices").headers
