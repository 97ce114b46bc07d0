import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks import task_table
from benchmarks.generation import compare_llama
from benchmarks.llama_peer import find_llama
from benchmarks.measure import median_ratio, print_report, time_pair
from core.errors import LabError


def test_pairs_alternate_and_the_ratio_says_who_is_faster():
    calls = []
    ours, peer = time_pair(lambda: calls.append("a"), lambda: (calls.append("b"), time.sleep(0.01)), rounds=3)
    assert calls == ["a", "b"] * 4
    assert (len(ours), len(peer)) == (3, 3)
    assert median_ratio([1.0, 2.0, 1.0], [2.0, 2.0, 3.0]) == pytest.approx(2.0)


def test_a_peer_that_did_not_run_has_no_ratio_but_a_reason(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    file, reason = find_llama()
    assert file is None
    assert "not installed" in reason
    monkeypatch.setitem(sys.modules, "xllamacpp", SimpleNamespace())
    monkeypatch.setenv("RAGFT_GGUF", str(tmp_path / "none.gguf"))
    assert find_llama()[0] is None
    ratios = {}
    report = compare_llama(None, None, {}, ratios, quick=True)
    assert (report["status"], ratios) == ("not run", {})
    assert "none.gguf" in report["reason"]


def test_no_report_holds_a_ratio_without_a_number():
    with pytest.raises(ValueError, match="batch1_vs_peer"):
        print_report("x", config={}, ours={}, ratios={"batch1_vs_peer": None})


def compared(means, verdict="Better."):
    arms = {arm: {mode: {"primary": {"mean": mean}} for mode in task_table.MODES} for arm, mean in means.items()}
    baselines = {"majority": {"primary": 0.1}, "nearest": {"primary": 0.3}}
    return {"arms": arms, "baselines": baselines, "expected": ("rag",), "verdicts": dict.fromkeys(task_table.MODES, verdict)}


def test_the_table_says_which_approach_won_and_what_beats_it_untrained(task):
    labels = task_table.name_approaches(task)
    low = dict.fromkeys(task_table.ARMS, 0.0)
    line = task_table.name_winner(
        compared({**low, "rag": 0.2, "oracle_hybrid": 0.9}), "free", labels
    )  # A control wins nothing.
    assert "RAG (3 examples, 2 passages) (as expected), **below the nearest example, copied (0.300)**. Better." in line
    result = compared({**low, "qlora": 0.4})
    del result["arms"]["zero_shot"]["constrained"]  # Held to the schema not all of them answer.
    line = task_table.name_winner(result, "constrained", labels)
    assert "QLoRA (expected was RAG (3 examples, 2 passages)). Better." in line


def test_the_table_has_the_columns_that_were_measured(task):
    row = {"primary": {"mean": 0.2, "low": 0.1, "high": 0.3}, "exact": 0.5, "schema_valid": 1.0, "latency_p50": 0.25}
    result = {
        **compared({"rag": 0.0}), "arms": {"rag": {"free": row}}, "verdicts": {"free": "Better."}, "metric": "answer", "items": 9,
        "labels": task_table.name_approaches(task), "together": 16, "seconds": 60, "slices": {},
        "trained": {"prompts": "mixed", "epochs": 1.0, "seeds": 1, "minutes": 2.0},
        "baselines": {"majority": {"primary": 0.1, "exact": 0.0, "schema_valid": 1.0}},
    }  # fmt: skip
    table = task_table.render_table({"t": result})
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1, "every row has as many cells as the head"
    assert "constrained" not in table
    assert "| 0.200 (0.10 to 0.30) | 50% | 100% | 0.25 |" in table
    both = {
        **result,
        "verdicts": dict.fromkeys(task_table.MODES, "Better."),
        "arms": {"rag": dict.fromkeys(task_table.MODES, row)},
    }
    lines = [line for line in task_table.render_table({"t": both}).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {10}


def test_the_table_names_as_many_examples_and_passages_as_the_prompts_show(task):
    labels = task_table.name_approaches(replace(task, prompting=replace(task.prompting, shots=1, passages=5)))
    assert labels["base"] == "few-shot (base, 1 example)"
    assert labels["rag"] == "RAG (1 example, 5 passages)"
    named = task_table.name_approaches(replace(task, shots=("x-1", "x-2")))
    assert named["base"] == "few-shot (base, 2 examples)"


def test_the_table_is_put_between_its_marks_and_the_file_stays_readable(tmp_path):
    file = tmp_path / "README.md"
    file.write_text(f"before\n{task_table.BEGIN}\nold\n{task_table.END}\nafter\n")
    file.chmod(0o644)
    task_table.rewrite_table(file, "new")
    assert file.read_text() == f"before\n{task_table.BEGIN}\nnew\n{task_table.END}\nafter\n"
    assert file.stat().st_mode & 0o777 == 0o644
    file.write_text("no marks")
    with pytest.raises(LabError, match="lacks the lines"):
        task_table.rewrite_table(file, "new")
    assert file.read_text() == "no marks"


def test_a_home_of_its_own_follows_the_models_when_they_move(settings, tmp_path):
    for place in ("one", "two"):
        (tmp_path / place / "models").mkdir(parents=True)
        home = task_table.open_home(replace(settings, home=tmp_path / place), tmp_path / "bench").home
        assert (home / "models").resolve() == (tmp_path / place / "models").resolve()
        (tmp_path / place / "models").rmdir()


def test_a_task_is_measured_anew_when_anything_it_holds_changes(task_folder):
    seen = {task_table.hash_task(task_folder)}
    (task_folder / "README.md").write_text("Nothing that a run reads.")
    assert task_table.hash_task(task_folder) in seen
    for place in ("task.toml", "train.jsonl", "documents/new.md"):
        (task_folder / place).parent.mkdir(exist_ok=True)
        with (task_folder / place).open("a") as file:
            file.write("\n")
        seen.add(task_table.hash_task(task_folder))
    assert len(seen) == 4


def test_a_comparison_is_measured_once_and_kept_only_with_its_adapters(settings, monkeypatch):
    calls = []

    def run(settings, arguments):
        calls.append(arguments)
        return {"run_id": "r", "arms": {"qlora": {}}}

    used = {"qlora": {"adapter": "b"}, "hybrid": {"adapter": "a"}, "base": {"adapter": None}}
    mine = {"qlora": ["a"], "hybrid": ["b", "c"]}
    monkeypatch.setattr(task_table, "run_ragft", run)
    monkeypatch.setattr(task_table, "load_run", lambda *_: SimpleNamespace(config={"arms": used}))
    for _ in range(2):
        with pytest.raises(LabError, match=r"used .*'qlora': \['b'\]"):  # Both adapters answered, each for the other's arm.
            task_table.measure_once(settings, ["compare", "t"], adapters=mine)
    used |= {"qlora": {"adapter": "a"}, "hybrid": {"adapter": None, "adapters": [{"id": "b"}, {"id": "c"}]}}
    first = task_table.measure_once(settings, ["compare", "t"], adapters=mine)
    assert task_table.measure_once(settings, ["compare", "t"], adapters=mine) == first
    assert len(calls) == 3
