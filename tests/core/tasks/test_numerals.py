"""Numbers as people write them: read where a whole column agrees, left alone where it could mean two things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.numerals import choose_numeral, is_ambiguous


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["12,50", "3,1", "7"], [12.5, 3.1, 7]),
        (["1.234,50", "3,00"], [1234.5, 3]),
        (["1,234.50", "7"], [1234.5, 7]),
        (["1,234", "950", "12,000"], [1234, 950, 12000]),
        (["1.234.567", "12"], [1234567, 12]),
        (["1 234,5", "12"], [1234.5, 12]),
        (["1\u202f234", "1\u202f000\u202f000"], [1234, 1000000]),
        (["1'234.50", "3"], [1234.5, 3]),
        (["0 %", "12 %"], [0, 12]),
        (["3,5%", "4%"], [3.5, 4]),
        (["€ 12,50", "-€ 3,00"], [12.5, -3]),
        (["$1,200", "$300"], [1200, 300]),
        (["12.50 EUR", "3 EUR"], [12.5, 3]),
        (["-3,5", "\u22122,1"], [-3.5, -2.1]),
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1.5", "2"], [1.5, 2]),
    ],
)
def test_a_column_that_agrees_is_numbers(texts, numbers):
    numeral = choose_numeral(texts)
    assert [numeral.read(text) for text in texts] == numbers


@pytest.mark.parametrize(
    "texts",
    [
        ["1,234", "2,345"],  # A thousand or a fraction.
        ["12,50", "1,234.50"],
        ["12,50", "n.d."],
        ["€ 3", "$ 3"],
        ["3 %", "3"],
        ["01234", "04567"],  # Postcodes.
        ["1,5,6"],
        ["25.11.2026"],
        ["10.0.0.1"],
        ["+49 30 12345"],
        ["1-2"],
        ["x" * 10**6],
        [],
    ],
)
def test_what_is_no_number_or_two_stays_text(texts):
    assert choose_numeral(texts) is None
    assert is_ambiguous(["1,234", "2,345"])


def test_a_decimal_comma_elsewhere_settles_what_a_mark_is():
    assert choose_numeral(["1,234", "2,345"], comma=True).read("1,234") == 1.234
    assert choose_numeral(["1.234", "2.345"], comma=True).read("1.234") == 1234
    assert choose_numeral(["1.234", "2.345"]).read("1.234") == 1.234


@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=1),
    st.sampled_from([("{:,}", ",", "."), ("{:,}", ".", ","), ("{:,}", " ", ",")]),
)
def test_what_is_written_in_a_form_is_read_back(numbers, form):
    pattern, thousands, decimal = form
    texts = [f"{pattern.format(number).replace(',', thousands)}{decimal}25" for number in numbers]
    numeral = choose_numeral(texts)
    assert [numeral.read(text) for text in texts] == [
        abs(number) * (1 if number >= 0 else -1) + (0.25 if number >= 0 else -0.25) for number in numbers
    ]
