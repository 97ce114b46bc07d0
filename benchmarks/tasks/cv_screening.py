"""Write the generated part of `tasks/cv-screening`: CVs in 32 layouts with their house-rule answers.

`python -m benchmarks.tasks.cv_screening` writes train.jsonl and test.jsonl anew, the same bytes for the same seed.
Layouts and family names of the test split occur nowhere in train; four header styles, three ways to list positions,
two ways to list skills and one way to write dates are kept for the test. The 60 CVs of
`source/hand_written.jsonl` were written without this program and are added to the test split.

The answer is computed from the person, never read back from the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.tasks.cv_words import (
    CITIES,
    COMPANIES,
    DUTIES,
    EDUCATION,
    FAMILIES,
    FIRST_NAMES,
    GRADES,
    LANGUAGES,
    LAST_NAMES,
    LEADING,
    LEVELS,
    NOTICE,
    REMOTE,
    SCHOOLS,
    SKILLS,
    TITLES,
    UNFINISHED,
    UNLISTED,
)  # fmt: skip

FOLDER = Path(__file__).resolve().parents[2] / "tasks" / "cv-screening"
SEED, TODAY = 20261124, 2026
TRAIN_LAYOUTS, TEST_LAYOUTS, TRAIN_EACH, TEST_EACH = 20, 12, 33, 20
SECTIONS = ("experience", "education", "skills", "misc")


@dataclass(frozen=True)
class Position:
    """A job: `end` None means still in it; `paid` is false for internships."""

    title: str
    company: str
    start: int
    end: int | None
    duties: tuple[str, ...]
    paid: bool = True


@dataclass(frozen=True)
class Person:
    """All that is true of an applicant. `positions` is newest first; `skills` maps canonical names to wordings."""

    first: str
    last: str
    city: str | None
    positions: tuple[Position, ...]
    leads: bool
    claimed_years: int | None
    skills: dict[str, str]
    unlisted: tuple[str, ...]
    education: str
    degree: str
    school: str
    unfinished: str | None
    languages: dict[str, str]
    notice: int | None
    remote: bool | None


@dataclass(frozen=True)
class Layout:
    """How a CV is written: one style of each part, the order of sections, the language of titles."""

    name: str
    header: str
    positions: str
    skills: str
    dates: str
    misc: str
    order: tuple[str, ...]
    titles: str
    oldest_first: bool


STYLES = {
    "train": {
        "header": ("plain", "labelled", "reversed", "dotted", "piped", "shouted"),
        "positions": ("bullets", "piped", "prose", "nested", "table"),
        "skills": ("commas", "bullets", "grouped", "prose"),
        "dates": ("2019-2022", "03/2019 – 11/2022", "2019 to 2022", "since"),
        "misc": ("labelled", "prose", "pairs"),
    },
    "test": {
        "header": ("sentence", "of", "letter", "contact", "plain"),
        "positions": ("at", "numbered", "story", "bullets"),
        "skills": ("slashes", "stars", "commas"),
        "dates": ("Jan 2019 - Dec 2022", "2019-2022", "'19-'22"),
        "misc": ("signs", "prose", "labelled"),
    },
}


def main() -> None:
    """Write both splits."""
    random = Random(SEED)
    train = write_split(random, "train", TRAIN_LAYOUTS, TRAIN_EACH)
    hand = [json.loads(line) for line in (FOLDER / "source" / "hand_written.jsonl").read_text(encoding="utf-8").splitlines()]
    test = write_split(random, "test", TEST_LAYOUTS, TEST_EACH) + [
        {**row, "group": row["id"], "slice": "hand_written"} for row in hand
    ]
    for name, rows in (("train", train), ("test", test)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (FOLDER / f"{name}.jsonl").write_text(text, encoding="utf-8")


def write_split(random: Random, split: str, layouts: int, each: int) -> list[dict[str, Any]]:
    """Return the rows of a split, `each` CVs in each of its layouts."""
    rows = []
    for layout in make_layouts(random, split, layouts):
        for _ in range(each):
            person = make_person(random, split)
            rows.append(
                {
                    "id": f"cv-{split}-{len(rows) + 1:03d}",
                    "input": write_cv(random, person, layout),
                    "output": label(person),
                    "group": layout.name,
                    "slice": "seen_layout" if split == "train" else "new_layout",
                }
            )
    return rows


def make_layouts(random: Random, split: str, count: int) -> list[Layout]:
    """Return distinct layouts; each style of a part is used about equally often."""
    styles = STYLES[split]
    decks = {part: [options[i % len(options)] for i in range(count)] for part, options in styles.items()}
    for deck in decks.values():
        random.shuffle(deck)
    return [
        Layout(
            name=f"{split}-{number + 1:02d}",
            **{part: deck[number] for part, deck in decks.items()},
            order=tuple(random.sample(SECTIONS, len(SECTIONS))),
            titles="de" if number % 4 == 0 else "en",
            oldest_first=number % 5 == 1,
        )
        for number in range(count)
    ]


def make_person(random: Random, split: str) -> Person:
    """Invent an applicant."""
    titles, pool = FAMILIES[random.choice(sorted(FAMILIES))]
    names = random.sample(pool, random.randint(2, min(5, len(pool))))
    if random.random() < 0.4:
        names.append(random.choice(sorted(set(SKILLS) - set(names))))
    skills = {name: SKILLS[name][0] if random.random() < 0.5 else random.choice(SKILLS[name]) for name in names}
    positions, leads = make_positions(random, titles, list(skills.values()))
    years = count_years(positions)
    claimed = None
    if positions and random.random() < 0.35:
        claimed = years if random.random() < 0.6 else max(1, years + random.choice((-3, -2, 2, 3, 4)))
    education = random.choices(tuple(EDUCATION), weights=(8, 12, 17, 28, 25, 10))[0]
    spoken = random.sample(sorted(LANGUAGES), random.choice((0, 1, 2, 2, 3)))
    return Person(
        first=random.choice(FIRST_NAMES),
        last=random.choice(LAST_NAMES[split]),
        city=random.choice(CITIES[split]) if random.random() < 0.88 else None,
        positions=tuple(positions),
        leads=leads,
        claimed_years=claimed,
        skills=skills,
        unlisted=tuple(random.sample(UNLISTED, random.choice((0, 0, 1, 2)))),
        education=education,
        degree=random.choice(EDUCATION[education]),
        school=random.choice(SCHOOLS),
        unfinished=random.choice(UNFINISHED) if random.random() < 0.12 and education not in ("none", "doctorate") else None,
        languages={code: random.choice(LEVELS) for code in spoken},
        notice=random.choice(tuple(NOTICE)) if random.random() < 0.75 else None,
        remote=random.choice((True, False)) if random.random() < 0.66 else None,
    )


def make_positions(random: Random, titles: Sequence[str], wordings: Sequence[str]) -> tuple[list[Position], bool]:
    """Return positions newest first, gaps and an internship at times, and whether the newest leads people."""
    count = random.choices((0, 1, 2, 3), weights=(5, 30, 40, 25))[0]
    leads = count > 0 and random.random() < 0.22
    end: int | None = None if random.random() < 0.75 else random.choice((TODAY - 1, TODAY - 2))
    companies = random.sample(COMPANIES, count + 1)
    positions: list[Position] = []
    for number in range(count):
        stop = TODAY if end is None else end
        start = stop - random.choice((0, 1, 1, 2, 2, 3, 4, 6))
        grade = random.choice(GRADES) if number == 0 else random.choice(("Junior", "", ""))
        duties = [random.choice(DUTIES).format(*random.sample(wordings, 2)) for _ in range(random.choice((0, 1, 2)))]
        if (leads and number == 0) or (number > 0 and random.random() < 0.08):
            duties.append(random.choice(LEADING).format(n=random.randint(3, 14)))
        positions.append(Position(f"{grade} {random.choice(titles)}".strip(), companies[number], start, end, tuple(duties)))
        end = start - random.choice((0, 0, 0, 1, 2))
    if random.random() < 0.2:
        year = (positions[-1].start if positions else TODAY) - 1
        positions.append(Position(f"Intern, {random.choice(titles)}", companies[-1], year, year, (), paid=False))
    return positions, leads


def count_years(positions: Sequence[Position]) -> int:
    """Return whole years from the first paid position to the end of the last."""
    paid = [position for position in positions if position.paid]
    return (paid[0].end or TODAY) - paid[-1].start if paid else 0


def label(person: Person) -> dict[str, Any]:
    """Return the answer under the house rules (tasks/README.md)."""
    years = count_years(person.positions)
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


def write_cv(random: Random, person: Person, layout: Layout) -> str:
    """Write a person's CV in a layout, with an empty section left out and a typo at times."""
    writers: dict[str, Callable[[Random, Person, Layout], str]] = {
        "experience": write_experience,
        "education": write_education,
        "skills": write_skills,
        "misc": write_misc,
    }
    parts = [write_header(person, layout)]
    if person.claimed_years is not None:
        parts.append(f"{random.choice(('Profile: ', '', 'Summary: '))}{person.claimed_years} years of professional experience.")
    for section in layout.order:
        body = writers[section](random, person, layout)
        if body:
            title = random.choice(TITLES[layout.titles][section])
            parts.append(body if layout.header == "letter" else f"{title}\n{body}")
    return "\n\n".join(parts)


def write_header(person: Person, layout: Layout) -> str:
    """Write name and city."""
    name, city = f"{person.first} {person.last}", person.city
    mail = f"{person.first}.{person.last}@mail.example".lower().replace(" ", "")
    label_of_city = "Wohnort" if layout.titles == "de" else "City"
    forms = {
        "plain": [name, city],
        "labelled": ["CURRICULUM VITAE", f"Name: {name}", city and f"{label_of_city}: {city}"],
        "reversed": [f"{person.last.upper()}, {person.first}", city and f"lives in {city}"],
        "dotted": [" · ".join(part for part in (name, city, mail) if part)],
        "piped": [" | ".join(part for part in (name, mail, city) if part)],
        "shouted": [name.upper(), mail, city and f"Address: 4 Mill Lane, {city}"],
        "sentence": [f"My name is {name}" + (f" and I live in {city}." if city else ".")],
        "of": [f"CV of {name}" + (f" ({city})" if city else "")],
        "letter": [
            f"Dear team, I am {name}" + (f", based in {city}," if city else "") + " and I apply for a job at your company."
        ],
        "contact": ["** Contact **", mail, name, city and f"Home: {city}"],
    }
    return "\n".join(line for line in forms[layout.header] if line)


def write_dates(random: Random, position: Position, style: str) -> str:
    """Write when a position began and ended."""
    start, end = position.start, position.end
    now = random.choice(("present", "today", "now"))
    if style == "'19-'22":
        return f"'{start % 100:02d}-" + (f"'{end % 100:02d}" if end else now)
    if style == "03/2019 – 11/2022":
        return f"{random.randint(1, 6):02d}/{start} – " + (f"{random.randint(7, 12):02d}/{end}" if end else now)
    if style == "Jan 2019 - Dec 2022":
        return f"{random.choice(('Jan', 'Mar', 'May'))} {start} - " + (
            f"{random.choice(('Sep', 'Nov', 'Dec'))} {end}" if end else now
        )
    if style == "since" and end is None:
        return f"since {start}"
    joint = " to " if style in ("2019 to 2022", "since") else "-"
    return f"{start}{joint}{end or now}"


def write_experience(random: Random, person: Person, layout: Layout) -> str:
    """Write the positions in the layout's order; a line or more each."""
    chosen = list(reversed(person.positions)) if layout.oldest_first else list(person.positions)
    lines: list[str] = []
    for number, item in enumerate(chosen, start=1):
        dates, duties = write_dates(random, item, layout.dates), ", ".join(item.duties)
        tail = f": {duties}" if duties else ""
        lines += {
            "bullets": [f"{dates}  {item.title}, {item.company}", *(f"  - {duty}" for duty in item.duties)],
            "piped": [f"{item.title} | {item.company} | {dates}", *([f"({duties})"] if duties else [])],
            "prose": [f"I worked as {item.title} at {item.company} ({dates})" + (f", where I {duties}." if duties else ".")],
            "nested": [item.company, f"    {item.title} ({dates})", *(f"    * {duty}" for duty in item.duties)],
            "table": [f"| {dates} | {item.title} | {item.company} | {duties or '-'} |"],
            "at": [f"* {item.title} @ {item.company} [{dates}]{tail}"],
            "numbered": [f"{number}. {dates}: {item.company}, as {item.title}{tail}"],
            "story": [f"At {item.company} my role was {item.title} ({dates})" + (f"; there I {duties}." if duties else ".")],
        }[layout.positions]
    return add_typo(random, "\n".join(lines))


def write_education(random: Random, person: Person, layout: Layout) -> str:
    """Write the highest degree, and an unfinished one beside it."""
    lines = [f"{person.degree}, {person.school}"] if person.education != "none" else []
    if person.unfinished:
        lines.insert(random.randint(0, len(lines)), person.unfinished)
    return "\n".join(lines)


def write_skills(random: Random, person: Person, layout: Layout) -> str:
    """Write the skills in their wordings, with others that are on no list."""
    words = [*person.skills.values(), *person.unlisted]
    random.shuffle(words)
    middle = (len(words) + 1) // 2
    return {
        "commas": ", ".join(words),
        "bullets": "\n".join(f"- {word}" for word in words),
        "grouped": f"Strong: {', '.join(words[:middle])}\nAlso: {', '.join(words[middle:])}",
        "prose": f"I am at home with {', '.join(words[:-1])} and {words[-1]}.",
        "slashes": " / ".join(words),
        "stars": "\n".join(f"{'*' * random.randint(2, 5)} {word}" for word in words),
    }[layout.skills]


def write_misc(random: Random, person: Person, layout: Layout) -> str:
    """Write languages, notice period and the wish to work remotely, each only where it is known."""
    titles: Any = TITLES[layout.titles]
    spoken = ", ".join(f"{LANGUAGES[code]} ({level})" for code, level in person.languages.items())
    notice = random.choice(NOTICE[person.notice]) if person.notice is not None else ""
    remote = random.choice(REMOTE[person.remote]) if person.remote is not None else ""
    known = [(titles["languages"], spoken), (titles["notice"], notice), (titles["remote"], remote)]
    known = [(name, value) for name, value in known if value]
    random.shuffle(known)
    if layout.misc == "prose":
        said = [
            f"I speak {spoken}." if spoken else "",
            f"{titles['notice']}: {notice}." if notice else "",
            f"{remote}." if remote else "",
        ]
        return " ".join(part[0].upper() + part[1:] for part in said if part)
    form = {"labelled": "{}: {}", "pairs": "{} = {}", "signs": "> {} >> {}"}[layout.misc]
    return "\n".join(form.format(name, value) for name, value in known)


def add_typo(random: Random, text: str) -> str:
    """Swap two letters of one long lower-case word at times; no answer depends on such a word alone."""
    candidates = (
        "responsible",
        "department",
        "guidelines",
        "everything",
        "colleagues",
        "customer",
        "products",
        "running",
        "worked",
    )
    present = [word for word in candidates if word in text]
    if not present or random.random() > 0.4:
        return text
    word = random.choice(present)
    place = random.randint(1, len(word) - 3)
    return text.replace(word, word[:place] + word[place + 1] + word[place] + word[place + 2 :], 1)


if __name__ == "__main__":
    main()
