"""Mails to text: who wrote what to whom when, then the text; attachments are counted."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

from retrieval.readers.html import write_page
from retrieval.readers.limits import Limits, Text
from retrieval.readers.text import clean_text, decode_text

SHOWN = ("Subject", "From", "To", "Cc", "Date")


def read_mail(path: Path, limits: Limits) -> Text:
    """Read a mail that was saved as .eml; of a text that is there twice the plain one is taken, else that of its page."""
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    head = [f"{name}: {value}" for name in SHOWN if (value := _flatten(mail.get(name, "")))]
    body = mail.get_body(preferencelist=("plain", "html"))
    text = _read_part(cast(EmailMessage, body)) if body else ""
    names = [part.get_filename() or part.get_content_type() for part in mail.iter_attachments()]
    note = f"Its attachments are not read: {', '.join(map(_flatten, names))}." if names else ""
    return Text(clean_text("\n\n".join(["\n".join(head), text])).strip(), title=_flatten(mail.get("Subject", "")), note=note)


def _read_part(part: EmailMessage) -> str:
    data = part.get_payload(decode=True)
    declared = str(part.get_content_charset() or "")
    text = decode_text(data, declared=declared) if isinstance(data, bytes) and data else ""
    return write_page(text).text if part.get_content_type() == "text/html" else text.strip()


def _flatten(value: object) -> str:
    return " ".join(str(value).split())
