"""Messages that do not fit their device's template: stored as ever, noticed, told with the device."""

import re
import time

import pytest
import requests
from ingest import envelope, post, publish, quarantined, settled
from servers import wait_for

METRICS = [
    {"metric_key": "temp", "display_name": "Temperature", "data_type": "float", "unit": "°C", "min_value": -40,
     "max_value": 85, "is_required": True},
    {"metric_key": "door", "display_name": "Door", "data_type": "boolean"},
    {"metric_key": "doors", "display_name": "Doors", "data_type": "integer"},
    {"metric_key": "mode", "display_name": "Mode", "data_type": "enum", "enum_values": ["auto", "manual"]},
]


@pytest.fixture(scope="module")
def template(stack, customer):
    made = customer.post("/templates", json={"name": "Watched", "slug": "watched", "category": "gateway"}).json()
    for metric in METRICS:
        added = customer.post(f"/templates/{made['id']}/metrics", json=metric)
        assert added.status_code == 201, added.text
    return made["id"]


@pytest.fixture()
def watched(customer, template, fresh_device):
    done = customer.patch(f"/devices/{fresh_device['device_id']}", json={"template_id": template})
    assert done.status_code == 200, done.text
    return fresh_device


def fault(api, device):
    return api.get(f"/devices/{device['device_id']}").json()["device"]["template_fault"]


def told(api, device):
    return wait_for("the fault", lambda: fault(api, device))


def counted(stack, problem):
    text = requests.get(f"{stack.url}/metrics", timeout=5).text
    found = re.search(rf'^pulse_ingest_template_faults_total{{problem="{problem}"}} (\S+)', text, re.M)
    return float(found.group(1)) if found else 0.0


@pytest.mark.parametrize("metrics, metric, problem, message", [
    ({"temp": 99.5}, "temp", "range", "is above the greatest value, 85 °C; sent: 99.5"),
    ({"temp": -41}, "temp", "range", "is below the least value, -40 °C; sent: -41"),
    ({"temp": "hot"}, "temp", "type", 'must be a number; sent: "hot"'),
    ({"temp": 1, "door": 2}, "door", "type", "must be true or false; sent: 2"),
    ({"temp": 1, "doors": 1.5}, "doors", "type", "must be a whole number; sent: 1.5"),
    ({"temp": 1, "mode": "off"}, "mode", "word", 'must be one of auto, manual; sent: "off"'),
    ({"mode": "auto"}, "temp", "missing", "is required and missing"),
])
def test_what_a_message_breaks_is_told_with_the_device(stack, customer, watched, metrics, metric, problem, message):
    before = counted(stack, problem)
    assert post(stack, watched, {"metrics": metrics}).status_code == 202
    one = told(customer, watched)
    assert (one["metric_key"], one["problem"], one["message"], one["count"]) == (metric, problem, message, 1)
    assert one["first_at"] == one["last_at"]
    # Stored like any other.
    assert quarantined(stack, watched) == []
    assert stack.stored(watched["device_id"]) == 1
    assert counted(stack, problem) > before


def test_what_fits_is_no_fault(stack, customer, watched):
    assert post(stack, watched, {"metrics": {"temp": 85, "door": True, "doors": 2, "mode": "auto", "own": "x"}}).status_code == 202
    assert post(stack, watched, {"lat": 1, "lng": 2}).status_code in (202, 422)
    assert post(stack, watched, {"metrics": {"battery_pct": 50}}, "heartbeat").status_code == 202
    wait_for("the messages", lambda: stack.stored(watched["device_id"]) >= 2)
    assert fault(customer, watched) is None


def test_a_row_is_written_once_a_minute_and_counts_all(stack, customer, watched):
    for value in (90, 91, 92):
        assert post(stack, watched, {"metrics": {"temp": value}}).status_code == 202
        wait_for("it to be stored", lambda value=value: stack.sql(
            "SELECT 1 FROM telemetry WHERE device_id = %s AND metrics ->> 'temp' = %s", (watched["device_id"], str(value))))
    first = told(customer, watched)
    assert first["count"] == 1 and first["message"].endswith("sent: 90")
    # The next message a minute later brings what was counted meanwhile, also when it fits.
    token = stack.sql("SELECT id::text FROM device_api_tokens WHERE device_id = %s AND revoked_at IS NULL",
                      (watched["device_id"],))[0][0]
    publish(stack, envelope(watched, {"metrics": {"temp": 20}}, auth=f"token:{token}",
                            ts=int(time.time() * 1000) + 61_000))
    later = wait_for("the rest", lambda: (lambda f: f if f["count"] > 1 else None)(fault(customer, watched)))
    assert later["count"] == 3 and later["message"].endswith("sent: 92") and later["first_at"] == first["first_at"]


def test_what_is_missing_hides_nothing_and_counts_once_a_message(stack, customer, watched, template):
    before = counted(stack, "missing")
    assert post(stack, watched, {"metrics": {"door": 5}}).status_code == 202
    one = told(customer, watched)
    assert (one["metric_key"], one["problem"], one["count"]) == ("door", "type", 2)
    assert counted(stack, "missing") == before + 1
    token = stack.sql("SELECT id::text FROM device_api_tokens WHERE device_id = %s AND revoked_at IS NULL",
                      (watched["device_id"],))[0][0]
    publish(stack, envelope(watched, {"metrics": {"door": True}}, auth=f"token:{token}", ts=int(time.time() * 1000) + 61_000))
    later = wait_for("the rest", lambda: (lambda f: f if f["count"] > 2 else None)(fault(customer, watched)))
    assert (later["metric_key"], later["problem"]) == ("door", "type")


def test_a_changed_template_counts_with_the_next_message(stack, customer, watched, template):
    metrics = customer.get(f"/templates/{template}").json()["metrics"]
    temp = next(m["id"] for m in metrics if m["metric_key"] == "temp")
    path = f"/templates/{template}/metrics/{temp}"
    assert post(stack, watched, {"metrics": {"temp": 50}}).status_code == 202
    settled_temp = lambda v: stack.sql("SELECT 1 FROM telemetry WHERE device_id = %s AND metrics ->> 'temp' = %s",  # noqa: E731
                                       (watched["device_id"], str(v)))
    wait_for("the first", lambda: settled_temp(50))
    assert fault(customer, watched) is None
    assert customer.put(path, json={"max_value": 40}).status_code == 200
    try:
        def breaks():
            post(stack, watched, {"metrics": {"temp": 51}})
            return fault(customer, watched)
        assert wait_for("the new bound", breaks, 10)["message"] == "is above the greatest value, 40 °C; sent: 51"
    finally:
        assert customer.put(path, json={"max_value": 85}).status_code == 200


def test_another_template_and_a_new_life_begin_without_faults(stack, customer, watched, template):
    assert post(stack, watched, {"metrics": {"temp": 99}}).status_code == 202
    told(customer, watched)
    device = watched["device_id"]
    assert customer.patch(f"/devices/{device}", json={"template_id": None}).status_code == 200
    assert fault(customer, watched) is None
    assert post(stack, watched, {"metrics": {"temp": 100}}).status_code == 202
    settled(stack, watched)
    assert fault(customer, watched) is None
    assert customer.patch(f"/devices/{device}", json={"template_id": template}).status_code == 200
    assert customer.delete(f"/devices/{device}").status_code == 200
    assert customer.post("/devices", json={"device_id": device, "template_id": template}).status_code == 201
    assert fault(customer, watched) is None


def test_another_tenant_sees_none_of_it(stack, customer, other, watched):
    assert post(stack, watched, {"metrics": {"temp": 99}}).status_code == 202
    told(customer, watched)
    assert other.get(f"/devices/{watched['device_id']}").status_code == 404
