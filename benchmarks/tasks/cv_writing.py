"""A CV's text: an applicant written down in a layout, part by part."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from random import Random

from benchmarks.tasks.cv_layouts import DATES, EDUCATION, HEADERS, HEADINGS, NOW, POSITIONS, Layout
from benchmarks.tasks.cv_people import TODAY, Person, Position, count_years
from benchmarks.tasks.cv_skills import list_spellings
from benchmarks.tasks.cv_words import (
    CLAIMS,
    COURSES,
    FRESH,
    INTERESTS,
    LANGUAGES,
    MANNERS,
    NOTICE,
    OPENINGS,
    REFERENCES,
    REMOTE,
    UNKNOWN,
)  # fmt: skip

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
SLIPS = (
    "responsible",
    "department",
    "guidelines",
    "everything",
    "colleagues",
    "customers",
    "suggested",
    "meetings",
    "handbook",
    "visitors",
)


def write_cv(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write a person's CV in a layout of a split, with an empty section left out and a typo at times."""
    writers: dict[str, Callable[[Random, Person, Layout, str], str]] = {
        "profile": _write_profile,
        "experience": _write_experience,
        "education": _write_education,
        "skills": _write_skills,
        "misc": _write_misc,
        "more": _write_more,
    }
    headings = HEADINGS[split][layout.headings]
    parts = [_write_header(random, person, layout, split)]
    for section in layout.order:
        body = writers[section](random, person, layout, split)
        if body:
            parts.append(f"{headings.form.format(headings.sections[section])}\n{body}")
    return _slip(random, "\n\n".join(parts))


def names_months(layout: Layout, split: str) -> bool:
    """Whether the layout's way to write dates names months."""
    return "{m" in DATES[split][layout.dates][0]


def _write_header(random: Random, person: Person, layout: Layout, split: str) -> str:
    form, place = HEADERS[split][layout.header]
    plain = unicodedata.normalize("NFKD", f"{person.first}.{person.last}".lower().replace(" ", "").replace("'", ""))
    return form.format(
        place=place.format(city=person.city) if person.city else "",
        first=f"Dr. {person.first}" if person.doctor else person.first,
        last=person.last,
        FIRST=person.first.upper(),
        LAST=person.last.upper(),
        mail=f"{plain.encode('ascii', 'ignore').decode()}@{random.choice(('mail', 'post', 'inbox'))}.example",
        phone=f"+00 555 {random.randint(100000, 999999)}",
    )


def _write_profile(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write a few sentences, with the years that the person claims, which need not be true, and what they cannot do."""
    said = [random.choice(OPENINGS[split]).format(person.area)]
    said += random.sample(
        MANNERS[split], random.randint(3, 5) + (2 if len(person.positions) < 2 else 0) if person.positions else 8
    )
    if not person.positions:
        said.append(random.choice(FRESH[split]))
    elif random.random() < 0.35:
        years = count_years(person.positions, months=names_months(layout, split))
        claimed = years if random.random() < 0.6 else years + random.choice((-3, -2, 2, 3, 4))
        if claimed > 1:
            said.append(random.choice(CLAIMS[split]).format(n=claimed))
    random.shuffle(said)
    lacking = (list_spellings(name, split)[0] for name in person.unknown)
    said += [random.choice(UNKNOWN[split]).format(word) for word in lacking]
    return " ".join(text[0].upper() + text[1:] for text in said)


def _write_dates(random: Random, position: Position, layout: Layout, split: str) -> str:
    past, ongoing = DATES[split][layout.dates]
    end = TODAY * 12 if position.end is None else position.end
    words: dict[str, str] = {"now": random.choice(NOW[split])}
    for number, month in ((1, position.start), (2, end)):
        name = MONTHS[month % 12]
        words |= {
            f"y{number}": str(month // 12),
            f"s{number}": f"{month // 12 % 100:02d}",
            f"m{number}": f"{month % 12 + 1:02d}",
        }
        words |= {f"month{number}": name, f"mon{number}": name[:3]}
    return (ongoing if position.end is None else past).format(**words)


def _write_experience(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write the positions in the layout's order; a line or more each."""
    entry, lines = POSITIONS[split][layout.positions], []
    for number, item in enumerate(reversed(person.positions) if layout.oldest_first else person.positions, start=1):
        dates = _write_dates(random, item, layout, split)
        line = entry.head.format(dates=dates, title=item.title, company=item.company, number=number)
        joint = ", and " if entry.end == "." else "; "
        line += entry.tail.format(duties=joint.join(item.duties)) if item.duties else entry.end
        lines.append("\n".join([line, *(entry.duty.format(duty=duty) for duty in item.duties if entry.duty)]))
    return "\n".join(lines)


def _write_education(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write the highest degree, and a lower and an unfinished one beside it."""
    paid = [position for position in person.positions if position.paid]
    year = paid[-1].start // 12 if paid else TODAY - 1
    form = layout.education
    assert form in EDUCATION[split], form  # noqa: S101
    lines = [form.format(degree=degree, school=person.school, year=year) for degree in person.degrees[:1]]
    lines += person.degrees[1:]
    if person.unfinished:
        lines.insert(random.randint(0, len(lines)), person.unfinished)
    return "\n".join(lines)


def _write_skills(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write the skills in the person's words, with others that are on no list."""
    words = person.listed
    middle = (len(words) + 1) // 2
    if len(words) < 2:
        return ", ".join(words)
    grades = ("good", "very good", "daily", "for years")
    return {
        "commas": ", ".join(words),
        "bullets": "\n".join(f"- {word}" for word in words),
        "grouped": f"Strong: {', '.join(words[:middle])}\nAlso: {', '.join(words[middle:])}",
        "prose": f"I am at home with {', '.join(words[:-1])} and {words[-1]}.",
        "pipes": " | ".join(words),
        "rated": ", ".join(f"{word} ({random.choice(grades)})" for word in words),
        "tools": f"I work with: {'; '.join(words)}",
        "slashes": " / ".join(words),
        "stars": "\n".join(f"{'*' * random.randint(2, 5)} {word}" for word in words),
        "plus": " + ".join(words),
        "asked": f"What colleagues ask me about: {', '.join(words[:-1])} or {words[-1]}.",
        "indented": "\n".join(f"      {word}" for word in words),
        "sorted": f"well: {', '.join(words[:middle])}; somewhat: {', '.join(words[middle:])}",
    }[layout.skills]


def _write_misc(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write languages, notice period and the wish to work remotely, each only where it is known."""
    headings = HEADINGS[split][layout.headings]
    own = int(random.random() < (0.2 if split == "train" else 0.4))
    spoken = ", ".join(f"{LANGUAGES[code][own]} ({level})" for code, level in person.languages.items())
    notice = random.choice(NOTICE[person.notice][split]) if person.notice is not None else ""
    remote = random.choice(REMOTE[person.remote][split]) if person.remote is not None else ""
    known = [(headings.languages, spoken), (headings.notice, notice), (headings.remote, remote)]
    known = [(name, value) for name, value in known if value]
    random.shuffle(known)
    if layout.misc in ("prose", "told"):
        speak = "I speak {}." if layout.misc == "prose" else "With me you can talk in {}."
        said = [
            speak.format(spoken) if spoken else "",
            f"{headings.notice}: {notice}." if notice else "",
            f"{remote}." if remote else "",
        ]
        return " ".join(part[0].upper() + part[1:] for part in said if part)
    return "\n".join(layout.misc.format(name, value) for name, value in known)


def _write_more(random: Random, person: Person, layout: Layout, split: str) -> str:
    """Write what decides nothing."""
    lines = [", ".join(random.sample(INTERESTS[split], random.randint(1, 3)))]
    lines += random.sample(COURSES[split], random.randint(1, 2) if person.positions else 4)
    if random.random() < 0.6:
        lines.append(random.choice(REFERENCES[split]))
    return "\n".join(lines)


def _slip(random: Random, text: str) -> str:
    """Swap two letters of a long lower-case word at times; no answer depends on such a word alone."""
    present = [word for word in SLIPS if word in text]
    if not present or random.random() > 0.4:
        return text
    word = random.choice(present)
    place = random.randint(1, len(word) - 3)
    return text.replace(word, word[:place] + word[place + 1] + word[place] + word[place + 2 :], 1)
