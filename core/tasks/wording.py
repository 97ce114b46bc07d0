"""The wording of a text: what stays of it when look-alikes, accents, case, width and punctuation are taken away."""

from __future__ import annotations

import unicodedata

import regex

# Letters and the Latin letters they look like, from Unicode's confusables (UTS #39, confusables.txt), without what NFKC
# maps anyway: Greek, Cyrillic, Armenian, Cherokee. Used in words that mix alphabets, where they stand in for the Latin ones.
_LOOKS = str.maketrans(
    "αϲιϳοσρϱυνγΑΒϹΕϜΗͿΙΚΜϺΝΟΡΤΥΧΖτκχηаЬсԁеҽһіӏјорԛгѕѵѡԝхуүкмтвньАВСЕԌНІӀЈКМОРЅТѴԜХУҮքցհոռօգզսաՕՏՍᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᎩᏃ",
    "acijooppuvyABCEFHJIKMMNOPTYXZtkxnabcdeehiijopqrsvwwxyykmtbhbABCEGHIIJKMOPSTVWXYYfghnnoqquwOSUABCDEGHIJKLMPRSTVWYZ",
)
# Whole words in another alphabet: one letter for each, the same for capital and small, so that Greek and Russian texts
# are only spelt in other letters and no two of their words become one. And Latin letters that NFKD does not take apart.
_LETTERS = str.maketrans(
    "авекмнорстхуѕіјԁԛԝӏαβεζηικμνορτυχıɑɡøđłħŧᴄᴏꜱᴜᴠᴡᴢɪ",
    "abekmhopctxysijdqwlabezhikmnoptyxiagodlhtcosuvwzi",
) | {ord("æ"): "ae", ord("œ"): "oe"}
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")  # Zero-width characters, soft hyphens, marks of direction.
_BLANKS = str.maketrans(dict.fromkeys("\u2800\u3164\uffa0", " "))  # An empty braille cell, and Hangul's letter for none.
_LETTER_RUN = regex.compile(r"[\p{L}\p{M}]+")
_LATIN = regex.compile(r"\p{Latin}")
_OTHER = regex.compile(r"[\p{Greek}\p{Cyrillic}\p{Armenian}\p{Cherokee}]")
_ACCENT = regex.compile(r"[\u0300-\u036f]+")  # Not the vowel signs of other scripts, which are half of their letters.
_DASH = regex.compile(r"[\u2010-\u2015\u2212]")
# A point, colon, slash or dash between digits and a minus before one stay: 1.5 is not 15, and 3-5 is not 3.5.
_GAP = regex.compile(r"(?:[^\p{L}\p{M}\p{N}\p{S}.:/-]+|[.:/](?!\p{N})|(?<!\p{N})[.:/]|-(?!\p{N})|(?<=[\p{L}\p{M}\p{S}])-)+")
# Scripts without spaces between words: there a sign is the word.
_SIGN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*")


def normalize(text: str) -> str:
    """Return a text's wording: lower-case words with single spaces between, whatever they were disguised with.

    Zero-width characters, accents, full width and look-alike letters of other alphabets go, and punctuation but for
    that inside numbers. Other letters with their marks, digits and symbols stay (a plus sign or an emoji is part of
    what is asked).

    Source: the look-alikes are those of Unicode Technical Standard 39, section 4, and its file confusables.txt.
    """
    plain = text.lower() if text.isascii() else _fold(text)
    words: str = _GAP.sub(" ", plain).strip()
    return words or plain.strip()


def normalize_formerly(text: str) -> str:
    """Return the wording as it was taken before look-alikes and accents were seen through: old adapters' cards hold it."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = str(regex.sub(r"[^\p{L}\p{M}\p{N}\p{S}]+", " ", folded)).strip()
    return words or folded.strip()


def split_words(text: str) -> list[str]:
    """Return the words of a normalised text; of scripts without spaces each sign."""
    return str(_SIGN.sub(r" \g<0> ", text) if _SIGN.search(text) else text).split()


def _fold(text: str) -> str:
    """Return a text in the plainest letters that it can be written in."""
    plain = _IGNORABLE.sub("", unicodedata.normalize("NFKC", text.translate(_BLANKS)))
    if _OTHER.search(plain):
        plain = _LETTER_RUN.sub(lambda found: _unmix(found[0]), plain)
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", plain.casefold())).translate(_LETTERS)
    folded: str = _DASH.sub("-", unicodedata.normalize("NFC", plain))
    return folded


def _unmix(word: str) -> str:
    """Return a word that mixes alphabets in Latin letters: it is a Latin word with look-alikes in it."""
    if word.isascii() or not (_LATIN.search(word) and _OTHER.search(word)):
        return word
    return word.translate(_LOOKS).casefold().translate(_LOOKS)  # A small letter may look like one where the capital does not.
