from hashlib import blake2b

from core.tasks.leakage import find_pairs, find_seen, fingerprint
from core.values import Example

LONG = "Anna worked for six years as a test engineer at a shipyard in Porto and led a team of four people"


def items(*texts):
    return [Example(f"e{number}", text) for number, text in enumerate(texts)]


def test_a_copy_is_found_whatever_its_punctuation():
    assert fingerprint("How  long, is it?") == fingerprint("how long is IT")
    assert find_seen(items("What is new?", "How long is it?"), [fingerprint("how long is it")]) == ["e1"]
    (pair,) = find_pairs(items("How long is it"), items("How LONG: is it?", "How long were those?"))
    assert (pair.train, pair.test, pair.shared) == ("e0", "e0", 1.0)


def test_a_reworded_end_does_not_hide_a_copied_text():
    (pair,) = find_pairs(items(LONG + " until 2021."), items("Hello. " + LONG))
    assert pair.shared > 0.7


def test_one_shared_sentence_of_two_long_texts_is_no_copy():
    other = " ".join(f"word{number}" for number in range(40))
    more = " ".join(f"term{number}" for number in range(40))
    assert find_pairs(items(f"{other} {LONG}"), items(f"{LONG} {more}")) == []


def test_short_texts_with_another_number_are_others():
    assert find_pairs(items("book a table for two"), items("book a table for three")) == []


def test_different_inputs_stay_different_and_equal_ones_equal():
    assert fingerprint("2+3") != fingerprint("2-3")
    assert fingerprint("😀") != fingerprint("😡")
    assert fingerprint("किताब") != fingerprint("कताब")
    assert fingerprint("cafe\u0301") == fingerprint("Café!")


def test_adapters_trained_before_are_still_recognised():
    former = blake2b("mañana 2 3 days".encode(), digest_size=16).hexdigest()
    assert find_seen(items("Mañana: 2-3 days?", "Other?"), [former]) == ["e0"]
    assert fingerprint("Mañana: 2-3 days?") != former
    assert find_seen(items("Manana: 2-3 days?"), [fingerprint("Mañana: 2-3 days?")]) == ["e0"]
    assert find_seen(items("Mañana: 2 3 days?"), [fingerprint("Mañana: 2-3 days?")]) == []
