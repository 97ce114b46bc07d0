"""The command line with the fake generator and the hashing embedder: plumbing, errors, exit codes."""

import json
import sys
from dataclasses import replace

import pytest

from core.comparison.pipeline import answer
from core.comparison.runs import load_predictions, load_run
from core.generation.fake import FakeGenerator
from core.settings import read_settings
from core.storage import hash_file, write_manifest
from finetune.config import TrainConfig
from lab.lab import Lab
from ui.cli.main import main

GOOD = '{"answer": "40 euros", "area": "pay", "sure": true}'


@pytest.fixture
def ragft(monkeypatch, capsys, embedder):
    """Run the command line; returns (exit code, stdout, stderr)."""
    fake = FakeGenerator({(None, "Question: Tell me the walrus bonus."): GOOD})
    monkeypatch.setattr(Lab, "load_generator", lambda self: fake)
    monkeypatch.setattr(Lab, "load_embedder", lambda self: embedder)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_index_search_compare_and_runs_in_json(ragft, task_folder):
    code, out, _ = ragft("index", str(task_folder), "--json")
    assert (code, json.loads(out)["built"]) == (0, True)
    assert json.loads(ragft("index", str(task_folder), "--json")[1])["built"] is False
    found = json.loads(ragft("search", str(task_folder), "walrus bonus", "--k", "1", "--json")[1])
    assert found["hits"][0]["passage"]["document"] == "pay"

    code, out, _ = ragft("compare", str(task_folder), "--arms", "base,rag", "--json")
    result = json.loads(out)
    assert code == 0
    assert set(result["arms"]) == {"base", "rag", "majority", "nearest", "sentence"}  # Baselines stand in every table.
    base = result["arms"]["base"]
    assert (base["n"], base["schema_valid"], base["json_valid"]) == (2, 0.5, 1.0)
    keys = {"n", "json_valid", "schema_valid", "exact", "score", "latency_p50", "latency_p95", "prompt_tokens", "new_tokens"}
    assert keys <= set(base)
    assert {"a", "b", "metric", "difference", "ci_low", "ci_high", "p"} <= set(result["contrasts"][0])
    assert set(result["verdict"]) == {"state", "arm", "sentence"}

    settings = read_settings()
    run = load_run(settings, result["run_id"])
    assert run.config["generator"]["model"] == "fake"
    assert len(load_predictions(settings, run.id)) == 4
    report = (settings.folder("runs") / run.id / "report.html").read_text()
    assert result["verdict"]["sentence"].split(":")[0] in report
    assert result["run_id"] in ragft("runs")[1].replace("\n", "") or json.loads(ragft("runs", "--json")[1])[0]["run"] == run.id


def test_an_arm_without_its_parts_says_so_and_does_not_vanish(ragft, task_folder):
    result = json.loads(ragft("compare", str(task_folder), "--arms", "base,rag,qlora", "--json")[1])
    assert result["arms"]["base"]["status"] == "ok"
    assert "ragft index" in result["arms"]["rag"]["reason"]
    assert "ragft train" in result["arms"]["qlora"]["reason"]


def test_the_human_output_names_verdict_and_report(ragft, task_folder):
    code, out, _ = ragft("compare", str(task_folder), "--arms", "base")
    assert code == 0
    assert "Verdict:" in out
    assert "report.html" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "nowhere"), "There is no task 'nowhere'"),
        (("compare", "{task}", "--arms", "base,magic"), "There is no arm 'magic'"),
        (("compare", "{task}", "--arms", "rag"), "No arm could answer"),
        (("compare", "{task}", "--limit", "0"), "The limit is 0"),
        (("search", "{task}", "x"), "There is no index"),
        (("ask", "{task}", "  "), "The question is empty"),
        (("train", "{task}", "--rank", "0"), "rank is 0"),
        (("runs", "nothing"), "There is no run"),
        (("jobs", "show", "nothing"), "There is no job"),
        (("compare",), "Missing argument"),
        (("compare", "{task}", "--nonsense"), "No such option"),
        (("nonsense",), "No such command"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(ragft, task_folder, arguments, words):
    code, out, err = ragft(*(argument.replace("{task}", str(task_folder)) for argument in arguments))
    assert code == 2
    assert words in err.replace("\n", " ")
    assert "Traceback" not in err
    assert out == ""


def test_check_prints_json_and_fails_when_unusable(ragft, task_folder):
    code, out, _ = ragft("check", str(task_folder), "--json")
    assert (code, json.loads(out)["usable"]) == (0, True)
    with (task_folder / "test.jsonl").open("a") as stream:
        stream.write('{"id": "x", "input": "q", "output": {}}\n')
    code, out, _ = ragft("check", str(task_folder), "--json")
    assert (code, json.loads(out)["invalid"]) == (2, 1)


def test_ctrl_c_keeps_the_finished_arms_and_exits_130(ragft, task_folder, monkeypatch):
    asked = []

    def interrupted(task, items, arm, tools, **more):
        asked.append(arm.name)
        if len(asked) == 2:  # The first one has finished.
            raise KeyboardInterrupt
        return answer(task, items, arm, tools, **more)

    monkeypatch.setattr("lab.rounds.answer", interrupted)
    code, _, err = ragft("compare", str(task_folder), "--arms", "base,zero_shot")
    assert code == 130
    assert "Stopped. 2 answers are kept" in err
    runs = json.loads(ragft("runs", "--json")[1])
    assert [run["status"] for run in runs] == ["cancelled", "unfinished"]
    assert "compare" in runs[1]["command"]  # What goes on from there.
    assert json.loads(ragft("runs", "--forget-answers", "--json")[1])["forgotten_bytes"] > 0
    assert json.loads(ragft("runs", "--json")[1]) == runs


def test_a_damaged_run_is_named_and_hides_no_other(ragft, task_folder):
    first = json.loads(ragft("compare", str(task_folder), "--arms", "base", "--json")[1])["run_id"]
    second = json.loads(ragft("compare", str(task_folder), "--arms", "base", "--json")[1])["run_id"]
    (read_settings().folder("runs") / first / "predictions.jsonl").write_text("")
    code, out, err = ragft("runs", "--json")
    assert code == 0
    assert [run["run"] for run in json.loads(out)] == [second]
    assert "damaged" in err


def test_a_sample_keeps_the_shares_of_the_slices(task):
    from core.evaluation.sampling import choose_items
    from core.values import Example

    examples = [Example(str(i), "q", slice="a" if i % 4 else "b") for i in range(80)]
    chosen = choose_items(examples, 20, seed=1)
    assert sum(item.slice == "b" for item in chosen) == 5
    assert chosen == choose_items(examples, 20, seed=1)
    assert choose_items(examples, None, seed=0) == examples


def test_retrieval_is_measured_on_a_task_and_on_a_benchmark(ragft, task_folder, tmp_path):
    ragft("index", str(task_folder))
    code, _, err = ragft("retrieval-eval", str(task_folder), "--json")
    assert (code, "evidence" in err) == (2, True)  # its test questions name none
    folder = tmp_path / "beir"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "1", "text": "walrus bonus"}\n{"_id": "2", "text": "heron shifts"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "heron?"}\n')
    (folder / "qrels_test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t2\t1\n")
    code, out, _ = ragft("retrieval-eval", "--beir", str(folder), "--modes", "bm25", "--json")
    assert json.loads(out)["bm25"]["ndcg@10"]["mean"] == 1.0
    assert ragft("retrieval-eval")[0] == 2
    assert ragft("retrieval-eval", "--beir", str(tmp_path / "nowhere"))[0] == 2


def test_an_unknown_decoding_mode_is_named(ragft, task_folder):
    code, _, err = ragft("compare", str(task_folder), "--arms", "base", "--mode", "loose")
    assert code == 2
    assert "free, constrained, think" in " ".join(err.split())


def test_constrained_mode_says_when_it_cannot(ragft, task_folder):
    code, out, err = ragft("compare", str(task_folder), "--arms", "base", "--mode", "constrained", "--json")
    assert code == 0
    assert "Decoded freely" in " ".join(err.split())
    assert load_run(read_settings(), json.loads(out)["run_id"]).config["constraint"]["enforced"] is False


def make_rows(path, count=30):
    lines = [json.dumps({"text": f"message number {n} of a customer", "label": "ab"[n % 2]}) for n in range(count)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_task_of_ones_own_rows_is_compared_at_once(ragft, tmp_path):
    rows = make_rows(tmp_path / "rows.jsonl")
    code, out, _ = ragft("new-task", "mine", "--examples", str(rows), "--test", "6", "--json")
    report = json.loads(out)
    assert (code, report["test"], report["usable"]) == (0, 6, True)
    assert report["balance"]["label"] == {"a": 15, "b": 15}
    code, out, _ = ragft("compare", "mine", "--arms", "zero_shot,base,rag_examples", "--json")
    assert code == 0
    arms = json.loads(out)["arms"]
    assert arms["zero_shot"]["prompt_tokens"] < arms["base"]["prompt_tokens"]
    assert arms["rag_examples"]["n"] == 6
    baselines = json.loads(ragft("baselines", "mine", "--json")[1])
    assert baselines["nearest"]["n"] == 6
    code, out, _ = ragft("export-task", "mine", "--out", str(tmp_path / "mine.zip"), "--json")
    assert code == 0
    assert json.loads(ragft("import", str(tmp_path / "mine.zip"), "--name", "again", "--json")[1])["task"] == "again"
    assert ragft("check", "again")[0] == 0


def test_bad_rows_write_nothing_unless_they_may_be_left_out(ragft, tmp_path):
    rows = make_rows(tmp_path / "rows.jsonl")
    rows.write_text(rows.read_text() + '{"text": "", "label": "a"}\n')
    code, _, err = ragft("new-task", "mine", "--examples", str(rows))
    assert code == 2
    assert "row 31: text is empty" in err
    assert not (read_settings().folder("tasks") / "mine").exists()
    assert ragft("new-task", "mine", "--examples", str(rows), "--skip-bad")[0] == 0
    assert ragft("new-task", "mine", "--examples", str(rows), "--skip-bad")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new-task", "x"], "--examples"),
        (["new-task", "x", "--examples", "/no/such.csv"], "Cannot read"),
        (["import", "/no/such"], "There is no"),
        (["export-task", "nothing"], "no task"),
    ],
)
def test_what_cannot_be_a_task_is_said_in_a_sentence(ragft, arguments, words):
    code, _, err = ragft(*arguments)
    assert code == 2
    assert words in err


def test_items_that_an_adapter_was_trained_on_are_refused_then_stamped(ragft, task_folder, tmp_path, monkeypatch):
    from core.tasks.leakage import fingerprint
    from finetune.adapters.card import AdapterCard
    from finetune.adapters.fit import Fitting

    write_manifest(tmp_path)
    card = AdapterCard("a1", "old-version", "m", "w", "d", {}, {}, "", trained_on=(fingerprint("tell me the WALRUS bonus"),))
    monkeypatch.setattr(Lab, "find_adapters", lambda self, task, arm, **asked: Fitting((tmp_path,)))
    monkeypatch.setattr("finetune.adapters.card.read_card", lambda folder: card)
    code, _, err = ragft("compare", str(task_folder), "--arms", "base,qlora")
    assert code == 2
    assert "1 of the 2 test items were trained on" in err
    code, out, _ = ragft("compare", str(task_folder), "--arms", "base,qlora", "--allow-leakage", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["leakage"].startswith("LEAKED: 1 of 2")
    assert result["verdict"]["state"] == "invalid"
    assert "LEAKED" in (read_settings().folder("runs") / result["run_id"] / "report.html").read_text()
    assert "LEAKED" in ragft("runs", result["run_id"])[1]
    arms = load_run(read_settings(), result["run_id"]).config["arms"]
    assert arms["base"]["adapter"] is None
    assert arms["qlora"]["adapter"] == tmp_path.name  # By id, not by a path of this machine.
    assert arms["qlora"]["adapter_hash"] == hash_file(tmp_path / "manifest.json")


def test_an_arm_that_no_adapter_fits_is_missing_and_a_misfit_only_answers_where_somebody_insists(ragft, task_folder):
    from adapter_files import fake_adapter

    fake_adapter(read_settings(), "a1", task=task_folder.name, weights="none")  # The fake generator's weights are none.
    assert ragft("index", str(task_folder))[0] == 0
    code, out, _ = ragft("compare", str(task_folder), "--arms", "base,qlora,hybrid", "--json")
    arms = json.loads(out)["arms"]
    assert (code, arms["qlora"]["status"], arms["hybrid"]["status"]) == (0, "ok", "missing")
    assert "the adapter a1 was trained without passages in its prompts" in arms["hybrid"]["reason"]
    assert f"`ragft train {task_folder} --prompts passages`" in arms["hybrid"]["reason"]
    named = ("--arms", "hybrid", "--adapter", "a1")
    code, _, err = ragft("compare", str(task_folder), *named)
    assert code == 2
    assert "--allow-misfit" in " ".join(err.split())
    assert ragft("compare", str(task_folder), *named, "--allow-misfit")[0] == 0
    code, _, err = ragft("ask", str(task_folder), "Bonus?", *named)
    assert (code, "--allow-misfit" in " ".join(err.split())) == (2, True)
    code, out, err = ragft("ask", str(task_folder), "Bonus?", *named, "--allow-misfit", "--json")
    (row,) = json.loads(out)
    assert (code, row["arm"], len(row["misfits"])) == (0, "hybrid", 1)
    assert "MISFIT: RAG + QLoRA answered with the adapter a1, which was trained without passages" in " ".join(err.split())
    for command in (("compare", str(task_folder)), ("ask", str(task_folder), "Bonus?")):
        code, _, err = ragft(*command, "--allow-misfit")
        assert (code, "Name it: --adapter" in " ".join(err.split())) == (2, True)


def test_several_seeds_are_trained_one_after_the_other_and_named_together(ragft, task_folder, monkeypatch):
    asked = []

    def train(settings, task, request, *, go_on):
        asked.append(request)
        return {"id": f"a{request.config.seed}", "model": "m", "outcome": {"steps": 1, "evaluations": []}}

    monkeypatch.setattr("ui.cli.watch.watch_training", train)
    monkeypatch.setattr("lab.training.preflight.run_preflight", lambda *about: None)
    monkeypatch.setattr("lab.training.preflight.require_go", lambda report, **options: None)
    code, out, err = ragft("train", str(task_folder), "--seed", "5", "--seeds", "3", "--rank", "4", "--json")
    assert code == 0
    assert [card["id"] for card in json.loads(out)] == ["a5", "a6", "a7"]
    assert {replace(request.config, seed=0) for request in asked} == {TrainConfig(rank=4)}  # They differ by the seed alone.
    assert f"ragft compare {task_folder} --adapter a5 --adapter a6 --adapter a7" in err
    assert json.loads(ragft("train", str(task_folder), "--json")[1])["id"] == "a0"


def test_an_adapter_that_is_not_there_lets_no_other_answer(ragft, task_folder, settings):
    from adapter_files import fake_adapter

    fake_adapter(read_settings(), "a1", task=task_folder.name, weights="none")  # The fake generator's weights are none.
    assert json.loads(ragft("compare", str(task_folder), "--arms", "qlora", "--json")[1])["arms"]["qlora"]["status"] == "ok"
    code, out, err = ragft("compare", str(task_folder), "--arms", "qlora", "--adapter", "nosuch")
    assert code == 2
    assert "There is no adapter 'nosuch'" in " ".join(err.split())
    code, out, _ = ragft("compare", str(task_folder), "--arms", "base,qlora", "--adapter", "nosuch", "--json")
    arms = json.loads(out)["arms"]
    assert (code, arms["base"]["status"], arms["qlora"]["status"]) == (0, "ok", "missing")
    assert "nosuch" in arms["qlora"]["reason"]
    stored = load_run(read_settings(), json.loads(out)["run_id"]).config["arms"]
    assert stored["qlora"]["adapter"] is None
