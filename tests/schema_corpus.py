"""Schemas of every keyword family, small enough that a random model finishes: our own corpus for the constraint."""

WORD = {"type": "string", "maxLength": 6}


def of(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def array(items, **more):
    return {"type": "array", "items": items, "maxItems": 3, **more}


SCHEMAS = [
    # Scalars.
    of(a=WORD), of(a={"type": "boolean"}), of(a={"type": "null"}), of(a={"type": "integer", "minimum": 0, "maximum": 9}),
    of(a={"type": "integer", "minimum": -5, "maximum": 5}), of(a={"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 7}),
    of(a={"type": "number", "minimum": 0, "maximum": 1}), of(a={"type": "number", "exclusiveMinimum": 0, "maximum": 10}),
    of(a={"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 100}), of(a={"type": ["string", "null"], "maxLength": 4}),
    of(a={"type": ["integer", "boolean"], "minimum": 0, "maximum": 20}), of(a={"const": "fixed"}), of(a={"const": 12}),
    of(a={"const": None}), of(a={"const": [1, "x"]}), of(a={"const": {"k": True}}),
    # Choices.
    of(a={"enum": ["red", "green", "blue"]}), of(a={"enum": [1, 2, 3]}), of(a={"enum": ["a", 1, None, True]}),
    of(a={"enum": ["one word", "two words", 'quoted "word"']}), of(a={"enum": ["é", "ü", "日本"]}), of(a={"enum": ["yes"]}),
    of(a={"type": "string", "enum": ["x", "xx", "xxx"]}), of(a={"enum": [{"k": 1}, [2]]}),
    # Strings.
    of(a={"type": "string", "minLength": 2, "maxLength": 3}), of(a={"type": "string", "pattern": "^[a-z]{3}$"}),
    of(a={"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}), of(a={"type": "string", "pattern": "^(ab|cd){1,2}$"}),
    of(a={"type": "string", "format": "date"}), of(a={"type": "string", "format": "time"}),
    of(a={"type": "string", "format": "date-time"}), of(a={"type": "string", "format": "uuid"}),
    of(a={"type": "string", "format": "ipv4"}), of(a={"type": "string", "minLength": 0, "maxLength": 0}),
    # Arrays.
    of(a=array(WORD)), of(a=array({"type": "boolean"}, minItems=1)), of(a=array({"enum": ["p", "q"]}, minItems=2)),
    of(a=array({"type": "integer", "minimum": 0, "maximum": 9}, minItems=3)), of(a=array(array({"type": "boolean"}))),
    of(a={"type": "array", "maxItems": 0}), of(a={"type": "array", "prefixItems": [WORD, {"type": "boolean"}], "items": False, "minItems": 2}),
    of(a=array(of(k={"type": "boolean"}))), of(a=array({"type": ["boolean", "null"]}, minItems=1)),
    # Objects.
    of(a=of(b=of(c={"type": "boolean"}))), of(a=of(b=WORD, c={"type": "null"}), d={"enum": [1]}),
    {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}, "required": ["b"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False},
    {"type": "object", "properties": {"b": WORD, "a": {"type": "boolean"}}, "required": ["a", "b"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "patternProperties": {"^k[0-9]$": {"type": "boolean"}}, "additionalProperties": False, "maxProperties": 3},
    {"type": "object", "properties": {"é key": {"type": "boolean"}, 'q"q': {"type": "null"}}, "required": ["é key", 'q"q'], "additionalProperties": False},
    # Combinations and references.
    of(a={"anyOf": [{"type": "boolean"}, {"type": "null"}]}), of(a={"anyOf": [WORD, {"type": "integer", "minimum": 0, "maximum": 3}]}),
    of(a={"oneOf": [{"const": "l"}, {"const": "r"}]}), of(a={"oneOf": [{"type": "boolean"}, {"type": "null"}]}),
    of(a={"allOf": [{"type": "integer"}, {"minimum": 2}, {"maximum": 4}]}), of(a={"allOf": [WORD, {"minLength": 1}]}),
    {**of(a={"$ref": "#/$defs/flag"}), "$defs": {"flag": {"type": "boolean"}}},
    {**of(a=array({"$ref": "#/$defs/word"})), "$defs": {"word": WORD}},
    {**of(a={"$ref": "#/$defs/outer"}), "$defs": {"outer": of(x={"$ref": "#/$defs/inner"}), "inner": {"enum": [1, 2]}}},
    of(a={"description": "described", "title": "Titled", "type": "boolean"}), of(a={"type": "boolean", "default": True, "examples": [False]}),
    # As tasks have them.
    of(answer={"type": ["string", "null"], "maxLength": 8}, area={"enum": ["pay", "time", "none"]}, sure={"type": "boolean"}),
    of(name=WORD, years={"type": "integer", "minimum": 0, "maximum": 60}, skills=array({"enum": ["sql", "python", "go"]}), remote={"type": "boolean"}),
    of(score={"type": "integer", "minimum": 0, "maximum": 4}, verdict={"enum": ["A1", "B2"]}, covered=array(WORD), missing=array(WORD)),
]  # fmt: skip
