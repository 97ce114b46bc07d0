"""The command line with the fake generator and the hashing embedder: plumbing, errors, exit codes."""

import json
import sys

import pytest

import ui.lab
from core.generation.fake import FakeGenerator
from core.runs import load_predictions, load_run
from core.settings import read_settings
from ui.cli import main

GOOD = '{"answer": "40 euros", "area": "pay", "sure": true}'


@pytest.fixture
def ragft(monkeypatch, capsys, embedder):
    """Run the command line; returns (exit code, stdout, stderr)."""
    fake = FakeGenerator({(None, "Question: Tell me the walrus bonus."): GOOD})
    monkeypatch.setattr(ui.lab.Lab, "load_generator", lambda self: fake)
    monkeypatch.setattr(ui.lab.Lab, "load_embedder", lambda self: embedder)

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
    hits = json.loads(ragft("search", str(task_folder), "walrus bonus", "--k", "1", "--json")[1])
    assert hits[0]["passage"]["document"] == "pay"

    code, out, _ = ragft("compare", str(task_folder), "--arms", "base,rag", "--json")
    result = json.loads(out)
    assert code == 0
    assert set(result["arms"]) == {"base", "rag"}
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
    original = ui.lab.Lab.answer

    def interrupted(self, task, items, arm, **more):
        if arm.name == "rag":
            raise KeyboardInterrupt
        return original(self, task, items, arm, **more)

    monkeypatch.setattr(ui.lab.Lab, "answer", interrupted)
    code, _, err = ragft("compare", str(task_folder), "--arms", "base,rag")
    assert code == 130
    assert "Stopped" in err
    runs = json.loads(ragft("runs", "--json")[1])
    assert [run["status"] for run in runs] == ["cancelled"]


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
