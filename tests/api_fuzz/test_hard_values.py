"""What no schema forbids and storage can't take: in every parameter, every member of a body, and the headers that
are kept. Each is refused or taken as the document says, whatever it is."""

import copy
import json
import urllib.parse

import pytest
from conformance import Conformance
from examples import body_of, query_of
from fitting import fit
from test_api_fuzz import (DOCUMENT, IN_TURNS, STREAMS, after, beyond_us, caller_of, credentials,
                           takes_away)

# As they stand in an address.
IN_ADDRESSES = {
    "NUL": "a%00b", "no UTF-8": "%ff%fe", "half a pair": "%ed%a0%80", "long": "x" * 6000, "quotes": "'%22%5C%25_%3B--",
    "int32": "2147483648", "int64": "9223372036854775807", "below int64": "-9223372036854775809",
    "beyond": "1" + "0" * 400, "nan": "NaN", "minus": "-1", "zero": "0", "early": "0001-01-01T00:00:00Z",
    "late": "9999-12-31T23:59:59.999999Z", "earlier": "-4713-11-24", "rubbish": "2026-02-30T25:61:61Z", "huge": "1e308"}
# As they stand in a body.
IN_BODIES = {
    "NUL": b'"a\\u0000b"', "no UTF-8": b'"\xff\xfe"', "half a pair": b'"\\ud800"', "long": b'"' + b"x" * 200_000 + b'"',
    "quotes": b'"\'\\"\\\\%_;--"', "int32": b"2147483648", "int64": b"9223372036854775807",
    "below int64": b"-9223372036854775809", "beyond": b"1e400", "huge": b"1e308", "tiny": b"5e-324", "minus zero": b"-0.0",
    "null": b"null", "true": b"true", "object": b"{}", "array": b"[]", "array of hard ones": b'["a\\u0000b", null, 1e308]',
    "NUL inside": b'{"a": {"b\\u0000": "c\\u0000"}}', "deep": b"[" * 40 + b"]" * 40, "early": b'"0001-01-01T00:00:00Z"',
    "late": b'"9999-12-31T23:59:59.999999Z"', "many": b"[" + b"1," * 20_000 + b"1]"}
IN_HEADERS = {"no UTF-8": b"\xff\xfe", "half a pair": b"\xed\xa0\x80", "UTF-8": "é".encode(), "long": b"x" * 4000,
              "quotes": b"'\"\\%_;--"}
HEADERS = ["User-Agent", "X-Request-ID", "X-Forwarded-For", "Origin", "Accept", "Accept-Encoding", "Cookie",
           "If-None-Match", "Last-Event-ID", "Range"]
MARK = "0hard0"


@pytest.fixture(scope="module")
def conformance():
    return Conformance(DOCUMENT)


class Hard:
    """Sends, and keeps what was answered as it must not be."""

    def __init__(self, callers, things, recorder, conformance, path, method):
        self.callers, self.things, self.recorder, self.conformance = callers, things, recorder, conformance
        self.path, self.method = path, method
        self.operation = f"{method.upper()} {path}"
        self.spec = DOCUMENT["paths"][path][method]
        self.who = "operator" if "/operator/" in path else "customer"
        self.names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        self.found = {}
        self.query = query_of(self.spec, DOCUMENT)

    def send(self, what, path=None, query=None, body=None, headers=None, files=None):
        ours = path is None
        if ours:
            self.found = self.things.fill(self.path, self.names)
            path = self.address(self.found)
        query = urllib.parse.urlencode(self.query) if query is None else query
        name = caller_of(self.who, self.operation)
        fields = {**credentials(self.callers, name, self.spec), **({"Content-Type": "application/json"} if body else {}),
                  **(headers or {})}
        url = f"{self.callers.stack.url}{path}{'?' + query if query else ''}"
        answer = self.callers.session_for(self.spec).request(
            self.method, url, data=body, files=files, headers=fields, timeout=20, allow_redirects=False,
            stream=self.operation in STREAMS)
        self.recorder.answered(f"hard values, {self.who}", self.operation, answer.status_code, True, self.method)
        if self.operation in STREAMS:
            answer.close()
        try:
            assert answer.status_code < 500 or beyond_us(self.spec, answer.status_code), f"{answer.status_code} {answer.text[:300]}"
            where = answer.request.path_url.split("?")[0]
            faults = self.conformance.faults(self.method.upper(), where, answer.status_code, answer.headers, answer.json,
                                             self.operation in STREAMS)
            assert not faults, "; ".join(faults[:5])
        except AssertionError as e:
            self.recorder.failed(f"hard values, {self.who}", self.operation, what, answer.status_code, str(e)[:400], "")
        if (ours and answer.status_code == 404) or (answer.status_code < 300 and takes_away(self.operation)):
            self.things.gone(self.path, self.found)
        after(self.operation, name, answer.status_code, self.callers)

    def address(self, values):
        path = self.path
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        return path


def members(value, way=()):
    """The ways to everything in a body, itself first."""
    yield way
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from members(inner, (*way, key))


def with_member(body, way, text: bytes) -> bytes:
    """The body as JSON text with this at the end of that way."""
    if not way:
        return text
    changed = copy.deepcopy(body)
    inner = changed
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = MARK
    return json.dumps(changed).encode().replace(f'"{MARK}"'.encode(), text)


def unnamed_members(spec, body):
    """What the schema allows and the example leaves out."""
    schema = spec["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return [(name,) for name in schema.get("properties", {}) if name not in body]


OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


@pytest.mark.parametrize("path,method", OPERATIONS, ids=[f"{m.upper()} {p}" for p, m in OPERATIONS])
def test_hard_values(callers, things, recorder, conformance, path, method):
    hard = Hard(callers, things, recorder, conformance, path, method)
    for parameter in hard.spec.get("parameters", []):
        for what, value in IN_ADDRESSES.items():
            where = f"{what} in {parameter['in']} {parameter['name']}"
            if parameter["in"] == "path":
                hard.found = things.fill(path, hard.names)
                hard.send(where, path=hard.address({**hard.found, parameter["name"]: value}),
                          body=json.dumps(body_of(hard.spec, DOCUMENT)) if "requestBody" in hard.spec else None)
            elif parameter["in"] == "query":  # headers: below
                rest = urllib.parse.urlencode({k: v for k, v in hard.query.items() if k != parameter["name"]})
                hard.send(where, query=f"{parameter['name']}={value}&{rest}".rstrip("&"))
    content = hard.spec.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = fit(hard.operation, body_of(hard.spec, DOCUMENT), things)
        for way in [*members(body), *unnamed_members(hard.spec, body)]:
            for what, text in IN_BODIES.items():
                hard.send(f"{what} at {'/'.join(map(str, way))}",
                          body=with_member(fit(hard.operation, body, things), way, text))
    elif "multipart/form-data" in content:
        for name in content["multipart/form-data"]["schema"]["properties"]:
            for what, text in IN_BODIES.items():
                hard.send(f"{what} in part {name}", files={name: ("a", text)})
                hard.send(f"{what} as the name of part {name}", files={name: (text[:200].decode("latin-1"), b"x")})
    elif "application/octet-stream" in content:
        for what, text in IN_BODIES.items():
            hard.send(what, body=text, headers={"Content-Type": "application/octet-stream"})
    elif content:
        schema = DOCUMENT["components"]["schemas"][next(iter(content.values()))["schema"]["$ref"].rsplit("/", 1)[-1]]
        for name in schema["properties"]:
            for what, value in IN_ADDRESSES.items():
                rest = {"grant_type": "password", "client_id": "pulse-ui", "username": "nobody", "password": "wrong"}
                rest.pop(name, None)
                hard.send(f"{what} in form {name}", body=f"{urllib.parse.urlencode(rest)}&{name}={value}",
                          headers={"Content-Type": "application/x-www-form-urlencoded"})


def one_of_each():
    """A reading and a writing operation of each kind of access: headers are looked at before, and for all alike."""
    found = {}
    for path, method in OPERATIONS:
        if f"{method.upper()} {path}" not in STREAMS | IN_TURNS and not path.endswith("/export"):
            found.setdefault((DOCUMENT["paths"][path][method]["x-access"], method == "get"), (path, method))
    return sorted(found.values())


@pytest.mark.parametrize("path,method", one_of_each(), ids=[f"{m.upper()} {p}" for p, m in one_of_each()])
def test_hard_headers(callers, things, recorder, conformance, path, method):
    hard = Hard(callers, things, recorder, conformance, path, method)
    example = body_of(hard.spec, DOCUMENT)
    for name in HEADERS:
        for what, value in IN_HEADERS.items():
            hard.send(f"{what} in {name}", headers={name: value}, body=json.dumps(example) if example else None)
