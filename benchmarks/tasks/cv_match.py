"""Write the rows of `tasks/cv-match`: job descriptions with CVs, put together out of parts that were written by hand.

`python -m benchmarks.tasks.cv_match` writes train.jsonl and test.jsonl anew, the same bytes for the same seed. The parts
are `source/train.txt` and `source/test.txt`, which have no sentence in common: each requirement with what somebody says
who meets it, who meets it partly, and who does not. What a CV shows is drawn first; the text and the answer follow.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.tasks.cv_words import CITIES, FIRST_NAMES, LAST_NAMES

FOLDER = Path(__file__).resolve().parents[2] / "tasks" / "cv-match"
SEED = 20261127
EACH = {"train": 6, "test": 2}  # CVs for each job.
LEAST_WORDS, MOST_WORDS = 85, 155  # Of a CV.
STATUSES = ("met", "partly", "not")
# How a CV is set out: before, between and after its sentences; `|` parts them in two halves.
FORMS = {
    "train": (
        ("{name}\n{city}\n\n", " ", ""),
        ("CV of {name}, {city}\n\n- ", "\n- ", ""),
        ("{name} | {city}\n\nAbout me\n", " | ", ""),
        ("To whom it may concern:\n\n", " ", "\n\n{name}, {city}"),
        ("Name: {name}\nTown: {city}\nNotes:\n+ ", "\n+ ", ""),
    ),
    "test": (
        ("{city}, {name}\n\n", "\n", ""),
        ("Hello, this is {name} from {city}. ", " ", ""),
        ("{name} ({city})\n* ", "\n* ", ""),
        ("=== {name} ===\n", " || ", "\n=== {city} ==="),
        ("I apply, and here is why.\n\n", " ", "\n\nYours, {name}\n{city}"),
    ),
}


@dataclass(frozen=True)
class Requirement:
    """What a job asks for, and what CVs say of it: `said` holds the sentences by status; none means silence."""

    need: str
    said: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Parts:
    """The hand-written parts of a split.

    Args:
        jobs: By title, each with its own requirements.
        apart: By title, the topics that the job's own requirements touch, so that a sentence could count for both.
        topics: Requirements that any other job may have.
        fillers: Sentences that decide nothing.
    """

    jobs: dict[str, list[Requirement]] = field(default_factory=dict)
    apart: dict[str, list[str]] = field(default_factory=dict)
    topics: dict[str, list[Requirement]] = field(default_factory=dict)
    fillers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """A job description: requirements, each a must or a plus, the musts first."""

    title: str
    requirements: tuple[Requirement, ...]
    musts: int


def main() -> None:
    """Write both splits."""
    for split in EACH:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in make_rows(split))
        (FOLDER / f"{split}.jsonl").write_text(text, encoding="utf-8")


def read_parts(split: str) -> Parts:
    """Read the parts of a split.

    `# job`, `! topic` and `~ filler` begin blocks; a job's name may be followed by a bar and the topics to keep apart
    from it. A requirement's fields stand between bars, several ways to say one thing between spaced semicolons.
    """
    parts, block = Parts(), ""
    for line in (FOLDER / "source" / f"{split}.txt").read_text(encoding="utf-8").splitlines():
        if line[0] in "#!~":
            block, _, apart = (text.strip() for text in line.partition("|"))
            parts.apart[block[2:]] = [topic.strip() for topic in apart.split(",")]
        elif block[0] == "~":
            parts.fillers.append(line)
        else:
            need, *said = (text.strip() for text in line.split("|"))
            ways = [tuple(way.strip() for way in text.split(" ; ") if way.strip()) for text in said]
            requirement = Requirement(need, dict(zip(STATUSES, ways, strict=True)))
            (parts.jobs if block[0] == "#" else parts.topics).setdefault(block[2:], []).append(requirement)
    return parts


def make_rows(split: str) -> list[dict[str, Any]]:
    """Return the rows of a split; the CVs for one job are a group."""
    random, parts, rows = Random(f"{SEED} {split}"), read_parts(split), []
    for number, title in enumerate(parts.jobs):
        job = make_job(random, parts, title)
        for turn in range(EACH[split]):
            wanted = ("invite", "hold", "decline")[(number + turn) % 3]
            statuses = draw_statuses(random, job, wanted)
            said = [_say(random, requirement, status) for requirement, status in zip(job.requirements, statuses, strict=True)]
            rows.append(
                {
                    "id": f"match-{split}-{len(rows) + 1:03d}",
                    "input": f"{write_job(job)}\n\nCV:\n{write_cv(random, parts, job, said, split)}",
                    "output": label(job, statuses, said),
                    "group": f"{split}-{title.lower().replace(' ', '-')}",
                    "slice": f"{len(statuses)}_requirements",
                }
            )
    return rows


def make_job(random: Random, parts: Parts, title: str) -> Job:
    """Return a job with its own requirements and one to three that any job may have, at most one of a topic."""
    topics = random.sample(sorted(set(parts.topics) - set(parts.apart[title])), random.randint(1, 3))
    requirements = [*parts.jobs[title], *(random.choice(parts.topics[topic]) for topic in topics)]
    first, *others = requirements
    random.shuffle(others)
    return Job(title, (first, *others), random.randint(2, len(requirements) - 1))


def draw_statuses(random: Random, job: Job, wanted: str) -> list[str]:
    """Return a status for each requirement that lead to the wanted recommendation."""
    while True:
        statuses = random.choices(STATUSES, weights=(4, 3, 3), k=len(job.requirements))
        if recommend(statuses, job.musts) == wanted:
            return statuses


def recommend(statuses: Sequence[str], musts: int) -> str:
    """Return what the house rules say: the first `musts` statuses are of requirements that must be met."""
    needed, extra = statuses[:musts], statuses[musts:]
    if "not" in needed:
        return "decline"
    return "invite" if set(needed) == {"met"} and set(extra) != {"not"} else "hold"


def label(job: Job, statuses: Sequence[str], said: Sequence[str]) -> dict[str, Any]:
    """Return the answer; what is not met has no evidence, even where the CV says so."""
    items = [
        {"requirement": requirement.need, "status": status, "evidence": None if status == "not" else text}
        for requirement, status, text in zip(job.requirements, statuses, said, strict=True)
    ]
    return {"requirements": items, "recommendation": recommend(statuses, job.musts)}


def write_job(job: Job) -> str:
    """Write a job description."""
    lines = [f"{'must' if number < job.musts else 'plus'}: {item.need}" for number, item in enumerate(job.requirements)]
    return "\n".join([f"Job: {job.title}", *lines])


def write_cv(random: Random, parts: Parts, job: Job, said: Sequence[str], split: str) -> str:
    """Write a CV that says these things, something that nobody asked for, and fillers up to the length of a CV."""
    asked = {item.need for item in job.requirements}
    near = parts.apart[job.title]
    free = [item for topic, items in parts.topics.items() if topic not in near for item in items if item.need not in asked]
    sentences = [text for text in said if text]
    sentences += [
        random.choice(item.said[random.choice(("met", "partly"))]) for item in random.sample(free, random.randint(0, 2))
    ]
    fillers = random.sample(parts.fillers, len(parts.fillers))
    goal = random.randint(LEAST_WORDS, MOST_WORDS - 30)
    while sum(len(text.split()) for text in sentences) < goal and fillers:
        sentences.append(fillers.pop())
    random.shuffle(sentences)
    before, joint, after = random.choice(FORMS[split])
    if "|" in joint:
        middle = len(sentences) // 2
        mark = "\n\nMore\n" if split == "train" else "\n---\n"
        text = mark.join((" ".join(sentences[:middle]), " ".join(sentences[middle:])))
    else:
        text = joint.join(sentences)
    name = f"{random.choice(FIRST_NAMES[split])} {random.choice(LAST_NAMES[split])}"
    return f"{before}{text}{after}".replace("{name}", name).replace("{city}", random.choice(CITIES[split]))


def _say(random: Random, requirement: Requirement, status: str) -> str:
    """Return a sentence for a status; of what is not met most CVs say nothing."""
    ways = requirement.said[status]
    return "" if not ways or (status == "not" and random.random() < 0.5) else random.choice(ways)


if __name__ == "__main__":
    main()
