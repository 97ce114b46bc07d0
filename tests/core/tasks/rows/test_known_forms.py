"""The forms of training rows that tools share: what is asked and what is answered is found in each."""

import json

import pytest

from core.tasks.columns import guess_columns
from core.tasks.draft import draft_task
from core.tasks.records import read_records

TEXTS = [f"the {thing} of order {number} is {state}" for number, (thing, state) in enumerate((thing, state) for thing in ("lamp", "table", "phone", "clock") for state in ("late", "broken", "lost"))]  # fmt: skip
LABELS = ["late", "broken", "lost"] * 4
PAIRS = list(zip(TEXTS, LABELS, strict=True))


def turns(*said, keys=("role", "content")):
    return [dict(zip(keys, turn, strict=True)) for turn in said]


def chat(text, label, *, system="Sort it."):
    return turns(("system", system), ("user", text), ("assistant", label))


FORMS = {
    "messages": lambda text, label: {"messages": chat(text, label)},
    "messages as text": lambda text, label: {"messages": json.dumps(chat(text, label))},
    "conversations": lambda text, label: {"conversations": turns(("human", text), ("gpt", label), keys=("from", "value")), "id": text},
    "contents with parts": lambda text, label: {
        "contents": turns(("user", [{"text": text}]), ("model", [{"text": label}]), keys=("role", "parts"))
    },
    "typed parts": lambda text, label: {
        "messages": turns(("user", [{"type": "text", "text": text}]), ("assistant", [{"type": "text", "text": label}]))
    },
    "bare turns": lambda text, label: chat(text, label),
    "ChatML": lambda text, label: {"text": f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n{label}<|im_end|>\n"},
    "INST": lambda text, label: {"text": f"<s>[INST] <<SYS>>\nSort it.\n<</SYS>>\n\n{text} [/INST] {label} </s>"},
    "Human and Assistant": lambda text, label: {"text": f"### Human: {text}### Assistant: {label}"},
    "Instruction and Response": lambda text, label: {
        "text": f"Below is a request.\n\n### Instruction:\nSort it.\n\n### Input:\n{text}\n\n### Response:\n{label}"
    },
    "turns as prompt and completion": lambda text, label: {
        "prompt": turns(("user", text)), "completion": turns(("assistant", label)),
    },
    "chosen and rejected turns": lambda text, label: {"chosen": chat(text, label), "rejected": chat(text, "no"), "score": 1},
    "chosen and rejected": lambda text, label: {"prompt": text, "chosen": label, "rejected": "no"},
    "prompt and completion": lambda text, label: {"prompt": text, "completion": label},
    "old completions": lambda text, label: {"prompt": f"{text}\n\n###\n\n", "completion": f" {label} END"},
    "question and answer": lambda text, label: {"question": text, "answer": label, "level": 3},
    "system, question, response": lambda text, label: {"system_prompt": "Sort it.", "question": text, "response": label},
    "instructions": lambda text, label: {"instruction": "Sort it.", "input": text, "output": label},
    "instructions alone": lambda text, label: {"instruction": text, "input": "", "output": label, "text": f"All of it: {text} {label}"},
    "instructions without inputs": lambda text, label: {"instruction": text, "response": label},
    "text and label": lambda text, label: {"text": text, "label": label},
}  # fmt: skip


def read(tmp_path, rows, name="rows.json"):
    path = tmp_path / name
    path.write_text(json.dumps(rows))
    return read_records(path)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_input_and_answer(tmp_path, form):
    records = read(tmp_path, [FORMS[form](text, label) for text, label in PAIRS])
    draft = draft_task(records)
    found = {item.input.split("\n")[-1]: item.output for item in (*draft.train, *draft.test)}
    assert set(found) <= set(TEXTS)
    assert len(found) >= 8  # Near copies of the exam leave the training rows.
    assert all(list(output.values()) == [LABELS[TEXTS.index(text)]] for text, output in found.items())
    if form != "text and label":
        assert any(note.startswith("Recognised: ") for note in draft.notes)


@pytest.mark.parametrize("form", ["messages", "INST", "system, question, response", "instructions"])
def test_what_all_rows_tell_becomes_the_instruction(tmp_path, form):
    draft = draft_task(read(tmp_path, [FORMS[form](text, label) for text, label in PAIRS]))
    assert draft.instruction == "Sort it."
    assert all("Sort it" not in item.input for item in draft.train)


def test_different_instructions_stand_before_their_inputs(tmp_path):
    rows = [{"instruction": f"Do {number % 3}.", "input": text if number % 2 else "<noinput>", "output": label} for number, (text, label) in enumerate(PAIRS)]  # fmt: skip
    records = read(tmp_path, rows)
    assert records.rows[1][1]["instruction + input"] == f"Do 1.\n\n{TEXTS[1]}"
    assert records.rows[2][1]["instruction + input"] == "Do 2."
    assert (records.reading.instruction, guess_columns(records).outputs) == ("", ("output",))
    assert any("6 rows have no input" in note for note in records.notes)
    chats = [{"messages": chat(text, label, system=f"Do {number % 3}.")} for number, (text, label) in enumerate(PAIRS)]
    assert read(tmp_path, chats).rows[1][1]["user turn"] == f"Do 1.\n\n{TEXTS[1]}"


def test_of_a_long_chat_the_last_answer_is_learned_and_the_turns_before_are_shown(tmp_path):
    rows = [
        {
            "messages": turns(
                ("user", "Hello"), ("assistant", "How can I help?"), ("user", text), ("assistant", label), ("user", "Thanks")
            )
        }
        for text, label in PAIRS
    ]
    records = read(tmp_path, rows)
    assert records.rows[0][1] == {"user turn": f"User: Hello\nAssistant: How can I help?\nUser: {TEXTS[0]}", "answer": "late"}
    assert any("12 chats have several turns" in note for note in records.notes)
    assert any("12 chats go on after the last turn" in note for note in records.notes)


CALLS = {
    "tool_calls": lambda args: {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "route", "arguments": json.dumps(args)}}]},
    "function_call": lambda args: {"role": "assistant", "content": "", "function_call": {"name": "route", "arguments": args}},
    "tool_use": lambda args: {"role": "assistant", "content": [{"type": "tool_use", "name": "route", "input": args}]},
    "role": lambda args: {"role": "function_call", "content": json.dumps({"name": "route", "arguments": args})},
}  # fmt: skip


@pytest.mark.parametrize("kind", CALLS)
def test_a_tool_call_is_an_answer_and_is_named(tmp_path, kind):
    rows = [{"messages": [*turns(("user", text)), CALLS[kind]({"state": label})], "tools": [{}]} for text, label in PAIRS]
    rows[3]["messages"][1] = {"role": "assistant", "content": "No."}
    draft = draft_task(read(tmp_path, rows))
    assert draft.train[0].output["name"] == "route"
    assert set(draft.train[0].output["arguments"]) == {"state"}
    assert any("The answers are tool calls (11 rows)" in note for note in draft.notes)
    assert any("Columns not used: tools" in note for note in draft.notes)
    assert draft.problems == ("row 4: its answer is a text, where those of most rows call tools",)


def test_several_calls_are_a_list_and_tools_speak_in_the_history(tmp_path):
    call = CALLS["function_call"]({"n": 1})
    rows = [
        {"messages": [*turns(("user", text)), call, *turns(("tool", "done"), ("assistant", label))]} for text, label in PAIRS
    ]
    asked = read(tmp_path, rows).rows[0][1]["user turn"]
    assert asked == f'User: {TEXTS[0]}\nAssistant calls route: {{"n": 1}}\nTool: done'
    two = {"role": "assistant", "tool_calls": [{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]}
    rows = [{"messages": [*turns(("user", text)), two]} for text in TEXTS]
    assert [item["name"] for item in read(tmp_path, rows).rows[0][1]["answer"]["calls"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (turns(("user", "hello")), "no turn of the assistant"),
        (turns(("assistant", "hello")), "no turn of the user"),
        (turns(("user", "hello"), ("assistant", "")), "the last turn of the assistant is empty"),
        (turns(("narrator", "hello"), ("assistant", "x")), "no turn of a user"),
        (turns(("user", [{"type": "image_url"}]), ("assistant", "x")), "'image_url'"),
        ([], "no list of turns"),
        ("nothing", "no chat with a user"),
    ],
)
def test_a_chat_that_cannot_be_read_is_named_by_row(tmp_path, messages, words):
    rows = [{"messages": chat(text, label)} for text, label in PAIRS]
    records = read(tmp_path, [*rows[:4], {"messages": messages}, *rows[4:]])
    assert len(records.rows) == 12
    assert records.problems[0].startswith("row 5: messages: ")
    assert words in records.problems[0]


def test_two_texts_and_a_context_are_one_input(tmp_path):
    rows = [
        {"premise": text, "hypothesis": f"It is {label}.", "label": "yes", "idx": number}
        for number, (text, label) in enumerate(PAIRS)
    ]
    draft = draft_task(read(tmp_path, rows))
    first = next(item for item in (*draft.train, *draft.test) if TEXTS[0] in item.input)
    assert first.input == f"Premise: {TEXTS[0]}\nHypothesis: It is late."
    assert draft.columns.outputs == ("label",)
    squad = [{"id": text, "context": text, "question": f"State {number}?", "answers": {"text": [label], "answer_start": [0]}} for number, (text, label) in enumerate(PAIRS)]  # fmt: skip
    records = read(tmp_path, squad)
    assert records.rows[0][1]["context + question"] == f"{TEXTS[0]}\n\nState 0?"
    assert records.rows[0][1]["answers"] == "late"
    asked = [{"id": f"q{number}", "question": f"State {number}?", "answers": [{"text": label, "answer_start": 0}]} for number, label in enumerate(LABELS)]  # fmt: skip
    paragraphs = [{"context": text, "qas": [question]} for text, question in zip(TEXTS, asked, strict=True)]
    nested = read(tmp_path, {"version": "1.1", "data": [{"title": "x", "paragraphs": paragraphs}]})
    assert [(row["context + question"], row["answers"]) for _, row in nested.rows] == [
        (row["context + question"], row["answers"]) for _, row in records.rows
    ]


def test_answers_in_fences_and_in_pythons_writing_are_objects(tmp_path):
    def fence(label):
        return f'Here it is:\n```json\n{{"state": "{label}"}}\n```'

    for write in (fence, lambda label: repr({"state": label, "why": None}), lambda label: json.dumps({"state": label})):
        draft = draft_task(read(tmp_path, [{"prompt": text, "completion": write(label)} for text, label in PAIRS]))
        assert draft.train[0].output["state"] in LABELS
        assert draft.problems == ()
    assert not any("fences" in note for note in draft.notes)
