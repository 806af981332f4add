"""Something that a schema of the OpenAPI document takes."""


def example_of(schema, components, depth=0):
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rsplit("/", 1)[-1]], components, depth + 1)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return example_of(schema[choice][0], components, depth + 1)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = next((k for k in kind if k != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object":
        wanted = schema.get("required") or list(schema.get("properties", {}))[:1]
        return {name: example_of(schema["properties"][name], components, depth + 1) for name in wanted}
    if kind == "array":
        return [example_of(schema["items"], components, depth + 1)] * max(1, schema.get("minItems", 0))
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    return "x" * max(1, schema.get("minLength", 1))


def body_of(operation, document):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    return content.get("example") or example_of(content["schema"], document["components"]["schemas"])


def query_of(operation, document):
    return {p["name"]: example_of(p["schema"], document["components"]["schemas"])
            for p in operation.get("parameters", []) if p["in"] == "query" and p.get("required")}
