"""What the tests of message routes share: a Pulse with two tenants, a receiver, devices."""

import json
import time

import pytest
import requests
from conftest import Api
from servers import Stack, wait_for
from sink import Sink


@pytest.fixture(scope="module")
def sink():
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def pulse(sink):
    with Stack(settings={"OUTBOUND_PRIVATE_HOSTS": sink.host}) as running:
        for tenant in ("acme", "rival"):
            running.command("admin", "create-tenant", "--id", tenant, "--name", tenant)
            running.command("admin", "create-user", "--username", f"{tenant}2", "--password", "pulse-demo-1", "--email",
                            f"{tenant}2@x.example", "--tenant", tenant, "--role", "customer")
            running.command("admin", "create-user", "--username", f"{tenant}1", "--password", "pulse-demo-1", "--email",
                            f"{tenant}1@x.example", "--tenant", tenant, "--role", "customer,tenant-admin")
        yield running


@pytest.fixture(scope="module")
def api(pulse):
    return Api(pulse, "acme1")


@pytest.fixture(scope="module")
def rival(pulse):
    return Api(pulse, "rival1")


@pytest.fixture(autouse=True)
def nothing_left(pulse, sink):
    yield
    sink.answers = lambda request: 200
    sink.going_on.set()
    sink.requests.clear()
    pulse.sql("DELETE FROM message_routes")
    pulse.sql("DELETE FROM dead_letter_messages")


@pytest.fixture(scope="module")
def devices(pulse):
    """Two of acme, one of rival."""
    out = []
    for tenant, name in (("acme", "a1"), ("acme", "a2"), ("rival", "r1")):
        if not pulse.sql("SELECT 1 FROM sites WHERE tenant_id = %s", (tenant,)):
            pulse.sql("INSERT INTO sites (tenant_id, site_id, name) VALUES (%s, 'hall', 'Hall')", (tenant,))
        made = pulse.command("admin", "create-device", "--tenant", tenant, "--id", name, "--site", "hall")
        out.append({"tenant_id": tenant, **json.loads(made.stdout)})
    return out


def send(pulse, device, metrics, **more):
    answer = requests.post(f"{pulse.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry",
                           json={"site_id": "hall", "metrics": metrics, **more},
                           headers={"X-Provision-Token": device["token"]}, timeout=10)
    assert answer.status_code == 202, answer.text


def hook(sink, path="/hook", **config):
    return {"url": sink.url + path, **config}


def route(api, config, topic_filter="tenant/+/device/+/telemetry", kind="webhook", **more):
    made = api.post("/message-routes", json={"name": "r", "topic_filter": topic_filter, "destination_type": kind,
                                             "destination_config": config, **more})
    assert made.status_code == 201, made.text
    time.sleep(0.6)  # felt within a second
    return made.json()


def queue(pulse, route_id, count, device="a{n}", name="m"):
    """Messages 1..count of a route, as if ingest had given them to it; `{n}` in `device` is the number, `name` tells those of
    several calls apart."""
    pulse.sql("INSERT INTO message_route_queue (tenant_id, route_id, message_id, topic, device_id, payload, received_at) "
              "SELECT r.tenant_id, r.id, %s || n || '-r' || r.id, 'tenant/' || r.tenant_id || '/device/' || d.id || "
              "'/telemetry', d.id, '{\"metrics\": {\"n\": ' || n || '}}', now() FROM message_routes r, "
              "generate_series(1, %s) n, LATERAL (SELECT replace(%s, '{n}', n::text) AS id) d WHERE r.id = %s ORDER BY n "
              "RETURNING id", (name, count, device, route_id))


def waiting(pulse, route_id):
    return pulse.sql("SELECT count(*) FROM message_route_queue WHERE route_id = %s", (route_id,))[0][0]


def gauge(pulse, name, port=None):
    """The series of a metric: {labels' text: value}."""
    text = requests.get(f"http://127.0.0.1:{port or pulse.port}/metrics", timeout=5).text
    out = {}
    for line in text.splitlines():
        if line.startswith(name + " ") or line.startswith(name + "{"):
            labels, value = line[len(name):].rsplit(" ", 1)
            out[labels] = float(value)
    return out


def values(received, metric="n"):
    return [r.body["payload"]["metrics"][metric] for r in received]
