"""The commands about documents: indexing, searching, measuring the search."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import LabError
from core.settings import read_settings
from ui.cli.console import AsJson, Bars, TaskName, out, show, show_fields, show_table, warn_of

if TYPE_CHECKING:
    from core.values import Hit

retrieval_app = typer.Typer()


@retrieval_app.command()
def index(
    task: TaskName,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders of documents to add to the task's.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Parse and embed everything anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the index of a task's documents up to date, adding documents if any are given."""
    from lab.lab import Lab

    lab = Lab(read_settings())
    loaded = lab.task(task)
    with Bars() as bars:
        result = lab.library.update(loaded, add=paths or (), rebuild=rebuild, notify=bars)
    show(result, as_json, lambda value: show_fields({**value, "problems": len(value["problems"])}))
    warn_of(f"Left out: {problem['path']}: {problem['reason']}" for problem in result["problems"])


@retrieval_app.command()
def search(
    task: TaskName,
    query: str,
    k: Annotated[int, typer.Option("--k", "-k", help="How many passages.", min=1)] = 5,
    mode: Annotated[str, typer.Option(help="hybrid, dense (by vectors) or bm25 (by words).")] = "hybrid",
    fusion: Annotated[str, typer.Option(help="How hybrid joins both: convex (scores) or rrf (ranks).")] = "convex",
    document: Annotated[
        list[str] | None,
        typer.Option(
            "--document", help="Search only in this document, or those like 'policies/*'; may be given several times."
        ),
    ] = None,
    diversity: Annotated[
        float | None, typer.Option(help="Prefer passages unlike those above them: 0 (not at all) to 1.")
    ] = None,
    rerank: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A cross-encoder that judges the best passages anew.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search a task's documents, and say whether anything relevant was found."""
    from lab.lab import Lab
    from lab.search import SearchOptions, search_task

    lab = Lab(read_settings())
    options = SearchOptions(mode, k, fusion, tuple(document or ()), diversity, rerank)
    found = search_task(lab, lab.task(task), query, options)
    hits = [hit for hits in found.hits.values() if not isinstance(hits, str) for hit in hits]
    if as_json:
        show({"hits": [asdict(hit) for hit in hits], "verdict": asdict(found.verdict)}, True, lambda value: None)
        return
    style = "yellow" if found.verdict.abstained else None
    out.print(found.verdict.reason, style=style, markup=False, highlight=False)
    show_table([_describe(hit) for hit in hits], empty="Nothing found.")


def _describe(hit: Hit) -> dict[str, Any]:
    ranks = {name: f"#{rank} {hit.scores[name]:.2f}" for name, rank in hit.ranks.items()}
    return {
        "document": hit.passage.document,
        "place": hit.passage.place,
        "score": f"{hit.score:.3f}",
        "found by": ", ".join(f"{name} {text}" for name, text in ranks.items()),
        "text": " ".join(hit.passage.text.split())[:120],
    }


@retrieval_app.command("retrieval-eval")
def retrieval_eval(
    task: Annotated[str | None, typer.Argument(help="A task with evidence; its index must be there.")] = None,
    beir: Annotated[Path | None, typer.Option(help="A benchmark in BEIR's form instead of a task.")] = None,
    modes: Annotated[str, typer.Option(help="Comma-separated search modes.")] = "dense,bm25,hybrid",
    as_json: AsJson = False,
) -> None:
    """Measure retrieval on labelled questions: recall@1 to @10, MRR@10, nDCG@10."""
    from lab.lab import Lab
    from lab.retrieval_quality import evaluate_beir, evaluate_retrieval
    from ui.cli.tables import print_quality

    if (task is None) == (beir is None):
        raise LabError("Give either a task or --beir FOLDER.")
    lab = Lab(read_settings())
    chosen = [mode.strip() for mode in modes.split(",")]
    with Bars() as bars:
        if beir is not None:
            result = evaluate_beir(lab, beir, modes=chosen, notify=bars)
        else:
            result = evaluate_retrieval(lab, lab.task(str(task)), modes=chosen, notify=bars)
    show(result, as_json, lambda value: print_quality(value, out))
