"""What of a file stands beside its text: hidden parts of pages, forms of PDFs, notes and margins of Word documents."""

import zipfile

import pytest

from retrieval.documents import list_files, parse_files
from retrieval.readers.html import write_page
from retrieval.readers.limits import LIMITS
from retrieval.readers.pdf import read_pdf
from retrieval.readers.word import read_docx

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
KEPT = "<p>Goods come back within 41 days.</p>"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("<p hidden>one two</p>", "2 hidden"),
        ('<div style="color:red; DISPLAY : none !important">one <p hidden>two</p></div>', "2 hidden"),
        ('<span style="visibility:hidden">one</span>', "1 hidden"),
        ('<p aria-hidden="true">one</p>', "1 hidden"),
        ("<dialog>one</dialog>", "1 hidden"),
        ('<div class="cookie-banner">We use cookies. <button>Accept</button></div>', "4 in notices about cookies"),
        ('<div role="dialog"><p>This site uses cookies.</p></div>', "4 in notices about cookies"),
        ('<div id="onetrust-consent-sdk">Your privacy</div>', "2 in notices about cookies"),
        ("<nav>Home Shop</nav>", "2 in menus"),
        ('<div role="navigation">Home</div>', "1 in menus"),
        ("<footer>Imprint</footer>", "1 in the page's footer"),
        ('<div class="site-footer">Imprint</div>', "1 in the page's footer"),
        ("<header><a>Home</a></header>", "1 in the page's header"),
    ],
)
def test_what_is_no_content_is_left_out_and_counted(part, said):
    page = write_page(f"<body>{part}{KEPT}</body>")
    assert page.text == "Goods come back within 41 days."
    assert page.note == f"Words left out: {said}."


@pytest.mark.parametrize(
    "part",
    [
        '<div style="display:block">one</div>',
        '<p aria-hidden="false">one</p>',
        "<dialog open>one</dialog>",
        '<div class="cookie-recipe"><p>Bake the cookies for one hour.</p></div>',
        "<article><footer>Written by one</footer></article>",
        "<header><h1>one</h1></header>",
        "<main><header>one</header></main>",
        "<details><summary>Question</summary>one</details>",
    ],
)
def test_content_stays(part):
    page = write_page(f"<body>{part}{KEPT}</body>")
    assert "one" in page.text
    assert page.note == ""


@pytest.mark.parametrize("part", ["<footer>one</footer>", '<body style="visibility:hidden"><p>one</p>', "<nav>one</nav>"])
def test_a_page_of_nothing_else_is_read(part):
    assert write_page(part).text == "one"


def write_form(path, *fields):
    """A PDF with one page and a form, written by hand."""
    kids = " ".join(f"{5 + n} 0 R" for n in range(len(fields)))
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[{kids}]/DA(/F1 11 Tf)>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 4 0 R/Annots[{kids}]>>",
        "<</Length 0>>stream\n\nendstream",
        *(f"<</Type/Annot/Subtype/Widget/Rect[20 200 220 220]/F 4/P 3 0 R{field}>>" for field in fields),
    ]
    write_objects(path, objects)


def write_objects(path, objects):
    body = "%PDF-1.7\n" + "".join(f"{n} 0 obj\n{item}\nendobj\n" for n, item in enumerate(objects, start=1))
    path.write_bytes(f"{body}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\n%%EOF\n".encode("latin-1"))


def test_what_was_filled_into_a_form_is_read(tmp_path):
    write_form(
        tmp_path / "x.pdf",
        "/FT/Tx/T(article)/V(Blue Kettle)",
        "/FT/Tx/T(f7)/TU(Your name)/V(Ada)",
        "/FT/Btn/T(express)/V/Yes/AS/Yes/AP<</N<</Yes 4 0 R/Off 4 0 R>>>>",
        "/FT/Btn/T(gift)/V/Off/AS/Off/AP<</N<</Yes 4 0 R/Off 4 0 R>>>>",
        "/FT/Ch/T(zone)/Opt[(North)(South)]/V(South)",
        "/FT/Tx/T(secret)/Ff 8192/V(hush)",
        "/FT/Tx/T(empty)",
    )
    assert read_pdf(tmp_path / "x.pdf", LIMITS).text == ("article: Blue Kettle\nYour name: Ada\nexpress: Yes\nzone: South")


def test_a_pdf_whose_letters_mean_nothing_is_named(tmp_path):
    shown = "BT /F1 12 Tf 20 200 Td <000300040005000600070008> Tj ET"
    font = "/BaseFont/ABCDEF+Foo"
    system = "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(shown)}>>stream\n{shown}\nendstream",
        f"<</Type/Font/Subtype/Type0{font}/Encoding/Identity-H/DescendantFonts[6 0 R]>>",
        f"<</Type/Font/Subtype/CIDFontType2{font}{system}/DW 500/FontDescriptor 7 0 R>>",
        "<</Type/FontDescriptor/FontName/ABCDEF+Foo/Flags 4/FontBBox[0 0 9 9]/ItalicAngle 0/Ascent 8/Descent -2/StemV 8>>",
    ]
    write_objects(tmp_path / "x.pdf", objects)
    (problem,) = parse_files(list_files(tmp_path / "x.pdf"))
    assert "garbled" in problem.reason


def test_a_damaged_pdf_is_told_in_plain_words(tmp_path):
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF")
    (problem,) = parse_files(list_files(tmp_path / "x.pdf"))
    assert "Success" not in problem.reason


def test_notes_margins_and_equations_of_word(tmp_path):
    import docx
    from docx.oxml import parse_xml

    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Contract HX-9"
    document.sections[0].footer.paragraphs[0].text = "12"
    body = document.element.body
    half = "<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    square = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    equation = f"<m:oMath><m:r><m:t>y=</m:t></m:r>{half}<m:r><m:t>+</m:t></m:r>{square}</m:oMath>"
    called = '<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:footnoteReference w:id="3"/></w:r>'
    for place, content in enumerate((f"<w:r><w:t>The fee</w:t></w:r>{called}", equation, "<w:r><w:t>End.</w:t></w:r>")):
        body.insert(place, parse_xml(f"<w:p {W} {M}>{content}</w:p>"))
    document.save(str(tmp_path / "x.docx"))
    notes = "".join(f'<w:footnote w:id="{n}"><w:p><w:r><w:t>{n}0 euros.</w:t></w:r></w:p></w:footnote>' for n in (2, 3))
    with zipfile.ZipFile(tmp_path / "x.docx", "a") as archive:
        archive.writestr("word/footnotes.xml", f"<w:footnotes {W}>{notes}</w:footnotes>")
    assert read_docx(tmp_path / "x.docx", LIMITS).text == (
        "The fee\n\nNote: 20 euros.\n\nNote: 30 euros.\n\ny=(a+b)/2+x^2\n\nEnd.\n\nHeader: Contract HX-9"
    )
