"""What the OpenAPI document promises of an answer, and whether the answer keeps it."""

import re

import jsonschema
import promises

METHODS = ("get", "post", "put", "patch", "delete")

# What Pulse answers besides its API, by nature: pages, their forms and files, and addresses that only lead elsewhere.
OUTSIDE = re.compile(r"\w+ (/|/app(/.*)?|/files/.*|/(customer|operator)/.*|/realms/pulse/login-actions/.*|"
                     r"/realms/pulse/protocol/openid-connect/(login-status-iframe\.html|3p-cookies/.*))$|"
                     r"POST /realms/pulse/protocol/openid-connect/(auth|userinfo)$")


class Conformance:
    """Knows an OpenAPI document, and notes which of its answers were seen."""

    def __init__(self, document: dict):
        self.document = document
        self.promised = {(p["method"], p["path"], p["success"]): p["answer"] for p in promises.read()}
        self.seen = set()  # (method, pattern, status)
        self.checked = 0
        self._validators = {}
        # Fixed paths before those with parameters: /devices/summary is no device.
        patterns = sorted(document["paths"], key=lambda p: (p.count("{"), -len(p)))
        self._patterns = [(p, re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", p) + "$")) for p in patterns]

    def operations(self):
        """(method, path, operation) of all."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method in METHODS:
                    yield method.upper(), path, operation

    def find(self, method: str, path: str):
        for pattern, expression in self._patterns:
            operation = self.document["paths"][pattern].get(method.lower())
            if operation and expression.match(path):
                return pattern, operation
        return None, None

    def faults(self, method: str, path: str, status: int, headers, value=None, stream: bool = False) -> list:
        """What an answer breaks of the document, or of a contract; nothing: it is as promised. `value()`: its body as JSON;
        `stream`: only status and content type are looked at."""
        where = f"{method} {path} -> {status}"
        if method == "OPTIONS" or OUTSIDE.match(f"{method} {path}"):
            return []
        pattern, operation = self.find("GET" if method == "HEAD" else method, path)
        if operation is None:
            return [] if status in (404, 405) else [f"{where}: no such operation is documented"]
        self.checked += 1
        promised = operation["responses"].get(str(status))
        if promised is None:
            return [f"{where} is not among {sorted(operation['responses'])}"]
        key = ("GET" if method == "HEAD" else method, pattern, status)
        self.seen.add(key)
        body = None if method == "HEAD" or stream else value
        return [f"{where}: {fault}" for fault in [*self._header_faults(promised, headers),
                                                  *self._content_faults(key, promised, headers, body),
                                                  *self._field_faults(key, body)]]

    def _header_faults(self, promised: dict, headers):
        for name, told in promised.get("headers", {}).items():
            told = self._resolve(told)
            if name not in headers:
                if told.get("required"):
                    yield f"header {name} is missing"
                continue
            text = headers[name]
            value = int(text) if told["schema"].get("type") == "integer" and text.isdigit() else text
            for e in self._validator(("header", name), told["schema"]).iter_errors(value):
                yield f"header {name}: {e.message[:200]}"

    def _content_faults(self, key: tuple, promised: dict, headers, value):
        content = promised.get("content", {})
        kind = headers.get("Content-Type", "").split(";")[0].strip()
        if not content and not kind:
            return
        if kind not in content:
            yield f"content type {kind or 'none'} is not among {sorted(content) or 'none'}"
            return
        schema = content[kind].get("schema")
        if value is None or schema is None or kind != "application/json":
            return
        for e in self._validator(key, schema).iter_errors(value()):
            yield f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"

    def _field_faults(self, key: tuple, value):
        fields = self.promised.get(key)
        return promises.value_faults(value(), fields) if fields and value else []

    def _resolve(self, told: dict) -> dict:
        if "$ref" not in told:
            return told
        return self.document["components"]["headers"][told["$ref"].rsplit("/", 1)[-1]]

    def _validator(self, key: tuple, schema: dict):
        if key not in self._validators:
            whole = {**schema, "components": self.document.get("components", {})}
            self._validators[key] = jsonschema.Draft202012Validator(whole)
        return self._validators[key]

    def successes(self):
        """(method, path, status) of every documented success. A redirect is one where there is no other; of what is
        gone, that it is."""
        for method, path, operation in self.operations():
            told = [int(status) for status in operation["responses"] if int(status) < 400]
            if not told and "410" in operation["responses"]:
                told = [410]
            for status in [s for s in told if s < 300] or told:
                yield method, path, status
