"""The schema inside what people paste: a function call, a response format, a document that only defines schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.answers.keywords import CONTAINERS
from core.answers.references import write_pointer
from core.errors import LabError

# What makes an object a schema itself. `type` does not: {"type": "function", …} is a wrapper.
SIGNS = {"properties", "patternProperties", "additionalProperties", "required", "items", "prefixItems", "enum", "const"}
SIGNS |= {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if"}
# Keys under which a wrapper holds the schema, the outer ones first; those of OpenAI, Anthropic, Gemini and MCP.
KEYS = (
    *("tools", "functions", "functionDeclarations", "function_declarations", "function", "toolSpec"),
    *("response_format", "responseFormat", "text", "format", "generationConfig", "generation_config"),
    *("json_schema", "jsonSchema", "parameters", "parametersJsonSchema", "input_schema", "inputSchema"),
    *("response_schema", "responseSchema", "responseJsonSchema", "schema", "json"),
)
DEFINITIONS = (("$defs",), ("definitions",), ("components", "schemas"))
MAX_LAYERS = 8
SHOWN = 5  # Names in a refusal.


def unwrap_schema(value: Any, *, origin: str) -> Any:
    """Return the schema inside a wrapper; what is no wrapper comes back as it is.

    Raises:
        LabError: There are several schemas to choose from.
    """
    around: dict[str, Any] = {}  # Definitions beside the schema, which it may refer to.
    for _ in range(MAX_LAYERS):
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            if len(value) > 1:
                raise LabError(f"{origin} is a list of {len(value)} schemas.", "Keep the one that an answer must have.")
            value = value[0]
        elif not isinstance(value, Mapping) or SIGNS & set(value):
            break
        else:
            key = next((key for key in KEYS if isinstance(value.get(key), Mapping | list)), None)
            if key is None:
                return _choose_definition({**around, **value}, origin=origin)
            around |= {word: value[word] for word in CONTAINERS & set(value)}
            value = value[key]
    return {**around, **value} if isinstance(value, Mapping) and around else value


def _choose_definition(value: Mapping[str, Any], *, origin: str) -> Any:
    """Return a schema that is the only one that a document defines; the document itself where it defines none."""
    found: list[tuple[str, ...]] = []
    for path in DEFINITIONS:
        held: Any = value
        for key in path:
            held = held.get(key) if isinstance(held, Mapping) else None
        found += [(*path, name) for name in held] if isinstance(held, Mapping) else []
    if not found or value.get("type") is not None:
        return value
    if len(found) > 1:
        names = ", ".join(path[-1] for path in found[:SHOWN]) + (" …" if len(found) > SHOWN else "")
        raise LabError(
            f"{origin} defines {len(found)} schemas ({names}) and does not say which one an answer has.",
            f'Add "$ref": "{write_pointer(found[0])}" at its top, with the right name.',
        )
    return {"$ref": write_pointer(found[0]), **value}
