import json

import pytest

from core.errors import LabError
from core.tasks.columns import Columns, guess_columns
from core.tasks.draft import draft_task
from core.tasks.loading import load_task
from core.tasks.records import Records
from core.tasks.writing import TaskTexts, write_task
from core.values import Example


def make(rows):
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Records("rows.csv", columns, tuple(enumerate(rows, start=2)), (), ())


def labelled(count):
    return [
        {"text": f"request number {n} of the customer", "label": "ab"[n % 2], "urgent": "yes" if n % 3 else "no"}
        for n in range(count)
    ]


def test_columns_are_guessed_by_name_then_by_length():
    assert guess_columns(make([{"id": "1", "question": "q", "answer": "a", "group": "g"}])) == Columns(
        "question", ("answer",), "id", "group"
    )
    assert guess_columns(make([{"grade": "good", "essay": "a rather long text"}])).input == "essay"
    with pytest.raises(LabError, match="no column for the answer"):
        guess_columns(make([{"text": "only"}]))


def test_output_columns_become_typed_fields():
    rows = [{"text": f"t{n}", "n": str(n), "price": f"{n}.5", "ok": "true", "tags": '["x"]', "zip": f"0{n}123", "note": "" if n else "hi"} for n in range(9)]  # fmt: skip
    draft = draft_task(make(rows))
    output = next(item.output for item in (*draft.train, *draft.test) if item.input == "t4")
    assert output == {"n": 4, "price": 4.5, "ok": True, "tags": ["x"], "zip": "04123", "note": None}
    assert draft.schema["properties"]["n"]["type"] == "integer"
    assert draft.schema["additionalProperties"] is False


def test_one_column_of_objects_is_the_answer():
    rows = [{"input": f"t{n}", "output": json.dumps({"b": n, "a": "x"})} for n in range(8)]
    draft = draft_task(make(rows))
    assert list(draft.schema["properties"]) == ["b", "a"]
    assert all(set(item.output) == {"a", "b"} for item in draft.train)


def test_the_exam_has_no_part_in_the_schema():
    rows = [{**row, "split": "test" if number < 6 else "train"} for number, row in enumerate(labelled(40))]
    before = draft_task(make(rows))
    rows[2] = {**rows[2], "label": "z"}
    rows[3] = {**rows[3], "urgent": ""}
    after = draft_task(make(rows))
    assert after.schema == before.schema
    assert (len(before.test), len(after.test), before.problems) == (6, 4, ())
    assert [problem[:20] for problem in after.problems] == ["row 4: output/label:", "row 5: output/urgent"]
    assert all("none of which has the like" in problem for problem in after.problems)
    assert any("label (2 values in 34" in note for note in after.notes)
    rows[:6] = [{**row, "label": "z"} for row in rows[:6]]
    with pytest.raises(LabError, match="No test row is valid"):
        draft_task(make(rows))


def test_a_given_schema_needs_no_training_row_of_each_label():
    rows = [{**row, "split": "test" if number < 6 else "train"} for number, row in enumerate(labelled(40))]
    rows[2] = {**rows[2], "label": "z"}
    schema = {"type": "object", "properties": {"label": {"enum": ["a", "b", "z"]}, "urgent": {"type": "boolean"}}}
    assert draft_task(make(rows), schema=schema).problems == ()


@pytest.mark.parametrize("count", [5, 10, 40, 57, 90])
def test_a_fifth_of_the_rows_is_the_exam_in_the_order_of_hashes(count):
    draft = draft_task(make(labelled(count)))
    assert len(draft.test) == round(count / 5)
    # Of the rows that two files share, one exam holds the other: rows that come or go only move its end.
    more = draft_task(make(labelled(count + 30)[3:]))
    kept = {row["text"] for row in labelled(count)[3:]}
    first, second = ({item.input for item in item.test} & kept for item in (draft, more))
    assert first <= second or second <= first
    turned = draft_task(make(labelled(count)[::-1]))
    assert {item.input for item in turned.test} == {item.input for item in draft.test}


def test_groups_stay_together_and_counts_are_kept():
    rows = [{**row, "group": f"g{number // 3}"} for number, row in enumerate(labelled(60))]
    draft = draft_task(make(rows), train=20, test=12)
    assert (len(draft.train), len(draft.test)) == (20, 12)
    assert not {item.group for item in draft.train} & {item.group for item in draft.test}


def test_a_split_in_the_file_is_kept():
    rows = [{**row, "split": "test" if number < 7 else "train"} for number, row in enumerate(labelled(30))]
    draft = draft_task(make(rows))
    assert {item.input for item in draft.test} == {row["text"] for row in rows[:7]}


def test_copies_of_test_rows_leave_the_training_rows():
    text = "the same long text is written down here once more with nothing but its end changed"
    rows = labelled(40) + [{"text": f"{text} {n}", "label": "a", "urgent": "no"} for n in range(30)]
    draft = draft_task(make(rows))
    assert any("too like" in note for note in draft.notes)
    assert any(item.input.startswith(text) for item in draft.test)
    assert not any(item.input.startswith(text) for item in draft.train)


def test_bad_rows_are_named_and_the_good_ones_stay():
    rows = [*labelled(20), {"text": "", "label": "a", "urgent": "no"}, {"text": "t", "label": "a", "urgent": "perhaps"}]
    draft = draft_task(make(rows))
    assert draft.problems == ("row 22: text is empty or no text", "row 23: urgent is 'perhaps', which is no boolean")
    rows = [{**row, "id": str(number)} for number, row in enumerate(labelled(20))]
    rows[7]["id"] = "3"
    assert draft_task(make(rows)).problems == ("row 9: the id '3' was used in row 5",)
    # What is the same in many rows is no id, whatever it is called.
    assert draft_task(make([{**row, "id": str(number % 3)} for number, row in enumerate(rows)])).columns.id is None


@pytest.mark.parametrize("rows", [labelled(1), [labelled(1)[0]] * 5])
def test_one_example_is_too_few(rows):
    with pytest.raises(LabError, match="cannot be split"):
        draft_task(make(rows))


def test_a_given_schema_decides_which_rows_are_valid():
    schema = {"type": "object", "properties": {"label": {"enum": ["a"]}, "urgent": {"type": "boolean"}}}
    draft = draft_task(make(labelled(20)), schema=schema)
    assert len(draft.problems) == 10
    assert draft.problems[0].startswith("row 3: output/label")
    with pytest.raises(LabError, match="not a JSON Schema"):
        draft_task(make(labelled(20)), schema={"type": 3})


def test_a_written_task_loads_and_nothing_is_overwritten(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\nText.")
    draft = draft_task(make(labelled(30)))
    folder = write_task(draft, tmp_path, TaskTexts('A "quoted" title', "Sort it."), name="mine", documents=[page])
    task = load_task(folder)
    assert (task.title, len(task.train), len(task.test)) == ('A "quoted" title', len(draft.train), len(draft.test))
    assert (task.documents_folder / "page.md").read_text() == "# Page\nText."
    with pytest.raises(LabError, match="already"):
        write_task(draft, tmp_path, TaskTexts("t", "i"), name="mine")
    for name in ("Bad Name", "../up", ""):
        with pytest.raises(LabError, match="is no name"):
            write_task(draft, tmp_path, TaskTexts("t", "i"), name=name)
    with pytest.raises(LabError, match="no document"):
        write_task(draft, tmp_path, TaskTexts("t", "i"), name="two", documents=[page, tmp_path / "none.md"])
    assert not (tmp_path / "two").exists()


def test_documents_keep_their_paths_and_hidden_files_stay_away(tmp_path):
    for name in (
        "a/README.md",
        "a/.DS_Store",
        "a/.git/config",
        "a/deep/README.md",
        "b/README.md",
        "b/.DS_Store",
        "c/README.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    given = [tmp_path / "a", tmp_path / "b", tmp_path / "a/README.md", tmp_path / "c/README.md"]
    folder = write_task(draft_task(make(labelled(30))), tmp_path / "tasks", TaskTexts("t", "i"), name="docs", documents=given)
    written = {
        path.relative_to(folder / "documents").as_posix(): path.read_text()
        for path in folder.rglob("*.*")
        if "documents" in path.parts
    }
    assert written == {
        name: text
        for name, text in {
            "README.md": "a/README.md",
            "deep/README.md": "a/deep/README.md",
            "b/README.md": "b/README.md",
            "c/README.md": "c/README.md",
        }.items()
    }


def test_examples_keep_their_text():
    draft = draft_task(make(labelled(10)))
    assert all(isinstance(item, Example) and item.input.startswith("request") for item in draft.train)


def test_labels_that_look_like_numbers_stay_what_the_schema_or_json_says():
    rows = [{"text": f"t{n}", "label": str(n % 2)} for n in range(20)]
    schema = {"type": "object", "properties": {"label": {"enum": ["0", "1"]}}}
    assert draft_task(make(rows), schema=schema).problems == ()
    typed = Records("rows.jsonl", ("text", "label"), tuple(enumerate(rows, start=1)), (), (), typed=True)
    assert draft_task(typed).schema["properties"]["label"] == {"enum": ["0", "1"]}
    never = {"type": "object", "properties": {"label": {"enum": ["x"]}}}
    with pytest.raises(LabError, match="row 2: output/label"):
        draft_task(make(rows), schema=never)


def test_no_row_vanishes_without_a_word():
    rows = [{**row, "group": f"g{number // 10}"} for number, row in enumerate(labelled(40))]
    draft = draft_task(make(rows), test=12)
    assert (len(draft.test), len(draft.train)) == (10, 30)
    marks = ["test"] * 5 + ["validation"] * 5 + ["train"] * 20
    draft = draft_task(make([{**row, "split": mark} for row, mark in zip(labelled(30), marks, strict=True)]))
    assert (len(draft.test), len(draft.train)) == (5, 20)
    assert "5 rows marked 'validation' are used on neither side" in draft.notes
    assert "10 rows are not used, because 5 training rows are wanted" in draft_task(make(labelled(18)), train=5, test=3).notes


def test_a_template_around_the_input_is_no_copy():
    frame = "please read the following message of a customer of our shop with care and answer it in one word"
    rows = [{"text": f"{frame}: {chr(97 + n % 26) * 3} order {n}", "label": "ab"[n % 2]} for n in range(120)]
    draft = draft_task(make(rows))
    assert len(draft.train) + len(draft.test) == 120


def test_texts_of_every_script_and_odd_characters_survive(tmp_path):
    words = ["किताब", "कताब", "2+3", "2-3", "😀", "😡", "a\u2028b", "c\u0085d"]
    rows = [{"text": f"{word} {n}", "label": "ab"[n % 2], "id": " "} for n in range(4) for word in words]
    draft = draft_task(make(rows))
    assert len(draft.train) + len(draft.test) == len(rows)
    folder = write_task(draft, tmp_path, TaskTexts("😀 \x7f", "Sort 😡."), name="odd")
    assert load_task(folder).title == "😀 \x7f"
