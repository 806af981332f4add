"""Clients that keep no rule: malformed, endless, slow. Each is answered or cut, and the server stands."""

import socket
import time

import pytest
import requests
from servers import wait_for


def talk(stack, data, seconds=5.0, end=False):
    """Sends bytes and reads until the server closes, or for `seconds`."""
    out = b""
    with socket.create_connection(("127.0.0.1", stack.port), 5) as s:
        s.settimeout(seconds)
        try:
            s.sendall(data)
            if end:
                s.shutdown(socket.SHUT_WR)
            while part := s.recv(65536):
                out += part
        except (ConnectionError, TimeoutError, socket.timeout):
            pass
    return out


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


@pytest.fixture(autouse=True)
def _others_are_served(stack):
    yield
    time.sleep(0.1)
    wait_for("an answer for others", lambda: requests.get(f"{stack.url}/health", timeout=2).status_code == 200, 5)


@pytest.mark.parametrize("data", [
    b"\x00\x01\x02\x03\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"get / http/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA\x00B: c\r\n\r\n",
    b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ids=["binary", "no-target", "version", "lower", "no-colon", "nul", "control", "negative", "overflow", "two-lengths",
         "chunk", "length-and-chunks", "tls", "http2"])
def test_malformed_requests_get_400_or_the_door(stack, data):
    answer = talk(stack, data, 2)
    # "length and chunks" may be served by the chunks (RFC 9112, 6.1), never twice.
    assert status(answer) in (None, 400, 403, 404, 405, 413, 501, 505), answer[:200]
    assert answer.count(b"HTTP/1.1 ") <= 1


def test_a_flood_of_headers_is_431(stack):
    many = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 100) for i in range(2000))
    for head in (many, b"X: " + b"y" * 200_000 + b"\r\n", b"Cookie: " + b"a=b; " * 20_000 + b"\r\n"):
        answer = talk(stack, b"GET /health HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
        assert status(answer) in (431, None), answer[:100]


def test_an_endless_request_line_is_cut(stack):
    answer = talk(stack, b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\n\r\n")
    assert status(answer) in (400, 414, 431, None)


def test_bodies_are_bounded_before_they_are_read(stack):
    begun = time.monotonic()
    answer = talk(stack, b"POST /api/v1/customer/devices HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 1000000000\r\n\r\n{")
    assert status(answer) == 413 and time.monotonic() - begun < 3


def test_an_endless_chunked_body_is_413(stack):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = talk(stack, b"POST /ingest/v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 200)
    assert status(answer) in (413, None)


def drip(stack, first, every, seconds):
    """Sends a byte now and then; how long the server bears it."""
    with socket.create_connection(("127.0.0.1", stack.port), 5) as s:
        s.sendall(first)
        s.settimeout(every)
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            try:
                if s.recv(4096) == b"":
                    return time.monotonic() - begun
            except (TimeoutError, socket.timeout):
                pass
            except ConnectionError:
                return time.monotonic() - begun
            try:
                s.sendall(b"a")
            except ConnectionError:
                return time.monotonic() - begun
    return None


def test_slow_headers_are_cut(stack):
    assert drip(stack, b"GET /health HTTP/1.1\r\nX-Slow: ", 0.5, 40) is not None


def test_a_slow_body_is_cut(stack):
    first = b"POST /ingest/v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{"
    assert drip(stack, first, 0.5, 60) is not None


def test_a_client_that_reads_nothing_is_cut_and_costs_little(stack, customer):
    token = customer.session.headers["Authorization"].encode()
    request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: " + token + b"\r\n\r\n"
    sockets = []
    for _ in range(20):
        s = socket.create_connection(("127.0.0.1", stack.port), 5)
        s.settimeout(1)
        try:
            s.sendall(request * 200)
        except (TimeoutError, socket.timeout):
            pass
        sockets.append(s)
    rss = int(open(f"/proc/{stack.pulses[0].pid}/statm").read().split()[1]) * 4096
    for s in sockets:
        s.close()
    assert rss < 300 * 2**20, f"{rss / 2**20:.0f} MiB"


def test_pipelined_requests_are_answered_in_order(stack):
    lines = [b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-ID: n%d\r\n\r\n" % i for i in range(20)]
    lines.append(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: n20\r\n\r\n")
    answer = talk(stack, b"".join(lines)).decode()
    ids = [line.split(": ")[1] for line in answer.splitlines() if line.lower().startswith("x-request-id")]
    assert ids == [f"n{i}" for i in range(21)]


def test_idle_connections_cost_little(stack):
    def rss():
        return int(open(f"/proc/{stack.pulses[0].pid}/statm").read().split()[1]) * 4096
    before = rss()
    sockets = [socket.create_connection(("127.0.0.1", stack.port), 5) for _ in range(400)]
    time.sleep(0.5)
    grown = rss() - before
    assert requests.get(f"{stack.url}/health", timeout=3).status_code == 200
    for s in sockets:
        s.close()
    assert grown < 400 * 40 * 1024, f"{grown / 400 / 1024:.0f} KiB each"


@pytest.mark.parametrize("path", ["/api/v1/customer/devices/%00", "/api/v1/customer/devices/%ff%fe",
                                  "/api/v1/customer/devices?limit=1e9", "/api/v1/customer/devices?limit=-1",
                                  "/api/v1/customer/devices?limit=abc", "/api/v1/customer/devices?offset=99999999999999999",
                                  "/api/v1/customer/devices?q=%00", "/api/v1/customer/devices?q=%ff",
                                  "/api/v1/customer/devices?q=%25%27%22%5c", "/api/v1/customer/devices?cursor=nonsense",
                                  "/api/v1/customer/devices?status=SLEEPING", "/api/v1/customer/devices?sort=drop",
                                  "/api/v1/customer/devices/" + "x" * 3000, "/api/v1/customer/templates/99999999999999",
                                  "/api/v1/customer/templates/abc", "/api/v1/customer/sites/%27%3b--"])
def test_odd_parameters_are_4xx_or_empty_never_500(customer, path):
    answer = customer.get(path)
    assert answer.status_code < 500, answer.text
    if answer.status_code == 422:
        assert answer.json()["detail"][0]["loc"]


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"null", b"1", b"\xff", b'{"device_id":"\\u0000"}', b"[" * 10000,
                                  b'{"device_id":5,"plan_id":[],"tags":"x"}', b'{"device_id":"a b"}',
                                  b'{"device_id":"' + b"x" * 200 + b'"}', b'{"device_id":"ok","site_id":"\\ud800"}',
                                  b'{"device_id":"../x"}'])
@pytest.mark.parametrize("path", ["/devices", "/sites", "/templates"])
def test_odd_bodies_are_422_and_name_the_place(admin, path, body):
    answer = admin.post(path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404, 422), answer.text
    if answer.status_code == 422:
        assert all(f["loc"][0] == "body" and f["msg"] for f in answer.json()["detail"])


def test_a_body_of_another_type_is_415(admin):
    answer = admin.post("/sites", data="site_id=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 415


def test_headers_that_are_no_utf8_are_read_as_latin_1(stack, operator):
    """What operators do is kept with their browser's name, whatever bytes it has."""
    answer = operator.get("/api/v1/operator/account-tiers", headers={"User-Agent": "Müller".encode("latin-1")})
    assert answer.status_code == 200, answer.text
    assert stack.sql("SELECT 1 FROM operator_audit_log WHERE user_agent = 'Müller'")


@pytest.mark.parametrize("name", ["tenantadmin1%00x", "tenantadmin1%ff", "%00"])
def test_forms_hold_nothing_but_text(stack, name):
    answer = requests.post(f"{stack.url}/realms/pulse/protocol/openid-connect/token", timeout=5,
                           data=f"grant_type=password&client_id=pulse-ui&username={name}&password=pulse-demo-1",
                           headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"] == "invalid_grant"
