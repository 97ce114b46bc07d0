"""What a PDF's page holds beside its text: form fields and remarks, and whether its letters mean anything."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

GARBLED_SHARE = 0.8  # Of a page's letters without a meaning, from which its text is noise.
MOST_LETTERS = 2000  # Of a page that are looked at.
MOST_ANNOTATIONS = 5000  # Of a page; no form has more fields.
PASSWORD_FLAG = 1 << 13  # Of a text field that hides what is typed.


def open_form(pdf: Any) -> Any:
    """Return what gives access to a document's form, None where it has none; no page may have been read before."""
    import pypdfium2

    try:
        pdf.init_forms()
    except pypdfium2.PdfiumError:
        return None
    return pdf.formenv


def read_fields(page: Any, form: Any) -> list[str]:
    """Return what was filled into a page's form, as `name: value`, and the texts that somebody typed over the page."""
    import pypdfium2.raw as raw

    lines: dict[str, None] = {}
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), MOST_ANNOTATIONS)):
        with _open(page, index) as annotation:
            kind = raw.FPDFAnnot_GetSubtype(annotation) if annotation else None
            if kind == raw.FPDF_ANNOT_WIDGET and form is not None:
                lines[_read_field(form, annotation)] = None
            elif kind == raw.FPDF_ANNOT_FREETEXT:
                lines[_read(lambda *rest, of=annotation: raw.FPDFAnnot_GetStringValue(of, b"Contents", *rest))] = None
    return [line for line in lines if line]


def is_garbled(textpage: Any) -> bool:
    """Whether nearly all letters of a page have no meaning, because their fonts do not say which letters they show."""
    import pypdfium2.raw as raw

    count = textpage.count_chars()
    step = max(1, count // MOST_LETTERS)
    letters = [place for place in range(0, count, step) if not chr(raw.FPDFText_GetUnicode(textpage, place)).isspace()]
    wrong = sum(raw.FPDFText_HasUnicodeMapError(textpage, place) == 1 for place in letters)
    return bool(letters) and wrong > GARBLED_SHARE * len(letters)


@contextmanager
def _open(page: Any, index: int) -> Iterator[Any]:
    import pypdfium2.raw as raw

    annotation = raw.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            raw.FPDFPage_CloseAnnot(annotation)


def _read_field(form: Any, annotation: Any) -> str:
    import pypdfium2.raw as raw

    kind, flags = (get(form, annotation) for get in (raw.FPDFAnnot_GetFormFieldType, raw.FPDFAnnot_GetFormFieldFlags))
    if kind in (raw.FPDF_FORMFIELD_PUSHBUTTON, raw.FPDF_FORMFIELD_SIGNATURE):
        return ""
    said, name = (
        _read(lambda *rest, get=get: get(form, annotation, *rest))
        for get in (raw.FPDFAnnot_GetFormFieldAlternateName, raw.FPDFAnnot_GetFormFieldName)
    )
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        ticked = raw.FPDFAnnot_IsChecked(form, annotation)
        value = _read(lambda *rest: raw.FPDFAnnot_GetFormFieldExportValue(form, annotation, *rest)) if ticked else ""
        if ticked and value.casefold() in ("", "on", "1"):
            value = "yes"
    else:
        hidden = kind == raw.FPDF_FORMFIELD_TEXTFIELD and flags & PASSWORD_FLAG
        value = "" if hidden else _read(lambda *rest: raw.FPDFAnnot_GetFormFieldValue(form, annotation, *rest))
    label = said or name
    return f"{label}: {value}" if label and value else value


def _read(get: Callable[[Any, int], int]) -> str:
    """Return a text that PDFium writes in two steps: first it says how long it is, in bytes of UTF-16."""
    size = get(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    get(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return " ".join(buffer.raw[: size - 2].decode("utf-16-le", errors="replace").split())
