"""How a CV can be set out: the styles of each part, none of them in both splits, and layouts drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

SECTIONS = ("profile", "experience", "education", "skills", "misc", "more")


@dataclass(frozen=True)
class Entry:
    """How a position is written.

    Args:
        head: Its first line or lines.
        duty: Of each duty, a line of its own; "" where they stand together in `tail`.
        tail: After the head, with all duties.
        end: After the head of a position without duties.
    """

    head: str
    duty: str = ""
    tail: str = ""
    end: str = ""


@dataclass(frozen=True)
class Headings:
    """What the sections are called, and the facts of the last but one."""

    sections: Mapping[str, str]
    languages: str
    notice: str
    remote: str
    form: str = "{}"


@dataclass(frozen=True)
class Layout:
    """How a CV is written: the name of one style for each part, and the order of sections."""

    name: str
    header: str
    headings: str
    positions: str
    dates: str
    skills: str
    education: str
    misc: str
    order: tuple[str, ...]
    oldest_first: bool


# `{place}` is what follows where the city is known.
HEADERS: dict[str, dict[str, tuple[str, str]]] = {
    "train": {
        "plain": ("{first} {last}{place}", "\n{city}"),
        "labelled": ("CURRICULUM VITAE\nName: {first} {last}{place}", "\nResidence: {city}"),
        "reversed": ("{LAST}, {first}{place}", "\n{city}"),
        "dotted": ("{first} {last}{place} · {mail}", " · {city}"),
        "piped": ("{first} {last}{place} | {phone}", " | {city}"),
        "shouted": ("{FIRST} {LAST}\n{mail}{place}", ", {city}"),
        "columns": ("Name      {first} {last}{place}\nPhone     {phone}", "\nCity      {city}"),
        "application": ("Application documents of {first} {last}{place}", ", {city}"),
    },
    "test": {
        "sentence": ("My name is {first} {last}{place}.", " and I live in {city}"),
        "letter": ("Dear team,\n\nplease find below what I have done so far. {first} {last}{place}", ", {city}"),
        "contact": ("{mail} // {phone}{place}\n{first} {last}", "\n{city}"),
        "german": ("Lebenslauf von {first} {last}{place}", ", wohnhaft in {city}"),
        "waves": ("~~ {first} {last} ~~{place}", "\n   ({city})"),
        "surname": ("Resume: {LAST} {first}{place}", "\nbased in {city}"),
        "home": ("{first} {last}{place}\nTel. {phone}", ", at home in {city}"),
    },
}


def _name(*titles: str, facts: tuple[str, str, str], form: str = "{}") -> Headings:
    return Headings(dict(zip(SECTIONS, titles, strict=True)), *facts, form)


EN, DE = ("Languages", "Notice period", "Remote"), ("Sprachen", "Kündigungsfrist", "Homeoffice")
SPOKEN, FR = ("Spoken", "My notice", "Place of work"), ("Langues", "Préavis", "Télétravail")
HEADINGS: dict[str, dict[str, Headings]] = {
    "train": {
        "usual": _name("Profile", "Experience", "Education", "Skills", "Further details", "Interests", facts=EN),
        "capitals": _name("SUMMARY", "EMPLOYMENT", "EDUCATION", "SKILLS", "OTHER", "HOBBIES", facts=EN),
        "history": _name("About me", "Work history", "Studies", "Know-how", "Additional information", "Free time", facts=EN),
        "german": _name("Kurzprofil", "Berufserfahrung", "Ausbildung", "Kenntnisse", "Sonstiges", "Hobbys", facts=DE),
        "marks": _name("Me", "Jobs", "Degrees", "Tools", "Practical", "Play", facts=EN, form="## {}"),
        "brackets": _name("who", "work", "school", "can do", "facts", "else", facts=EN, form="[{}]"),
        "colons": _name("Short profile", "Positions held", "Schooling", "Abilities", "Availability", "Also", facts=DE, form="{}:"),
    },
    "test": {
        "career": _name("Statement", "Career to date", "Qualifications", "Competencies", "Practical matters", "Outside work", facts=SPOKEN),
        "background": _name("IN BRIEF", "PROFESSIONAL BACKGROUND", "ACADEMIC BACKGROUND", "CORE STRENGTHS", "CONDITIONS", "PRIVATE",
                            facts=SPOKEN),
        "werdegang": _name("Zur Person", "Beruflicher Werdegang", "Bildungsweg", "Fachliches", "Rahmendaten", "Privates",
                           facts=("Sprachkenntnisse", "Frist", "Arbeitsort")),
        "french": _name("Profil", "Parcours", "Formation", "Compétences", "Divers", "Loisirs", facts=FR),
        "questions": _name("Who I am", "Where I have worked", "What I learned", "What I am good at", "What you should know",
                           "What I do on Sundays", facts=SPOKEN, form="{}?"),
        "rules": _name("person", "posts", "training", "expertise", "terms", "leisure", facts=SPOKEN, form="=== {} ==="),
    },
}  # fmt: skip
POSITIONS: dict[str, dict[str, Entry]] = {
    "train": {
        "bullets": Entry("{dates}  {title}, {company}", duty="  - {duty}"),
        "piped": Entry("{title} | {company} | {dates}", tail="\n({duties})"),
        "prose": Entry("I worked as {title} at {company} ({dates})", tail=", where I {duties}.", end="."),
        "nested": Entry("{company}\n    {title} ({dates})", duty="    * {duty}"),
        "table": Entry("| {dates} | {title} | {company}", tail=" | {duties} |", end=" | - |"),
        "colon": Entry("{title} ({company}), {dates}", tail=": {duties}."),
        "stacked": Entry("{title}\n{company} / {dates}", duty="+ {duty}"),
        "dated": Entry("{dates}:\n  {company}, {title}", tail=".\n  Tasks: {duties}."),
    },
    "test": {
        "at": Entry("* {title} @ {company} [{dates}]", duty="    -> {duty}"),
        "numbered": Entry("No. {number}. {dates}: {company}, as {title}", tail=" - {duties}"),
        "story": Entry("At {company} my role was {title} ({dates})", tail="; there I {duties}.", end="."),
        "form": Entry("Employer: {company}\nRole: {title}\nTime: {dates}", tail="\nWork: {duties}"),
        "semicolons": Entry("{dates}; {company}; {title}", tail="; {duties}"),
        "dashes": Entry("{title} -- {company} -- {dates}", duty="   o {duty}"),
        "employer": Entry("{company} ({dates})\n~ {title}", tail="\n{duties}."),
    },
}
# Style: (a past span, one that goes on). A style with {m1} writes months: number, or name by `m` and `mon`.
DATES: dict[str, dict[str, tuple[str, str]]] = {
    "train": {
        "hyphen": ("{y1}-{y2}", "{y1}-{now}"),
        "to": ("{y1} to {y2}", "{y1} to {now}"),
        "since": ("{y1} - {y2}", "since {y1}"),
        "slashed": ("{m1}/{y1} – {m2}/{y2}", "{m1}/{y1} – {now}"),
        "points": ("{m1}.{y1} - {m2}.{y2}", "{m1}.{y1} - {now}"),
        "month": ("{month1} {y1} – {month2} {y2}", "{month1} {y1} – {now}"),
    },
    "test": {
        "mon": ("{mon1} {y1} - {mon2} {y2}", "{mon1} {y1} - {now}"),
        "short": ("'{s1}-'{s2}", "'{s1}-{now}"),
        "iso": ("{y1}/{m1} .. {y2}/{m2}", "{y1}/{m1} .. {now}"),
        "until": ("from {y1} until {y2}", "from {y1} until {now}"),
        "arrow": ("{y1} → {y2}", "{y1} → {now}"),
    },
}
NOW = {"train": ("present", "today", "now"), "test": ("ongoing", "to date", "heute")}
SKILL_LISTS = {
    "train": ("commas", "bullets", "grouped", "prose", "pipes", "rated", "tools"),
    "test": ("slashes", "stars", "plus", "asked", "indented", "sorted"),
}
EDUCATION = {
    "train": ("{degree}, {school}", "{school}: {degree}", "{year} {degree} ({school})", "- {degree} at {school}", "{degree} | {school} | {year}"),
    "test": ("{degree} from {school}, finished {year}", "{school}\n  {degree}", "{year}: {degree} / {school}", "Completed: {degree} ({school})."),
}  # fmt: skip
MISC = {"train": ("{}: {}", "prose", "{} = {}", "- {}: {}", "{}\t{}"), "test": ("> {} >> {}", "told", "{} ... {}", "({}) {}")}
PARTS: dict[str, dict[str, Any]] = {
    "header": HEADERS, "headings": HEADINGS, "positions": POSITIONS, "dates": DATES, "skills": SKILL_LISTS, "education": EDUCATION,
    "misc": MISC,
}  # fmt: skip


def list_layouts(random: Random, split: str, *, count: int) -> list[Layout]:
    """Return distinct layouts; each style of a part is used about equally often, and no order of sections in both splits."""
    decks = {}
    for part, styles in PARTS.items():
        names = list(styles[split])
        decks[part] = [names[number % len(names)] for number in range(count)]
        random.shuffle(decks[part])
    orders = _draw_orders(random, split, count=count)
    return [
        Layout(
            name=f"{split}-{number + 1:02d}",
            order=orders[number],
            oldest_first=number % 5 == 1,
            **{part: deck[number] for part, deck in decks.items()},
        )
        for number in range(count)
    ]


def _draw_orders(random: Random, split: str, *, count: int) -> list[tuple[str, ...]]:
    """Return orders of sections: in train the education stands before the skills, in the test after them."""
    orders: list[tuple[str, ...]] = []
    while len(orders) < count:
        order = tuple(random.sample(SECTIONS, len(SECTIONS)))
        if (order.index("education") < order.index("skills")) == (split == "train") and order not in orders:
            orders.append(order)
    return orders
