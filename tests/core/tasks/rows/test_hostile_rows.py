"""Whatever stands in a file, reading it gives rows or a sentence, never a traceback."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.tasks.draft import draft_task
from core.tasks.records import read_records

ROWS = [{"text": f"message number {number} of a customer", "label": "ab"[number % 2]} for number in range(6)]
SEEDS = [
    json.dumps(ROWS),
    "\n".join(map(json.dumps, ROWS)),
    json.dumps({"train": ROWS[:3], "test": ROWS[3:]}),
    json.dumps({"text": {"0": "a b", "1": "c d"}, "label": {"0": "x", "1": "y"}}),
    repr(ROWS),
    "\n".join(json.dumps({"messages": [{"role": "user", "content": row["text"]}, {"role": "assistant", "content": row["label"]}]}) for row in ROWS),
    "Title;;\ntext;label;n\n" + "".join(f'"{row["text"]}";{row["label"]};1.234,5\n' for row in ROWS),
]  # fmt: skip
# Letters that mean something to one of the readers.
PIECES = st.sampled_from([*'{}[],:;|\t"\'\\\n\r#\ufeff\u2028', "null", "NaN", "1e999", "```", "__label__", "<|im_start|>", "### Human:", "\\ud800"]) | st.text(max_size=3)  # fmt: skip


def read(path, data):
    path.write_bytes(data)
    with suppress(LabError):
        draft_task(read_records(path))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("rows") / "rows.txt"


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind(path, data):
    read(path, data)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_rows_with_something_put_in_or_taken_out(path, data):
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 4))):
        place, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 8))
        text = text[:place] + data.draw(PIECES) + text[place + length :]
    read(path, text.encode("utf-8", errors="surrogatepass"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "text", "data", "train", "columns", "output", "tool_calls", "answers"]), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(JSON, max_size=5), st.booleans())
def test_json_of_any_form(path, values, lines):
    text = "\n".join(map(json.dumps, values)) if lines else json.dumps(values[0] if len(values) == 1 else values)
    read(path, text.encode())
