"""Tuning chooses on training rows alone, says what it chose on which, and leaves nothing else behind."""

import json
import re
from dataclasses import replace
from itertools import count

import pytest
from conftest import row, write_task

from core.comparison.tuning import split_fold
from core.errors import Cancelled, LabError
from core.evaluation.sampling import find_clusters
from core.generation.fake import FakeGenerator
from core.jobs import JobConfig, read_status
from core.storage import write_json
from core.tasks.loading import load_task
from lab.jobs import run_job
from lab.lab import Lab
from lab.requests import TuneRequest
from lab.tuning import tune_task

GROUPS = 30  # Of training rows, two each; six are asked, twelve rows.


class Oracle(FakeGenerator):
    """Answers rightly where a rule of the prompt holds; it knows all training rows and keeps the prompts."""

    @property
    def description(self):
        return {**super().description, "rule": self.answers["number"]}  # Another rule is another model.

    def generate(self, prompts, *, adapter, options, schema=None, on_text=None):
        for index, messages in enumerate(prompts):
            PROMPTS.append(messages)
            question = messages[-1].content.rsplit("Question: ", 1)[1]
            right = self.answers["rule"](messages)
            text = json.dumps({"answer": f"value {question.split()[-1]}" if right else "no", "area": "pay", "sure": True})
            (_, generation), = FakeGenerator({(None, f"Question: {question}"): text}).generate(
                [messages], adapter=adapter, options=options
            )  # fmt: skip
            yield index, generation


PROMPTS = []
NUMBERS = count()


class Watching:
    """Keeps what it is told; stops the work where it is told a certain note."""

    def __init__(self, stop_at=None):
        self.steps, self.said, self.stop_at = [], [], stop_at

    def __call__(self, stage, step, total, note="", **metrics):
        self.steps.append((stage, step, total, note))
        if note == self.stop_at:
            raise Cancelled

    def check(self):
        pass

    def record(self, event):
        pass

    def say(self, text):
        self.said.append(text)


@pytest.fixture(autouse=True)
def _no_prompts():
    PROMPTS.clear()


def make_task(folder, *, test="held out", toml="", groups=GROUPS):
    train = [
        row(
            2 * group + part,
            f"What of topic{group} part{part} is item{group}",
            f"value item{group}",
            "pay",
            group=f"g{group:02d}",
        )
        for group in range(groups)
        for part in (0, 1)
    ]
    write_task(folder, train=train, test=[row(900 + n, f"{test} {n}?", "secret", "time") for n in range(3)], toml=toml)
    for group in range(groups):
        text = "\n\n".join(f"## Part {n}\nWords of topic{group} about item{group} and kelp {n} waves." for n in range(4))
        (folder / "documents" / f"doc{group}.md").write_text(f"# Topic{group}\n\n{text}\n")
    return folder


def make_lab(settings, embedder, rule):
    return Lab(settings, generator=Oracle({"rule": rule, "number": next(NUMBERS)}), embedder=embedder)


def count_shots(messages):
    return sum(message.role == "assistant" for message in messages)


def list_passages(messages):
    return re.findall(r"^\[(.+)\]$", messages[-1].content, flags=re.MULTILINE)


def tune(lab, folder, watcher=None, **more):
    now = more.pop("now", None)
    return tune_task(lab, TuneRequest(str(folder), **more), watcher or Watching(), **({"now": now} if now else {}))


def without_time(result):
    about = {key: value for key, value in result.about.items() if key not in {"minutes", "date"}}
    return result.chosen, about, [replace(trial, seconds=0.0) for trial in result.tried], result.not_tried


def test_a_value_that_leads_is_chosen_written_and_said(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t", toml="shots = 3 # so far\n")
    lab = make_lab(settings, embedder, lambda messages: count_shots(messages) == 5)
    result = tune(lab, folder)
    assert result.chosen == {"shots": 5, "shot_draw": 0}
    assert result.changed == ("shots",)
    assert {trial.value: trial.mean for trial in result.tried if trial.setting == "shots"} == {1: 0, 3: 0, 5: 1}
    assert [trial.value for trial in result.tried if trial.chosen] == [5, 0]
    assert result.not_tried[0].startswith("passages: There is no index")
    assert result.written == str(folder / "task.toml")
    task = load_task(folder)
    assert task.prompting.shots == 5
    assert "shots = 5 # so far" in (folder / "task.toml").read_text()
    assert task.tuned["settings"] == ["shots", "shot_draw"]
    assert task.tuned["groups"] == 6
    assert task.tuned["items"] == 12
    assert task.tuned["weights"] == "none"
    assert task.tuned["seed"] == 0
    assert task.tuned["tried"] == 6
    assert task.tuned["fold_hash"] == task.hash_split(split_fold(task, seed=0).items)


def test_a_tie_leaves_things_as_they_are(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t", toml="passages = 5\nshots = 5\n")
    lab = make_lab(settings, embedder, lambda messages: True)
    lab.library.update(lab.task(str(folder)))
    result = tune(lab, folder, minutes=60)
    assert result.changed == ()
    assert not result.not_tried
    assert set(result.chosen) == {"shots", "shot_draw", "passages", "passage_tokens", "passage_order", "abstain_below"}
    assert len(result.chosen) == sum(trial.chosen for trial in result.tried)


def test_retrieval_is_tuned_by_what_the_prompt_shows(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t")

    def rule(messages):  # The passage of the right document must be read first, and not alone.
        shown = list_passages(messages)
        return len(shown) >= 2 and shown[0] == f"doc{messages[-1].content.rsplit('item', 1)[1]}"

    lab = make_lab(settings, embedder, rule)
    lab.library.update(lab.task(str(folder)))
    result = tune(lab, folder, minutes=60, dry_run=True)
    assert result.changed == ("passage_order",)
    assert result.chosen["passage_order"] == "best_first"
    assert any("--prompts passages" in note for note in result.notes)
    assert result.written is None
    assert "passages" not in (folder / "task.toml").read_text()
    three = tune(
        make_lab(settings, embedder, lambda messages: len(list_passages(messages)) == 3), folder, minutes=60, dry_run=True
    )
    assert three.changed == ("passages",)
    assert three.chosen["passages"] == 3
    lengths = [trial for trial in result.tried if trial.setting == "passage_tokens"]
    assert [trial.value for trial in lengths] == [64, 96, 160, 240]
    assert [path.name for path in (settings.home / "indexes").iterdir()] == ["t"]  # The copies are gone.


def test_a_threshold_is_chosen_where_wrong_passages_mislead(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t")
    for name in (folder / "documents").glob("doc*.md"):
        name.unlink()  # What is left answers no question: whatever is found misleads.
    lab = make_lab(settings, embedder, lambda messages: not list_passages(messages))
    lab.library.update(lab.task(str(folder)))
    from lab import tuning

    result = tuning.tune_task(lab, TuneRequest(str(folder), minutes=60, dry_run=True), Watching())
    tried = {trial.value: trial for trial in result.tried if trial.setting == "abstain_below"}
    assert list(tried)[0] is None
    assert tried[None].mean == 0
    means = [trial.mean for trial in tried.values()]
    assert means == sorted(means)
    assert all(0 < value <= 1 for value in list(tried)[1:])


def test_the_test_split_is_never_read(settings, embedder, tmp_path, monkeypatch):
    class Untouchable(tuple):
        def touch(self, *_):
            raise AssertionError("a test item was read")

        __iter__ = __len__ = __getitem__ = __contains__ = __add__ = __eq__ = __hash__ = touch

    folder = make_task(tmp_path / "t")
    lab = make_lab(settings, embedder, lambda messages: count_shots(messages) == 5)
    lab.library.update(lab.task(str(folder)))
    sealed = replace(lab.task(str(folder)), test=Untouchable())
    with pytest.raises(AssertionError):
        list(sealed.test)
    monkeypatch.setattr(Lab, "task", lambda self, name: sealed)
    assert tune(lab, folder, minutes=60).chosen["shots"] == 5


def test_another_test_split_changes_nothing(settings, embedder, tmp_path):
    results = []
    for test in ("held out", "something else entirely"):
        folder = make_task(tmp_path / test / "t", test=test)
        lab = make_lab(settings, embedder, lambda messages: len(messages[1].content) % 3 == 0)
        lab.library.update(lab.task(str(folder)))
        results.append(without_time(tune(lab, folder, minutes=60)))
    assert results[0] == results[1]


def test_a_seed_gives_one_result_and_another_asks_other_rows(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t")
    lab = make_lab(settings, embedder, lambda messages: len(messages[1].content) % 2 == 0)
    one, same, other = (without_time(tune(lab, folder, seed=seed, dry_run=True)) for seed in (0, 0, 1))
    assert one == same
    assert one[1]["fold_hash"] != other[1]["fold_hash"]


def test_no_group_is_both_asked_and_shown(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t", toml='shots = ["x-4", "x-9"]\n')
    task = load_task(folder)
    for seed in range(20):
        fold = split_fold(task, seed=seed)
        assert not set(fold.clusters) & set(find_clusters(fold.task.train))
        assert fold.task.test == ()
        assert {"x-4", "x-9"} <= {example.id for example in fold.task.train}
    tune(make_lab(settings, embedder, lambda messages: False), folder, dry_run=True)
    asked = {messages[-1].content.split("topic")[1].split()[0] for messages in PROMPTS}
    shown = {m.content.split("topic")[1].split()[0] for messages in PROMPTS for m in messages[1:-1] if m.role == "user"}
    assert len(asked) == 6
    assert shown
    assert not asked & shown


def test_examples_that_a_task_names_stay_unless_a_number_leads(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t", toml='shots = ["x-4", "x-9"]\n')
    result = tune(make_lab(settings, embedder, lambda messages: True), folder, dry_run=True)
    assert result.chosen == {"shots": ["x-4", "x-9"]}
    assert result.changed == ()
    assert any(sentence.startswith("shot_draw: the task names") for sentence in result.not_tried)
    result = tune(make_lab(settings, embedder, lambda messages: count_shots(messages) == 5), tmp_path / "t")
    assert result.changed == ("shots",)
    assert load_task(folder).shots == ()
    assert load_task(folder).prompting.shots == 5


def test_it_stops_in_time_and_says_what_was_not_tried(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t")
    clock = iter(range(10**6))
    result = tune(
        make_lab(settings, embedder, lambda messages: count_shots(messages) == 5), folder, now=lambda: next(clock), minutes=0.5
    )
    assert [trial.value for trial in result.tried] == [1, 3]
    assert result.chosen == {"shots": 3}
    assert result.not_tried[1:] == ("shots = 5: there was no time.", "shot_draw = 1, 2, 3: there was no time.")
    before = (folder / "task.toml").read_text()
    with pytest.raises(LabError, match="Nothing could be tuned in 0.05 minutes"):
        tune(make_lab(settings, embedder, lambda messages: True), folder, now=lambda: next(clock), minutes=0.05, seed=3)
    assert (folder / "task.toml").read_text() == before


def test_a_cancelled_tuning_leaves_the_task_and_no_index(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t")
    lab = make_lab(settings, embedder, lambda messages: True)
    lab.library.update(lab.task(str(folder)))
    before, watcher = (folder / "task.toml").read_text(), Watching(stop_at="passage_tokens = 240")
    with pytest.raises(Cancelled):
        tune(lab, folder, watcher, minutes=60)
    assert (folder / "task.toml").read_text() == before
    assert [path.name for path in (settings.home / "indexes").iterdir()] == ["t"]
    assert "goes on from there" in watcher.said[-1]
    asked = len(PROMPTS)
    tune(lab, folder, minutes=60)
    assert (
        len([0 for messages in PROMPTS[asked:] if messages in PROMPTS[:asked]]) <= 12
    )  # What was answered is not asked again.


def test_progress_never_goes_back_nor_beyond_the_end(settings, embedder, tmp_path):
    folder, watcher = make_task(tmp_path / "t"), Watching()
    lab = make_lab(settings, embedder, lambda messages: count_shots(messages) == 5)
    lab.library.update(lab.task(str(folder)))
    tune(lab, folder, watcher, minutes=60)
    steps = [(step, total) for stage, step, total, _ in watcher.steps if stage == "tune"]
    assert steps == sorted(steps)
    assert all(step <= total for step, total in steps)


def test_a_task_that_cannot_be_written_is_said(settings, embedder, tmp_path, monkeypatch):
    folder = make_task(tmp_path / "t")
    monkeypatch.setattr("core.tasks.settings_file.os.access", lambda path, mode: False)
    result = tune(make_lab(settings, embedder, lambda messages: count_shots(messages) == 5), folder)
    assert result.written is None
    assert "cannot be written" in result.notes[0]
    assert result.chosen["shots"] == 5


def test_an_index_of_another_length_is_not_searched_but_named(settings, embedder, tmp_path):
    folder = make_task(tmp_path / "t", toml="passage_tokens = 64\n")
    lab = make_lab(settings, embedder, lambda messages: True)
    lab.library.update(replace(lab.task(str(folder)), passage_tokens=96))
    result = tune(lab, folder)
    assert result.not_tried == (
        "passages: The index of t has passages of 96 tokens, the task wants 64. Bring it up to date: `ragft index t`.",
    )
    lab.library.update(lab.task(str(folder)))
    assert not tune(lab, folder).not_tried


def test_too_few_groups_and_no_time_are_refused(settings, embedder, tmp_path):
    lab = make_lab(settings, embedder, lambda messages: True)
    with pytest.raises(LabError, match="form 11 independent groups"):
        tune(lab, make_task(tmp_path / "few", groups=11))
    with pytest.raises(LabError, match="0 minutes"):
        tune(lab, make_task(tmp_path / "t"), minutes=0)


def test_it_is_a_job_like_the_others(settings, embedder, tmp_path):
    from contextlib import contextmanager

    folder, job = make_task(tmp_path / "t"), settings.folder("jobs") / "j"
    request = TuneRequest(str(folder), dry_run=True)
    write_json(job / "config.json", JobConfig(kind="tune", task="t", request=request.as_json()).as_json())

    @contextmanager
    def watch(writer):
        yield Watching()

    lab = make_lab(settings, embedder, lambda messages: count_shots(messages) == 5)
    result = run_job(lab, job, watch=watch)
    status = read_status(job)
    assert status.state == "done"
    assert status.result == json.loads(json.dumps(result))
    assert status.result["chosen"]["shots"] == 5


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_no_time_is_no_tuning(settings, embedder, tmp_path, minutes):
    folder = make_task(tmp_path / "t")
    with pytest.raises(LabError, match="minutes are no time"):
        tune(make_lab(settings, embedder, lambda messages: True), folder, minutes=minutes)
