"""Secrets cut out of what leaves the house: by their values, and by what they look like.

Pure. Transcripts hold no secret that Rota gave out. What people typed into an input, a memory or a
note never passed there, and histories hold it as it was sent; so both are gone through once more.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, cast

from rota.audit.histories import payloads_in

REDACTED = "[redacted]"

_NAMES = (
    r"password|passwd|passphrase|secret|client_secret|api_?key|access_?token|refresh_?token|"
    r"private_?key|authorization"
)
_FORMS = (
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|$)",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\bgh[opsur]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{22,}",
    r"\bxox[abeprs]-[\w-]{10,}",
    r"(?<=hooks\.slack\.com/services/)[\w/]{8,}",
    r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    r"(?<=[Bb]earer )[\w.~+/=-]{8,}|(?<=[Bb]asic )[\w.~+/=-]{8,}",
    r"(?<=://)[^\s:/@\"']*:[^\s:/@\"']+(?=@)",
)
_LOOKS = re.compile("|".join(_FORMS), re.DOTALL)
_NAMED = re.compile(
    rf"""(["']?(?<![\w.])(?:{_NAMES})["']?\s*[:=]\s*\\?["'])((?:[^"'\\]|\\[^"'])+)""", re.IGNORECASE
)
_KEY = re.compile(rf"(?:{_NAMES})", re.IGNORECASE)
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
            found = _NAMED.sub(_named, _LOOKS.sub(REDACTED, self._known(text)))
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
        secret = isinstance(value, str) and len(value) >= _SHORTEST and _KEY.fullmatch(key)
        if secret and not _REFERENCE.fullmatch(value):
            return REDACTED
        return self.json(value)

    def _payload(self, data: str) -> str:
        try:
            text = base64.b64decode(data).decode()
        except (binascii.Error, UnicodeDecodeError):
            return data
        cut = self.text(text)
        return data if cut == text else base64.b64encode(cut.encode()).decode()


def _named(match: re.Match[str]) -> str:
    """The value of a name such as `password`, unless it only says where the secret is."""
    value = match[2]
    keeps = len(value) < _SHORTEST or _REFERENCE.fullmatch(value) or value == REDACTED
    return match[0] if keeps else match[1] + REDACTED
