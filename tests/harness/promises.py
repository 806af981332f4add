"""Fields that a contract names, looked up in the schemas of our OpenAPI document, and in what is answered.

A field of an answer is written as a way ("devices[].template.id") and a type: str, num, bool, object, array or any,
with "|null" where it may be null and "?" where it may be missing. A field of a body is written as JSON Schema says it."""

import json
import pathlib

CONTRACT = pathlib.Path(__file__).resolve().parents[1] / "contract"
KINDS = {"str": {"string"}, "num": {"integer", "number"}, "bool": {"boolean"}, "object": {"object"}, "array": {"array"}}
TYPES = {"str": str, "num": (int, float), "bool": bool, "object": dict, "array": list}
LIMITS = ("minLength", "maxLength", "minimum", "maximum", "enum")


def read() -> list:
    """The endpoints that clients were promised, with their statuses, bodies and answers."""
    return [json.loads(line) for file in sorted(CONTRACT.glob("*.jsonl")) for line in file.read_text().splitlines()]


def steps_of(way: str) -> list:
    return way.replace("[]", ".[]").strip(".").split(".")


def value_faults(value, promised: dict):
    """Where an answer lacks what is promised, or has it otherwise."""
    for way, told in promised.items():
        *before, last = steps_of(way)
        found = [value]
        for step in before:
            found = [inner for one in found if one is not None
                     for inner in (one if step == "[]" else [one.get(step)] if isinstance(one, dict) else [])]
        kind = told.rstrip("?").removesuffix("|null")
        for parent in (one for one in found if isinstance(one, dict)):
            one = parent.get(last)
            if last not in parent and not told.endswith("?"):
                yield f"{way} is missing"
            elif one is None and kind != "any" and "|null" not in told and not told.endswith("?"):
                yield f"{way} is null"
            elif one is not None and kind != "any" and (
                    not isinstance(one, TYPES[kind]) or isinstance(one, bool) != (kind == "bool")):
                yield f"{way} is {json.dumps(one)[:60]}, not {kind}"


class Schemas:
    def __init__(self, document):
        self.components = document["components"]["schemas"]

    def plain(self, schema):
        """Without references and null: the schema, and whether null is another choice."""
        null = False
        while True:
            if "$ref" in schema:
                schema = self.components[schema["$ref"].rsplit("/", 1)[-1]]
            elif "anyOf" in schema:
                choices = [s for s in schema["anyOf"] if s.get("type") != "null"]
                null = null or len(choices) < len(schema["anyOf"])
                if len(choices) != 1:
                    return schema, null
                schema = choices[0]
            else:
                return schema, null or "null" in self.kinds(schema)

    @staticmethod
    def kinds(schema):
        kind = schema.get("type", [])
        return set(kind) if isinstance(kind, list) else {kind}

    def at(self, schema, way):
        """What stands at the end of a way: (schema, whether it may be null, whether it is always there). Nothing is
        known where a schema is open; None: it is not there."""
        null, always = False, True
        for step in steps_of(way):
            schema, _ = self.plain(schema)
            if not schema or schema == {"type": "object", "additionalProperties": True}:
                return {}, False, True
            if step == "[]":
                inner = schema.get("items")
            else:
                inner = schema.get("properties", {}).get(step)
            if inner is None:
                return None
            plain, null = self.plain(inner)
            # Members that may be null are written as null; what is open may be, too.
            always = step == "[]" or step in schema.get("required", []) or null or not plain
            schema = plain
        return schema, null, always

    def answer_faults(self, schema, promised: dict):
        """What an answer's schema owes to the fields that are promised."""
        for way, told in promised.items():
            found = self.at(schema, way)
            kind = told.rstrip("?").removesuffix("|null")
            if found is None:
                if not told.endswith("?") and "?" not in [promised.get(way[:i], "")[-1:] for i in range(len(way))]:
                    yield f"{way} is missing"
                continue
            ours, null, always = found
            if not always and not told.endswith("?"):
                yield f"{way} may be missing"
            elif null and kind != "any" and "|null" not in told and not told.endswith("?"):
                yield f"{way} may be null"
            elif kind != "any" and (self.kinds(ours) - {"null"}) and not (self.kinds(ours) & KINDS[kind]):
                yield f"{way} is {self.kinds(ours)}, not {kind}"

    def body_faults(self, schema, promised: dict):
        """Where a body's schema refuses what is allowed to be sent."""
        schema, _ = self.plain(schema)
        for name in set(schema.get("required", [])) - {n for n, told in promised.items() if told.get("required")}:
            yield f"{name} is required"
        for name, told in promised.items():
            ours = schema.get("properties", {}).get(name)
            if ours is None:
                yield f"{name} is not taken"
                continue
            if told.get("required") and name not in schema.get("required", []):
                yield f"{name} is not required"
            ours, null = self.plain(ours)
            kind, _, may_be_null = told["type"].partition("|")
            if may_be_null and self.kinds(ours) and not null:
                yield f"{name} is not taken as null"
            if kind != "any" and self.kinds(ours) - {"null"} and kind not in self.kinds(ours):
                yield f"{name} is {self.kinds(ours)}, not {kind}"
            for limit in LIMITS:
                allowed = ours.get(limit)
                allowed = [word for word in allowed if word is not None] if isinstance(allowed, list) else allowed
                if limit in told and allowed != told[limit]:
                    yield f"{name}: {limit} is {allowed}, not {told[limit]}"
