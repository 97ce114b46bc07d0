"""The bundled articles: the documents of the task `ml-interview`, as Markdown."""

from __future__ import annotations

import json

from core.errors import LabError
from core.settings import BUNDLED_TASKS
from core.storage import child

ARTICLES = BUNDLED_TASKS / "ml-interview" / "documents"
SHELVES = ARTICLES.parent / "source" / "shelves.json"  # The articles' names by topic, each topic in reading order.
CHOICE = "rag-or-fine-tuning"  # The article on choosing between the two; it opens with the rule.
REMEDY = "Choose one of the list."


def list_articles() -> list[tuple[str, str]]:
    """Return ("topic: title", name) of the bundled articles, topic by topic, in reading order."""
    shelves = json.loads(SHELVES.read_text(encoding="utf-8"))
    return [
        (f"{topic}: {read_article(name).splitlines()[0].lstrip('# ')}", name)
        for topic, names in shelves.items()
        for name in names
    ]


def read_article(name: str) -> str:
    """Return an article as Markdown.

    Raises:
        LabError: There is none of this name.
    """
    file = child(ARTICLES, name, what="article", remedy=REMEDY).with_name(f"{name}.md")
    if not file.is_file():
        raise LabError(f"There is no article {name!r}.", REMEDY)
    return file.read_text(encoding="utf-8")
