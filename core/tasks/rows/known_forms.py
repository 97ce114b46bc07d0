"""The forms of training rows that tools share: chats, instructions, prompts with completions, questions, pairs of texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.tasks.rows.conversations import NoChat, is_chat, read_chat, read_turns

Rows = Sequence[tuple[int, dict[str, Any]]]

SAMPLE_ROWS = 200  # From which the form is told.
MOST = 0.8  # Share of rows that must be of a form.
ANSWER = "answer"
CHAT_INPUT = "user turn"
NOTHING = {"", "nan", "none", "null", "n/a", "<noinput>", "no input", "noinput"}  # What stands where there is no input.

INSTRUCTIONS = ("instruction", "instructions")
SYSTEMS = ("system", "system_prompt", "system_message")
CONTEXTS = ("input", "context", "inputs", "passage")
COMPLETIONS = ("output", "completion", "response", "chosen", "answer", "answers", "target", "outputs", "completions") + (
    "ground_truth",
    "expected_output",
    "expected",
    "reference",
)
PROMPTS = ("prompt", "question", "query")
# Two columns that are one input together.
PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("subject", "body"),
    ("title", "body"),
    ("title", "text"),
    ("title", "description"),
    ("title", "abstract"),
)
LABEL_NAMES = ("label", "labels", "class", "category", "target", "output", "gold_label", "intent", "sentiment")
PROMPT_ENDS = re.compile(r"\s*(###|->|=>|Answer:|A:|Response:|Assistant:|Completion:)\s*\Z")
ANSWER_ENDS = re.compile(r"\s*(###|END|<\|endoftext\|>|</s>|<\|im_end\|>|<\|eot_id\|>)\s*\Z")


@dataclass(frozen=True, slots=True)
class KnownForm:
    """What the columns of a known form are.

    Args:
        name: Of the form; empty where none was recognised.
        input: The column of the input.
        outputs: The columns of the answer.
        instruction: What all rows tell the model; empty where they tell nothing or different things.
        label: What the input is called in prompts.
    """

    name: str = ""
    input: str | None = None
    outputs: tuple[str, ...] = ()
    instruction: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Rows of a known form, with columns of their own where the form needs any."""

    rows: tuple[tuple[int, dict[str, Any]], ...]
    reading: KnownForm


def recognise(
    columns: Sequence[str], rows: Rows, problems: list[str], notes: list[str], locate: Callable[[int], str]
) -> Recognised | None:  # fmt: skip
    """Return the rows of a known form, None where there is none; what cannot be read is named, what is assumed noted."""
    by_name = {name.lower().strip(): name for name in reversed(columns)}
    chat = _find_chat(columns, rows, by_name)
    if chat:
        return _read_chats(chat, rows, by_name, problems, notes, locate)
    output = _pick(by_name, COMPLETIONS)
    instruction = _pick(by_name, INSTRUCTIONS)
    if instruction and output:
        return _join_instruction(instruction, _pick(by_name, CONTEXTS), output, rows, by_name, notes)
    prompt = _pick(by_name, PROMPTS)
    if prompt and output and prompt != output:
        return _read_prompts(prompt, output, rows, by_name, notes)
    for first, second in PAIRS:
        label = _pick(by_name, LABEL_NAMES)
        if label and first in by_name and second in by_name and len(columns) > 2:
            return _join_pair(by_name[first], by_name[second], label, rows, notes)
    return None


def _pick(by_name: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((by_name[name] for name in names if name in by_name), None)


def _find_chat(columns: Sequence[str], rows: Rows, by_name: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns whose turns make up a chat, in order; empty where there are none."""
    sample = [row for _, row in rows[:SAMPLE_ROWS]]
    chats = [name for name in columns if _most(sample, name, is_chat)]
    if chats:
        order = [_pick(by_name, ("prompt",)), _pick(by_name, ("completion", "chosen", "response"))]
        both = tuple(name for name in order if name in chats)
        return both if len(both) == 2 else (chats[0],)
    if len(columns) == 1 or list(map(str.lower, columns)) in (["id", "text"], ["text", "split"]):
        texts = [name for name in columns if name.lower() not in ("id", "split")]
        return tuple(name for name in texts if _most(sample, name, _is_template))
    return ()


def _is_template(cell: Any) -> bool:
    try:
        return bool(isinstance(cell, str) and read_turns(cell))
    except NoChat:
        return False


def _most(rows: Sequence[Mapping[str, Any]], name: str, test: Callable[[Any], bool]) -> bool:
    cells = [row.get(name) for row in rows if row.get(name) not in (None, "", [])]
    return len(cells) > 0 and sum(map(test, cells)) >= MOST * len(cells)


# Six: a form is read from the rows and what was found of them, and tells of problems and assumptions.
def _read_chats(
    chat: tuple[str, ...],
    rows: Rows,
    by_name: Mapping[str, str],
    problems: list[str],
    notes: list[str],
    locate: Callable[[int], str],
) -> Recognised | None:
    system = _pick(by_name, SYSTEMS)
    read = []
    for number, row in rows:
        try:
            turns = [turn for name in chat for turn in read_turns(row.get(name))]
            read.append((number, row, read_chat(turns)))
        except NoChat as error:
            problems.append(f"{locate(number)}: {' and '.join(chat)}: {error}")
    calling = sum(not isinstance(item.answer, str) for _, _, item in read)
    wanted = list if calling * 2 > len(read) else str
    several = any(isinstance(item.answer, list) and len(item.answer) > 1 for _, _, item in read)
    told = [item.system or _text(row.get(system) if system else None) for _, row, item in read]
    shared = _find_shared(told, notes)
    taken: list[tuple[int, dict[str, Any]]] = []
    for (number, row, item), words in zip(read, told, strict=True):
        if not isinstance(item.answer, wanted):
            kinds = ("a text", "call tools") if wanted is list else ("a tool call", "are texts")
            problems.append(f"{locate(number)}: its answer is {kinds[0]}, where those of most rows {kinds[1]}")
            continue
        answer = item.answer if isinstance(item.answer, str) else {"calls": item.answer} if several else item.answer[0]
        asked = item.asked if shared or not words else f"{words}\n\n{item.asked}"
        kept = {name: value for name, value in row.items() if name not in (*chat, CHAT_INPUT, ANSWER)}
        taken.append((number, {**kept, CHAT_INPUT: asked, ANSWER: answer}))
    long, cut = sum(item.turns > 1 for _, _, item in read), sum(item.after > 0 for _, _, item in read)
    notes += [f"{long} chats have several turns: those before the answer stand in the input"] if long else []
    notes += [f"{cut} chats go on after the last turn of the assistant; that is left out"] if cut else []
    notes += [f"The answers are tool calls ({calling} rows): name and arguments"] if wanted is list else []
    name = f"chat ({', '.join(chat)}): the last turn of the user is the input, the last of the assistant the answer"
    return Recognised(tuple(taken), KnownForm(name, CHAT_INPUT, (ANSWER,), shared, "Message"))


def _text(cell: Any) -> str:
    text = "" if cell is None else str(cell).strip()
    return "" if text.lower() in NOTHING else text


def _find_shared(told: Sequence[str], notes: list[str]) -> str:
    """Return what the model is told in all rows that tell anything; empty where that differs."""
    counts = Counter(words for words in told if words)
    if len(counts) == 1:
        shared, count = next(iter(counts.items()))
        if count * 2 >= len(told):
            notes.append(f"{count} rows share one instruction, which becomes the task's: {shared[:80]!r}")
            return shared
    if counts:
        notes.append(f"The rows tell {len(counts)} different instructions, so each stands before its input")
    return ""


# Six: the columns of the form, the rows, and what tells of assumptions.
def _join_instruction(
    instruction: str, context: str | None, output: str, rows: Rows, by_name: Mapping[str, str], notes: list[str]
) -> Recognised:
    """Join instruction and input; one instruction for all rows with an input becomes the task's."""
    inputs = [_text(row.get(context)) if context else "" for _, row in rows]
    orders = [_text(row.get(instruction)) for _, row in rows]
    with_input = Counter(order for order, given in zip(orders, inputs, strict=True) if given)
    alone = sum(not given for given in inputs)
    shared = next(iter(with_input)) if len(with_input) == 1 and sum(with_input.values()) > 1 else ""
    if shared:
        notes.append(f"{sum(with_input.values())} rows share one instruction, which becomes the task's: {shared[:80]!r}")
    elif with_input:
        notes.append(f"The rows with an input have {len(with_input)} instructions, so each stands before its input")
    if alone and context:
        notes.append(f"{alone} rows have no {context}: their {instruction} is the input")
    column = f"{instruction} + {context}" if context else instruction
    taken = []
    for (number, row), order, given in zip(rows, orders, inputs, strict=True):
        asked = order if not given else given if shared or not order else f"{order}\n\n{given}"
        taken.append((number, {**row, column: asked}))
    form = f"instructions ({', '.join(name for name in (instruction, context, output) if name)})"
    return Recognised(tuple(taken), KnownForm(form, column, (output,), shared, "Input" if context else "Instruction"))


def _read_prompts(
    prompt: str, output: str, rows: Rows, by_name: Mapping[str, str], notes: list[str]
) -> Recognised:  # fmt: skip
    """Read prompts with completions and questions with answers: marks at their ends go, a context is joined."""
    context, system = _pick(by_name, ("context", "passage")), _pick(by_name, SYSTEMS)
    prompts = _strip_ends([row.get(prompt) for _, row in rows], PROMPT_ENDS, prompt, notes)
    answers = _strip_ends([_first_text(row.get(output)) for _, row in rows], ANSWER_ENDS, output, notes)
    if any(_has_places(row.get(output)) for _, row in rows[:SAMPLE_ROWS]):
        notes.append(f"Of the texts in {output!r} the first is the answer")
    told = [_text(row.get(system)) if system else "" for _, row in rows]
    shared = _find_shared(told, notes) if system else ""
    column = f"{context} + {prompt}" if context else prompt
    taken = []
    for (number, row), asked, answer, words in zip(rows, prompts, answers, told, strict=True):
        parts = ["" if shared else words, _text(row.get(context)) if context else "", asked if isinstance(asked, str) else ""]
        joined = "\n\n".join(part for part in parts if part.strip())
        taken.append(
            (
                number,
                {
                    **row,
                    column: joined or asked,
                    **({output: answer.strip() if isinstance(answer, str) else answer} if output in row else {}),
                },
            )
        )
    name = f"{prompt} and {output}" + (f", with {context}" if context else "")
    return Recognised(tuple(taken), KnownForm(name, column, (output,), shared, prompt.capitalize()))


def _first_text(cell: Any) -> Any:
    """Return the first of the texts that SQuAD gives with their places; any other cell as it is."""
    if _has_places(cell):
        texts = cell["text"] if isinstance(cell, dict) else [item.get("text") for item in cell]
        return texts[0] if isinstance(texts, list) and texts else texts or None
    return cell


def _has_places(cell: Any) -> bool:
    found = cell[0] if isinstance(cell, list) and cell else cell
    return isinstance(found, dict) and {"text", "answer_start"} <= set(found)


def _strip_ends(cells: list[Any], ends: re.Pattern[str], name: str, notes: list[str]) -> list[Any]:
    """Take a mark off the ends where nearly all cells have the same, as the older form of completions has."""
    found = Counter(match[1] for cell in cells if isinstance(cell, str) and (match := ends.search(cell)))
    mark, count = found.most_common(1)[0] if found else ("", 0)
    if not cells or count < MOST * len(cells):
        return cells
    notes.append(f"{name} ends in {mark!r}, which is left out")
    return [ends.sub("", cell) if isinstance(cell, str) else cell for cell in cells]


def _join_pair(first: str, second: str, label: str, rows: Rows, notes: list[str]) -> Recognised:
    column = f"{first} + {second}"
    notes.append(f"{first!r} and {second!r} are one input together")
    taken = []
    for number, row in rows:
        parts = [f"{name.capitalize()}: {_text(row.get(name))}" for name in (first, second) if _text(row.get(name))]
        taken.append((number, {**row, column: "\n".join(parts)}))
    return Recognised(tuple(taken), KnownForm(f"pairs of texts ({first}, {second}, {label})", column, (label,), "", "Texts"))
