"""What is kept of answers, and when it is used."""

import json
import os
from dataclasses import asdict, dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.comparison.answers import AnswerFile, AnswerNotKept, RememberingGenerator, forget_answers, split_batches
from core.generation.fake import FakeGenerator
from core.values import DecodeOptions, Generation, Message

OPTIONS = DecodeOptions(batch_size=2)
PROMPTS = [[Message("user", f"Question {number}" + " word" * (number % 3))] for number in range(20)]
SCHEMA = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Watched(FakeGenerator):
    """Notes what it was asked; in `dtype` arithmetic; breaks off before the answer number `breaks`."""

    dtype: str = "none"
    breaks: int = 10**9
    calls: list = field(default_factory=list)

    @property
    def description(self):
        return {**super().description, "dtype": self.dtype}

    def generate(self, prompts, **others):
        self.calls.append([prompt[0].content for prompt in prompts])
        for index, generation in super().generate(prompts, **others):
            if sum(map(len, self.calls[:-1])) + index >= self.breaks:
                raise KeyboardInterrupt
            yield index, replace(generation, text=f"{prompts[index][0].content} among {len(prompts)}")


def ask(folder, generator, prompts=PROMPTS, *, adapter=None, options=OPTIONS, schema=SCHEMA, **more):
    remembering = RememberingGenerator(generator, folder, **more)
    found = dict(remembering.generate(prompts, adapter=adapter, options=options, schema=schema))
    assert sorted(found) == list(range(len(prompts)))
    assert remembering.kept == len(prompts)
    return remembering.served, {index: generation.text for index, generation in found.items()}


def test_what_was_answered_is_not_asked_again(tmp_path):
    first, second = Watched(), Watched()
    assert ask(tmp_path, first)[0] == 0
    served, texts = ask(tmp_path, second)
    assert (served, second.calls) == (20, [])
    assert texts == {index: f"{prompt[0].content} among 20" for index, prompt in enumerate(PROMPTS)}
    assert ask(tmp_path, second, PROMPTS[5:8])[0] == 3  # Fine arithmetic: neighbours make no difference.


@pytest.mark.parametrize("breaks", [0, 1, 7, 19])
def test_broken_off_it_goes_on_behind_the_last_answer(tmp_path, breaks):
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Watched(breaks=breaks))
    second = Watched()
    assert ask(tmp_path, second)[0] == breaks
    assert sum(map(len, second.calls)) == 20 - breaks


@pytest.mark.parametrize("breaks", [0, 3, 8, 19])
def test_in_coarse_arithmetic_it_gives_what_an_unbroken_one_gives(tmp_path, breaks):
    """There an answer depends on the prompts beside it, as this generator's does."""
    whole = Watched(dtype="bfloat16")
    _, texts = ask(tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path / "broken", Watched(dtype="bfloat16", breaks=breaks))
    second = Watched(dtype="bfloat16")
    served, resumed = ask(tmp_path / "broken", second)
    assert (served, resumed) == (breaks, texts)
    assert all(call in whole.calls for call in second.calls)  # The same prompts side by side.
    assert len(second.calls) == len(whole.calls) - sum(breaks >= end for end in (6, 13, 20))
    assert ask(tmp_path / "whole", Watched(dtype="bfloat16"), PROMPTS[:10])[0] == 0  # Others beside them: another key.


def test_batches_are_of_like_size_and_length():
    batches = split_batches(PROMPTS, OPTIONS)
    assert sorted(map(len, batches)) == [6, 7, 7]
    lengths = [len(PROMPTS[index][0].content) for batch in batches for index in batch]
    assert lengths == sorted(lengths)
    assert sorted(sum(batches, [])) == list(range(20))
    assert split_batches([], OPTIONS) == [[]]
    assert len(split_batches(PROMPTS, replace(OPTIONS, temperature=1.0))) == 1


def test_everything_that_determines_an_answer_is_in_its_key(tmp_path):
    adapters = [tmp_path / name for name in ("a", "b")]
    for folder in adapters:
        folder.mkdir()
        (folder / "manifest.json").write_text(folder.name)
    ask(tmp_path, Watched(), adapter=str(adapters[0]))
    assert ask(tmp_path, Watched(), adapter=str(adapters[0]))[0] == 20
    (adapters[0] / "manifest.json").rename(adapters[0] / "kept")
    assert ask_nothing(tmp_path, adapter=str(adapters[0])) == 0  # Without a manifest nothing says what it holds.
    (adapters[0] / "manifest.json").write_text("trained anew under the same name")
    for others in (
        {"adapter": str(adapters[0])},
        {"adapter": str(adapters[1])},
        {},
        {"basis": {"torch": "2"}},
        {"options": replace(OPTIONS, max_new_tokens=3)},
        {"options": replace(OPTIONS, mode="constrained")},
        {"options": replace(OPTIONS, mode="constrained"), "schema": {"type": "object"}},
        {"options": replace(OPTIONS, mode="think")},
        {"options": replace(OPTIONS, temperature=0.5, seed=1)},
        {"options": replace(OPTIONS, temperature=0.5, seed=2)},
        {"prompts": [[Message("system", "Be short."), *prompt] for prompt in PROMPTS]},
    ):
        assert ask(tmp_path, Watched(), **others)[0] == 0, others
        assert ask(tmp_path, Watched(), **others)[0] == 20, others
    # The seed of greedy decoding and the schema of free decoding make no difference.
    assert ask(tmp_path, Watched(), options=replace(OPTIONS, seed=7), schema={"type": "string"})[0] == 20


def ask_nothing(folder, *, adapter):
    """Ask where nothing can be kept; returns how many answers were known."""
    remembering = RememberingGenerator(FakeGenerator(), folder)
    assert len(list(remembering.generate(PROMPTS, adapter=adapter, options=OPTIONS))) == 20
    assert remembering.kept == 0
    return remembering.served


def test_fresh_asks_everything_and_keeps_it(tmp_path):
    ask(tmp_path, Watched())
    again = Watched()
    assert ask(tmp_path, again, fresh=True)[0] == 0
    assert sum(map(len, again.calls)) == 20
    assert ask(tmp_path, Watched())[0] == 20


def test_a_listener_hears_of_prompts_by_their_own_index(tmp_path):
    class Telling(FakeGenerator):
        def generate(self, prompts, *, on_text=None, **others):
            for index, generation in super().generate(prompts, **others):
                if on_text is not None:
                    on_text(index, prompts[index][0].content)
                yield index, generation

    ask(tmp_path, Telling(), PROMPTS[3:6])
    heard = {}
    remembering = RememberingGenerator(Telling(), tmp_path)
    list(remembering.generate(PROMPTS, adapter=None, options=OPTIONS, on_text=heard.__setitem__))
    assert heard == {index: prompt[0].content for index, prompt in enumerate(PROMPTS) if index not in (3, 4, 5)}


GENERATION = Generation("text", 1, 2, 0.1, 0.2, "stop")


def test_a_line_cut_short_spoils_no_other(tmp_path):
    file = AnswerFile(tmp_path, "a")
    path = tmp_path / "a.jsonl"
    file.append("k", 0, GENERATION)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole + whole[:end])
        file.append("k", 2, GENERATION)
        assert set(file.read()) == {("k", 0), ("k", 2)}


def test_a_damaged_line_is_asked_again(tmp_path):
    file = AnswerFile(tmp_path, "a")
    path = tmp_path / "a.jsonl"
    for place in range(3):
        file.append("k", place, GENERATION)
    text = path.read_text()
    for damage in (text.replace("text", "test", 1), text.replace('"batch"', '"catch"', 1), "[1]\n" + text.replace("{", "", 1)):
        path.write_text(damage)
        assert set(file.read()) == {("k", 1), ("k", 2)}
    path.write_bytes(b"\xff\x00" * 50 + text.encode())
    assert set(file.read()) >= {("k", 1), ("k", 2)}
    path.write_text(json.dumps({"a": 1}) + "\n" + "[" * 100_000)
    assert file.read() == {}


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None)), st.text(st.sampled_from('\ud800\udfff\x00\n\r\u2028"\\9é')))
def test_any_text_comes_back(tmp_path_factory, text, draft):
    """Two halves of a surrogate pair that stand together come back as their character."""
    text, draft = (part.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for part in (text, draft))
    file = AnswerFile(tmp_path_factory.mktemp("answers"), "a")
    generation = replace(GENERATION, text=text, draft=draft)
    file.append("k", 0, generation)
    assert file.read() == {("k", 0): generation}


def test_a_field_of_a_newer_version_is_no_damage(tmp_path, monkeypatch):
    import core.comparison.answers as answers

    monkeypatch.setattr(answers, "asdict", lambda value: {**asdict(value), "mood": "new"})
    AnswerFile(tmp_path, "a").append("k", 0, GENERATION)
    assert AnswerFile(tmp_path, "a").read() == {("k", 0): GENERATION}


def test_a_full_disk_is_said_and_what_was_kept_stays(tmp_path, monkeypatch):
    write = os.write
    room = [600]

    def fill(descriptor, line):
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = write(descriptor, line[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(
        AnswerNotKept, match=r"No space left on device. The answers before this one are kept.*ask for the same again"
    ):
        ask(tmp_path, Watched())
    room[0] = 10**9
    second = Watched()
    served, _ = ask(tmp_path, second)
    assert 0 < served < 20
    assert sum(map(len, second.calls)) == 20 - served


def test_many_processes_append_to_one_file(tmp_path):
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(append_many, [(tmp_path, worker) for worker in range(4)])
    assert len(AnswerFile(tmp_path, "a").read()) == 4 * 50


def append_many(arguments):
    folder, worker = arguments
    for place in range(50):
        AnswerFile(folder, "a").append(f"worker {worker}", place, replace(GENERATION, text="x" * 9000))


def test_beyond_the_limit_the_longest_unused_goes(tmp_path):
    for age, name in enumerate("abc"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"x" * 100)
        os.utime(tmp_path / f"{name}.jsonl", (1000 - age, 1000 - age))
    AnswerFile(tmp_path, "c").read()  # Used now.
    assert forget_answers(tmp_path, most_bytes=300) == 0
    assert forget_answers(tmp_path, most_bytes=250) == 100
    assert sorted(path.stem for path in tmp_path.glob("*.jsonl")) == ["a", "c"]
    assert forget_answers(tmp_path) == 200
    assert forget_answers(tmp_path / "absent") == 0
