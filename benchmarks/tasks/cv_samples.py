"""Write some of the hand-written CVs as the files that people send: PDF printed by Chromium, and DOCX.

`python -m benchmarks.tasks.cv_samples` fills `tasks/cv-screening/samples`. The words are those of test.jsonl; only the
look is new, in three kinds. A PDF holds the time of its printing, so that its bytes differ from one run to the next.
"""

from __future__ import annotations

import html
import shutil
from pathlib import Path
from typing import Any

from benchmarks.tasks.cv_screening import FOLDER, read_rows
from core.errors import LabError

SAMPLES = FOLDER / "samples"
SPARE = ("stylesWithEffects", "thumbnail", "customXml")
EACH = 6  # Files of each kind.
LOOKS = (
    "body {font: 10.5pt 'Liberation Sans'} h1 {border-bottom: 1px solid #888}",
    "body {font: 11pt 'Liberation Serif'; margin-left: 3em} h1 {text-align: center; letter-spacing: 0.1em}",
    "body {font: 9.5pt 'DejaVu Sans'} h1 {background: #ddd; padding: 4px} p {border-left: 3px solid #ddd; padding-left: 8px}",
)


def main() -> None:
    """Write both kinds of files from rows that stand far apart."""
    rows = read_rows(FOLDER / "source" / "hand_written.jsonl")
    chosen = rows[:: len(rows) // (2 * EACH)][: 2 * EACH]
    SAMPLES.mkdir(exist_ok=True)
    for path in sorted(SAMPLES.iterdir()):
        path.unlink()
    print_pdfs(chosen[::2])
    for number, row in enumerate(chosen[1::2]):
        write_docx(row, SAMPLES / f"{row['id']}.docx", framed=number % 3 == 2)


def print_pdfs(rows: list[dict[str, Any]]) -> None:
    """Print rows as PDF files, a page of A4 each or two.

    Raises:
        LabError: There is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        raise LabError("No Chromium was found.", "Run tests/install_browser.sh.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        for number, row in enumerate(rows):
            title, blocks = split_blocks(row["input"])
            body = "".join(f"<p>{'<br>'.join(html.escape(line) for line in block)}</p>" for block in blocks)
            head = f"<meta charset='utf-8'><title>{row['id']}</title><style>h1 {{font-weight: normal}} {LOOKS[number % len(LOOKS)]}</style>"
            page.set_content(f"{head}<h1>{html.escape(title)}</h1>{body}")
            page.pdf(
                path=SAMPLES / f"{row['id']}.pdf",
                format="A4",
                margin={side: "2cm" for side in ("top", "bottom", "left", "right")},
            )
        browser.close()


def write_docx(row: dict[str, Any], path: Path, *, framed: bool) -> None:
    """Write a row as a Word document; framed, its blocks stand in the rows of a table."""
    from docx import Document

    document = Document()
    title, blocks = split_blocks(row["input"])
    document.add_heading(title, level=0)
    table = document.add_table(rows=0, cols=1, style="Table Grid") if framed else None
    for block in blocks:
        if table is not None:
            table.add_row().cells[0].text = "\n".join(block)
        elif len(block) > 1 and len(block[0]) < 40:
            document.add_heading(block[0], level=2)
            for line in block[1:]:
                document.add_paragraph(line.strip())
        else:
            document.add_paragraph("\n".join(block))
    # What the library's template brings along and no CV needs is half of the file.
    for part in (document.part, document.part.package):
        for name in [name for name, link in part.rels.items() if link.reltype.endswith(SPARE)]:
            del part.rels[name]
    document.save(str(path))


def split_blocks(text: str) -> tuple[str, list[list[str]]]:
    """Return a CV's first line, and the lines of each block that blank lines part."""
    title, _, rest = text.partition("\n")
    blocks = [[line for line in block.splitlines() if line.strip()] for block in rest.split("\n\n")]
    return title.strip(), [block for block in blocks if block]


if __name__ == "__main__":
    main()
