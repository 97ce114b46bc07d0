"""The public JSON Schema test suite, required cases of drafts 2020-12 and 7: every one is right, or named here."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from core.answers.bounds import bound_outputs
from core.answers.kinds import find_atom
from core.answers.normalising import normalise_schema
from core.answers.references import find_outside
from core.answers.validation import validate
from core.answers.view import view_schema

SUITE = Path(__file__).resolve().parents[4] / "shared" / "data" / "json_schema_test_suite" / "cases.jsonl.gz"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
# Formats are asserted here, which the suite leaves to the validator.
ASSERTED = "is only an annotation by default"
# A document that says itself which keywords count; what it refers to for that is not in it.
CUSTOM = "schema that uses custom metaschema with with no validation vocabulary"


@pytest.fixture(scope="module")
def cases():
    if not SUITE.is_file():
        pytest.skip(f"needs the JSON Schema test suite at {SUITE}")
    read = [json.loads(line) for line in gzip.decompress(SUITE.read_bytes()).decode().splitlines()]
    required = [case for case in read if case["kind"] == "required"]
    for case in required:
        if case["draft"] == "draft7" and isinstance(case["schema"], dict):  # The suite leaves the draft to the folder's name.
            case["schema"] = {"$schema": DRAFT7, **case["schema"]}
    return required


def _is_right(case):
    return bool(validate(case["data"], case["schema"])) != case["valid"]


@pytest.mark.parametrize("draft", ["draft2020-12", "draft7"])
def test_every_case_is_right_but_for_what_is_named(cases, draft):
    mine = [case for case in cases if case["draft"] == draft]
    assert len(mine) > 900
    wrong = [case for case in mine if not _is_right(case)]
    remote = [case for case in wrong if find_outside(case["schema"]) is not None]
    rest = [case for case in wrong if case not in remote and ASSERTED not in case["test"] and case["group"] != CUSTOM]
    assert not [(case["file"], case["group"], case["test"]) for case in rest]
    named = Counter(case["file"] for case in remote)
    assert set(named) <= {"refRemote.json", "dynamicRef.json"}
    # A reference to another document is never followed, so nothing is called valid that it might forbid.
    assert all(case["valid"] for case in remote)


def test_the_one_form_is_a_fixed_point_and_says_the_same(cases):
    seen = {}
    for case in cases:
        text = json.dumps(case["schema"])
        if text not in seen:
            seen[text] = plain = normalise_schema(case["schema"])
            assert normalise_schema(plain) == plain, case["schema"]
    assert len(seen) > 500


def test_what_the_suite_calls_valid_a_view_allows(cases):
    for case in cases:
        if not case["valid"] or find_outside(case["schema"]) is not None:
            continue
        view, value = view_schema(normalise_schema(case["schema"])), case["data"]
        assert find_atom(value) in view.atoms, case
        if isinstance(value, dict):
            assert all(view.pick(value).find_field(name) is not None for name in value), case


def test_the_decoding_copy_rejects_nothing_that_the_suite_calls_valid(cases):
    kept = [case for case in cases if case["valid"] and isinstance(case["data"], dict) and isinstance(case["schema"], dict)]
    # Of several choices within each other only exactly one may apply, which the copy reads one by one.
    kept = [case for case in kept if case["group"] not in {CUSTOM, "dynamic evalation inside nested refs"}]
    assert len(kept) > 350
    for case in kept:
        schema = normalise_schema(case["schema"])
        if find_outside(schema) is None:
            for known in ([], [case["data"]]):
                assert not validate(case["data"], bound_outputs(schema, known)), case
