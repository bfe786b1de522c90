"""What a person's browser sends from the page of a link: a decision, a name, a few words. Pure."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from rota.approvals.links import MOST_NAME
from rota.approvals.requests import Verdict

MOST_NOTE = 2000
_FIELDS = {"verdict", "seen", "by", "note"}
_OFFERED = (Verdict.APPROVE, Verdict.DENY)


class FormError(ValueError):
    """It is not what the page sends; the message says what is wrong with it, for people."""


class Form(NamedTuple):
    """What somebody has chosen and written."""

    verdict: Verdict
    seen: str
    """Digest of the request that the page showed."""
    by: str
    note: str


def form_in(content_type: str, body: bytes) -> Form:
    """Read a form.

    Raises:
        FormError: it is none, or not the page's.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise FormError("That is no form.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=len(_FIELDS), errors="strict"
        )
    except ValueError as error:
        raise FormError("That is no form of this page.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or not fields.keys() <= _FIELDS:
        raise FormError("That is no form of this page.")
    verdict = next((each for each in _OFFERED if fields.get("verdict") == each.value), None)
    if verdict is None:
        raise FormError("Choose: approve or deny.")
    by, note = fields.get("by", "").strip(), fields.get("note", "").strip()
    if len(by) > MOST_NAME or not by.isprintable():
        raise FormError(f"A name has at most {MOST_NAME} characters, in one line.")
    if len(note) > MOST_NOTE:
        raise FormError(f"A note has at most {MOST_NOTE} characters.")
    return Form(verdict, fields.get("seen", ""), by, note)
