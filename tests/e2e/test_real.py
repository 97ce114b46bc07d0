"""The real models and the real page in a real browser."""

import pytest

from core.settings import BUNDLED_TASKS
from tests.e2e.conftest import ragft


@pytest.mark.slow
def test_retrieval_finds_the_evidence(environment):
    """Recall@2 of the evidence document on the handbook's questions: what the RAG arms live on."""
    assert ragft(environment, "index", "hiring-handbook")["documents"] >= 40
    quality = ragft(environment, "retrieval-eval", "hiring-handbook")
    assert quality["hybrid"]["recall"]["2"]["mean"] >= 0.55  # Two thirds of the questions avoid the handbook's words: 0.59.
    assert quality["hybrid"]["questions"] >= 200


@pytest.mark.slow
def test_passages_never_exceed_the_window():
    from core.tasks.prompting import PASSAGE_TOKENS
    from retrieval.chunking import searchable_text, split_document
    from retrieval.documents import read_documents
    from retrieval.embedding.embedder import SentenceEmbedder

    embedder = SentenceEmbedder()
    for document in read_documents(BUNDLED_TASKS / "hiring-handbook" / "documents").documents:
        for passage in split_document(document, embedder.tokenizer, max_tokens=PASSAGE_TOKENS):
            assert document.text[passage.start : passage.end] == passage.text
            assert len(embedder.tokenizer.encode(searchable_text(passage)).ids) <= embedder.fingerprint.max_tokens


@pytest.mark.slow
def test_the_worker_trains_and_every_arm_answers(environment, card):
    assert card["outcome"]["last_loss"] < card["outcome"]["first_loss"]
    before = ragft(environment, "ask", "hiring-handbook", "Who chairs the hiring committee?", "--arms", "base")
    answers = ragft(
        environment, "ask", "hiring-handbook", "Who chairs the hiring committee?", "--arms", "qlora,rag,hybrid,base"
    )
    assert [row["arm"] for row in answers] == ["qlora", "rag", "hybrid", "base"]
    assert all("generation" in row for row in answers)
    assert before[0]["generation"]["text"] == answers[3]["generation"]["text"]
    assert answers[0]["generation"]["finish"] == "stop"  # the end token was learned


@pytest.mark.slow
def test_merged_and_attached_adapters_agree_in_float32(home, card, monkeypatch):
    """In bfloat16 they round differently (88 of 100 texts equal, the same marks); in float32 they are one product."""
    import torch

    from core.comparison.arms import ARMS
    from core.generation.decoder import load_generator
    from core.generation.device import Device
    from core.generation.models import find_model
    from core.values import DecodeOptions
    from lab.answering import answer_items
    from lab.lab import Lab

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.float32))
    texts = []
    for merge in (True, False):
        lab = Lab(home, generator=load_generator(find_model(home), merge=merge))
        task = lab.task("hiring-handbook")
        answers = dict(answer_items(lab, task, task.test[:100], ARMS["qlora"], options=DecodeOptions(max_new_tokens=16)))
        texts.append([answers[index].generation.text for index in range(100)])
    assert sum(a == b for a, b in zip(*texts, strict=True)) >= 95


@pytest.mark.slow
def test_the_real_model_held_to_the_schema_is_valid_unless_cut_off(environment, card):
    result = ragft(environment, "compare", "hiring-handbook", "--arms", "base,qlora", "--limit", "12", "--mode", "constrained")
    answered = [arm for arm in result["arms"].values() if arm["status"] == "ok"]  # The baselines stand beside them.
    assert len(answered) == 2
    for arm in answered:
        assert arm["schema_valid"] * arm["n"] == arm["n"] - arm["truncated"]


@pytest.mark.e2e
def test_answers_appear_side_by_side(browser_page, address):
    page = browser_page
    page.goto(address)
    question = "Which hotel do candidates sleep at in Tampere?"
    page.locator(".answers, .empty").first.wait_for(timeout=120_000)  # The tab has been filled: nothing overwrites the text.
    page.get_by_label("Question", exact=True).fill(question)
    page.get_by_role("button", name="Answer", exact=True).click()
    page.locator(f'.answers[data-question="{question}"]').wait_for(timeout=240_000)
    page.locator(f'.answers[data-question="{question}"]:not([aria-busy])').wait_for(timeout=240_000)
    assert page.locator(".answer h3").all_inner_texts() == ["Base model", "RAG", "QLoRA", "RAG + QLoRA"]
    assert page.locator(".passage").count() > 0
    page.locator("button.chip").first.click()  # It leads to the passage that it names.
    page.locator(".passage[open] .text").wait_for(timeout=10_000)


@pytest.mark.e2e
def test_an_empty_question_is_answered_in_words(browser_page, address):
    page = browser_page
    page.goto(address)
    page.locator(".answers, .empty").first.wait_for(timeout=120_000)
    page.get_by_label("Question", exact=True).fill("")
    page.get_by_role("button", name="Answer", exact=True).click()
    page.get_by_text("There is no question.").wait_for(timeout=60_000)


@pytest.mark.e2e
def test_a_training_survives_a_reload_and_is_cancelled(browser_page, address):
    page = browser_page
    page.goto(address)
    page.get_by_role("tab", name="Fine-tune").click()
    page.get_by_role("button", name="Start fine-tuning").click()
    page.get_by_text("RUNNING", exact=True).wait_for(timeout=120_000)
    page.get_by_text("train loss", exact=False).wait_for(timeout=120_000)
    page.reload()
    page.get_by_role("tab", name="Fine-tune").click()
    page.get_by_text("RUNNING", exact=True).wait_for(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("CANCELLED", exact=True).wait_for(timeout=120_000)


@pytest.mark.e2e
def test_a_file_of_rows_becomes_a_task(browser_page, address, tmp_path):
    rows = "".join(f'"Please {verb} booking {n}";{verb}\n' for n in range(20) for verb in ("move", "cancel"))
    file = tmp_path / "bookings.csv"
    file.write_text(f"text;intent\n{rows}broken row\n")
    page = browser_page
    page.goto(address)
    page.get_by_role("tab", name="Your task").click()
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_text("row 42: 1 cells where the header has 2").first.wait_for(timeout=60_000)
    page.get_by_text("OK: a schema under which 40 examples are usable").wait_for(timeout=60_000)
    page.get_by_role("button", name="Create the task").click()
    page.get_by_text("1 rows are unusable").wait_for(timeout=60_000)
    page.get_by_label("Leave out the rows").check()
    page.get_by_role("button", name="Create the task").click()
    page.get_by_text("The task bookings is ready").wait_for(timeout=60_000)
    page.reload()  # The task is there for later visits too.
    page.get_by_role("tab", name="Evaluate").click()
    page.get_by_label("Task", exact=True).locator("visible=true").first.click()
    page.get_by_role("option", name="bookings").wait_for(timeout=60_000)


@pytest.mark.e2e
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows_on_a_phone(browser_page, address, theme):
    page = browser_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/?__theme={theme}")
    page.locator(".answers, .empty").first.wait_for(timeout=120_000)
    assert page.get_by_role("tab").locator("visible=true").count() == 6  # None hides in a menu.
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
