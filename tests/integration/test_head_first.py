"""A request is admitted by its head: who is refused is answered before the body is read."""

import socket

import pytest
import requests
from conftest import Api
from people import make_user
from servers import wait_for

IMPORT = "/api/v1/customer/devices/import-jobs"
LARGE = 20 * 1024 * 1024
# A browser's proof that a change was meant; it says nothing of who asks.
CSRF = "Cookie: csrf_token=0123456789abcdef0123456789abcdef\r\nX-CSRF-Token: 0123456789abcdef0123456789abcdef\r\n"


@pytest.fixture(scope="module")
def reader(stack):
    """Somebody who may read, and nothing else."""
    stack.command("admin", "create-tenant", "--id", "heads", "--name", "Heads company")
    make_user(stack, "heads-reader", tenant="heads")
    return Api(stack, "heads-reader")


def bearer(api):
    api.renew()  # what is sent by hand is not sent again with a fresh token
    return f"Authorization: {api.session.headers['Authorization']}\r\n"


class Sender:
    """A client that sends what it is told, and no more."""

    def __init__(self, stack):
        self.socket = socket.create_connection(("127.0.0.1", stack.port), 10)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def head(self, method, path, fields, length=LARGE, kind="application/json"):
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                            f"{framing}\r\n{fields}\r\n".encode())

    def answer(self):
        """Status, fields and body of the next answer; the server has ten seconds."""
        status = int(self.file.readline().split()[1])
        fields = {}
        while line := self.file.readline().strip().decode():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return status, fields, self.file.read(int(fields.get("content-length", 0)))

    def closed(self):
        return self.file.read(1) == b""


@pytest.mark.parametrize("method, path, fields, status", [
    ("POST", IMPORT, CSRF, 401),
    ("POST", IMPORT, "Authorization: Bearer a.b.c\r\n", 401),
    ("POST", IMPORT, "Cookie: pulse_session=a.b.c\r\n", 403),
    ("POST", IMPORT, CSRF + "Expect: 100-continue\r\n", 401),
    ("PUT", "/api/v1/customer/firmware/uploads/u/parts/1", CSRF, 401),
    ("POST", "/api/v1/customer/devices/import", CSRF, 401),
    ("POST", "/api/v1/operator/tenants", CSRF, 401)],
    ids=["nobody", "bad-token", "no-csrf", "expects", "firmware", "import", "operators"])
def test_strangers_are_refused_by_the_head(stack, method, path, fields, status):
    with Sender(stack) as client:
        client.head(method, path, fields, length=5_000_000 if path == IMPORT else 900_000)
        got, told, _ = client.answer()
        assert got == status and told["connection"] == "close" and told["x-request-id"]
        assert client.closed()


@pytest.mark.parametrize("length", [LARGE, None], ids=["announced", "chunked"])
@pytest.mark.parametrize("expects", ["", "Expect: 100-continue\r\n"], ids=["", "expects"])
def test_who_may_not_is_refused_by_the_head(stack, reader, length, expects):
    with Sender(stack) as client:
        client.head("POST", IMPORT, bearer(reader) + expects, length)
        status, told, body = client.answer()
        assert status == 403 and b"Permission required: devices.import" in body and told["connection"] == "close"


def test_what_is_not_there_is_refused_by_the_head(stack, admin):
    for method, path, status in (("POST", "/api/v1/customer/nothing", 404), ("PATCH", IMPORT, 405)):
        with Sender(stack) as client:
            client.head(method, path, bearer(admin), length=60_000)
            assert client.answer()[0] == status


def test_the_refusal_is_told_once(stack, reader):
    def refusals():
        return stack.sql("SELECT count(*) FROM audit_log WHERE tenant_id = 'heads' AND event_type = 'access.refused'")[0][0]

    before = refusals()
    with Sender(stack) as client:
        client.head("POST", IMPORT, bearer(reader))
        assert client.answer()[0] == 403
    wait_for("the event", lambda: refusals() > before)
    assert refusals() == before + 1


def test_a_refused_connection_serves_on_when_its_body_was_small(stack, reader):
    with Sender(stack) as client:
        for _ in range(2):
            client.head("POST", "/api/v1/customer/sites", bearer(reader), length=40_000)
            status, told, _ = client.answer()
            assert status == 403 and "connection" not in told
            client.socket.sendall(b"x" * 40_000)
        client.head("GET", "/health", "", length=0)
        assert client.answer()[0] == 200


def test_who_may_is_told_to_go_on(stack, admin):
    body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
            b"device_id\r\n--b--\r\n")
    with Sender(stack) as client:
        client.head("POST", IMPORT, bearer(admin) + "Expect: 100-continue\r\n", len(body), "multipart/form-data; boundary=b")
        assert client.file.readline().split()[1] == b"100"
        assert client.file.readline() == b"\r\n"
        client.socket.sendall(body)
        status, told, answer = client.answer()
        assert status in (202, 400, 422) and "ratelimit-remaining" in told, answer


def test_large_bodies_of_strangers_take_no_room(stack, admin):
    """They announce more than there is room for; who is let in has it all the same."""
    clients = [Sender(stack) for _ in range(8)]
    try:
        for client in clients:
            client.head("POST", IMPORT, CSRF, 50 * 1024 * 1024)
        answer = requests.post(stack.url + IMPORT, files={"file": ("a.csv", b"name,device_type\n" + b"#" * (9 << 20))},
                               headers={"Authorization": admin.session.headers["Authorization"]}, timeout=30)
        assert answer.status_code != 503, answer.text
        for client in clients:
            assert client.answer()[0] == 401
    finally:
        for client in clients:
            client.__exit__()
