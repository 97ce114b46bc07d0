"""A person's task.toml is edited, not written anew."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.tasks.loading import load_task
from core.tasks.settings_file import edit_settings, write_settings

TEXT = '''# What this is
title = "A # b"  # kept
instruction = """
passages = 9
"""
passages = 2 # how many # really
shots = [
  "a", # the first
  "b",
] # two
passage_tokens = 96

[other]
passages = 7

[tuned]
# when
date = "2020"
[tuned.more]
z = 2
# about the last
[last] # k
q = 1
'''


def test_only_what_was_asked_for_changes():
    edited = edit_settings(TEXT, {"passages": 3, "shots": 2, "abstain_below": 0.25, "passage_tokens": None}, tuned={"n": [1]})
    assert (
        edited
        == '''# What this is
title = "A # b"  # kept
instruction = """
passages = 9
"""
passages = 3 # how many # really
shots = 2 # two
abstain_below = 0.25

[other]
passages = 7

# about the last
[last] # k
q = 1

[tuned]
n = [1]
'''
    )


def test_editing_twice_is_editing_once():
    values, tuned = {"passages": 3, "shots": ["b"]}, {"date": "2026", "share": 0.2, "on": True}
    once = edit_settings(TEXT, values, tuned=tuned)
    assert edit_settings(once, values, tuned=tuned) == once


def test_an_inline_table_of_that_name_goes_too():
    assert tomllib.loads(edit_settings("tuned = {a = 1}\nx = 1", {}, tuned={"b": 2})) == {"x": 1, "tuned": {"b": 2}}


def test_line_ends_and_a_missing_one_at_the_end_stay_right():
    edited = edit_settings("a = 1\r\npassages = 2", {"passages": 3, "shots": 1}, tuned={})
    assert edited == "a = 1\r\npassages = 3\r\nshots = 1\r\n"


plain = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = plain.filter(lambda value: value is not None) | texts | st.lists(texts, max_size=3)


def as_toml(value):
    return edit_settings("", {"k": value}, tuned={}).removeprefix("k = ").strip("\n")


@given(
    st.dictionaries(st.sampled_from("abcde"), values, max_size=5),
    st.lists(texts.map(lambda text: "".join(c for c in text if c.isprintable())), max_size=3),
    st.dictionaries(st.sampled_from("cdefg"), values | st.none(), max_size=4),
    st.dictionaries(st.sampled_from("xyz"), values, max_size=3),
)
def test_the_file_says_what_it_said_but_for_the_changes(before, comments, changes, tuned):
    lines = [
        f"{key} = {as_toml(value)} # {comment}"
        for (key, value), comment in zip(before.items(), [*comments, *"#####"], strict=False)
    ]
    text = "\n".join([*(f"# {comment}" for comment in comments), *lines, "[table]", "a = 0", "[tuned]", "old = 1"])
    edited = edit_settings(text, changes, tuned=tuned)
    kept = {key: value for key, value in (before | changes).items() if value is not None}
    assert tomllib.loads(edited) == kept | {"table": {"a": 0}} | ({"tuned": tuned} if tuned else {})
    assert all(f"# {comment}" in edited for comment in comments)


def test_a_task_reads_back_what_was_written(task_folder):
    write_settings(task_folder, {"passages": 5, "abstain_below": 0.3, "shots": 1}, tuned={"items": 70, "settings": ["shots"]})
    task = load_task(task_folder)
    assert (task.prompting.passages, task.prompting.abstain_below, task.prompting.shots) == (5, 0.3, 1)
    assert task.tuned == {"items": 70, "settings": ["shots"]}
    assert task.primary_metric == "answer"


def test_a_file_that_is_no_toml_is_named_and_left(tmp_path):
    (tmp_path / "task.toml").write_text("passages = \n")
    with pytest.raises(LabError, match="not valid TOML"):
        write_settings(tmp_path, {"passages": 1}, tuned={})
    assert (tmp_path / "task.toml").read_text() == "passages = \n"
