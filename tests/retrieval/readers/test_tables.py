"""Facts of tables stay true: no cell is swallowed, glued or put under a wrong name."""

import pytest

from retrieval.readers.html import read_html
from retrieval.readers.limits import LIMITS
from retrieval.readers.pdf import _put_breaks
from retrieval.readers.table import read_csv
from retrieval.readers.word import read_docx


def read_table(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    return read_csv(tmp_path / "x.csv", LIMITS).text


def test_a_title_above_a_table_is_no_header(tmp_path):
    text = read_table(tmp_path, "Prices of 2026,,\n\nzone,service,price\nnorth,express,30\nsouth,post,8\n")
    assert text == "Prices of 2026\n\nzone: north\nservice: express\nprice: 30\n\nzone: south\nservice: post\nprice: 8"


def test_a_header_that_no_cell_stands_below_is_written(tmp_path):
    assert "Hours" in read_table(tmp_path, "Contact,Hours\nCall the front desk,\n")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([["Contact", "Call the front desk"], ["Hours", ""]], "Contact | Call the front desk\nHours"),
        ([["Contact", "Call us"], ["Hours", "9 to 5"]], "Contact | Call us\nHours | 9 to 5"),
        ([["Name", "Wage"], ["Ada", "3"], ["Bob", "4"]], "Name: Ada | Wage: 3\nName: Bob | Wage: 4"),
        ([["Zone", "Service", "Price"], ["north", "post", "8"]], "Zone: north | Service: post | Price: 8"),
    ],
)
def test_a_form_in_word_has_no_header_and_a_table_has_one(tmp_path, rows, text):
    import docx

    document = docx.Document()
    table = document.add_table(rows=0, cols=len(rows[0]))
    for row in rows:
        for cell, value in zip(table.add_row().cells, row, strict=True):
            cell.text = value
    document.save(str(tmp_path / "x.docx"))
    assert read_docx(tmp_path / "x.docx", LIMITS).text == text


def test_cells_that_span_rows_and_columns_stand_where_they_belong(tmp_path):
    (tmp_path / "x.html").write_text(
        "<table><tr><th>Zone</th><th>Service</th><th>Price</th></tr>"
        "<tr><td rowspan=2>North</td><td>Express</td><td>30 EUR</td></tr><tr><td>Post</td><td>8 EUR</td></tr>"
        "<tr><td>South</td><td colspan=2 rowspan=2>not served</td></tr><tr><td>East</td></tr></table>"
    )
    assert read_html(tmp_path / "x.html", LIMITS).text == (
        "Zone: North | Service: Express | Price: 30 EUR\nZone: North | Service: Post | Price: 8 EUR\n"
        "Zone: South | Service: not served\nZone: East | Service: not served"
    )


def test_line_ends_are_put_where_a_page_lost_them():
    assert _put_breaks("400.01 3600.01 5", ["400.01 3", "600.01 5"]) == "400.01 3\n600.01 5\n"
    assert _put_breaks("one two", ["outside the page", "one", "two"]) == "one\n two\n"
    assert _put_breaks("self\x02service desk", ["self-", "service desk"]) == "self\x02service desk\n"
    assert _put_breaks("as it is", ["nothing alike"]) == "as it is"


def test_cells_merged_downwards_reach_over_a_short_row(tmp_path):
    import docx
    from docx.oxml import parse_xml

    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

    def cell(text, properties=""):
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"

    start, down, wide = '<w:vMerge w:val="restart"/>', "<w:vMerge/>", '<w:gridSpan w:val="2"/>'
    rows = [
        cell("Zone") + cell("Service") + cell("Price"),
        cell("North") + cell("Post", start) + cell("8"),
        cell("West"),
        cell("South") + cell("", down) + cell("9"),
        '<w:trPr><w:gridBefore w:val="1"/></w:trPr>' + cell("", down) + cell("10"),
        cell("East") + cell("not served", wide),
    ]
    table = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    document = docx.Document()
    document.element.body.insert(0, parse_xml(f"<w:tbl {space}>{table}</w:tbl>"))
    document.save(str(tmp_path / "x.docx"))
    assert read_docx(tmp_path / "x.docx", LIMITS).text == (
        "Zone: North | Service: Post | Price: 8\nZone: West\nZone: South | Service: Post | Price: 9\n"
        "Service: Post | Price: 10\nZone: East | Service: not served"
    )
