"""What open pages are told: writes of their tenant, counts, how often to ask; and the form before them."""

import json

import pytest
import requests
import websocket


def connect(stack, path):
    return websocket.create_connection(stack.url.replace("http", "ws") + path, timeout=10)


def until(socket, fits):
    while True:
        message = json.loads(socket.recv())
        if fits(message):
            return message


@pytest.fixture
def stream(stack):
    """Notices only: the telemetry stream filtered to a metric that no device has, as pages open it."""
    socket = connect(stack, f"/api/v1/customer/telemetry/stream?metric=_nobody_&token={stack.token('tenantadmin1')}")
    until(socket, lambda m: m["type"] == "connected")
    yield socket
    socket.close()


def test_writes_of_the_tenant_are_told(stack, stream, admin):
    def told(what, answer, status):
        assert answer.status_code == status, answer.text
        assert until(stream, lambda m: m["type"] == "changed") == {"type": "changed", "what": what}

    told("sites", admin.post("/sites", json={"site_id": "news-1", "name": "News"}), 201)
    told("sites", admin.patch("/sites/news-1", json={"name": "Other news"}), 200)
    told("sites", admin.delete("/sites/news-1"), 204)
    template = admin.post("/templates", json={"name": "News", "slug": "news-1", "category": "gateway"})
    told("templates", template, 201)
    told("templates", admin.post(f"/templates/{template.json()['id']}/clone"), 201)
    told("devices", admin.post("/devices", json={"device_id": "news-device"}), 201)
    told("devices", admin.patch("/devices/news-device", json={"name": "News"}), 200)
    told("devices", admin.delete("/devices/news-device"), 200)


def test_a_write_that_fails_tells_nothing(stream, admin):
    assert admin.patch("/sites/no-such-site", json={"name": "x"}).status_code == 404
    assert admin.delete("/sites/no-such-site").status_code == 404
    assert admin.post("/sites", json={"site_id": "news-2", "name": "News"}).status_code == 201
    assert admin.post("/sites", json={"site_id": "news-2", "name": "News"}).status_code == 409
    assert admin.delete("/sites/news-2").status_code == 204
    stream.settimeout(1.0)
    told = []
    with pytest.raises(websocket.WebSocketTimeoutException):
        while True:
            message = json.loads(stream.recv())
            if message["type"] == "changed":
                told.append(message["what"])
    assert told == ["sites", "sites"]


def test_another_tenants_writes_are_not_told(stack, admin):
    other = connect(stack, f"/api/v1/customer/telemetry/stream?metric=_nobody_&token={stack.token('other1')}")
    until(other, lambda m: m["type"] == "connected")
    assert admin.post("/sites", json={"site_id": "news-3", "name": "News"}).status_code == 201
    assert admin.delete("/sites/news-3").status_code == 204
    other.settimeout(1.0)
    with pytest.raises(websocket.WebSocketTimeoutException):
        until(other, lambda m: m["type"] == "changed")
    other.close()


def test_a_new_device_is_counted_at_once(stack, admin):
    channel = connect(stack, f"/api/v2/ws?ticket={admin.get('/api/ws-ticket').json()['ticket']}")
    channel.send(json.dumps({"action": "subscribe", "type": "fleet"}))
    before = until(channel, lambda m: m["type"] == "fleet_summary")["data"]["total"]
    assert admin.post("/devices", json={"device_id": "counted-device"}).status_code == 201
    until(channel, lambda m: m["type"] == "fleet_summary" and m["data"]["total"] == before + 1)
    assert admin.delete("/devices/counted-device").status_code == 200
    until(channel, lambda m: m["type"] == "fleet_summary" and m["data"]["total"] == before)
    channel.close()


def test_pages_are_told_how_often_to_ask(admin):
    assert admin.get("/api/auth/status").json()["refresh_seconds"] == 5


def test_the_form_looks_like_the_application(stack):
    session = requests.Session()
    form = session.get(f"{stack.url}/login", timeout=10)
    assert form.status_code == 200 and "pulse-ui" not in form.text.split("<form")[0]
    assert "Sign in to your fleet" in form.text and "/app/fonts/inter.woff2" in form.text
    assert "font-src 'self'" in form.headers["Content-Security-Policy"]
