"""Health, metrics, documents, the application's shell, old paths, headers, errors."""

import re

import pytest
import requests
from servers import ROOT, wait_for


def get(stack, path, **kwargs):
    kwargs.setdefault("timeout", 10)
    kwargs.setdefault("allow_redirects", False)
    return requests.get(stack.url + path, **kwargs)


def test_health(stack):
    for path in ("/health", "/healthz", "/readyz", "/api/v1/health"):
        answer = get(stack, path)
        assert answer.status_code == 200, (path, answer.text)
    told = get(stack, "/healthz").json()
    assert told["status"] == "ok" and set(told["checks"]) == {"db", "keycloak", "nats", "storage", "broker"}
    assert get(stack, "/api/v1/health").json() == {"status": "ok", "service": "pulse-ui", "api_version": "v1",
                                                   "docs_url": "/docs", "openapi_url": "/openapi.json"}


def test_metrics_are_prometheus_text(stack):
    answer = get(stack, "/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain")
    for name in ("pulse_db_pool_size", "pulse_db_pool_free", "fleet_devices_by_status", "pulse_nats_connected"):
        assert name in answer.text, name
    for line in answer.text.splitlines():
        assert not line or line.startswith("#") or len(line.rsplit(" ", 1)) == 2


@pytest.mark.parametrize("path, script", [("/docs", "swagger-ui-bundle"), ("/redoc", "redoc.standalone")])
def test_documents_are_served_by_us(stack, path, script):
    answer = get(stack, path)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "http" not in policy
    assert re.search(r"<script>|https?://| on[a-z]+=|style=", answer.text) is None
    assets = re.findall(r'(?:src|href)="(/app/assets/[^"]+)"', answer.text)
    assert any(f"/{script}-" in a for a in assets)
    for asset in assets:
        file = get(stack, asset)
        assert file.status_code == 200 and "immutable" in file.headers["Cache-Control"]
        # The one picture that ReDoc would fetch from its makers' host is ours.
        assert "cdn.redoc" not in file.text


def test_outside_development_documents_are_for_operators(stack):
    process = stack._pulse(1, "gateway")
    process.env["MODE"] = "LIVE"
    process.start()
    try:
        wait_for("ready", lambda: requests.get(f"http://127.0.0.1:{process.port}/readyz", timeout=2).status_code == 200)
        for path in ("/docs", "/redoc"):
            where = f"http://127.0.0.1:{process.port}{path}"
            assert requests.get(where, timeout=5).status_code == 401
            for user, status in (("customer1", 403), ("operator1", 200)):
                bearer = {"Authorization": f"Bearer {stack.token(user)}"}
                assert requests.get(where, headers=bearer, timeout=5).status_code == status
    finally:
        process.stop()


def test_without_the_web_application_its_pages_say_so(stack, tmp_path):
    process = stack._pulse(1, "gateway")
    process.env["PULSE_WEB_DIR"] = str(tmp_path)
    process.start()
    try:
        wait_for("ready", lambda: requests.get(f"http://127.0.0.1:{process.port}/readyz", timeout=2).status_code == 200)
        for path in ("/app/", "/docs", "/redoc"):
            answer = requests.get(f"http://127.0.0.1:{process.port}{path}", timeout=5)
            assert answer.status_code == 503 and "built" in answer.text
    finally:
        process.stop()


def test_the_openapi_document_is_whole(conformance):
    document = conformance.document
    assert document["openapi"].startswith("3.1")
    names = {f"#/components/{kind}/{name}" for kind in ("schemas", "headers") for name in document["components"][kind]}
    seen = set()

    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                seen.add(value["$ref"])
            for child in value.values():
                walk(child)
        elif isinstance(value, list):
            for child in value:
                walk(child)

    walk(document)
    assert seen <= names, seen - names
    ids = [o["operationId"] for _m, _p, o in conformance.operations() if "operationId" in o]
    assert len(ids) == len(set(ids))
    for method, path, operation in conformance.operations():
        assert operation.get("summary"), (method, path)
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        declared |= {p["name"] for p in document["paths"][path].get("parameters", []) if p["in"] == "path"}
        needed = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        assert needed == declared, f"{method} {path}: {needed} in the path, {declared} declared"


def test_the_application_and_its_shell(stack):
    assert get(stack, "/").headers["Location"].startswith("/app/")
    for path in ("/app/", "/app/devices", "/app/devices/some-id?tab=messages"):
        answer = get(stack, path)
        assert answer.status_code == 200 and "no-cache" in answer.headers["Cache-Control"], path
    # Files of a few hundred bytes have no packed copies: they would save nothing.
    asset = max((ROOT / "web/dist/assets").glob("*.js"), key=lambda file: file.stat().st_size).name
    plain = get(stack, f"/app/assets/{asset}", headers={"Accept-Encoding": "identity"})
    assert "immutable" in plain.headers["Cache-Control"]
    packed = get(stack, f"/app/assets/{asset}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and packed.content == plain.content
    if tag := plain.headers.get("ETag"):
        assert get(stack, f"/app/assets/{asset}", headers={"If-None-Match": tag,
                                                           "Accept-Encoding": "identity"}).status_code == 304
    assert get(stack, "/app/assets/missing.js").status_code == 404


@pytest.mark.parametrize("path", ["/app/../../etc/passwd", "/app/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                                  "/app/assets/..%2f..%2f..%2f..%2fetc/passwd", "/app/%00", "/app//etc/passwd",
                                  "/app/..%5c..%5cetc%5cpasswd"])
def test_no_file_outside_the_application(stack, path):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=5)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    assert b"root:" not in connection.getresponse().read()


def test_old_paths_lead_to_the_new_ones(stack):
    for old in ("/customer/devices?limit=3", "/operator/devices"):
        answer = get(stack, old)
        assert answer.status_code == 308 and answer.headers["Location"] == "/api/v1" + old
        assert answer.headers["X-Deprecated-Path"]


@pytest.mark.parametrize("path", ["/app/", "/api/auth/status", "/health", "/nowhere", "/api/v1/customer/devices"])
def test_security_headers_on_every_answer(stack, path):
    headers = get(stack, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Request-ID"]


def test_a_request_id_is_kept_unless_it_is_odd(stack):
    assert get(stack, "/health", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"
    for odd in ("x" * 500, "a b", "<script>"):
        assert get(stack, "/health", headers={"X-Request-ID": odd}).headers["X-Request-ID"] != odd


def test_unknown_paths_and_methods(stack, customer):
    assert get(stack, "/nowhere").json() == {"detail": "Not Found"} or get(stack, "/nowhere").status_code == 404
    answer = requests.delete(f"{stack.url}/api/v1/customer/devices", timeout=5,
                             headers={"Authorization": customer.session.headers["Authorization"]})
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


def test_what_disagrees_about_the_sign_in_is_told(stack):
    told = get(stack, "/debug/auth").json()
    assert told["status"] == "ok" and told["keycloak_check"]["issuer_match"] and told["hostname_check"]["match"]


@pytest.mark.parametrize("body, secret, status", [
    ({"username": "x"}, None, 403), ({"username": "x"}, "wrong", 403), ({"username": "x"}, "", 403),
    ({}, "right", 422), ({"username": "x"}, "right", 200)])
def test_the_broker_hooks_need_the_secret(stack, body, secret, status):
    headers = {} if secret is None else {"X-Internal-Auth": "internal-secret-of-tests" if secret == "right" else secret}
    answer = requests.post(f"{stack.url}/api/v1/internal/mqtt-auth", json=body, headers=headers, timeout=5)
    assert answer.status_code == status


def hook(stack, kind, **body):
    return requests.post(f"{stack.url}/api/v1/internal/mqtt-{kind}", json=body, timeout=5,
                         headers={"X-Internal-Auth": "internal-secret-of-tests"}).json()


def test_the_auth_hook(stack, device, fresh_device):
    name = f"demo/{device['device_id']}"
    assert hook(stack, "auth", username=name, password=device["token"]) == {"result": "allow", "is_superuser": False}
    for body, result in [({"username": name}, "deny"), ({"username": name, "password": "wrong"}, "deny"),
                         ({"username": name, "password": fresh_device["token"]}, "deny"),
                         ({"username": name, "peer_cert_cn": name}, "deny"),
                         ({"username": "demo/nobody", "password": "x"}, "deny"),
                         ({"username": "service_pulse", "password": ""}, "deny"),
                         ({"username": "service_pulse"}, "deny"),
                         ({"username": "someone", "password": "x"}, "ignore")]:
        assert hook(stack, "auth", **body)["result"] == result, body


@pytest.mark.parametrize("topic, action, result", [
    ("{d}/telemetry", "publish", "allow"), ("{d}/heartbeat", "publish", "allow"),
    ("{d}/shadow/reported", "publish", "allow"), ("{d}/commands/ack", "publish", "allow"),
    ("{d}/commands", "publish", "deny"), ("{d}/shadow/desired", "publish", "deny"), ("{d}/+", "publish", "deny"),
    ("{d}/commands", "subscribe", "allow"), ("{d}/shadow/desired", "subscribe", "allow"), ("{d}/#", "subscribe", "allow"),
    ("{d}/telemetry", "subscribe", "deny"), ("tenant/demo/device/+/commands", "subscribe", "deny"),
    ("tenant/demo/#", "subscribe", "deny"), ("#", "subscribe", "deny"), ("{d}x/commands", "subscribe", "deny"),
    ("$share/g/{d}/commands", "subscribe", "deny"), ("tenant/other/device/a/telemetry", "publish", "deny")])
def test_the_acl_hook(stack, device, topic, action, result):
    own = f"tenant/demo/device/{device['device_id']}"
    told = hook(stack, "acl", username=f"demo/{device['device_id']}", topic=topic.format(d=own), action=action)
    assert told == {"result": result}
