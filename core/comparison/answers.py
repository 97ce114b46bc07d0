"""Answers that were given before: kept as they come, so that what was asked once is not asked again.

An answer's key is all that determines it: model, adapter, decoding, versions and machine, and its prompt. In 16 bits that
includes the prompts beside it: products of other shapes round otherwise, and a near tie falls the other way. There
prompts are asked in fixed batches that are one key each, and a batch in which something is unknown is asked whole, so
that a comparison that was killed gives the answers of one that was left alone. In float32 no answer was seen to depend
on its neighbours (`benchmarks/LOG.md`), and none is asked twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.storage import MANIFEST, cannot_write, hash_file
from core.values import DecodeOptions, Generation, Generator, Message, OnText, Support

FORM = 1  # Of the lines; another form is another key, so that no older line is read.
FINE = {"float32", "none"}  # Arithmetic, on a CPU, in which neighbours make no difference; a fake has none.
# Of `batch_size` rows in a batch that is one key, at least: rows that end early are replaced, and the common beginning of the
# prompts is read once a batch. With one round an arm took a fifth longer (`benchmarks/LOG.md`).
ROUNDS = 3


class AnswerNotKept(LabError):
    """An answer could not be written down. The ones before it are kept, so whoever asks must not go on as if nothing were."""


class RememberingGenerator:
    """A generator that writes down what another one answers, and answers from that what it knows.

    Args:
        generator: Answers what is not known.
        folder: Where answers are kept; a file for each combination of model, adapter and decoding.
        basis: What answers depend on beside the generator's description and what is asked: versions, the machine.
        fresh: Whether everything is asked anew; what is answered is kept all the same.
    """

    def __init__(self, generator: Generator, folder: Path, *, basis: Any = None, fresh: bool = False) -> None:
        self._generator, self._folder, self._basis, self._fresh = generator, folder, basis, fresh
        self.served, self.kept = 0, 0  # Answers that were known; those and the ones written down since.

    @property
    def description(self) -> Mapping[str, Any]:
        """The description of the generator behind."""
        return self._generator.description

    @property
    def context_tokens(self) -> int:
        """The context of the generator behind."""
        return self._generator.context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt, as the generator behind counts them."""
        return self._generator.count_tokens(messages)

    def check_support(self, schema: Mapping[str, Any]) -> Support:
        """Say what the generator behind says of a schema."""
        return self._generator.check_support(schema)

    def generate(
        self, prompts: Sequence[Sequence[Message]], *, adapter: str | None, options: DecodeOptions,
        schema: Mapping[str, Any] | None = None, on_text: OnText | None = None,
    ) -> Iterator[tuple[int, Generation]]:  # fmt: skip
        """Yield (index of the prompt, generation): what is known at once, the rest as it is answered.

        Raises:
            AnswerNotKept: The disk refuses an answer.
            LabError: As the generator behind.
        """
        if adapter is not None and not (Path(adapter) / MANIFEST).is_file():
            # Nothing says what it holds. The model says what is wrong with it.
            yield from self._generator.generate(prompts, adapter=adapter, options=options, schema=schema, on_text=on_text)
            return
        file = AnswerFile(self._folder, self._name_file(adapter, options, schema))
        known = {} if self._fresh else file.read()
        alone = not options.temperature and self._is_fine()
        batches = [[index] for index in range(len(prompts))] if alone else split_batches(prompts, options)
        keys = name_answers(prompts, batches)
        for index in range(len(prompts)):
            if keys[index] in known:
                self.served += 1
                self.kept += 1
                yield index, known[keys[index]]
        unknown = [batch for batch in batches if any(keys[index] not in known for index in batch)]
        if alone and unknown:
            unknown = [sum(unknown, [])]
        for asked in unknown:
            answers = self._generator.generate(
                [prompts[index] for index in asked],
                adapter=adapter,
                options=options,
                schema=schema,
                on_text=_map_places(on_text, asked),
            )
            for place, generation in answers:
                index = asked[place]
                if keys[index] not in known:
                    file.append(*keys[index], generation)
                    self.kept += 1
                    yield index, generation

    def _is_fine(self) -> bool:
        """Say whether an answer depends on its own prompt alone."""
        description = self._generator.description
        return description.get("dtype") in FINE and description.get("device") in {"cpu", "none"}

    def _name_file(self, adapter: str | None, options: DecodeOptions, schema: Mapping[str, Any] | None) -> str:
        """Return a hash of all that determines answers but the prompts."""
        return _hash(
            [
                FORM,
                dict(self._generator.description),
                self._basis,
                hash_file(Path(adapter) / MANIFEST) if adapter is not None else None,
                _describe_options(options),
                schema if options.mode != "free" else None,
            ]
        )


class AnswerFile:
    """Answers of one model, adapter and decoding: a JSON line each, appended by whoever asks.

    Each line is written by one call to the system's end of the file, so that processes do not mix theirs, and stands between
    line feeds, so that one that a kill or a full disk cut short spoils no other. Each carries a hash of itself: a damaged
    one is left out, and its answer is asked again.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.jsonl"

    def read(self) -> dict[tuple[str, int], Generation]:
        """Return the whole answers by batch and place in it, and mark the file as used."""
        try:
            lines = self._path.read_bytes().split(b"\n")
            os.utime(self._path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LabError(
                f"Cannot read {self._path}: {error.strerror}.", "Delete it: its answers are then asked again."
            ) from error
        return dict(answer for line in lines if (answer := _read_line(line)) is not None)

    def append(self, key: str, place: int, generation: Generation) -> None:
        """Write an answer down.

        Raises:
            AnswerNotKept: The disk refuses.
        """
        line = b"\n" + _write_line(key, place, generation) + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                while line:  # A disk that fills up takes a part of the line, then refuses the rest.
                    line = line[os.write(descriptor, line) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            happened = cannot_write(self._path, error)
            raise AnswerNotKept(
                f"{happened.happened} The answers before this one are kept.", f"{happened.remedy} Then ask for the same again."
            ) from error


def split_batches(prompts: Sequence[Sequence[Message]], options: DecodeOptions) -> list[list[int]]:
    """Return the indices of prompts in batches of like size, short prompts first: rows of like length cost least.

    Sampled answers are one batch: each row draws by its place in it.
    """
    lengths = [sum(len(message.content) for message in prompt) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda index: (lengths[index], index))
    count = 1 if options.temperature else max(1, len(order) // (ROUNDS * options.batch_size))
    bounds = [len(order) * number // count for number in range(count + 1)]
    return [order[start:end] for start, end in pairwise(bounds)]


def name_answers(prompts: Sequence[Sequence[Message]], batches: Sequence[Sequence[int]]) -> list[tuple[str, int]]:
    """Return the key of each prompt's answer: a hash of its batch, and its place in it."""
    keys = {}
    for batch in batches:
        name = _hash([[asdict(message) for message in prompts[index]] for index in batch])
        keys.update({index: (name, place) for place, index in enumerate(batch)})
    return [keys[index] for index in range(len(prompts))]


def forget_answers(folder: Path, *, most_bytes: int = 0) -> int:
    """Remove the files that were not used for longest until the rest fits; returns how many bytes went.

    Args:
        folder: Where answers are kept.
        most_bytes: What may stay.
    """
    files = []
    for path in folder.glob("*.jsonl"):
        with suppress(FileNotFoundError):  # Another process forgets, too.
            found = path.stat()
            files.append((found.st_mtime, found.st_size, path))
    total = gone = 0
    for _, size, path in sorted(files, reverse=True):
        total += size
        if total > most_bytes:
            path.unlink(missing_ok=True)
            gone += size
    return gone


def _describe_options(options: DecodeOptions) -> dict[str, Any]:
    """Return the options that make a difference; the seed counts only where there is something to draw, the draft where one is written."""
    if not options.temperature:
        options = replace(options, seed=0)
    return asdict(options if options.mode == "think" else replace(options, draft_tokens=0))


def _map_places(on_text: OnText | None, batch: Sequence[int]) -> OnText | None:
    """Let a listener hear of prompts by their own index."""
    return None if on_text is None else lambda place, text: on_text(batch[place], text)


def _hash(value: Any) -> str:
    """Return the sha256 of a JSON value. Escaped, so that half a surrogate pair, which UTF-8 cannot write, is as good as any text."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()


def _write_line(key: str, place: int, generation: Generation) -> bytes:
    content = {"batch": key, "place": place, "generation": asdict(generation)}
    return json.dumps({**content, "sum": _hash(content)}).encode("ascii")


def _read_line(line: bytes) -> tuple[tuple[str, int], Generation] | None:
    """Return what a line holds; None for a blank or damaged one."""
    try:
        content = json.loads(line)
        if not isinstance(content, dict) or content.pop("sum", None) != _hash(content):
            return None
        known = {item.name for item in fields(Generation)}
        generation = Generation(**{name: value for name, value in content["generation"].items() if name in known})
        return (content["batch"], content["place"]), generation
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
