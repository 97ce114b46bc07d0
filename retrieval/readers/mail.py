"""Mails to text: who wrote what to whom when, then the text; attachments are counted."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

from retrieval.readers.html import write_page
from retrieval.readers.limits import Limits, Text
from retrieval.readers.text import clean_text, decode_text

MAX_DEPTH = 5  # Of mails in mails.
SHOWN = ("Subject", "From", "To", "Cc", "Date")


def read_mail(path: Path, limits: Limits) -> Text:
    """Read a mail that was saved as .eml; of a text that is there twice the plain one is taken, else that of its page."""
    data = path.read_bytes()
    mail = message_from_bytes(data, policy=policy.default)
    text, left_out = _write_mail(mail, 0)
    note = f"Its attachments are not read: {', '.join(left_out)}." if left_out else ""
    whole = clean_text(text).strip() or (decode_text(data).strip() if not left_out else "")  # No form of a mail, but text.
    return Text(whole, title=_flatten(mail.get("Subject", "")), note=note)


def _write_mail(mail: EmailMessage, depth: int) -> tuple[str, list[str]]:
    """Return a mail's text, with the mails that are attached to it, and the names of its other attachments."""
    head = [f"{name}: {value}" for name in SHOWN if (value := _flatten(mail.get(name, "")))]
    body = mail.get_body(preferencelist=("plain", "html"))
    parts = ["\n".join(head), _read_part(cast(EmailMessage, body)) if body else ""]
    left_out: list[str] = []
    for part in mail.iter_attachments() if isinstance(mail.get_payload(), list) else ():
        inner = part.get_payload(0) if part.get_content_type() == "message/rfc822" and part.is_multipart() else None
        if isinstance(inner, EmailMessage) and depth < MAX_DEPTH:
            text, others = _write_mail(inner, depth + 1)
            parts.append(text)
            left_out += others
        else:
            left_out.append(_flatten(part.get_filename() or part.get_content_type()))
    return "\n\n".join(filter(None, parts)), left_out


def _read_part(part: EmailMessage) -> str:
    data = part.get_payload(decode=True)
    declared = str(part.get_content_charset() or "")
    text = decode_text(data, declared=declared) if isinstance(data, bytes) and data else ""
    return write_page(text).text if part.get_content_type() == "text/html" else text.strip()


def _flatten(value: object) -> str:
    return " ".join(str(value).split())
