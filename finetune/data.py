"""Training data: token ids with the trained part marked, packed so that the common prompt is computed once.

Every prompt of a task starts with the same instruction. A step's examples are laid side by side in one row:
the shared prefix, then each example's own part. Attention lets an example see the prefix and itself
(`finetune/train/packed_attention.py`), and its positions continue the prefix, so the loss and its gradient are those of
separate rows (tested) at about half the tokens, and nothing is padded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from core.answers.writing import serialize
from core.comparison.prompts import build_prompt
from core.errors import LabError
from core.generation.decoder import common_prefix, encode_prompt
from core.tasks.task import Task
from core.values import Evidence, Example, Hit, Message
from finetune.train.packed_attention import Spans, span_examples

if TYPE_CHECKING:
    import torch

SHARE_SHOWN = 0.8  # Of the examples whose evidence retrieval missed.


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example: the model is given `prompt` and learns `answer`, whose last token ends the turn."""

    id: str
    prompt: list[int]
    answer: list[int]


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
    task: Task, examples: Sequence[Example], tokenizer: Any, *, max_tokens: int, hits: Sequence[Sequence[Hit]] | None = None
) -> tuple[list[Encoded], list[str]]:
    """Encode examples with the prompt that will be asked later; returns them and the ids of those too long.

    A JSON target is never cut: an example that does not fit is left out and named. `hits` are the passages that each
    example's prompt shows.

    Raises:
        LabError: The tokenizer joins prompt and answer, or does not end the answer.
    """
    encoded: list[Encoded] = []
    too_long: list[Encoded] = []
    for example, shown in zip(examples, hits or [()] * len(examples), strict=True):
        item = encode_example(task, example, tokenizer, hits=shown)
        (encoded if len(item.prompt) + len(item.answer) <= max_tokens else too_long).append(item)
    if not encoded:
        raise LabError(f"No training example of {task.name} fits into {max_tokens} tokens.", "Shorten the examples.")
    return encoded, [item.id for item in too_long]


def encode_example(task: Task, example: Example, tokenizer: Any, *, hits: Sequence[Hit] = ()) -> Encoded:
    """Encode one example; the boundary between prompt and answer is checked by tokens, not assumed."""
    messages = build_prompt(task, example.input, hits=hits)
    prompt = encode_prompt(tokenizer, messages)
    answered = [*messages, Message("assistant", serialize(example.output, task.schema))]
    turns = [{"role": message.role, "content": message.content} for message in answered]
    whole = tokenizer(tokenizer.apply_chat_template(turns, tokenize=False), add_special_tokens=False)["input_ids"]
    if list(whole[: len(prompt)]) != prompt:
        raise LabError(f"The chat template writes the prompt of {example.id!r} differently once it is answered.")
    answer = list(whole[len(prompt) :])
    if tokenizer.eos_token_id not in answer:
        raise LabError(f"The chat template does not close the answer with {tokenizer.eos_token!r}.", "Choose another model.")
    # Templates write a line break after the end of the turn; it is nothing that the model should learn to say.
    return Encoded(example.id, prompt, answer[: answer.index(tokenizer.eos_token_id) + 1])


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
