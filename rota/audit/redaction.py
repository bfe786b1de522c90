"""Secrets cut out of what leaves the house: by their values, and by what they look like.

Pure. Transcripts hold no secret that Rota gave out. What people typed into an input, a memory or a
note never passed there, and histories hold it as it was sent; so both are gone through once more.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, cast

from rota.audit.histories import payloads_in

REDACTED = "[redacted]"

_NAMES = (
    r"(?:[\w.-]*[_.-])?(?:password|passwd|passphrase|secret|api_?key|access_?key|private_?key|"
    r"(?<!next_)(?<!page_)(?<!continuation_)token|authorization)|"
    r"(?:access|refresh|auth|id)token|clientsecret|\w+password"
)
_FORMS = (
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----|$)",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bAIza[\w-]{35}",
    r"\bgh[opsur]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{22,}",
    r"\bglpat-[\w-]{20,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bxox[abeprs]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}",
    r"(?<=hooks\.slack\.com/services/)[\w/]{8,}",
    r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    r"(?<=[Bb]earer )[\w.~+/=-]{8,}|(?<=[Bb]asic )[\w.~+/=-]{8,}",
    r"(?<=://)[^\s:/@\"']*:[^\s/?#\"']+(?=@)",
)
_LOOKS = re.compile("|".join(_FORMS), re.DOTALL)
_NAMED = re.compile(
    # Quoted, however often the quotes were escaped on the way; or bare, as in an environment.
    rf"""((?<![\w.-])(?:{_NAMES})\\*["']?\s*[:=]\s*\\*["'])((?:[^"'\\]|\\+[^"'\\])+)"""
    rf"""|((?<![\w.-])(?:{_NAMES})=)([^\s"'&;,()\[\]{{}}$<>\\]+)(?=[\s"'&;,\\]|$)""",
    re.IGNORECASE,
)
_KEY = re.compile(_NAMES, re.IGNORECASE)
_REFERENCE = re.compile(r"(?:env|file):\S+|\{[\w.]+\}")
_SHORTEST = 6


class Redactor:
    """Cuts secrets out of texts and JSON.

    Args:
        known: Cuts out values that are known; for example `activities.secrets.Secrets.redact`.
    """

    def __init__(self, known: Callable[[str], str] = lambda text: text) -> None:
        self._known = known
        self._seen: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if len(text) < _SHORTEST:
            return text
        found = self._seen.get(text)
        if found is None:
            within = self._within(self._known(text))
            found = _NAMED.sub(_named, _LOOKS.sub(REDACTED, within))
            if len(text) < 200:  # most strings of a history are its own words, again and again
                self._seen[text] = found
        return found

    def json(self, value: Any) -> Any:
        """Return JSON without secrets, keys included."""
        match value:
            case str():
                return self.text(value)
            case dict():
                known = cast("dict[str, Any]", value)
                return {self.text(key): self._value(key, item) for key, item in known.items()}
            case list() | tuple():
                return [self.json(item) for item in cast("list[Any]", value)]
            case _:
                return value

    def history(self, history: dict[str, Any]) -> dict[str, Any]:
        """Return a history's JSON without secrets; in payloads, too, which are Base64."""
        cut = cast("dict[str, Any]", self.json(history))
        for payload in payloads_in(cut):
            data = payload.get("data")
            if isinstance(data, str):
                payload["data"] = self._payload(data)
        return cut

    def _value(self, key: str, value: Any) -> Any:
        return self._named(value) if _KEY.fullmatch(key) else self.json(value)

    def _named(self, value: Any) -> Any:
        """What stands under a name such as `password`: one value, or a list of them."""
        match value:
            case list() | tuple():
                return [self._named(item) for item in cast("list[Any]", value)]
            case str() if len(value) >= _SHORTEST and not _REFERENCE.fullmatch(value):
                return REDACTED
            case int() if len(str(value)) >= _SHORTEST:
                return REDACTED
            case _:
                return self.json(value)

    def _within(self, text: str) -> str:
        """JSON that is told as a text, such as the body of a request; left alone if it is clean."""
        if not text.lstrip().startswith(("{", "[")):
            return text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        cut = self.json(value)
        return text if cut == value else json.dumps(cut, ensure_ascii=False)

    def _payload(self, data: str) -> str:
        try:
            held = base64.b64decode(data)
        except binascii.Error:
            return data
        try:
            cut = self.text(held.decode()).encode()
        except UnicodeDecodeError:  # no text, but it may hold one
            cut = self.text(held.decode("latin-1")).encode("latin-1")
        return data if cut == held else base64.b64encode(cut).decode()


def _named(match: re.Match[str]) -> str:
    """The value of a name such as `password`, unless it only says where the secret is."""
    name, value = (match[1], match[2]) if match[1] else (match[3], match[4])
    keeps = len(value) < _SHORTEST or _REFERENCE.fullmatch(value) or value == REDACTED
    return match[0] if keeps else name + REDACTED
