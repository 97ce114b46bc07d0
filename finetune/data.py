"""Training data: token ids with the trained part marked, packed so that the common prompt is computed once.

Every prompt of a task starts with the same instruction. A step's examples are laid side by side in one row:
the shared prefix, then each example's own part. Attention lets an example see the prefix and itself
(`finetune/train/packed_attention.py`), and its positions continue the prefix, so the loss and its gradient are those of
separate rows (tested) at about half the tokens, and nothing is padded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from core.answers.writing import serialize
from core.comparison.prompts import build_prompt
from core.errors import LabError
from core.generation.chat import encode_answered
from core.generation.decoder import common_prefix
from core.tasks.task import Task
from core.values import Evidence, Example, Hit
from finetune.train.packed_attention import Spans, span_examples

if TYPE_CHECKING:
    import torch

SHARE_SHOWN = 0.8  # Of the examples whose evidence retrieval missed.


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example: the model is given `prompt` and learns `answer`, whose last token ends the turn.

    `other` is a second prompt for the same answer, which shows passages: it is given in every other pass.
    """

    id: str
    prompt: list[int]
    answer: list[int]
    other: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """One step's examples in one row of T tokens.

    Shape: ids and positions (1, T); spans: who may see whom; predicting (A,): the positions whose next token is
    learned; targets (A,): those tokens.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    spans: Spans
    predicting: torch.Tensor
    targets: torch.Tensor


def encode_examples(
    task: Task, examples: Sequence[Example], tokenizer: Any, *, max_tokens: int, hits: Sequence[Sequence[Hit]] | None = None,
    mixed: bool = False,
) -> tuple[list[Encoded], list[str]]:  # fmt: skip
    """Encode examples with the prompt that will be asked later; returns them and the ids of those too long.

    A JSON target is never cut: an example that does not fit is left out and named. `hits` are the passages that each
    example's prompt shows; with `mixed` each example has a prompt without them too.

    Raises:
        LabError: The tokenizer joins prompt and answer, or does not end the answer.
    """
    encoded: list[Encoded] = []
    too_long: list[Encoded] = []
    for example, shown in zip(examples, hits or [()] * len(examples), strict=True):
        encode = partial(encode_both, max_tokens=max_tokens) if mixed else encode_example
        item = encode(task, example, tokenizer, hits=shown)
        (encoded if len(item.prompt) + len(item.answer) <= max_tokens else too_long).append(item)
    if not encoded:
        raise LabError(f"No training example of {task.name} fits into {max_tokens} tokens.", "Shorten the examples.")
    return encoded, [item.id for item in too_long]


def encode_example(task: Task, example: Example, tokenizer: Any, *, hits: Sequence[Hit] = ()) -> Encoded:
    """Encode one example; the boundary between prompt and answer is checked by tokens, not assumed."""
    messages = build_prompt(task, example.input, hits=hits)
    prompt, answer = encode_answered(tokenizer, messages, serialize(example.output, task.schema))
    return Encoded(example.id, prompt, answer)


def encode_both(task: Task, example: Example, tokenizer: Any, *, hits: Sequence[Hit], max_tokens: int) -> Encoded:
    """Encode one example without passages and with them; where those do not fit, it is shown without them in every pass."""
    plain, shown = encode_example(task, example, tokenizer), encode_example(task, example, tokenizer, hits=hits)
    fits = len(shown.prompt) + len(shown.answer) <= max_tokens
    return replace(plain, other=shown.prompt) if fits else plain


def take_turn(item: Encoded, turn: int, *, seed: int) -> Encoded:
    """Return an example as a pass shows it: of two prompts one, and in the next pass the other.

    Which comes first is drawn by seed and id: about half of every pass shows passages, and two passes show each example
    both ways, whatever the order of the file. Nothing else is drawn, so a resumed training sees what it would have seen.
    """
    first = blake2b(f"turn:{seed}:{item.id}".encode(), digest_size=1).digest()[0]
    if item.other is None or (first + turn) % 2 == 0:
        return item
    return replace(item, prompt=item.other, other=None)


def measure_own(items: Sequence[Encoded], prefix: int) -> list[int]:
    """Return the tokens of each example after the prefix that all prompts share, its answer included.

    Of examples with two prompts the half that is longest with passages is taken with them: the mean is about that of a
    pass, and the longest examples together are the largest step that there can be.
    """
    order = sorted(range(len(items)), key=lambda place: len(items[place].other or ()), reverse=True)
    shown = set(order[: (len(items) + 1) // 2])
    prompts = [item.other if item.other and place in shown else item.prompt for place, item in enumerate(items)]
    return [len(prompt) - prefix + len(item.answer) for prompt, item in zip(prompts, items, strict=True)]


def show_evidence(example: Example, hits: Sequence[Hit], find: Callable[[Evidence], Hit | None], *, seed: int) -> list[Hit]:
    """Return the passages to train an example with: what retrieval found, and mostly what the answer stands in.

    Where retrieval missed the evidence, its passage takes the last place in SHARE_SHOWN of the examples; the others are
    learned beside wrong passages alone (RAFT, arXiv 2403.10131, section 3). The choice follows from seed and id.

    Args:
        example: The example; without evidence nothing is changed.
        hits: What retrieval found for it, best first.
        find: Returns the passage that holds a quote, None if there is none.
        seed: The training's.
    """
    missed = bool(example.evidence) and not any(holds_quote(hit, proof) for hit in hits for proof in example.evidence)
    draw = int.from_bytes(blake2b(f"{seed}:{example.id}".encode(), digest_size=8).digest()) / 2**64
    right = find(example.evidence[0]) if missed and draw < SHARE_SHOWN else None
    return [*hits[:-1], right] if right is not None else list(hits)


def holds_quote(hit: Hit, proof: Evidence) -> bool:
    """Say whether a passage holds a quote, however its lines are broken."""
    quote = " ".join(proof.quote.split())
    return hit.passage.document == proof.document and quote in " ".join(hit.passage.text.split())


def pack(batch: Sequence[Encoded]) -> Packed:
    """Lay a batch side by side behind its common prefix."""
    import torch

    prefix = common_prefix([item.prompt for item in batch])
    ids, positions = list(batch[0].prompt[:prefix]), list(range(prefix))
    predicting: list[int] = []
    targets: list[int] = []
    for item in batch:
        own = [*item.prompt[prefix:], *item.answer]
        # The token before the answer predicts its first one: it is the prompt's last.
        first_answer = len(ids) + len(item.prompt) - prefix
        predicting.extend(range(first_answer - 1, first_answer - 1 + len(item.answer)))
        targets.extend(item.answer)
        ids.extend(own)
        positions.extend(range(prefix, prefix + len(own)))
    return Packed(
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        spans=span_examples(prefix, [len(item.prompt) - prefix + len(item.answer) for item in batch]),
        predicting=torch.tensor(predicting),
        targets=torch.tensor(targets),
    )
