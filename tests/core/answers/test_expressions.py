"""Regular expressions as JavaScript reads them, whatever engine matches."""

import pytest
import regex

from core.answers.expressions import read_expression
from core.answers.validation import validate

CASES = [
    (r"^\d$", "7", True), (r"^\d$", "١", False), (r"^a$", "a\n", False), (r"^[^]$", "\n", True), ("[]", "a", False),
    (r"^\cA$", "\x01", True), (r"^(?<n>a)\k<n>$", "aa", True), (r"^(?P<n>a)$", "a", True), (r"^\/x\-$", "/x-", True),
    (r"^\p{L}+$", "éa", True), (r"^[\p{Lu}\d]$", "É", True), (r"^\P{L}$", "é", False), (r"^[\w-]+$", "a-b", True),
    (r"^[a\-z]$", "b", False), (r"^[+--]$", ",", True), (r"^\W$", "é", True), (r"^.$", "\u2028", False),
    (r"^\s$", "\ufeff", True), (r"\bword\b", "a word.", True), (r"\bword\b", "swords", False), (r"^\u{1F600}$", "😀", True),
    (r"^\uD83D\uDE00$", "😀", True), (r"^[\uD83D\uDE00-\uD83D\uDE4F]$", "😁", True), (r"^a{,2}$", "a{,2}", True),
    (r"^[[a&&b]$", "&", True), (r"^(?!.*bad)", "good", True), (r"^(?!.*bad)", "a bad", False), (r"\Afoo\Z", "foo", True),
    (r"^(?i)abc$", "ABC", True), (r"^[\d-x]$", "-", True), (r"^\$\{[^}]+\}$", "${a}", True), (r"^<a>$", "<a>", True),
    (r"^(a)|b\1$", "a", True), (r"^[^\W_]$", "_", False), (r"^x{2}y?$", "xx", True), (r"^a+?$", "aaa", True),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "fits"), CASES)
def test_an_expression_means_what_it_means_in_javascript(pattern, text, fits):
    assert (regex.search(read_expression(pattern).checking, text) is not None) == fits
    assert (validate(text, {"pattern": pattern}) == []) == fits


BAD = [r"\a", "(", ")", "a**", "[b-a]", "a{3,2}", "\\", "[a", "(?#x)", "*a", "(?:a{1000}){1000}", "(" * 500 + ")" * 500]
BAD += [r"\k<x>", r"\2", "x" * 20_000, r"\p{Nothing}", r"\u{110000}"]


@pytest.mark.parametrize("pattern", BAD)
def test_what_is_no_expression_is_named_and_never_raises(pattern):
    issues = validate("a", {"pattern": pattern})
    assert [issue.keyword for issue in issues] == ["$schema"]
    assert "pattern" in issues[0].message


def test_what_the_decoding_engine_lacks_is_known():
    assert read_expression(r"^\d+$").decoding == "^[0-9]+$"
    for pattern in (r"(?=a)a", r"(?<!x)y", r"(a)\1", r"\bword"):
        assert read_expression(pattern).decoding is None


def test_the_shortest_text_is_never_longer_than_one_that_fits():
    for pattern, text, fits in CASES:
        if fits:
            assert read_expression(pattern).shortest <= len(text)
    assert read_expression("^(?:ab){300}(c|de)$").shortest == 601
