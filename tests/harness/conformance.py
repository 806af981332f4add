"""Checks every JSON answer against what the OpenAPI document promises for it."""

import re

import jsonschema
import requests


class Conformance:
    """Knows a server's OpenAPI document. `check(answer)` fails when an answer breaks its promise."""

    def __init__(self, url: str):
        self.document = requests.get(f"{url}/openapi.json", timeout=10).json()
        self.seen = set()
        # Fixed paths before those with parameters: /devices/summary is no device.
        patterns = sorted(self.document["paths"], key=lambda p: (p.count("{"), -len(p)))
        self.patterns = [(p, re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", p) + "$")) for p in patterns]

    def operations(self):
        """(method, path, operation) of all."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    yield method.upper(), path, operation

    def find(self, method: str, path: str):
        for pattern, expression in self.patterns:
            operation = self.document["paths"][pattern].get(method.lower())
            if operation and expression.match(path):
                return pattern, operation
        return None, None

    def check(self, answer: requests.Response) -> requests.Response:
        path = answer.request.path_url.split("?")[0]
        pattern, operation = self.find(answer.request.method, path)
        if operation is None:
            return answer
        where = f"{answer.request.method} {path} -> {answer.status_code}"
        promised = operation["responses"].get(str(answer.status_code))
        assert promised is not None, f"{where} is not among {sorted(operation['responses'])}: {answer.text[:300]}"
        self.seen.add((answer.request.method, pattern, answer.status_code))
        content = promised.get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None or not answer.headers.get("Content-Type", "").startswith("application/json"):
            assert schema is None, f"{where} should be JSON and is {answer.headers.get('Content-Type')}"
            return answer
        self.validate(schema, answer.json(), where)
        return answer

    def validate(self, schema: dict, value, where: str):
        whole = {**schema, "components": self.document.get("components", {})}
        faults = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
                  for e in jsonschema.Draft202012Validator(whole).iter_errors(value)]
        assert not faults, f"{where} breaks its schema: {faults[:5]}"
