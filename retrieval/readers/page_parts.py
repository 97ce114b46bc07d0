"""What of a web page is not its content: hidden text, menus, notices about cookies, the header and footer of the site.

These are rules of our own, since libraries that find the main content also drop tables, short pages and forms. What
stands within an article or the page's main part is content. Where nothing would be left, nothing is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

HIDDEN_STYLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", flags=re.IGNORECASE)
HIDING = "[hidden], [aria-hidden=true], [style], dialog:not([open])"
COOKIE_NAME = re.compile(r"cookie|consent|gdpr|onetrust|didomi|usercentrics|\bcc-(?:window|banner)", flags=re.IGNORECASE)
COOKIE_NAMES = "[id], [class], [aria-label], [role=dialog], [role=alertdialog]"
COOKIE_WORDS = re.compile(
    r"\b(?:accept|agree|allow|reject|decline|consent|privacy|preferences|we use|this (?:web)?site uses|akzeptier|zustimm"
    r"|einwillig|datenschutz|wir verwenden|accepter|nous utilisons|aceptar|utilizamos|accetta)",
    flags=re.IGNORECASE,
)
LONGEST_NOTICE = 2500  # Characters; what is longer is a page about cookies, not a notice.
MENUS = "nav, [role=navigation], [role=menu], [role=menubar], [role=search]"
FOOTERS = "footer, [role=contentinfo], #footer, .footer, .site-footer, .page-footer, #site-footer, #page-footer"
HEADERS = "header, [role=banner], #header, .site-header, .page-header, #site-header, #page-header"
CONTENT = {"article", "main", "section", "blockquote", "td"}
HEADINGS = "h1, h2, h3, h4, h5, h6, p, table"


def drop_parts(body: Any) -> str:
    """Take what is not content out of a page's body and say how much that was; nothing to say is an empty text."""
    counts = {
        "hidden": _drop(body, HIDING, _is_hidden),
        "in notices about cookies": _drop(body, COOKIE_NAMES, _is_notice),
        "in menus": _drop(body, MENUS, lambda node: True),
        "in the page's footer": _drop(body, FOOTERS, lambda node: not _is_within(node)),
        "in the page's header": _drop(body, HEADERS, lambda node: not _is_within(node) and node.css_first(HEADINGS) is None),
    }
    parts = [f"{count:,} {where}" for where, count in counts.items() if count]
    return f"Words left out: {', '.join(parts)}." if parts else ""


def _drop(body: Any, selector: str, is_meant: Callable[[Any], bool]) -> int:
    """Take out the nodes that are meant, the outermost of each nest, and return how many words they held.

    One that holds all the text that is left stays: it is the content after all.
    """
    meant = [node for node in body.css(selector) if node.tag not in ("body", "html", "main") and is_meant(node)]
    if not meant:
        return 0
    places = {node.mem_id for node in meant}
    # All are chosen before the first is taken out, because its inner nodes are gone with it.
    outermost = [node for node in meant if not any(parent.mem_id in places for parent in _walk_up(node))]
    left, words = _count(body), 0
    for node in outermost:
        count = _count(node)
        if count < left:
            left -= count
            words += count
            node.remove()
    return words


def _count(node: Any) -> int:
    return len(node.text(separator=" ").split())


def _walk_up(node: Any) -> Iterator[Any]:
    """Yield the nodes that hold a node, the nearest first."""
    while (node := node.parent) is not None:
        yield node


def _is_hidden(node: Any) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or attributes.get("aria-hidden") == "true" or node.tag == "dialog":
        return "open" not in attributes or node.tag != "dialog" or "hidden" in attributes
    return bool(HIDDEN_STYLE.search(attributes.get("style") or ""))


def _is_notice(node: Any) -> bool:
    attributes = node.attributes
    names = " ".join(attributes.get(name) or "" for name in ("id", "class", "aria-label"))
    if attributes.get("role") not in ("dialog", "alertdialog") and not COOKIE_NAME.search(names):
        return False
    text = " ".join(node.text(separator=" ").split())
    short = len(text) <= LONGEST_NOTICE and node.css_first("h1, main, article") is None
    return short and bool(COOKIE_NAME.search(names + text)) and bool(COOKIE_WORDS.search(text))


def _is_within(node: Any) -> bool:
    """Whether a node stands within the page's content, whose own header and footer belong to it."""
    return any(parent.tag in CONTENT for parent in _walk_up(node))
