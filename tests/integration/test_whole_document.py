"""The document against what was answered: what counts as a fault, and after all other tests, what nobody asked for."""

import pytest
from conformance import Conformance
from servers import ROOT

DEVICES = "/api/v1/customer/devices"


@pytest.fixture(scope="module")
def fresh(conformance):
    """The same document, with nothing seen yet."""
    return Conformance(conformance.document)


GOOD = {"Content-Type": "application/json", "X-Request-ID": "r", "X-CSRF-Token": "c"}


@pytest.mark.parametrize("path, status, headers, body, fault", [
    (f"{DEVICES}/x", 404, GOOD, {"detail": "Device not found"}, None),
    (f"{DEVICES}/x", 404, GOOD, {"error": "Device not found"}, "'detail' is a required property"),
    (f"{DEVICES}/x", 418, GOOD, {"detail": "x"}, "is not among"),
    (f"{DEVICES}/x", 404, {**GOOD, "Content-Type": "text/html"}, None, "content type text/html"),
    (f"{DEVICES}/x", 404, {"Content-Type": "application/json"}, {"detail": "x"}, "header X-Request-ID is missing"),
    (DEVICES, 429, {**GOOD, "Retry-After": "soon"}, {"detail": "x"}, "header Retry-After"),
    ("/api/v1/customer/nothing", 200, GOOD, {}, "no such operation"),
    ("/api/v1/customer/nothing", 404, GOOD, {"detail": "Not found"}, None)])
def test_what_breaks_a_promise(fresh, path, status, headers, body, fault):
    found = fresh.faults("GET", path, status, headers, lambda: body)
    assert (not found) if fault is None else any(fault in f for f in found), found


def test_the_server_tells_the_same_document(conformance, customer):
    assert customer.get("/openapi.json").json() == conformance.document


@pytest.mark.after_all_others
def test_each_operation_was_answered_with_success(replay):
    report = replay.write_report(ROOT / "build/reports/conformance.json")
    assert report["operations_never_answered_with_success"] == []
    assert report["successes_never_seen"] == []
