"""A pydantic schema as other tools write it: zod, OpenAPI 3.0, TypeScript, a function call, Gemini's response schema."""

from copy import deepcopy

NULL = {"type": "null"}
KEPT = ("title", "default", "discriminator")  # What most tools leave out, or say in their own way.


def descend(node, write):
    """Return a schema with every schema directly inside it written anew; `write` is given its way from there too."""
    plain = dict(node)
    for word in ("properties", "$defs"):
        if word in plain:
            plain[word] = {name: write(part, f"{word}/{name}") for name, part in plain[word].items()}
    for word in ("anyOf", "oneOf", "prefixItems"):
        if word in plain:
            plain[word] = [write(part, f"{word}/{place}") for place, part in enumerate(plain[word])]
    for word in ("items", "additionalProperties"):
        if isinstance(plain.get(word), dict):
            plain[word] = write(plain[word], word)
    return plain


def leave_out(node, *words):
    """Return a schema without some keywords."""
    return {word: value for word, value in node.items() if word not in words}


def rename(node, **names):
    """Return a schema with keywords under other names, in their places."""
    return {names.get(word, word): value for word, value in node.items()}


def close(node):
    """Return a schema that takes no other fields than its own."""
    return {**node, "additionalProperties": False} if "properties" in node else node


def as_zod(schema, name):
    """As zod-to-json-schema: draft-07, everything in place; a part that comes again refers to where it came first."""
    seen = {}

    def write(node, pointer):
        if "$ref" in node:
            target = node["$ref"].rsplit("/", 1)[1]
            if target in seen:
                return {"$ref": seen[target]}
            seen[target] = pointer
            return write(schema["$defs"][target], pointer)
        plain = rename(leave_out(node, *KEPT, "$defs"), oneOf="anyOf")
        branches = plain.get("anyOf", [{"enum": []}])
        if all(set(branch) == {"type"} for branch in branches):
            return {"type": [branch["type"] for branch in branches], **leave_out(plain, "anyOf")}
        below = descend(plain, lambda part, way: write(part, f"{pointer}/{way.replace('prefixItems', 'items')}"))
        return close(rename(below, prefixItems="items"))

    top = write(leave_out(schema, "$defs"), f"#/definitions/{name}")
    return {"$ref": f"#/definitions/{name}", "definitions": {name: top}, "$schema": "http://json-schema.org/draft-07/schema#"}


def as_typescript(schema, name):
    """As ts-json-schema-generator: draft-07, a definition for each interface."""

    def write(node, _way=""):
        if "$ref" in node:  # Nothing counts beside a reference.
            return {"$ref": node["$ref"].replace("$defs", "definitions")}
        return close(rename(descend(leave_out(node, *KEPT), write), prefixItems="items", oneOf="anyOf"))

    named = {key: write(part) for key, part in schema.get("$defs", {}).items()}
    definitions = {name: write(leave_out(schema, "$defs")), **named}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": f"#/definitions/{name}",
        "definitions": definitions,
    }


def as_openapi(schema, name):
    """As an OpenAPI 3.0 document keeps it: `nullable`, `allOf` around a reference, exclusive bounds as flags."""

    def write(node, _way=""):
        plain = leave_out(node, "title")
        branches = plain.get("anyOf", [])
        if NULL in branches:
            rest = [write(branch) for branch in branches if branch != NULL]
            one = rest[0] if len(rest) == 1 else {"oneOf": rest}
            return {**({"allOf": [one]} if "$ref" in one else one), **leave_out(plain, "anyOf"), "nullable": True}
        if "$ref" in plain:
            reference = {"$ref": plain.pop("$ref").replace("$defs", "components/schemas")}
            return {"allOf": [reference], **plain} if plain else reference
        if "prefixItems" in plain:  # It has no tuples.
            plain = {**leave_out(plain, "prefixItems"), "items": {}}
        return descend(_say_as_openapi(plain), write)

    named = {key: write(part) for key, part in schema.get("$defs", {}).items()}
    top = write(leave_out(schema, "$defs"))
    return {"components": {"schemas": {**named, name: top}}, "$ref": f"#/components/schemas/{name}"}


def _say_as_openapi(node):
    """Say constants, exclusive bounds and mappings as OpenAPI 3.0 does."""
    plain = {"enum" if word == "const" else word: [value] if word == "const" else value for word, value in node.items()}
    for limit in ("Minimum", "Maximum"):
        if f"exclusive{limit}" in plain:
            plain |= {limit.lower(): plain[f"exclusive{limit}"], f"exclusive{limit}": True}
    if "discriminator" in plain:
        mapping = plain["discriminator"]["mapping"].items()
        moved = {key: target.replace("$defs", "components/schemas") for key, target in mapping}
        plain["discriminator"] = {**plain["discriminator"], "mapping": moved}
    return plain


def as_function_call(schema, name):
    """As a strict tool of a chat interface: every field required, no defaults."""

    def write(node, _way=""):
        plain = rename(descend(leave_out(node, *KEPT), write), oneOf="anyOf")
        return close({**plain, "required": list(plain["properties"])}) if "properties" in plain else plain

    function = {"name": name, "description": f"Record a {name}.", "strict": True, "parameters": write(schema)}
    return {"type": "function", "function": function}


def as_gemini(schema, _name):
    """As a response schema in capitals, everything in place; None where it cannot say the schema: maps, tuples, recursion."""
    try:
        written = _write_capitals(schema, schema.get("$defs", {}), ())
    except NotImplementedError:
        return None
    return {"generationConfig": {"responseMimeType": "application/json", "responseSchema": written}}


def _write_capitals(node, named, within):
    if "$ref" in node:
        target = node["$ref"].rsplit("/", 1)[1]
        if target in within:
            raise NotImplementedError
        return _write_capitals(named[target], named, (*within, target))
    if "prefixItems" in node or isinstance(node.get("additionalProperties"), dict):
        raise NotImplementedError
    plain = rename(leave_out(node, *KEPT, "$defs", "additionalProperties"), oneOf="anyOf")
    if NULL in plain.get("anyOf", ()):
        rest = [branch for branch in plain["anyOf"] if branch != NULL]
        plain = {**leave_out(plain, "anyOf"), **({"anyOf": rest} if len(rest) > 1 else {}), "nullable": True}
        if len(rest) == 1:
            return {**_write_capitals(rest[0], named, within), **plain}
    plain = descend(plain, lambda part, _way: _write_capitals(part, named, within))
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    for word in {"type", "minItems", "maxItems"} & set(plain):
        plain[word] = plain[word].upper() if word == "type" else str(plain[word])
    if "properties" in plain:
        parts = plain["properties"]
        plain |= {"properties": {key: parts[key] for key in sorted(parts)}, "propertyOrdering": list(parts)}
    return plain


FORMS = {
    "pydantic": lambda schema, _name: deepcopy(schema),
    "zod": as_zod,
    "typescript": as_typescript,
    "openapi": as_openapi,
    "function": as_function_call,
    "gemini": as_gemini,
}
