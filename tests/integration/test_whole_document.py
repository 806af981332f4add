"""The document against what was answered: what counts as a fault, and what a whole run must have seen."""

import answered
import pytest
from conformance import Conformance

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


def test_what_nobody_asked_for_is_told(conformance):
    asked = [s for s in conformance.successes() if s != ("GET", DEVICES, 200)]
    left = answered.report(conformance.document, [{"seen": asked, "checked": 7}, {"seen": [], "checked": 1}])
    assert left["operations_never_answered_with_success"] == [f"GET {DEVICES}"]
    assert left["successes_never_seen"] == [f"GET {DEVICES} 200"] and left["responses_checked"] == 8
    whole = answered.report(conformance.document, [{"seen": asked, "checked": 7}, {"seen": [("GET", DEVICES, 200)], "checked": 1}])
    assert not whole["operations_never_answered_with_success"] and not whole["successes_never_seen"]
