"""What of a file is its text: tracked changes in Word documents, titles in pages."""

import pytest

from core.values import Document
from retrieval.readers.registry import LIMITS, SourceFile, parse_file

NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read(path):
    (document,) = parse_file(SourceFile(path.stem, path, "", path.stat().st_size), LIMITS)
    assert isinstance(document, Document)
    return document


@pytest.mark.parametrize("mark", ["moveFrom", "del"])
def test_what_was_moved_away_or_deleted_is_not_read(tmp_path, mark):
    import docx
    from docx.oxml import parse_xml

    gone = f'<w:{mark} w:id="1" w:author="a"><w:r><w:t>Gone.</w:t><w:tab/><w:br/></w:r></w:{mark}>'
    here = '<w:moveTo w:id="2" w:author="a"><w:r><w:t>Here.</w:t></w:r></w:moveTo>'
    document = docx.Document()
    document.element.body.insert(0, parse_xml(f"<w:p {NAMESPACE}><w:r><w:t>Stay. </w:t></w:r>{gone}{here}</w:p>"))
    document.save(str(tmp_path / "a.docx"))
    assert read(tmp_path / "a.docx").text == "Stay. Here."


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<html><body><svg><title>Icon</title></svg><h1>Pay</h1><p>In May.</p></body></html>", "Pay"),
        ("<title>Rules</title><svg><title>Icon</title></svg><p>In May.</p>", "Rules"),
        ("<svg><title>Icon</title></svg><p>In May.</p>", "a"),
    ],
)
def test_the_title_of_a_drawing_is_not_the_page_s(tmp_path, page, title):
    (tmp_path / "a.html").write_text(page)
    assert read(tmp_path / "a.html").title == title
