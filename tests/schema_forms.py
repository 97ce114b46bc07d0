"""A pydantic schema as other tools write it: zod, OpenAPI 3.0, TypeScript, a function call, Gemini's response schema."""

from copy import deepcopy

NULL = {"type": "null"}
KEPT = ("title", "default", "discriminator")  # What most tools leave out, or say in their own way.


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
        plain = {word: value for word, value in node.items() if word not in (*KEPT, "$defs")}
        if "anyOf" in plain:
            branches = plain["anyOf"]
            simple = [branch for branch in branches if set(branch) == {"type"}]
            if len(simple) == len(branches):
                del plain["anyOf"]
                return {"type": [branch["type"] for branch in branches], **plain}
        for word in ("anyOf", "oneOf"):
            if word in plain:
                plain["anyOf"] = [write(branch, f"{pointer}/anyOf/{n}") for n, branch in enumerate(plain.pop(word))]
        if "properties" in plain:
            parts = plain["properties"].items()
            plain["properties"] = {key: write(part, f"{pointer}/properties/{key}") for key, part in parts}
            plain["additionalProperties"] = False
        if isinstance(plain.get("additionalProperties"), dict):
            plain["additionalProperties"] = write(plain["additionalProperties"], f"{pointer}/additionalProperties")
        if "items" in plain:
            plain["items"] = write(plain["items"], f"{pointer}/items")
        if "prefixItems" in plain:
            places = enumerate(plain.pop("prefixItems"))
            plain["items"] = [write(part, f"{pointer}/items/{place}") for place, part in places]
        return plain

    top = write({word: value for word, value in schema.items() if word != "$defs"}, f"#/definitions/{name}")
    return {"$ref": f"#/definitions/{name}", "definitions": {name: top}, "$schema": "http://json-schema.org/draft-07/schema#"}


def as_typescript(schema, name):
    """As ts-json-schema-generator: draft-07, a definition for each interface."""

    def write(node):
        plain = {word: value for word, value in node.items() if word not in KEPT}
        if "$ref" in plain:  # Nothing counts beside a reference.
            return {"$ref": plain["$ref"].replace("$defs", "definitions")}
        if "oneOf" in plain:
            plain["anyOf"] = plain.pop("oneOf")
        if "prefixItems" in plain:
            plain["items"] = plain.pop("prefixItems")
        for word in ("anyOf", "items"):
            if isinstance(plain.get(word), list):
                plain[word] = [write(part) for part in plain[word]]
        for word in ("items", "additionalProperties"):
            if isinstance(plain.get(word), dict):
                plain[word] = write(plain[word])
        if "properties" in plain:
            plain["properties"] = {key: write(part) for key, part in plain["properties"].items()}
            plain["additionalProperties"] = False
        return plain

    named = {key: write(part) for key, part in schema.get("$defs", {}).items()}
    top = write({word: value for word, value in schema.items() if word != "$defs"})
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": f"#/definitions/{name}",
        "definitions": {name: top, **named},
    }


def as_openapi(schema, name):
    """As an OpenAPI 3.0 document keeps it: `nullable`, `allOf` around a reference, exclusive bounds as flags."""

    def write(node):
        plain = {word: value for word, value in node.items() if word != "title"}
        branches = plain.get("anyOf", [])
        if NULL in branches:
            rest = [branch for branch in branches if branch != NULL]
            del plain["anyOf"]
            one = write(rest[0]) if len(rest) == 1 else {"oneOf": [write(branch) for branch in rest]}
            one = {"allOf": [one]} if "$ref" in one else one
            return {**one, **plain, "nullable": True}
        if "$ref" in plain:
            reference = {"$ref": plain.pop("$ref").replace("$defs", "components/schemas")}
            return {"allOf": [reference], **plain} if plain else reference
        for word in ("anyOf", "oneOf"):
            if word in plain:
                plain[word] = [write(branch) for branch in plain[word]]
        if "const" in plain:
            plain["enum"] = [plain.pop("const")]
        for limit in ("Minimum", "Maximum"):
            if f"exclusive{limit}" in plain:
                plain |= {limit.lower(): plain[f"exclusive{limit}"], f"exclusive{limit}": True}
        if "prefixItems" in plain:  # It has no tuples.
            del plain["prefixItems"]
            plain["items"] = {}
        for word in ("items", "additionalProperties"):
            if isinstance(plain.get(word), dict):
                plain[word] = write(plain[word])
        if "properties" in plain:
            plain["properties"] = {key: write(part) for key, part in plain["properties"].items()}
        if "discriminator" in plain:
            mapping = plain["discriminator"]["mapping"].items()
            moved = {key: target.replace("$defs", "components/schemas") for key, target in mapping}
            plain["discriminator"] = {**plain["discriminator"], "mapping": moved}
        return plain

    named = {key: write(part) for key, part in schema.get("$defs", {}).items()}
    top = write({word: value for word, value in schema.items() if word != "$defs"})
    return {"components": {"schemas": {**named, name: top}}, "$ref": f"#/components/schemas/{name}"}


def as_function_call(schema, name):
    """As a strict tool of a chat interface: every field required, no defaults."""

    def write(node):
        if isinstance(node, list):
            return [write(part) for part in node]
        if not isinstance(node, dict):
            return node
        plain = {word: value for word, value in node.items() if word not in KEPT}
        for word in ("anyOf", "oneOf", "items", "prefixItems", "additionalProperties"):
            if word in plain:
                plain["anyOf" if word == "oneOf" else word] = write(plain.pop(word))
        for word in ("properties", "$defs"):
            if word in plain:
                plain[word] = {key: write(part) for key, part in plain[word].items()}
        if "properties" in plain:
            plain |= {"required": list(plain["properties"]), "additionalProperties": False}
        return plain

    function = {"name": name, "description": f"Record a {name}.", "strict": True, "parameters": write(schema)}
    return {"type": "function", "function": function}


def as_gemini(schema, _name):
    """As a response schema in capitals, everything in place; None where it cannot say the schema: maps, tuples, recursion."""

    def write(node, within):
        if "$ref" in node:
            target = node["$ref"].rsplit("/", 1)[1]
            if target in within:
                raise NotImplementedError
            return write(schema["$defs"][target], (*within, target))
        if "prefixItems" in node or isinstance(node.get("additionalProperties"), dict):
            raise NotImplementedError
        plain = {word: value for word, value in node.items() if word not in (*KEPT, "$defs", "additionalProperties", "oneOf")}
        branches = [branch for branch in node.get("anyOf", node.get("oneOf", [])) if branch != NULL]
        if branches:
            plain.pop("anyOf", None)
            parts = [write(branch, within) for branch in branches]
            plain = {**parts[0], **plain} if len(parts) == 1 else {"anyOf": parts, **plain}
            if NULL in node.get("anyOf", ()):
                plain["nullable"] = True
            return plain
        if "const" in plain:
            plain["enum"] = [plain.pop("const")]
        if isinstance(plain.get("type"), str):
            plain["type"] = plain["type"].upper()
        if "items" in plain:
            plain["items"] = write(plain["items"], within)
        for word in ("minItems", "maxItems"):
            if word in plain:
                plain[word] = str(plain[word])
        if "properties" in plain:
            parts = plain["properties"]
            plain["properties"] = {key: write(parts[key], within) for key in sorted(parts)}
            plain["propertyOrdering"] = list(parts)
        return plain

    try:
        written = write(schema, ())
    except NotImplementedError:
        return None
    return {"generationConfig": {"responseMimeType": "application/json", "responseSchema": written}}


FORMS = {
    "pydantic": lambda schema, _name: deepcopy(schema),
    "zod": as_zod,
    "typescript": as_typescript,
    "openapi": as_openapi,
    "function": as_function_call,
    "gemini": as_gemini,
}
