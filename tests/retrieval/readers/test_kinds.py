"""Files of each kind that people keep: what of them is text, what is left out, and that it is said."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from core.values import Document
from retrieval.documents import list_files, parse_files, read_documents

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "documents"


def read(folder, name, data):
    """Write one file and parse it: the document and what was said of it."""
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    results = list(parse_files(list_files(folder / name)))
    documents = [result for result in results if isinstance(result, Document)]
    return (documents or [None])[0], " ".join(result.reason for result in results if not isinstance(result, Document))


@pytest.mark.parametrize(
    ("name", "data", "text", "title"),
    [
        ("a.rst", "Guide\n=====\n\nIntro.\n\nUse\n---\n\nTurn it.\n", "# Guide\n\nIntro.\n\n## Use\n\nTurn it.\n", "Guide"),
        ("a.rst", "=====\nGuide\n=====\n\nUse\n~~~\nTurn it.", "# Guide\n\n## Use\nTurn it.", "Guide"),
        ("a.org", "#+TITLE: Guide\n# a remark\n* Use\n** TODO Start\n", "#+TITLE: Guide\n# Use\n## Start\n", "Guide"),
        (
            "a.tex",
            "\\title{Guide}\n\\begin{document}\n\\section{Use}\n% no\nTurn \\emph{it} by 5\\,\\%.\n\\end{document}",
            "# Use\n\nTurn it by 5\\,%.",
            "Guide",
        ),
        ("a.yaml", "# the limit\nlimit: 55\n", "# the limit\nlimit: 55\n", "a"),
        ("a.toml", "limit = 55\n", "limit = 55\n", "a"),
        ("a.mdx", "# Page\n\nThree speeds.", "# Page\n\nThree speeds.", "Page"),
        ("NOTES", "# Notes\n\nFive bolts.", "# Notes\n\nFive bolts.", "Notes"),
        ("a.ndjson", '{"a": 1}\n{"a": 2}\n', "a: 1\n\na: 2", "a"),
        ("a.xhtml", '<?xml version="1.0"?><html><head><title/></head><body><div/><p>9 W.</p></body></html>', "9 W.", "a"),
        ("a.html", '<?xml version="1.0"?><html><head><script src="a"/></head><body><p>9 W.</p></body></html>', "9 W.", "a"),
        ("a.xml", "<pumps><pump id='7'><bar>77</bar><use>water</use></pump></pumps>", "id: 7\nbar: 77\nuse: water", "a"),
        ("a.xml", "<doc><p>It is <b>2 m</b> long.</p><p>And wide.</p></doc>", "It is 2 m long.\nAnd wide.", "a"),
    ],
)
def test_text_kinds(tmp_path, name, data, text, title):
    document, said = read(tmp_path, name, data)
    assert (document.text, document.title, said) == (text, title, "")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntags: [a]\n# remark\n---\nText.\n\n```sh\n# install\n```\n", "a"),
        ("---\ntitle: 'My page'\n---\n# Other\n", "My page"),
        ('+++\n# remark\ntitle = "My page"\n+++\n', "My page"),
        ("---\n# remark\n---\n\n# Real\n", "Real"),
        ("~~~\n# no\n~~~\n\nReal\n====\n", "Real"),
        ("---\n\nA sentence, no key.\n\n---\n\n# Real\n", "Real"),
    ],
)
def test_the_title_is_neither_in_front_matter_nor_in_code(tmp_path, text, title):
    assert read(tmp_path, "a.md", text)[0].title == title


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize(
    "text", ["The fee is 5 EUR.\n", "Морж получает 40 евро.\nДа.", "海浪和海带在这里漂流,每个月都有奖金。\n好"]
)
def test_wide_characters_without_a_mark(tmp_path, encoding, text):
    assert read(tmp_path, "a.txt", text.encode(encoding))[0].text == text


def test_mail(tmp_path):
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["Date"] = "Grüße", "Ada <ada@example.org>", "Mon, 02 Mar 2026 10:00:00 +0000"
    mail.set_content("The code is 4711.")
    mail.add_alternative("<p>The code is <b>4711</b>.</p>", subtype="html")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="fees.pdf")
    document, said = read(tmp_path, "a.eml", bytes(mail))
    assert document.title == "Grüße"
    assert document.text.startswith("Subject: Grüße\nFrom: Ada <ada@example.org>\nDate: Mon, 02 Mar 2026")
    assert document.text.endswith("\n\nThe code is 4711.")
    assert "fees.pdf" in said
    page = b"Subject: x\nContent-Type: text/html; charset=latin-1\n\n<p>Caf\xe9</p>"
    assert read(tmp_path, "b.eml", page)[0].text == "Subject: x\n\nCafé"


def test_a_mail_in_a_mail_is_read_and_text_that_is_no_mail_too(tmp_path):
    inner, mail = EmailMessage(), EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("The code is 4711.")
    mail["Subject"] = "Outer"
    mail.set_content("See below.")
    mail.add_attachment(inner)
    document, said = read(tmp_path, "a.eml", bytes(mail))
    assert (document.text, said) == ("Subject: Outer\n\nSee below.\n\nSubject: Inner\n\nThe code is 4711.", "")
    assert read(tmp_path, "b.eml", "just text\nand more")[0].text == "just text\nand more"


def test_notebook(tmp_path):
    code = {"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["0.93\n"]}, {"data": {"image/png": "x"}}]}
    cells = [{"cell_type": "markdown", "source": ["# Trial\n", "Why."]}, code]
    document, _ = read(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert document.text == "# Trial\nWhy.\n\n````\nprint(1)\n````\n\n````\n0.93\n````"
    assert document.title == "Trial"
    assert "no cell" in read(tmp_path, "b.ipynb", '{"cells": []}')[1]


def test_workbook(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "Fees"
    for row in (["zone", "price"], ["north", 30.0], ["south", "=1+1"]):
        book.active.append(row)
    book.create_sheet("Secret").append(["x"])
    book["Secret"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    document, said = read(tmp_path, "a.xlsx", (tmp_path / "a.xlsx").read_bytes())
    assert document.text == "Sheet: Fees\nzone: north\nprice: 30\n\nSheet: Fees\nzone: south"
    assert len(document.pages) == 2
    assert "Secret" in said
    assert "1 formulas" in said
    assert "damaged" in read(tmp_path, "b.xlsx", b"no workbook")[1]


def test_xml_loads_nothing_from_elsewhere(tmp_path):
    (tmp_path / "secret.txt").write_text("SECRET")
    entity = f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{tmp_path}/secret.txt">]><a><b>x &e;</b></a>'
    document, _ = read(tmp_path, "a.xml", entity)
    assert "SECRET" not in document.text
    assert read(tmp_path, "b.xml", "<a>" * 5000)[1]


def test_every_file_of_a_folder_is_read_or_named(tmp_path):
    for name in ("README", "a.md", "b.pptx", "c.png", "sub/d.exe", ".DS_Store", "sub/.git/config", "sub/prog"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x7fELF\0\0" if name == "sub/prog" else b"text")
    reading = read_documents(tmp_path)
    assert [document.origin for document in reading.documents] == ["README", "a.md"]
    assert [problem.path for problem in reading.problems] == [
        "b.pptx",
        "c.png",
        "sub/d.exe",
        "sub/prog",
        ".DS_Store and 1 more",
    ]


@pytest.mark.skipif(not CASES.is_dir(), reason=f"needs the documents in {CASES}")
def test_facts_of_collected_documents_are_read_and_junk_is_not():
    reading = read_documents(CASES)
    found = {document.origin: document for document in reading.documents}
    facts = {
        "README": "5 kg", "boiler.html": "41 days", "cfg.yaml": "55 litres", "form.pdf": "Blue Kettle 4000",
        "front.md": "640 watts", "guide.rst": "77 bar", "log.xml": "2 m", "mail.eml": "4711", "note.markdown": "12 degrees",
        "page.mdx": "3 speeds", "page.xhtml": "9 W", "rowspan.html": "Zone: North | Service: Express | Price: 30 EUR",
        "nested/sub1/README.md": "1 kg", "two_col.pdf": "14 degrees and must be vented",
    }  # fmt: skip
    assert {name: fact for name, fact in facts.items() if fact not in found[name].text} == {}
    assert [fact for fact in ("350 euros", "K=P(1+0.045)", "2031", "HX-9981") if fact not in found["contract.docx"].text] == []
    assert not any(junk in found["boiler.html"].text for junk in ("BANANA", "cookies", "Imprint", "Log in"))
    assert found["front.md"].title == "front"
    named = {problem.path for problem in reading.problems}
    assert {"boiler.html", "nb.ipynb"} <= named
