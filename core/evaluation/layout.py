"""A stored summary, laid out once: what people read of a comparison, as plain text.

The report, the page and the terminal only draw a `SummaryView`, so they show the same tables in the same words. What is
new goes here once: a statistic of an arm is computed in `summary._describe` and is one more line of `ARM_STATISTICS`
(and of `SLICE_STATISTICS`, where slices have it too); one of a difference is a field of `Contrast` and a line of
`CONTRAST_STATISTICS`; a further table is a function that `lay_out` calls; a further note is a sentence of the summary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.comparison.arms import BASELINES, find_title
from core.evaluation.card import Card, make_card
from core.evaluation.causes import CAUSES
from core.evaluation.controls import lay_out_controls
from core.evaluation.cost_table import lay_out_costs
from core.evaluation.effects import SENTENCES
from core.evaluation.intervals import Interval
from core.evaluation.summary import ALL
from core.evaluation.table_view import Column, TableRow, TableView
from core.evaluation.verdict import MANY_CLUSTERS

__all__ = ["Card", "Column", "SummaryView", "TableRow", "TableView", "lay_out"]
STOPPED = "This run was stopped before any arm had finished."


@dataclass(frozen=True, slots=True)
class SummaryView:
    """All that is shown of a comparison.

    Args:
        stamp: Says that the marks are not to be trusted, or not known to be; empty where they are.
        verdict: One sentence.
        notes: What a reader must know of the arms.
        tables: In the order of their weight.
        card: What is shown first; None where no arm had finished.
    """

    stamp: str
    verdict: str
    notes: tuple[str, ...] = ()
    tables: tuple[TableView, ...] = ()
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number as a column.

    Args:
        title: The column's title; `{metric}` is the task's primary metric.
        short: The same where there is little room.
        write: Writes it, given the arm, slice or contrast as the summary keeps it.
    """

    title: str
    short: str
    write: Callable[[Mapping[str, Any]], str]

    def column(self, metric: str) -> Column:
        """Return the column above its numbers."""
        title, short = (text.replace("{metric}", metric) for text in (self.title, self.short))
        return Column(title, short, number=True)


def _percent(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda arm: f"{100 * arm[name]:.0f} %"


def _number(name: str, digits: int) -> Callable[[Mapping[str, Any]], str]:
    """Return a writer of a number; a baseline has neither tokens nor seconds."""
    return lambda arm: f"{arm[name]:.{digits}f}" if name in arm else ""


def _write_interval(arm: Mapping[str, Any]) -> str:
    return f"{arm['primary']['low']:.3f} to {arm['primary']['high']:.3f}"


def _write_contrast_interval(contrast: Mapping[str, Any]) -> str:
    if contrast["ci_low"] is None:
        return f"too few independent groups ({contrast['clusters']})"
    return f"{contrast['ci_low']:+.3f} to {contrast['ci_high']:+.3f}"


def _write_shrunken(contrast: Mapping[str, Any]) -> str:
    """Write the lead to expect again, where few groups make sure leads lucky ones; older runs have none."""
    shrunken = contrast.get("shrunken")
    return "" if shrunken is None or contrast["clusters"] >= MANY_CLUSTERS else f"{shrunken:+.3f}"


def _write_p(contrast: Mapping[str, Any]) -> str:
    p = contrast["p"] if contrast["p_holm"] is None else contrast["p_holm"]
    return "" if p is None else f"{p:.4f}"


COUNT = Statistic("Items", "n", lambda arm: str(arm["n"]))
PRIMARY = Statistic("{metric}", "{metric}", lambda arm: f"{arm['primary']['mean']:.3f}")
INTERVAL = Statistic("95 % interval", "95 %", _write_interval)
SCHEMA_VALID = Statistic("Valid under schema", "schema", _percent("schema_valid"))
ARM_STATISTICS = (
    COUNT,
    PRIMARY,
    INTERVAL,
    Statistic("Valid JSON", "JSON", _percent("json_valid")),
    SCHEMA_VALID,
    Statistic("All fields right", "right", _percent("exact")),
    Statistic("Mean field mark", "mark", _number("score", 3)),
    Statistic("Seconds per answer", "s each", _number("latency_p50", 2)),
    Statistic("Prompt tokens", "prompt", _number("prompt_tokens", 0)),
    Statistic("New tokens", "new", _number("new_tokens", 0)),
)
SLICE_STATISTICS = (COUNT, PRIMARY, INTERVAL, SCHEMA_VALID)
CONTRAST_STATISTICS = (
    Statistic("Difference", "diff.", lambda contrast: f"{contrast['difference']:+.3f}"),
    Statistic("95 % interval", "95 %", _write_contrast_interval),
    Statistic("p", "p", _write_p),
    Statistic("Expected again", "again", _write_shrunken),
)


def lay_out(summary: Mapping[str, Any]) -> SummaryView:
    """Lay out a run's summary, plain JSON values; that of a run without one finished arm holds no verdict."""
    if "verdict" not in summary:
        return SummaryView(stamp="", verdict=STOPPED)
    # The older runs have none of these keys.
    stamp = " ".join(filter(None, (summary.get("misfit", ""), summary.get("leakage", ""))))
    notes = [*summary.get("notes", ()), *_describe_search(summary.get("leaks_checked", {}))]
    mark = " (stamped, see above)" if stamp else ""
    tables = [_lay_out_arms(summary, mark), _lay_out_causes(summary, mark), _lay_out_effects(summary, mark)]
    tables.append(lay_out_controls(summary, mark))
    tables.append(_lay_out_contrasts(summary, mark))
    if summary["slices"]:
        tables.append(_lay_out_slices(summary, mark))
    tables += lay_out_costs(summary, mark)
    tables += [_lay_out_refusals(summary, mark), _lay_out_slips(summary, mark), _lay_out_scales(summary, mark)]
    tables = [table for table in tables if table.rows or table.title.startswith("Differences")]
    return SummaryView(stamp, summary["verdict"]["sentence"], tuple(notes), tuple(tables), make_card(summary))


def _describe_search(places: Mapping[str, Any]) -> list[str]:
    """Say where test items were looked for, and where they could not be."""
    told = {"checked": "Test items were looked for in", "unchecked": "Not looked for"}
    return [f"{start}: {'; '.join(places[name])}." for name, start in told.items() if places.get(name)]


def _lay_out_arms(summary: Mapping[str, Any], mark: str) -> TableView:
    rows = []
    for name, arm in summary["arms"].items():
        title = find_title(name)
        if arm["status"] in {"ok", "baseline"}:
            rows.append(TableRow((title, *(statistic.write(arm) for statistic in ARM_STATISTICS))))
        else:
            rows.append(TableRow((title,), remark=f"Not run. {arm['reason']}"))
    return TableView(
        f"Approaches{mark}",
        (Column("Approach", "approach"), *(item.column(summary["primary_metric"]) for item in ARM_STATISTICS)),
        tuple(rows),
        footnote="The first rows are answers that need no model (README, *Baselines*). Valid counts answers as written; nothing was cut out or repaired. Every item counts, unreadable answers as 0. "
        "Seconds per answer is each answer's share of its batch.",
    )


def _lay_out_contrasts(summary: Mapping[str, Any], mark: str) -> TableView:
    metric = summary["primary_metric"]
    texts = (Column("Pair", "pair"), Column("Metric", "metric"), Column("Items", "items"))
    return TableView(
        f"Differences{mark}",
        (*texts, *(item.column(metric) for item in CONTRAST_STATISTICS)),
        tuple(_lay_out_contrast(contrast, metric) for contrast in summary["contrasts"]),
        lead="Paired over the same items, by independent groups. Above 0 the first approach is better.",
        footnote="Between approaches on the primary metric over all items p is corrected for the number of pairs (Holm); the "
        "other rows, and the intervals, are not. Expected again: what is likely left of a sure difference when it is measured "
        "anew, for of few items only the lucky ones are sure.",
    )


def _lay_out_contrast(contrast: Mapping[str, Any], metric: str) -> TableRow:
    low, high = contrast["ci_low"], contrast["ci_high"]
    pair = f"{find_title(contrast['a'])} - {find_title(contrast['b'])}"
    where = f"{contrast['slice']} ({contrast['n']})"
    return TableRow(
        (pair, contrast["metric"], where, *(statistic.write(contrast) for statistic in CONTRAST_STATISTICS)),
        interval=None if low is None else Interval(contrast["difference"], low, high),
        minor=_is_minor(contrast, metric),
    )


def _is_minor(contrast: Mapping[str, Any], metric: str) -> bool:
    """Say whether a difference tells little: beside those of two arms on the primary metric, what is clear of 0 counts."""
    low, high = contrast["ci_low"], contrast["ci_high"]
    baselines = sum(contrast[side] in BASELINES for side in ("a", "b"))
    main = (contrast["metric"], contrast["slice"]) == (metric, ALL) and not baselines
    return baselines == 2 or not (main or (low is not None and not low <= 0 <= high))


def _lay_out_slices(summary: Mapping[str, Any], mark: str) -> TableView:
    return TableView(
        f"Slices{mark}",
        (
            Column("Slice", "slice"),
            Column("Approach", "approach"),
            *(item.column(summary["primary_metric"]) for item in SLICE_STATISTICS),
        ),
        tuple(
            TableRow((name, find_title(arm), *(statistic.write(marks) for statistic in SLICE_STATISTICS)))
            for name, arms in summary["slices"].items()
            for arm, marks in arms.items()
        ),
    )


def _lay_out_causes(summary: Mapping[str, Any], mark: str) -> TableView:
    """Lay out where marks are lost; older runs did not ask."""
    explained = {name: arm["causes"] for name, arm in summary["arms"].items() if "causes" in arm}
    shown = [cause for cause in CAUSES if any(cause in causes for causes in explained.values())]
    return TableView(
        f"Where marks are lost{mark}",
        (Column("Approach", "approach"), *(Column(cause.capitalize(), cause, number=True) for cause in shown)),
        tuple(
            TableRow((find_title(name), *(_write_loss(causes.get(cause), cause) for cause in shown)))
            for name, causes in explained.items()
        ),
        footnote="Answers, and in brackets the marks lost by them; the counts add up to all answers. "
        + " ".join(f"{cause.capitalize()}: {CAUSES[cause]}." for cause in shown),
    )


def _write_loss(loss: Mapping[str, Any] | None, cause: str) -> str:
    if loss is None:
        return "0"
    return f"{loss['count']}" if cause == "right" else f"{loss['count']} (-{loss['lost']:.2f})"


def _lay_out_effects(summary: Mapping[str, Any], mark: str) -> TableView:
    """Lay out what retrieval and training bring."""
    rows = []
    for effect in summary.get("effects", ()):
        known = effect["low"] is not None
        bounds = f"{effect['low']:+.3f} to {effect['high']:+.3f}" if known else "too few independent groups"
        inside = known and abs(effect["low"]) <= 1 and abs(effect["high"]) <= 1
        interval = Interval(effect["size"], effect["low"], effect["high"]) if inside else None
        rows.append(TableRow((SENTENCES[effect["name"]], f"{effect['size']:+.3f}", bounds), interval=interval))
    return TableView(
        f"Effects{mark}",
        (
            Column("What brings how much", "effect"),
            Column("Effect", "effect", number=True),
            Column("95 %", "95 %", number=True),
        ),
        tuple(rows),
        footnote="Of the four approaches with and without passages, with and without an adapter, on the primary metric "
        "(Box, Hunter and Hunter 2005).",
    )


def _lay_out_refusals(summary: Mapping[str, Any], mark: str) -> TableView:
    """Lay out how well approaches say that there is no answer."""
    told = {name: arm["refusals"] for name, arm in summary["arms"].items() if arm.get("refusals")}
    return TableView(
        f"Saying that there is no answer{mark}",
        (Column("Approach", "approach"), *(Column(title, title.lower(), number=True) for title in ("Said", "Precision", "Recall"))),
        tuple(
            TableRow((
                find_title(name), str(said["given"]), "" if said["precision"] is None else f"{100 * said['precision']:.0f} %",
                f"{100 * said['recall']:.0f} % of {said['expected']}",
            ))
            for name, said in told.items()
        ),
        footnote="Precision: of the answers that are null the share that should be. Recall: of those that should be the share that is.",
    )  # fmt: skip


def _lay_out_slips(summary: Mapping[str, Any], mark: str) -> TableView:
    """Lay out what is not right in the answers; the older runs did not count it."""
    titles = ("Invented", "Missing", "Wrong")
    return TableView(
        f"Slips{mark}",
        (Column("Approach", "approach"), *(Column(title, title.lower(), number=True) for title in (*titles, "Cut short"))),
        tuple(
            TableRow((
                find_title(name), *(str(arm["slips"][title.lower()]) for title in titles), str(arm.get("truncated", "")),
            ))
            for name, arm in summary["arms"].items()
            if "slips" in arm
        ),
        footnote="Values of all answers together: given where none is expected; expected and not given; given and not, or not "
        "fully, the expected ones. Cut short: answers that ran into the token limit, readable or not.",
    )  # fmt: skip


def _lay_out_scales(summary: Mapping[str, Any], mark: str) -> TableView:
    """Lay out how the answers agree with the expected steps of fields on a scale."""
    return TableView(
        f"Scales{mark}",
        (
            Column("Approach", "approach"),
            Column("Field", "field"),
            *(Column(title, short, number=True) for title, short in (("Exact", "exact"), ("Within one", "±1"))),
            Column("Kappa, quadratic weights", "kappa", number=True),
        ),
        tuple(
            TableRow((find_title(name), field, *_write_scale(scale)))
            for name, arm in summary["arms"].items()
            for field, scale in arm.get("ordinals", {}).items()
        ),
        footnote="An answer without a step counts as neither exact nor within one; kappa (Cohen 1968) is over the others.",
    )


def _write_scale(scale: Mapping[str, Any]) -> tuple[str, str, str]:
    exact, within, kappa = (scale[name] for name in ("exact", "within_one", "kappa"))
    return (
        "" if exact is None else f"{100 * exact:.0f} %",
        "" if within is None else f"{100 * within:.0f} %",
        "" if kappa is None else f"{kappa:.2f}",
    )
