"""What an exam can show, as pairs of words for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def list_exam(exam: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the facts of `core.evaluation.exam_report` as name and value."""
    facts = [
        ("independent units", f"{exam['independent_units']:,} of {exam['items']:,} items, worth {exam['effective_units']:.0f} of equal size"),
        ("lead that it can show", ", ".join(f"{_write_lead(lead)} among {count}" for count, lead in exam["detectable"].items()) + " approaches"),
    ]  # fmt: skip
    if exam["without_model"]:
        facts.append(("marks without a model", ", ".join(f"{name} {mark:.2f}" for name, mark in exam["without_model"].items())))
    if exam["overlap"]:
        facts.append(
            ("words shared with evidence", ", ".join(f"{name} {share:.0%}" for name, share in exam["overlap"].items()))
        )
    audit = exam["audit"]
    if audit:
        low, high = audit["interval"]["low"], audit["interval"]["high"]
        facts.append(("labels read again", f"{audit['agree']:.0%} of {audit['items']} agree ({low:.0%} to {high:.0%})"))
    else:
        facts.append(("labels read again", "no audit.jsonl: nobody has checked how right the labels are"))
    return facts


def _write_lead(lead: float | None) -> str:
    return "none" if lead is None else f"{lead:.2f}"
