"""The decode loop: rows of different lengths side by side, finished ones replaced at once, forced text for free.

A step takes the new tokens of all rows through the model: one token of a row that is being decoded, several
where the schema forces text, the whole own part of a prompt that has just been admitted. So a run of forced
tokens costs one step, and a waiting prompt is read while the others go on writing. Where few rows are written, guesses
of what follows go along (`guessing.py`); those that the model would have written too are taken over.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from core.generation.beginnings import Beginnings
from core.generation.constraint import Matcher
from core.generation.ending import Ending
from core.generation.guessing import Guesser
from core.generation.slots import Slots, plan_step
from core.values import DecodeOptions, Finish

if TYPE_CHECKING:
    import torch

PREFILL_TOKENS = 4096  # New prompt tokens in one step; with more the rows that are writing would wait, and memory grow.
FRESH_TOKENS = 16  # A row that brings more attends apart: beside it every other row would be padded to its length.
GUESSED_TOKENS = 7  # Beside the certain one: eight tokens of one row take 1.15 times as long as one.
GUESSING_ROWS = 4  # Of more rows together a step is no longer bound by reading the weights, and wrong guesses cost.
SEED_STRIDE = 1_000_003  # Beyond any number of rows, so that no two pairs of seed and row share their random numbers.


@dataclass(frozen=True, slots=True)
class Written:
    """What one row wrote, and its cost.

    Args:
        tokens: The answer, without the end token.
        draft: What was written freely before the answer.
        new_tokens: Tokens written, drafted and end token included.
        forced_tokens: Those of them that the schema left no choice about.
        guessed_tokens: Those that came of a guess.
        seconds: The row's share of the model's time: each step is shared by tokens, the common prefix by rows.
        latency_seconds: From its admission to its end.
        finish: `stop` when it ended by itself, `length` when it was cut, or closed by the shortest end that fits.
        let_go: The engine that held it to the schema gave up.
    """

    tokens: list[int]
    draft: list[int]
    new_tokens: int
    forced_tokens: int
    seconds: float
    latency_seconds: float
    finish: Finish
    guessed_tokens: int = 0
    let_go: bool = False


@dataclass
class Row:
    """A prompt being answered. The slots hold `held` tokens of it; `pending` go through the model next."""

    index: int
    pending: list[int]
    held: int
    random: Any
    matcher: Matcher | None
    drafting: bool
    began: float
    seconds: float
    written: list[int] = field(default_factory=list)
    draft: list[int] = field(default_factory=list)
    forced: int = 0
    ended: Finish | None = None
    said_end: bool = False
    next_look: int = 0  # How many tokens are written when its shortest end is looked for again.
    whole: list[int] | None = None  # A beginning of the answer with its shortest end, which fits.
    guesser: Guesser | None = None
    guess: list[int] = field(default_factory=list)  # Goes through the model behind `pending`.
    guessed: int = 0
    let_go: bool = False


@dataclass(frozen=True)
class DecodeLoop:
    """What stays the same for all rows of a call.

    Args:
        model: A transformers causal language model loaded with the attention of `attention.py`.
        ends: Tokens that end an answer.
        bridge: Tokens between a draft and the answer.
        options: How to decode.
        start_matcher: Makes a matcher for a row, or None for free text.
        on_tokens: Told of a row's draft or answer so far after every step.
        ending: Ends answers that are held to a schema before the room is used up; without it they are cut.
        guesses: Whether guesses go along where few rows are written.
        kept: Beginnings that were computed before, with the same model.
        adapter: Whose beginnings count.
    """

    model: Any
    ends: frozenset[int]
    bridge: Sequence[int]
    options: DecodeOptions
    start_matcher: Callable[[], Matcher | None] = lambda: None
    on_tokens: Callable[[int, list[int]], None] | None = None
    ending: Ending | None = None
    guesses: bool = True
    kept: Beginnings | None = None
    adapter: str | None = None

    def run(
        self, prompts: Sequence[Sequence[int]], *, prefix: int = 0, beginnings: Sequence[int] = ()
    ) -> Iterator[tuple[int, Written]]:
        """Answer prompts, yielding (index, what was written) as rows end, shorter prompts first.

        Args:
            prompts: Token ids; each is longer than `prefix`.
            prefix: How many leading tokens all prompts share; they are computed once.
            beginnings: Without a prefix, how many leading tokens of each are computed apart and kept. Shape: (prompts,).
        """
        if not prompts:
            return
        room = self.options.max_new_tokens + 1
        if self.options.mode == "think":
            room += self.options.draft_tokens + len(self.bridge)
        slots = Slots(min(self.options.batch_size, len(prompts)), max(map(len, prompts)) + room)
        # Rows of like length side by side: attention reads every row as far as the longest reaches.
        waiting = deque(sorted(range(len(prompts)), key=lambda index: len(prompts[index])))
        share = self._read_beginning(slots, 0, prompts[0][:prefix]) / len(prompts) if prefix else 0.0
        slots.spread(prefix)
        places: list[Row | None] = [None] * slots.count
        while waiting or any(places):
            self._admit(places, waiting, prompts, prefix, share)
            if beginnings:
                self._begin_kept(places, slots, beginnings)
            rows = _close_ranks(places, slots)
            if self.guesses and len(rows) <= GUESSING_ROWS:
                for row in rows:
                    _add_guess(row, prompts[row.index], slots)
            if not any(row.ended for row in rows):  # An answer may be forced from beginning to end.
                self._advance(rows, slots)
            for place, row in enumerate(rows):
                if row.ended is not None:
                    places[place] = None
                    yield row.index, _report(row)

    def _read_beginning(self, slots: Slots, place: int, tokens: Sequence[int]) -> float:
        """Bring a row to the end of its beginning, computed before or now; returns the seconds it took."""
        start = time.perf_counter()
        known = self.kept.find(self.adapter, tokens) if self.kept is not None else None
        if known is None:
            known = Slots(1, len(tokens))
            self._forward(known, [list(tokens)], [0], fresh=[True], kept=[1])
            if self.kept is not None:
                self.kept.keep(self.adapter, tokens, known)
        slots.take_in(place, known, len(tokens))
        return time.perf_counter() - start

    def _begin_kept(self, places: Sequence[Row | None], slots: Slots, beginnings: Sequence[int]) -> None:
        """Bring rows that have just been admitted to the end of their beginnings."""
        for place, row in enumerate(places):
            if row is not None and not row.held and (length := beginnings[row.index]):
                row.seconds += self._read_beginning(slots, place, row.pending[:length])
                row.held, row.pending = length, row.pending[length:]

    def _admit(
        self, places: list[Row | None], waiting: deque[int], prompts: Sequence[Sequence[int]], prefix: int, share: float
    ) -> None:
        """Fill free places with waiting prompts, as many as a step may read, at least one."""
        now, read = time.perf_counter(), 0
        for place, row in enumerate(places):
            if row is not None or not waiting:
                continue
            own = prompts[waiting[0]][prefix:]
            if read and read + len(own) > PREFILL_TOKENS:
                return
            read += len(own)
            places[place] = self._open(waiting.popleft(), list(own), prefix, now, share)

    def _open(self, index: int, own: list[int], prefix: int, now: float, share: float) -> Row:
        """Begin a row behind the common prefix, with its share of the seconds that the prefix took."""
        import torch

        random = None
        if self.options.temperature > 0:
            # A generator of its own: what a row says does not depend on the rows beside it.
            random = torch.Generator().manual_seed(self.options.seed * SEED_STRIDE + index)
        row = Row(index, own, prefix, random, None, self.options.mode == "think", now, share)
        if not row.drafting:
            self._begin_answer(row)
        return row

    def _begin_answer(self, row: Row) -> None:
        """Start the answer proper, with the text that the schema forces at its beginning."""
        row.matcher = self.start_matcher()
        row.next_look = self.options.max_new_tokens // 2
        self._follow(row)

    def _advance(self, rows: Sequence[Row], slots: Slots) -> None:
        """Do one step and write the next tokens of every row."""
        start = time.perf_counter()
        tokens = [[*row.pending, *row.guess] for row in rows]
        counts = list(map(len, tokens))
        fresh = [count > FRESH_TOKENS for count in counts]
        kept = [1 + len(row.guess) for row in rows]
        logits = self._forward(slots, tokens, [row.held for row in rows], fresh=fresh, kept=kept)
        first = [0, *accumulate(kept)]
        best = [None] * len(logits) if self.options.temperature > 0 else logits.argmax(-1).tolist()
        for place, row in enumerate(rows):
            own = slice(first[place], first[place + 1])
            self._take_over(row, logits[own], best[own])
        spent = time.perf_counter() - start
        for row, count in zip(rows, counts, strict=True):
            row.seconds += spent * count / sum(counts)  # By tokens, so that the rows' shares add up to the time spent.
            if self.on_tokens is not None:
                self.on_tokens(row.index, row.draft if row.drafting else row.written)

    def _take_over(self, row: Row, logits: torch.Tensor, best: Sequence[int | None]) -> None:
        """Write a row's next token, and one more for each guess that is what comes next.

        Args:
            row: The row.
            logits: Behind its last certain token and behind each guess. Shape: (1 + guesses, vocabulary).
            best: The best token of each; None where tokens are drawn.
        """
        guess, row.guess = row.guess, []
        row.held += len(row.pending)
        row.pending = []
        seen = 0  # Guesses that are a part of the answer by now.
        while row.ended is None:
            self._write(row, self._choose(row, logits[seen], best[seen]))
            same = count_same(row.pending, guess[seen:])
            row.held += same
            row.guessed += same
            seen += same
            row.pending = row.pending[same:]
            if row.pending:  # What comes next went not through the model yet, and so did nothing behind it.
                return

    def _forward(
        self, slots: Slots, tokens: Sequence[Sequence[int]], starts: Sequence[int],
        *, fresh: Sequence[bool], kept: Sequence[int],
    ) -> torch.Tensor:  # fmt: skip
        """Run one packed step; returns the logits of every row's last `kept` tokens. Shape: (sum of kept, vocabulary)."""
        import torch

        counts = list(map(len, tokens))
        device = self.model.device
        step = plan_step(slots, starts, counts, fresh=fresh, device=device)
        ends = accumulate(counts)
        lasts = torch.tensor(
            [place for end, count in zip(ends, kept, strict=True) for place in range(end - count, end)], device=device
        )
        with torch.inference_mode():
            output: Any = self.model(
                input_ids=torch.tensor([[token for row in tokens for token in row]], device=device),
                position_ids=step.positions[None],
                use_cache=False,
                logits_to_keep=lasts,
                step=step,
            )
        logits: torch.Tensor = output.logits[0]
        return logits

    def _choose(self, row: Row, logits: torch.Tensor, best: int | None) -> int:
        """Choose a row's next token; the mask of allowed tokens is made only where the best one is not.

        Mostly the best token is allowed, and to ask about one token costs far less than a mask of the vocabulary.
        """
        if best is None:
            return self._sample(row, logits)
        if row.matcher is not None and not row.matcher.allows(best):
            return int(self._hide(row.matcher, logits).argmax())
        return int(best)

    def _sample(self, row: Row, logits: torch.Tensor) -> int:
        """Draw a token; on the CPU, so that a seed gives the same draws on every device."""
        import torch

        if row.matcher is not None:
            logits = self._hide(row.matcher, logits)
        weights = torch.softmax(logits.float().cpu() / self.options.temperature, -1)
        return int(torch.multinomial(weights, 1, generator=row.random))

    @staticmethod
    def _hide(matcher: Matcher, logits: torch.Tensor) -> torch.Tensor:
        """Hide what the schema does not allow."""
        import torch

        allowed = torch.zeros(logits.shape, dtype=torch.bool)
        # The model's output and the engine's vocabulary may differ in length by padding, which stays forbidden.
        listed = torch.tensor(matcher.list_allowed())
        allowed[: len(listed)] = listed[: len(allowed)]
        return logits.masked_fill(~allowed.to(logits.device), float("-inf"))

    def _write(self, row: Row, token: int) -> None:
        """Add a token to a row, and whatever follows from it."""
        if row.drafting:
            self._write_draft(row, token)
        elif token in self.ends:
            row.ended, row.said_end = "stop", True
        else:
            row.written.append(token)
            row.pending.append(token)
            if row.matcher is not None:
                row.matcher.accept(token)
                self._follow(row)  # What has to come now goes through the model together with this token.
                self._keep_whole(row)
            if row.ended is None and len(row.written) >= self.options.max_new_tokens:
                row.ended = "length"

    def _keep_whole(self, row: Row) -> None:
        """Keep a held answer with its shortest end while that fits; looked for more often the less room there is."""
        if self.ending is None or row.matcher is None or row.ended is not None or len(row.written) < row.next_look:
            return
        room = self.options.max_new_tokens - len(row.written)
        end = self.ending.find(row.matcher, most=room)
        if end is not None:
            row.whole = [*row.written, *end]
        row.next_look += max(1, (room - len(end or ())) // 2)

    def _write_draft(self, row: Row, token: int) -> None:
        """Add a token to the draft; when that ends, the answer begins behind it."""
        if token not in self.ends:
            row.draft.append(token)
            row.pending.append(token)
        if token in self.ends or len(row.draft) >= self.options.draft_tokens:
            row.drafting = False
            row.pending.extend(self.bridge)
            self._begin_answer(row)

    def _follow(self, row: Row) -> None:
        """Append the text that has to come; end the row where nothing else may."""
        if row.matcher is None:
            return
        # The end is no text: `finished` says below that it has come.
        forced = [token for token in row.matcher.take_forced() if token not in self.ends]
        if row.matcher.broken:  # A limit of the engine: the answer goes on freely and is validated as any other.
            row.matcher, row.let_go = None, True
            return
        room = self.options.max_new_tokens - len(row.written)
        row.written.extend(forced[:room])
        row.pending.extend(forced[:room])
        row.forced += len(forced[:room])
        if len(forced) > room:
            row.ended = "length"
        elif row.matcher.finished:
            row.ended = "stop"


def _add_guess(row: Row, prompt: Sequence[int], slots: Slots) -> None:
    """Guess what follows a row's last tokens, as far as there is room for it."""
    if row.guesser is None:
        row.guesser = Guesser()
        row.guesser.read(prompt)
        row.guesser.read([*row.draft, *row.written])
    else:
        row.guesser.read((*row.draft, *row.written)[len(row.guesser.tokens) - len(prompt) :])
    room = min(FRESH_TOKENS, slots.length - row.held) - len(row.pending)
    row.guess = row.guesser.guess(most=min(GUESSED_TOKENS, room)) if room > 0 else []


def count_same(tokens: Sequence[int], others: Sequence[int]) -> int:
    """Return how many leading tokens are the same."""
    return next(
        (place for place, (a, b) in enumerate(zip(tokens, others, strict=False)) if a != b), min(len(tokens), len(others))
    )


def _close_ranks(places: list[Row | None], slots: Slots) -> list[Row]:
    """Move the last rows into places left free, so that a step reads the slots as one slice, in place; returns the rows."""
    for place in reversed(range(len(places))):
        if places[place] is not None:
            continue
        last = max((index for index, row in enumerate(places) if row is not None), default=-1)
        if last > place:
            row = places[last]
            slots.move(last, place, row.held if row else 0)
            places[place], places[last] = row, None
    return [row for row in places if row is not None]


def _report(row: Row) -> Written:
    tokens = row.whole if row.ended == "length" and row.whole is not None else row.written
    return Written(
        tokens=tokens,
        draft=row.draft,
        new_tokens=len(tokens) + len(row.draft) + row.said_end,
        forced_tokens=row.forced,
        seconds=row.seconds,
        latency_seconds=time.perf_counter() - row.began,
        finish=row.ended or "length",
        guessed_tokens=row.guessed,
        let_go=row.let_go and tokens is row.written,
    )
