import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from core.errors import LabError
from core.values import Document
from retrieval import documents
from retrieval.documents import Limits, Problem, list_files, parse_files, read_documents

PDFS = Path(__file__).resolve().parents[3] / "shared" / "data" / "docs_pypdf"
PAGE = """<html><head><title>Bee &mdash; keeping</title><style>p{}</style></head><body><nav>Menu</nav>
<h1>Bees</h1><p>Honey <b>and</b>
 wax&nbsp;&amp; more<script>no()</script></p><h2>Hives</h2><ul><li>wood</li><li>straw</li></ul>
<table><tr><th>Hive</th><th>Bees</th></tr><tr><td>A</td><td>40,000</td></tr><tr><td>B</td><td>9</td></tr></table>
<p>Last<br>line</p><pre>a  b
  c</pre></body></html>"""


def read_one(folder, name, data, *, limits=documents.LIMITS):
    """Write one file and parse it: the document, or the reason why not."""
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    results = list(parse_files(list_files(folder / name), limits=limits))
    return next((result for result in results if isinstance(result, Document)), None) or results[0].reason


def write_word(path, fill):
    import docx

    document = docx.Document()
    fill(document)
    document.save(str(path))
    return path.read_bytes()


def write_pdf(*pages, password=""):
    """A PDF of the given text lines per page, written by hand."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>"]
    objects.append("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for n, lines in enumerate(pages):
        shown = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        stream = f"BT /F1 12 Tf 50 780 Td {shown}ET"
        page = f"/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {5 + 2 * n} 0 R/Resources<</Font<</F1 3 0 R>>>>"
        objects += [f"<</Type/Page{page}>>", f"<</Length {len(stream)}>>stream\n{stream}\nendstream"]
    body, places = "%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{item}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\n"
    return f"{body}startxref\n{start}\n%%EOF\n".encode("latin-1")


def test_every_kind_is_read_and_named(tmp_path):
    (tmp_path / "a.md").write_text("# Title A\n\ntext")
    (tmp_path / "b.html").write_text("<title>Bee</title><script>no()</script><p>Honey &amp; wax</p>")
    (tmp_path / "c.csv").write_text("name,age\nAda,36\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.txt").write_text("plain\r\nlines")
    write_word(tmp_path / "e.docx", lambda document: document.add_paragraph("A paragraph."))
    (tmp_path / "f.pdf").write_bytes(write_pdf(["First page."], ["Second page."]))
    (tmp_path / "g.tsv").write_text("name\tage\nAda\t36\n")
    (tmp_path / "h.json").write_text('[{"name": "Ada", "age": 36}]')
    (tmp_path / "i.jsonl").write_text('{"name": "Ada"}\n\n{"name": "Bob"}\n')
    (tmp_path / "ignored.xyz").write_text("?")
    (tmp_path / ".hidden.md").write_text("?")
    (tmp_path / "~$e.docx").write_text("?")
    reading = read_documents(tmp_path)
    found = {document.id: document for document in reading.documents}
    assert [(problem.path, problem.reason) for problem in reading.problems] == [
        ("ignored.xyz", "Files of the kind .xyz are not read."),
        (".hidden.md and 1 more", "Hidden files are passed over."),
    ]
    assert list(found) == ["a", "b", "c", "e", "f", "g", "h", "i", "sub/d"]
    assert found["a"].title == "Title A"
    assert found["b"].text == "# Bee\n\nHoney & wax"
    assert found["c"].text == found["g"].text == found["h"].text == "name: Ada\nage: 36"
    assert found["sub/d"].text == "plain\nlines"
    assert found["sub/d"].origin == "sub/d.txt"
    assert found["e"].text == "A paragraph."
    assert found["f"].text == "First page.\n\nSecond page."
    assert found["f"].pages == (0, 13)
    assert found["i"].text == "name: Ada\n\nname: Bob"
    assert found["i"].pages == (0, 11)


def test_ids_are_unique_and_stable(tmp_path):
    for name in ("x.md", "x.txt", "y.md", "x.md.txt", "z.tar.md"):
        (tmp_path / name).write_text("a")
    files = list_files(tmp_path)
    assert [file.id for file in files] == ["x", "x.md.txt", "x.txt", "y", "z.tar"]
    assert [file.name for file in files] == ["x.md", "x.md.txt", "x.txt", "y.md", "z.tar.md"]
    assert len({file.sha256 for file in files}) == 1


def test_a_file_that_is_added_takes_no_other_files_id(tmp_path):
    bundled, added = tmp_path / "bundled", tmp_path / "added"
    for folder, names in ((bundled, ["pay.txt", "b.pdf", "same.md"]), (added, ["pay.md", "b.md", "same.md", "sub/pay.md"])):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(folder.name)
    files = {file.name: file for file in list_files(bundled, added)}
    assert {name: file.id for name, file in files.items()} == {
        "b.md": "b.md", "b.pdf": "b", "pay.md": "pay.md", "pay.txt": "pay", "same.md": "same", "sub/pay.md": "sub/pay",
    }  # fmt: skip
    assert files["same.md"].path == added / "same.md"
    kept = {file.name: file.id for file in list_files(bundled, added, former_ids={"pay.md": "pay", "b.pdf": "b.pdf"})}
    assert (kept["pay.md"], kept["pay.txt"], kept["b.pdf"], kept["b.md"]) == ("pay", "pay.txt", "b.pdf", "b")


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_a_name_that_is_not_utf8_is_named_and_stops_no_other(tmp_path):
    for name in (b"caf\xe9.md", b"caf\xe8.md", b"caf\xe9.html", b"fine.md"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("text")
    reading = read_documents(tmp_path)
    assert [document.id for document in reading.documents] == ["fine"]
    assert {problem.path for problem in reading.problems} == {r"caf\xe9.md", r"caf\xe8.md", r"caf\xe9.html"}
    assert all("not UTF-8" in problem.reason for problem in reading.problems)


def test_a_hidden_file_that_is_given_is_named(tmp_path):
    for name in (".notes.md", "~$x.docx"):
        (tmp_path / name).write_text("text")
        (problem,) = parse_files(list_files(tmp_path / name))
        assert problem.path == name
        assert "hidden" in problem.reason
    assert list_files(tmp_path) == []


def test_no_document_is_refused(tmp_path):
    with pytest.raises(LabError, match="no document"):
        read_documents(tmp_path)
    with pytest.raises(LabError, match="no kind that is read"):
        list_files(Path(__file__))
    with pytest.raises(LabError, match="There is no"):
        list_files(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.txt", b"", "empty"),
        ("x.md", b" \n\t", "empty"),
        ("x.txt", b"\xff\xfeab\x00", "mark of UTF-16"),
        ("x.txt", b"GIF89a\x00\x00\x01" * 50, "binary"),
        ("x.md", bytes(range(1, 32)) * 10, "binary"),
        ("x.pdf", b"no pdf", "no PDF"),
        ("x.pdf", b"%PDF-1.4\n%%EOF", "no PDF"),
        ("x.docx", b"no docx", "no Word document"),
        ("x.docx", bytes.fromhex("d0cf11e0a1b11ae1") + b"x" * 600, "password"),
        ("x.doc", b"whatever", "save it as .docx"),
        ("x.json", b'{"a": ', "no JSON"),
        ("x.json", b"[" * 100_000, "nested too deeply"),
        ("x.jsonl", b'{"a": 1}\n{"b"\n', "Line 2 is no JSON"),
        ("x.csv", b"\n\n", "empty"),
        ("x.html", b"<html><body><script>x</script></body></html>", "empty"),
    ],
)
def test_unreadable_files_are_named_with_the_reason(tmp_path, name, data, reason):
    found = read_one(tmp_path, name, data)
    assert isinstance(found, str), found
    assert reason in found
    assert str(tmp_path) not in found


def test_one_bad_file_costs_only_itself(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"no pdf")
    (tmp_path / "b.docx").write_bytes(b"PK")
    (tmp_path / "c.html").write_text("<p>fine</p>")
    (tmp_path / "d.md").write_text("fine")
    reading = read_documents(tmp_path)
    assert [document.id for document in reading.documents] == ["c", "d"]
    assert [problem.path for problem in reading.problems] == ["a.pdf", "b.docx"]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_cut_files_are_no_danger(tmp_path, share):
    word = write_word(tmp_path / "x.docx", lambda document: document.add_paragraph("A paragraph."))
    for name, data in (
        ("x.docx", word),
        ("x.pdf", write_pdf(["a line"] * 50)),
        ("x.html", PAGE.encode()),
        ("x.csv", b'a,"b\nc,d'),
    ):
        found = read_one(tmp_path, name, data[: int(share * len(data))])
        assert isinstance(found, str | Document)
        assert name.endswith((".pdf", ".html", ".csv")) or "damaged" in found


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="the administrator may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    (tmp_path / "a.md").write_text("secret")
    (tmp_path / "a.md").chmod(0)
    assert "Permission denied" in read_documents(tmp_path).problems[0].reason


def test_a_file_that_is_gone_is_named(tmp_path):
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "b.html").write_text("x")
    files = list_files(tmp_path)
    for file in files:
        file.path.unlink()
    assert [problem.path for problem in parse_files(files)] == ["a.md", "b.html"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Grüße, 海"),
        ("utf-8-sig", "Grüße, 海"),
        ("utf-16", "Grüße, 海"),
        ("utf-32", "Grüße, 海"),
        ("cp1252", "Größe – „gut“ kostet 5 €"),
        ("cp1252", "Le café est fermé."),
        ("cp1251", "Морж получает премию сорок евро каждый месяц, если он спит на льду. " * 5),
        ("cp932", "海の浮きは流れています。昆布と波があります。" * 5),
        ("gb18030", "海浪和海带在这里漂流,每个月都有奖金。" * 5),
    ],
)
def test_encodings(tmp_path, encoding, text):
    assert read_one(tmp_path, "x.txt", text.encode(encoding)).text == text


def test_a_page_may_name_its_encoding(tmp_path):
    page = '<meta charset="koi8-r"><p>Морж</p>'
    assert read_one(tmp_path, "x.html", page.encode("koi8-r")).text == "Морж"


def test_html_keeps_headings_rows_and_words_together(tmp_path):
    document = read_one(tmp_path, "x.html", PAGE)
    assert document.title == "Bee — keeping"
    assert document.text == (
        "# Bees\n\nHoney and wax & more\n\n## Hives\n\n- wood\n- straw\n\n"
        "Hive: A | Bees: 40,000\nHive: B | Bees: 9\n\nLast\nline\n\na  b\n  c"
    )


def test_deep_html_is_no_danger(tmp_path):
    assert read_one(tmp_path, "x.html", "<div>" * 3_000 + "bottom").text == "bottom"


def test_word_keeps_the_order_of_paragraphs_and_tables(tmp_path):
    def fill(document):
        document.add_heading("Pay", 0)
        document.add_heading("Bonus", 2)
        document.add_paragraph("Before.")
        table = document.add_table(3, 3)
        for row, cells in zip(
            table.rows, [("Grade", "Bonus", "Note"), ("4", "40 euros", ""), ("5", "50 euros", "new")], strict=True
        ):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
        table.cell(1, 0).merge(table.cell(2, 0))
        document.add_paragraph("After.")
        document.add_paragraph("one", style="List Bullet")

    document = read_one(tmp_path, "x.docx", write_word(tmp_path / "x.docx", fill))
    assert document.title == "Pay"
    assert document.text == (
        "# Pay\n\n## Bonus\n\nBefore.\n\nGrade: 4 5 | Bonus: 40 euros\nGrade: 4 5 | Bonus: 50 euros | Note: new\n\nAfter.\n\n- one"
    )


def test_word_reads_controls_and_insertions_but_not_deletions(tmp_path):
    from docx.oxml import parse_xml

    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    control = f"<w:sdt {space}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    tracked = f"<w:p {space}><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>"

    def fill(document):
        for part in (control, tracked):
            document.element.body.insert(0, parse_xml(part))

    assert read_one(tmp_path, "x.docx", write_word(tmp_path / "x.docx", fill)).text == "new\n\nIn a control."


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("name;wage\nAda;1,5\nBob;2,5\n", "name: Ada\nwage: 1,5\n\nname: Bob\nwage: 2,5"),
        ("name|wage\nAda|3\n", "name: Ada\nwage: 3"),
        ('name,note\nAda,"two\n\nlines, here"\n', "name: Ada\nnote: two lines, here"),
        ("1,2\n3,4\n", "column 1: 1\ncolumn 2: 2\n\ncolumn 1: 3\ncolumn 2: 4"),
        ("country,2019,2020\nChad,3,4\n", "country: Chad\n2019: 3\n2020: 4"),
        ("a,b\n1,,9\n\n,2\n", "a: 1\ncolumn 3: 9\n\nb: 2"),
        ("\ufeffname,age\r\nAda,36\r\n", "name: Ada\nage: 36"),
        ("only one row", "column 1: only one row"),
        ("name\nAda\nBob\n", "name: Ada\n\nname: Bob"),
    ],
)
def test_tables(tmp_path, data, text):
    document = read_one(tmp_path, "x.csv", data)
    assert document.text == text
    assert [document.text[start:].split("\n\n")[0] for start in document.pages] == text.split("\n\n")


def test_json_objects_and_nested_values(tmp_path):
    value = {"name": "Sea", "version": 1.0, "tags": ["a", "b"], "none": None, "buoys": [{"n": 1, "at": {"x": True}}, {"n": 2}]}
    data = json.dumps(value).replace("1.0", "1.10").replace('"Sea"', '"Sea \\ud800"')
    document = read_one(tmp_path, "x.json", data)
    assert document.text == "name: Sea \ufffd\nversion: 1.10\ntags: a, b\n\nbuoys.n: 1\nbuoys.at.x: true\n\nbuoys.n: 2"
    assert document.pages == ()
    assert read_one(tmp_path, "y.json", '{"rows": ["a", "b"]}').text == "a\n\nb"


def test_pdf_lines_are_mended(tmp_path):
    lines = [
        "The walrus bonus is paid to everybody who sleeps on",
        "the ice in May, in full and without any deduction of",
        "tax.",
        "A new paragraph begins after the short line and goes",
        "on here.",
    ]
    document = read_one(tmp_path, "x.pdf", write_pdf(lines))
    assert document.text == (
        "The walrus bonus is paid to everybody who sleeps on the ice in May, in full and without any deduction of tax.\n"
        "A new paragraph begins after the short line and goes on here."
    )


@pytest.mark.skipif(not PDFS.is_dir(), reason=f"needs the PDFs in {PDFS}")
def test_every_real_pdf_gives_text_or_its_reason():
    files = [file for file in list_files(PDFS) if file.path.suffix == ".pdf"]
    results = list(parse_files(files))
    read = {result.origin: result for result in results if isinstance(result, Document)}
    problems = {result.path: result.reason for result in results if isinstance(result, Problem)}
    assert len(files) == len(results) == 27
    assert not set(read) & set(problems)
    assert "password" in problems["libreoffice-writer-password.pdf"]
    scanned = {name for name, reason in problems.items() if "recognition" in reason}
    assert scanned == {name for name in problems if "imagemagick" in name or "grayscale" in name}
    assert set(problems) == scanned | {"libreoffice-writer-password.pdf"}
    assert len(read["pdflatex-4-pages.pdf"].pages) == 4
    assert "consectetuer adipiscing elit" in read["multicolumn.pdf"].text
    assert "\n\n# 1 Foo\n\n" in read["pdflatex-outline.pdf"].text


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["A long first line of words, con-", "sectetuer it is."], "A long first line of words, consectetuer it is."),
        (
            ["A long first line of words that", "- goes on as an item."],
            "A long first line of words that\n- goes on as an item.",
        ),
    ],
)
def test_pdf_hyphens_and_items(tmp_path, lines, text):
    assert read_one(tmp_path, "x.pdf", write_pdf(lines)).text == text


def test_limits_on_size_and_pages(tmp_path):
    assert "limit is 0 MiB" in read_one(tmp_path, "x.md", "word " * 100, limits=Limits(bytes=99))
    assert "limit is 1: split" in read_one(tmp_path, "x.pdf", write_pdf(["a"], ["b"]), limits=Limits(pages=1))


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "x.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"word/{number}.xml", bytes(2**20))
    assert path.stat().st_size < 10_000
    reason = read_one(tmp_path, "x.docx", path.read_bytes(), limits=Limits(unpacked_bytes=2 * 2**20))
    assert reason == "It unpacks to 3 MiB; the limit is 2 MiB."


def test_a_zip_that_lies_about_its_size_is_caught(tmp_path):
    path = tmp_path / "x.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(2**20))
    lie = path.read_bytes().replace((2**20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert "damaged" in read_one(tmp_path, "x.docx", lie)
