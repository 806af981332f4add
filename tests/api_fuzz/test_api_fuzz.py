"""Schemathesis over the whole OpenAPI document, as a tenant's administrator and as an operator.

Each operation gets what its schema allows, what it forbids, and the edges of both; every answer must be one that
the document promises, in status, type, schema and headers, and never an error of ours. Path parameters mostly
lead to what exists, so that more is reached than the 404. Leaves build/reports/api-fuzz.json."""

import json
import subprocess

import cbor2
import pytest
import requests
import schemathesis
from callers import SPARE_TENANTS, TENANT
from fitting import BEFORE, MEMBERS, QUERIES, fit, fit_headers, fit_query, prepare
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (content_type_conformance, response_headers_conformance,
                                               response_schema_conformance, status_code_conformance)
from servers import PULSE, environment

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
          response_headers_conformance]
SEED = 20260131
EXAMPLES = 30
# Refused for who calls before anything else is looked at, or the same for everybody: a few are enough.
EXAMPLES_ELSEWHERE = 5
# Each waits for an event, or for as long as below.
EXAMPLES_OF_STREAMS = 10
STREAM_SECONDS = 1

# They end the session that calls, so somebody else calls, with a new token whenever the last one was ended.
ENDS_ITS_CALLER = {"DELETE /api/v1/customer/sessions", "DELETE /api/v1/customer/sessions/{session_id}",
                   "GET /logout", "GET /realms/pulse/protocol/openid-connect/logout",
                   "POST /realms/pulse/protocol/openid-connect/logout",
                   "POST /realms/pulse/protocol/openid-connect/revoke"}
# A token belongs to whoever made it.
OF_THE_LEAVER = {"POST /api/v1/customer/api-tokens/{token_id}/rotate", "DELETE /api/v1/customer/api-tokens/{token_id}"}
# What is signed once a tenant has a key is no longer taken unsigned: the others go on without one.
OF_A_SIGNER = {f"{method} /api/v1/customer/firmware/signing-key" for method in ("GET", "PUT", "DELETE")}
# A tenant may register 30 devices a minute and begin 12 imports, so several tenants take turns.
IN_TURNS = {"POST /api/v1/customer/devices", "POST /api/v1/customer/devices/import-jobs"}
STREAMS = {"GET /api/v1/customer/telemetry/stream/sse"}
# They want more than a request has here; other tests open WebSockets, and renew a browser's session.
NEVER_SUCCEEDS = {"GET /api/v1/customer/telemetry/stream", "GET /api/v2/ws", "GET /mqtt", "POST /api/auth/refresh",
                  # This wants a device that has taken its update.
                  "POST /api/v1/customer/ota/campaigns/{campaign_id}/rollback",
                  # Tiers are gone.
                  "PUT /api/v1/customer/devices/{device_id}/tier", "DELETE /api/v1/customer/devices/{device_id}/tier",
                  # These want a carrier behind them.
                  "GET /api/v1/customer/carrier/integrations/{integration_id}/plans",
                  "POST /api/v1/customer/devices/{device_id}/carrier/actions/{action}",
                  "POST /api/v1/customer/devices/{device_id}/carrier/provision"}
# What is asked for by its id, and then is no more, or has no room for another.
TAKES_AWAY = ("DELETE", "purge", "decommission", "disable", "restore", "/complete", "/{device_id}/revoke",
              "/certificates/csr")
# An import that is cancelled can still be asked for.
STAYS = {"DELETE /api/v1/customer/devices/import-jobs/{import_id}"}


def document() -> dict:
    return json.loads(subprocess.run([str(PULSE), "openapi"], check=True, capture_output=True, text=True,
                                     env=environment({})).stdout)


DOCUMENT = document()


@schemathesis.serializer("application/cbor")
def in_cbor(_, value):
    """What the schema makes, in the other form that ingest takes it."""
    return cbor2.dumps(value)


def schema_for(caller: str):
    # The customer's run has what asks for no caller of ours, too.
    others = "^/api/v1/operator/" if caller == "customer" else "^(?!/api/v1/operator/)"
    operations = [{"include-path-regex": others, "generation": {"max-examples": EXAMPLES_ELSEWHERE},
                   "phases": {"coverage": {"enabled": False}}},
                  {"include-name": sorted(STREAMS), "request-timeout": STREAM_SECONDS, "max-stream-events": 1,
                   "generation": {"max-examples": EXAMPLES_OF_STREAMS}}]
    config = schemathesis.Config.from_dict({
        "seed": SEED, "max-redirects": 0, "request-timeout": 20, "operations": operations,
        "generation": {"mode": "all", "max-examples": EXAMPLES, "no-shrink": True, "database": "none",
                       "with-security-parameters": False}})
    return schemathesis.openapi.from_dict(DOCUMENT, config=config)


customer_schema = schema_for("customer")
operator_schema = schema_for("operator")
_turn = 0


def caller_of(caller: str, operation: str) -> str:
    if operation in ENDS_ITS_CALLER or operation in OF_THE_LEAVER:
        return "fuzz-leaver" if caller == "customer" else "fuzz-staff-leaver"
    if operation in OF_A_SIGNER and caller == "customer":
        return f"{TENANT}-0-admin"
    if operation in IN_TURNS and caller == "customer":
        return f"{TENANT}-{_turn}-admin"
    return f"fuzz-{'admin' if caller == 'customer' else 'operator'}"


def credentials(callers, name: str, operation: dict) -> dict:
    if operation["x-access"] == "device":
        return {"X-Provision-Token": callers.device["token"]}
    if operation["x-access"] == "internal":
        return {"X-Internal-Auth": callers.stack.settings["MQTT_INTERNAL_AUTH_SECRET"]}
    if any(parameter["name"] == "X-Admin-Key" for parameter in operation.get("parameters", [])):
        return {"X-Admin-Key": callers.stack.settings["PROVISION_ADMIN_KEY"]}
    return callers.bearer(name)


def lead_to_something(case, things, number: int) -> dict:
    """Three in four valid paths lead to what exists."""
    parameters = [part[1:-1] for part in case.path.split("/") if part.startswith("{")]
    if not parameters or number % 4 == 3 or case.meta.is_negative_at(ParameterLocation.PATH):
        return {}
    found = things.fill(case.path, parameters)
    case.path_parameters = dict(found)
    return found


def takes_away(operation: str) -> bool:
    return operation not in STAYS and any(word in operation for word in TAKES_AWAY)


def beyond_us(entry: dict, status: int) -> bool:
    """Said of who is behind us: a carrier that can't be reached. Only where the document promises it."""
    return status == 502 and "502" in entry["responses"]


def after(operation: str, name: str, status: int, callers):
    """The next call of this operation is another's where this one ended its caller, or its turn."""
    global _turn
    if operation in ENDS_ITS_CALLER and status < 400:
        callers.forget(name)
    if operation in IN_TURNS and status == 429:
        _turn = (_turn + 1) % SPARE_TENANTS


def ask(case, caller: str, callers, things, recorder):
    operation = case.operation.label
    entry = DOCUMENT["paths"][case.path][operation.split()[0].lower()]
    number = recorder.count(caller, operation)
    found = lead_to_something(case, things, number)
    name = caller_of(caller, operation)
    prepare(operation, found, name, callers, things)
    if number % 2 == 0 and not case.meta.is_negative_at(ParameterLocation.BODY):
        case.body = fit(operation, case.body, things)
    if number % 2 == 0 and not case.meta.is_negative_at(ParameterLocation.QUERY):
        case.query = fit_query(operation, case.query, things)
    if number % 2 == 0 and not case.meta.is_negative_at(ParameterLocation.HEADER):
        case.headers = fit_headers(operation, case.headers, found, name, callers)
    try:
        response = case.call(base_url=callers.stack.url, session=callers.session_for(entry),
                             headers=credentials(callers, name, entry))
    except requests.RequestException as e:
        recorder.failed(caller, operation, "answers at all", None, repr(e)[:300], case.as_curl_command(base_url=callers.stack.url))
        return
    status = response.status_code
    recorder.answered(caller, operation, status, bool(found), case.method, case.media_type)
    try:
        case.validate_response(response, checks=CHECKS[1:] if beyond_us(entry, status) else CHECKS)
    except FailureGroup as group:
        curl = case.as_curl_command(base_url=callers.stack.url)
        for failure in group.exceptions:
            recorder.failed(caller, operation, failure.title, status,
                            f"{failure.message[:400]} {response.text_lossy()[:300]}", curl[:1500])
    if found and (status == 404 or (status < 300 and takes_away(operation))):
        things.gone(case.path, found)
    after(operation, name, status, callers)


@customer_schema.parametrize()
def test_customer(case, callers, things, recorder):
    ask(case, "customer", callers, things, recorder)


@operator_schema.parametrize()
def test_operator(case, callers, things, recorder):
    ask(case, "operator", callers, things, recorder)


def test_the_document_is_the_one_that_is_served(stack):
    assert requests.get(f"{stack.url}/openapi.json", timeout=10).json() == DOCUMENT


@pytest.mark.parametrize("names", [ENDS_ITS_CALLER, OF_THE_LEAVER, OF_A_SIGNER, IN_TURNS, STREAMS, STAYS, MEMBERS, QUERIES,
                                   BEFORE, NEVER_SUCCEEDS],
                         ids=["ends its caller", "of the leaver", "of a signer", "in turns", "streams", "stays", "fitted", "asked",
                              "prepared", "never succeeds"])
def test_what_is_treated_apart_is_in_the_document(names):
    assert set(names) <= {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_what_is_taken_in_cbor_was_sent_in_cbor(recorder):
    declared = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
                if "application/cbor" in operation.get("requestBody", {}).get("content", {})}
    assert declared and recorder.taken_as("application/cbor") == declared


def test_everything_was_reached(recorder):
    """Behind the refusals, too: what never succeeds was hardly tried."""
    everything = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert everything - recorder.succeeded() == NEVER_SUCCEEDS
