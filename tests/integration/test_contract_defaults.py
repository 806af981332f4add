"""What a client leaves out of a body has the value that the contract names, and keys have their form."""

import datetime

import promises
import pytest
from conftest import Api
from people import make_user

CUSTOMER = "/api/v1/customer"
BODIES = {(p["method"], p["path"].removeprefix(CUSTOMER)): p["body"] for p in promises.read() if p["body"]}
TEMPLATE, DEVICE = "/templates/{template_id}", "/devices/{device_id}"
# The least that each takes.
LEAST = {
    "/templates": {"name": "Another", "slug": "another", "category": "gateway"},
    f"{TEMPLATE}/metrics": {"metric_key": "m", "display_name": "M", "data_type": "float"},
    f"{TEMPLATE}/commands": {"command_key": "c", "display_name": "C"},
    f"{TEMPLATE}/slots": {"slot_key": "s", "display_name": "S", "slot_type": "sensor", "interface_type": "usb"},
    f"{DEVICE}/sensors": {"metric_key": "s", "display_name": "S"},
    f"{DEVICE}/transports": {"ingestion_protocol": "http_api"},
    "/ota/campaigns": {"name": "C", "target_group_id": "promised"}}


@pytest.fixture(scope="module")
def api(stack):
    stack.command("admin", "create-tenant", "--id", "promised", "--name", "Promised company")
    make_user(stack, "promised-admin", tenant="promised", roles="customer,tenant-admin")
    api = Api(stack, "promised-admin")
    assert api.post("/devices", json={"device_id": "promised-1"}).status_code == 201
    api.ids = {"device_id": "promised-1", "template_id": api.post("/templates", json={
        "name": "Promised", "slug": "promised", "category": "gateway"}).json()["id"]}
    assert api.post("/device-groups", json={"group_id": "promised", "name": "G"}).status_code == 201
    assert api.put("/device-groups/promised/devices/promised-1").status_code == 200
    firmware = api.post("/firmware", json={"version": "1", "file_url": "https://firmware.example/1.bin"})
    LEAST["/ota/campaigns"]["firmware_version_id"] = firmware.json()["id"]
    return api


def made(api, path, status=201, **body):
    answer = api.post(path.format(**api.ids), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("path", [path for path in LEAST if path != "/templates"])
def test_defaults(api, path):
    told = {name: field["default"] for name, field in BODIES["POST", path].items() if "default" in field}
    answer = made(api, path, **LEAST[path])
    assert told and {name: answer[name] for name in told} == told


@pytest.mark.parametrize("path", [path for (_, path), body in BODIES.items()
                                  if any("pattern" in field for field in body.values()) and path in LEAST])
def test_forms_of_keys(api, path):
    [key] = [name for name, field in BODIES["POST", path].items() if "pattern" in field]
    for wrong in ("_a", "a b", "a.b", "ä", ""):
        answer = api.post(path.format(**api.ids), json={**LEAST[path], key: wrong})
        assert answer.status_code == 422 and key in answer.text, wrong


def seconds_until(text):
    return (datetime.datetime.fromisoformat(text) - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def test_defaults_that_only_show_later(api):
    assert BODIES["POST", f"{DEVICE}/tokens/rotate"]["label"]["default"] == "rotated"
    made(api, f"{DEVICE}/tokens/rotate")
    assert api.get("/devices/promised-1/tokens").json()["tokens"][0]["label"] == "rotated"

    minutes = BODIES["POST", f"{DEVICE}/commands"]["expires_in_minutes"]["default"]
    command = made(api, f"{DEVICE}/commands", command_type="blink")
    assert (minutes - 5) * 60 < seconds_until(command["expires_at"]) <= minutes * 60

    hours = BODIES["POST", "/jobs"]["expires_in_hours"]["default"]
    job = made(api, "/jobs", document_type="blink", target_device_id="promised-1")
    assert (hours - 1) * 3600 < seconds_until(job["expires_at"]) <= hours * 3600
    assert api.get(f"/jobs/{job['job_id']}").json()["target_all"] is BODIES["POST", "/jobs"]["target_all"]["default"]

    days = BODIES["POST", f"{DEVICE}/certificates/generate"]["validity_days"]["default"]
    certificate = made(api, f"{DEVICE}/certificates/generate")["certificate"]
    assert (days - 1) * 86400 < seconds_until(certificate["not_after"]) <= (days + 1) * 86400
    revoked = made(api, f"/certificates/{certificate['id']}/revoke", 200)
    assert revoked["status"] == "REVOKED"
    reason = api.get(f"/certificates/{certificate['id']}").json()["revoked_reason"]
    assert reason == BODIES["POST", "/certificates/{cert_id}/revoke"]["reason"]["default"]

    connection = api.put("/devices/promised-1/connection", json={}).json()
    assert connection["connection_type"] == BODIES["PUT", f"{DEVICE}/connection"]["connection_type"]["default"]
