import pytest

from core.errors import LabError
from core.settings import BUNDLED_TASKS
from core.tasks.check import check_task
from core.tasks.folders import find_task
from core.tasks.loading import load_task
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
    unseen = {item.document for example in task.test if example.slice == "unseen_fact" for item in example.evidence}
    assert unseen
    assert not trained & unseen
    texts = {path.stem: path.read_text() for path in task.documents_folder.glob("*.md")}
    for example in (*task.train, *task.test):
        for item in example.evidence:
            assert item.quote in texts[item.document]
            assert example.output["answer"] in item.quote
    assert all(150 <= len(text.split()) <= 500 for text in texts.values())


def test_the_tiny_schema_is_what_the_tests_think():
    assert list(SCHEMA["properties"]) == ["answer", "area", "sure"]


def test_examples_longer_than_training_takes_are_named(tmp_path, tiny_model):
    from core.generation.loading import load_tokenizer

    train = [row(1, "How long?", "a", "pay"), row(2, "so " * 2000, "a", "pay")]
    task = load_task(write_task(tmp_path / "long", train=train, test=[row(3, "Else?", "a", "pay")]))
    assert check_task(task, load_tokenizer(tiny_model))["too_long"] == ["x-2"]
