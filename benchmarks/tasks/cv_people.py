"""Applicants: inventing one, and the answer that the house rules give for them (`tasks/cv-screening/README.md`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.tasks.cv_skills import SKILLS, TOOLS, find_skills, list_spellings
from benchmarks.tasks.cv_trades import TRADES, Half, Trade
from benchmarks.tasks.cv_words import (
    CITIES,
    COMPANIES,
    DEGREES,
    DUTIES,
    FIRST_NAMES,
    LANGUAGES,
    LAST_NAMES,
    LEADING,
    LEADING_NOW,
    LEVELS,
    NOT_LEADING,
    NOTICE,
    REMOTE,
    SCHOOLS,
    UNFINISHED,
    UNPAID,
)  # fmt: skip

TODAY = 2026
SLOT = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True)
class Position:
    """A job: months are counted from year 0; `end` None means still in it; `paid` is false for internships without pay."""

    title: str
    company: str
    start: int
    end: int | None
    duties: tuple[str, ...] = ()
    paid: bool = True


@dataclass(frozen=True)
class Person:
    """All that is true of an applicant. `positions` is newest first; `skills` maps house names to wordings."""

    first: str
    last: str
    doctor: bool
    city: str | None
    area: str
    positions: tuple[Position, ...]
    leads: bool
    skills: dict[str, str]
    listed: tuple[str, ...]
    unknown: tuple[str, ...]
    education: str
    degrees: tuple[str, ...]
    school: str
    unfinished: str | None
    languages: dict[str, str]
    notice: int | None
    remote: bool | None


def make_person(random: Random, split: str) -> Person:
    """Invent an applicant out of the words of a split."""
    trade = TRADES[random.choice(sorted(TRADES))]
    half: Half = getattr(trade, split)
    skills = _choose_skills(random, trade, split)
    positions, leads = _make_positions(random, trade, split, skills)
    named = set().union(*(find_skills(position.title) for position in positions))
    skills |= {name: list_spellings(name, split)[0] for name in sorted(named - skills.keys())}
    duties = " ".join(duty for position in positions for duty in position.duties)
    told = find_skills(duties) | named
    listed = [word for name, word in skills.items() if name not in told or (name not in named and random.random() < 0.6)]
    listed += random.sample(trade.others, random.randint(1, 3))
    random.shuffle(listed)
    unknown = random.sample(sorted(set(SKILLS) - set(skills)), random.choice((1, 1, 2))) if random.random() < 0.18 else []
    education = random.choices(tuple(DEGREES), weights=(8, 12, 20, 28, 24, 8) if trade.graded else (10, 18, 38, 21, 11, 2))[0]
    degrees = [random.choice(DEGREES[education][split])] if education != "none" else []
    if education in ("bachelor", "master", "vocational") and random.random() < 0.25:
        degrees.insert(random.randint(0, 1), random.choice(DEGREES["secondary"][split]))
    spoken = random.sample(sorted(LANGUAGES), random.choice((0, 1, 2, 2, 3)))
    return Person(
        first=random.choice(FIRST_NAMES[split]),
        last=random.choice(LAST_NAMES[split]),
        doctor=education == "doctorate" and random.random() < 0.6,
        city=random.choice(CITIES[split]) if random.random() < 0.88 else None,
        area=random.choice(half.areas),
        positions=tuple(positions),
        leads=leads,
        skills=skills,
        listed=tuple(listed),
        unknown=tuple(unknown),
        education=education,
        degrees=tuple(degrees),
        school=random.choice(SCHOOLS[split]),
        unfinished=random.choice(UNFINISHED[split])
        if random.random() < 0.12 and education not in ("none", "doctorate")
        else None,
        languages={code: random.choice(LEVELS[split]) for code in spoken},
        notice=random.choice(tuple(NOTICE)) if random.random() < 0.75 else None,
        remote=random.choice(tuple(REMOTE)) if random.random() < 0.66 else None,
    )


def count_years(positions: Sequence[Position], *, months: bool) -> int:
    """Return whole years from the first paid position to the end of the last.

    Args:
        positions: Newest first.
        months: Whether the CV names them: then whole twelves of months count, else the difference of the years. Who is
            still in the position has no last month, so that years count.
    """
    paid = [position for position in positions if position.paid]
    if not paid:
        return 0
    start, end = paid[-1].start, paid[0].end
    if end is None:
        return TODAY - start // 12
    return (end - start) // 12 if months else end // 12 - start // 12


def label(person: Person, *, months: bool) -> dict[str, Any]:
    """Return the answer under the house rules for a CV that names months or only years."""
    years = count_years(person.positions, months=months)
    code = next(name for name, least in (("H9", 9), ("L2", 5), ("Q7", 2), ("Z4", 0)) if years >= least)
    return {
        "name": f"{person.first} {person.last}",
        "current_title": person.positions[0].title if person.positions else None,
        "seniority": "V1" if person.leads else code,
        "years_experience": years,
        "skills": sorted(person.skills),
        "education": person.education,
        "languages": sorted(person.languages),
        "notice_period_days": person.notice,
        "location": person.city,
        "remote_ok": person.remote,
    }


def _choose_skills(random: Random, trade: Trade, split: str) -> dict[str, str]:
    """Return house names with the wording that the person uses."""
    most = min(5, len(trade.skills))
    names = random.sample(trade.skills, random.randint(2 if most > 3 else 1, most))
    if random.random() < 0.25:
        names.append(random.choice(sorted(set(SKILLS) - set(names))))
    words = {name: list_spellings(name, split) for name in names}
    return {name: ways[0] if random.random() < 0.4 else random.choice(ways[1:]) for name, ways in words.items()}


def _make_positions(random: Random, trade: Trade, split: str, skills: dict[str, str]) -> tuple[list[Position], bool]:
    """Return positions newest first, none of which overlap, and whether the person leads people now."""
    spans = _draw_spans(random, random.choices((0, 1, 2, 3, 4), weights=(8, 28, 32, 22, 10))[0])
    leads = bool(spans) and spans[0][1] is None and random.random() < 0.3
    companies = random.sample(COMPANIES[split], len(spans) + 1)
    half: Half = getattr(trade, split)
    own, general = random.sample(half.duties, len(half.duties)), random.sample(DUTIES[split], len(DUTIES[split]))
    positions = []
    for number, (start, end) in enumerate(spans):
        count = random.choice((1, 2, 2, 3))
        texts = [text for text in (_fill(random, duty, skills) for duty in own[:count]) if text]
        own = own[count:]
        texts += [general.pop() for _ in range(random.choice((0, 1)) + (not texts))]
        if number == 0 and leads:
            texts.append(random.choice(LEADING_NOW[split]).format(n=random.randint(3, 14)))
        elif end is not None and random.random() < 0.15:
            texts.append(random.choice(LEADING[split]).format(n=random.randint(3, 14)))
        elif random.random() < 0.15:
            texts.append(random.choice(NOT_LEADING[split]))
        title = _grade(
            random, random.choice(half.titles), trade, before=start - spans[-1][0], length=(end or TODAY * 12) - start
        )
        positions.append(Position(title, companies[number], start, end, tuple(texts)))
    if positions and random.random() < 0.2:
        title, place = random.choice(UNPAID[split])
        end = positions[-1].start - random.randint(1, 6)
        positions.append(Position(title, place or companies[-1], end - random.randint(2, 14), end, paid=False))
    return positions, leads


def _draw_spans(random: Random, count: int) -> list[tuple[int, int | None]]:
    """Return (first month, last month or None) of positions, newest first; between two of them is a gap at times."""
    end: int | None = None if random.random() < 0.72 else (TODAY - random.choice((0, 1, 2))) * 12 + random.randint(0, 7)
    spans: list[tuple[int, int | None]] = []
    for _ in range(count):
        last = TODAY * 12 + 6 if end is None else end
        start = last - random.choice((9, 14, 20, 27, 33, 41, 52, 67, 80))
        spans.append((start, end))
        end = start - random.choice((1, 1, 1, 5, 11, 19))
    if spans and spans[0][1] is not None and (spans[0][1] - spans[-1][0] + 1) % 12 == 0:
        # A year is full with its last month or without it: both readings shall agree.
        first = spans[-1]
        spans[-1] = (first[0] - 1, first[1])
    return spans


def _fill(random: Random, duty: str, skills: dict[str, str]) -> str | None:
    """Return a duty with the person's own skills in it, or None where they have not the ones it is about."""
    words = [word for name, word in skills.items() if name in TOOLS]
    random.shuffle(words)
    for slot in SLOT.findall(duty):
        word = skills.get(slot) if slot else (words.pop() if words else None)
        if word is None:
            return None
        duty = duty.replace("{" + slot + "}", word, 1)
    return duty


def _grade(random: Random, title: str, trade: Trade, *, before: int, length: int) -> str:
    """Write Junior or Senior before a title at times, where the months before and in the position allow it."""
    if not trade.graded or random.random() < 0.55:
        return title
    if before < 12 and before + length <= 36:
        return f"Junior {title}"
    return f"Senior {title}" if before >= 60 else title
