import json

import pytest

from core.errors import LabError
from core.settings import BUNDLED_TASKS
from core.tasks.check import check_task
from core.tasks.folders import find_task
from core.tasks.loading import load_task
from core.tasks.settings_file import write_settings
from tests.conftest import SCHEMA, row, write_task


def test_a_good_task_loads(task):
    assert (len(task.train), len(task.test), task.primary_metric) == (3, 2, "answer")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "train.jsonl:2: not JSON"),
        ('{"id": "a", "output": {}}', "train.jsonl:2: input"),
        ('{"id": "x-1", "input": "q", "output": {}}', "train.jsonl:2: id: 'x-1' was used on line 1"),
        ('{"id": "a", "input": "q", "output": {"answer": "y", "area": "moon", "sure": true}}', "train.jsonl:2: output/area"),
        ('{"id": "a", "input": "q", "output": [], "extra": 1}', "train.jsonl:2: extra: unknown field"),
        ("[1]", "train.jsonl:2: the line is a list"),
    ],
)
def test_everything_wrong_is_named_by_file_line_and_field(tmp_path, line, words):
    folder = write_task(tmp_path / "bad", train=[row(1, "q", "a", "pay")], test=[row(2, "r", "a", "pay")])
    with (folder / "train.jsonl").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(LabError) as caught:
        load_task(folder)
    assert words in str(caught.value)
    assert any(words in problem for problem in load_task(folder, lenient=True).problems)


def test_a_schema_that_is_none_is_refused(tmp_path):
    folder = write_task(tmp_path / "bad", train=[], test=[row(2, "r", "a", "pay")], schema={"type": 7})
    with pytest.raises(LabError, match="is not a JSON Schema"):
        load_task(folder)


def test_unknown_names_list_the_known_ones(settings):
    with pytest.raises(LabError, match="hiring-handbook"):
        find_task("no-such-task", settings)


def test_check_finds_overlap_and_crossing_groups(tmp_path):
    train = [row(1, "How long?", "a", "pay", group="g"), row(2, "how LONG", "a", "pay")]
    test = [row(3, "How  long!", "a", "pay", group="g"), row(4, "Else?", "a", "pay")]
    report = check_task(load_task(write_task(tmp_path / "leaky", train=train, test=test)))
    assert report["usable"] is False
    assert (report["overlap_exact"], report["overlap_normalized"], report["duplicates_train"]) == (0, 1, 1)
    assert report["groups_crossing"] == ["g"]


def test_primary_metric_must_exist(tmp_path):
    folder = write_task(tmp_path / "bad", train=[], test=[row(2, "r", "a", "pay")])
    toml = (folder / "task.toml").read_text().replace('"answer"', '"speed"')
    (folder / "task.toml").write_text(toml)
    with pytest.raises(LabError, match="primary_metric is 'speed'"):
        load_task(folder)


def test_the_bundled_handbook_keeps_its_promises():
    task = load_task(BUNDLED_TASKS / "hiring-handbook")
    report = check_task(task)
    assert report["usable"]
    assert len(list(task.documents_folder.glob("*.md"))) >= 40
    assert report["train"] >= 300
    assert report["slices"]["unanswerable"] >= 30
    assert report["test"] >= 200
    trained = {item.document for example in task.train for item in example.evidence}
    unseen = {item.document for example in task.test if example.slice.endswith("_unseen") for item in example.evidence}
    assert unseen
    assert not trained & unseen
    texts = {path.stem: path.read_text() for path in task.documents_folder.glob("*.md")}
    for example in (*task.train, *task.test):
        for item in example.evidence:
            assert item.quote in texts[item.document]


def test_the_tiny_schema_is_what_the_tests_think():
    assert list(SCHEMA["properties"]) == ["answer", "area", "sure"]


def test_examples_longer_than_training_takes_are_named(tmp_path, tiny_model):
    from core.generation.loading import load_tokenizer

    train = [row(1, "How long?", "a", "pay"), row(2, "so " * 2000, "a", "pay")]
    task = load_task(write_task(tmp_path / "long", train=train, test=[row(3, "Else?", "a", "pay")]))
    assert check_task(task, load_tokenizer(tiny_model))["too_long"] == ["x-2"]


def test_depth_numbers_and_keys_that_stand_twice_are_named_with_their_line(task_folder):
    good = (task_folder / "train.jsonl").read_text().splitlines()[0]
    deep = '{"id": "d", "input": "x", "output": ' + '{"a": ' * 600 + "1" + "}" * 602
    bad = [
        deep,
        '{"id": "n", "input": "x", "output": {"answer": 1e999}}',
        '{"id": "t", "id": "u", "input": "x", "output": {}}',
        "[" * 5000,
    ]
    (task_folder / "train.jsonl").write_text("\n".join([good, *bad]) + "\n")
    problems = load_task(task_folder, lenient=True).problems
    for number, words in ((2, "nested deeper"), (3, "out of range"), (4, "id: the key stands twice"), (5, "nested deeper")):
        assert any(f"train.jsonl:{number}: " in problem and words in problem for problem in problems), (number, problems)
    assert len(problems) == len(bad)


def test_brackets_without_end_in_the_settings_are_a_sentence(task_folder):
    path = task_folder / "task.toml"
    path.write_text(path.read_text() + "x = " + "[" * 5000)
    with pytest.raises(LabError, match="nested too deeply"):
        load_task(task_folder)
    with pytest.raises(LabError, match="nested too deeply"):
        write_settings(task_folder, {"passages": 2}, tuned={})


def test_a_schema_of_another_form_is_a_task_whose_metric_may_be_a_field_of_any_reading(tmp_path):
    def shape(kind, **fields):
        return {"properties": {"kind": {"const": kind}, **fields}, "required": ["kind", *fields]}

    schema = {"oneOf": [shape("circle", answer={"type": "string"}), shape("box", width={"type": "number"})]}
    rows = [{"id": f"r{n}", "input": f"q {n}", "output": {"kind": "circle", "answer": "x"}} for n in range(2)]
    rows += [{"id": "b", "input": "q b", "output": {"kind": "box", "width": 2}}]
    task = load_task(write_task(tmp_path / "t", train=rows, test=rows[1:], schema=schema))
    assert check_task(task)["balance"] == {"kind": {"circle": 3, "box": 2}}
    assert check_task(task)["problems"] == []


def test_brackets_in_texts_are_no_depth(task_folder):
    path = task_folder / "train.jsonl"
    line = json.dumps(row(77, "{[ \\" * 200, "40 euros", "pay"))
    path.write_text(path.read_text() + line + "\n")
    assert load_task(task_folder).train[-1].input.count("{") == 200
