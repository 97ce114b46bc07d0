"""Dates and times in texts, written one way each: 2024-11-01, 2024-11, --11-01 (no year), 14:30.

A date in figures whose order cannot be told (1/11/2024) stays in its order: it equals only itself.
"""

from __future__ import annotations

import datetime

import regex

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_END = r"(?![\p{L}\p{M}\p{N}]|[.,:/]\d)"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,](?P<part>\d+))?)?"
_ZONE = r"(?P<zone>\s?(?:z|utc|gmt)(?![\p{L}\p{N}])|\+\d\d:?\d\d)?"

DATE_FORMS = tuple(
    regex.compile(form)
    for form in (
        rf"{_YEAR}(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?)(?:t(?=\d\d:)|(?![\p{{L}}\p{{N}}]|[-/.]\d))",
        rf"(?P<first>\d\d?)(?P<sep>[-/.])(?P<second>\d\d?)(?P=sep){_YEAR}(?![\p{{L}}\p{{N}}]|[-/.]\d)",
        rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])(?![\p{{L}}\p{{N}}]|[-/.:,]\d)",
        rf"{_DAY}(?:\s+of\s+|[\s-]+){_MONTH}(?:,?[\s-]+{_YEAR})?{_END}",
        rf"{_MONTH}\s+(?:the\s+)?{_DAY}(?!\s?%)(?:,?\s+{_YEAR})?{_END}",
        rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}{_END}",
    )
)
TIME_FORMS = (
    regex.compile(
        rf"(?P<hour>\d\d?)(?:[:.](?P<minute>[0-5]\d))?(?::(?P<second>[0-5]\d))?(?P<part>)\s?(?P<half>[ap])\.?m\b\.?{_ZONE}"
    ),
    regex.compile(rf"{_CLOCK}{_ZONE}(?![\p{{L}}\p{{N}}]|[:.]\d)"),
)
# After "2024-11-01t" a zone may be behind UTC; elsewhere "08:00-16:30" is a span of time.
STAMP_TIME = regex.compile(rf"{_CLOCK}(?P<zone>z|[+-]\d\d:?\d\d)?(?![\p{{L}}\p{{N}}])")
# "12 may attend" is no date: without a year the month must end a phrase.
_PHRASE_END = regex.compile(r"\s*(?:$|[.,;:!?)\-]|(?:at|to|and|or|until)\b)")


def read_date(text: str, place: int) -> tuple[str, int] | None:
    """Read the date that starts at a place of a lower-case text; returns it and where it ends."""
    for form in DATE_FORMS:
        found = form.match(text, place)
        if found is None:
            continue
        parts = found.groupdict()
        if parts.get("month") == "may" and not parts.get("year") and not _PHRASE_END.match(text, found.end()):
            continue
        written = _write_order(parts) if "first" in parts else _write_date(parts)
        if written is not None:
            return written, found.end()
    return None


def read_time(text: str, place: int) -> tuple[str, int] | None:
    """Read the time of day that starts at a place of a lower-case text; returns it and where it ends."""
    forms = (STAMP_TIME,) if place and text[place - 1] == "t" else TIME_FORMS
    for form in forms:
        found = form.match(text, place)
        if found is None:
            continue
        parts = found.groupdict()
        hour = int(parts["hour"])
        if hour > 24:
            continue
        if parts.get("half"):
            hour = hour % 12 + 12 * (parts["half"] == "p") if hour <= 12 else hour
        second = parts.get("second") or "00"
        part = (parts.get("part") or "").rstrip("0")
        seconds = f":{second}" + (f".{part}" if part else "") if second != "00" or part else ""
        return f"{hour:02}:{parts.get('minute') or '00'}{seconds}{_write_zone(parts.get('zone'))}", found.end()
    return None


def _write_zone(zone: str | None) -> str:
    name = (zone or "").strip().replace(":", "")
    if not name:
        return ""
    return "z" if name in {"z", "utc", "gmt"} or not name.strip("+-0") else name


def _write_order(parts: dict[str, str | None]) -> str | None:
    """Write a date in figures by value where only one order is possible, else as it stands; points put the day first."""
    first, second, year = (int(parts[name] or 0) for name in ("first", "second", "year"))
    if parts["sep"] == "." or first > 12 or first == second:
        return _write_day(year, second, first)
    if second > 12:
        return _write_day(year, first, second)
    return f"{first}/{second}/{year}" if first and second else None


def _write_date(parts: dict[str, str | None]) -> str | None:
    name, day, year = parts["month"] or "", parts.get("day"), parts.get("year")
    month = int(name) if name.isdecimal() else MONTHS.index(name[:3]) + 1
    if day is None:
        return f"{year}-{month:02}" if 1 <= month <= 12 else None
    if year is None:
        return f"--{month:02}-{int(day):02}" if _write_day(2024, month, int(day)) else None  # Of a leap year.
    return _write_day(int(year), month, int(day))


def _write_day(year: int, month: int, day: int) -> str | None:
    try:
        return datetime.date(year, month, day).isoformat()
    except ValueError:  # No day of the calendar.
        return None
