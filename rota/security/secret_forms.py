"""The forms in which a secret may stand in a text, found whichever of them it has.

Pure. A value travels on as others write it: within JSON, and JSON within that; in a URL, in HTML,
in Python's own notation; wrapped or joined into one line; in Base64, alone or behind a user's name.
All of these leave ASCII letters and digits as they are but Base64, so that looking for the longest
row of them first costs a text without secrets next to nothing.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SHORTEST = 6
"""Characters from which a value is looked for. A shorter one stands by chance in so many texts
(a flag that is `1`, a region `eu`) that cutting it out would spoil every tool's results, and
it could be guessed anyway."""
SHORTEST_PART = 16
"""Characters from which a part of a value is a secret of its own: a line, a URL's path."""
MOST_LINES = 200
"""Lines of a value that are looked for one by one: a key has fewer."""
LONGEST = 10_000
"""Characters up to which all forms of a value are looked for; keys are shorter. A file of ten times
that costs a second and 30 MB to be looked for in all of them."""

_ROW = re.compile(r"[A-Za-z0-9]+")
_PIECE = re.compile(r"\s+|\\+|.", re.DOTALL)
_WITHIN = r"\\{0,15}"
"""The backslashes that quoting puts before a sign: 15 of them within JSON four times over. Never
without limit: a text that is nothing but backslashes must not take for ever."""
_ESCAPE = r"\\{1,15}"
_PERCENT = "%(?:25){0,3}"
_SPACE = rf"(?:\s|\+|{_ESCAPE}[nrt]|{_PERCENT}(?:20|0[9ADad])){{1,64}}"
_PLACE = re.compile(r"https?://[^\s/?#]+(([^\s?#]*)\S*)")
_LOGIN = re.compile(r"\w[\w+.-]*://[^\s/?#:@]*:([^\s/?#]+)@")
_NUMBER = re.compile(r"[-+.\deE]+")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[-+.\deE]*')
"""A string of JSON, or a number."""


@dataclass(frozen=True)
class SecretForm:
    """One way to find a value."""

    plain: str
    """What is looked for, as it is."""
    row: str
    """Stands in whatever the pattern matches; empty if nothing surely does."""
    pattern: re.Pattern[str] | None = None
    """None: it is looked for as it is alone."""

    @property
    def is_number(self) -> bool:
        """True if it may stand where JSON has a number."""
        return _NUMBER.fullmatch(self.plain) is not None

    def cut_out(self, text: str, instead: str) -> str:
        """Return `text` with `instead` in its place."""
        if self.row not in text:
            return text
        if self.pattern is None:
            return text.replace(self.plain, instead)
        return self.pattern.sub(lambda _: instead, text)


def forms_of(value: str) -> Iterator[SecretForm]:
    """Yield every form of a value and of those parts of it that are secrets by themselves.

    Space at its ends does not count: a key file's line end does not travel along. Nothing of a
    value that is shorter than `SHORTEST`.
    """
    value = value.strip()
    if len(value) < SHORTEST:
        return
    for plain in dict.fromkeys((value, *_parts(value))):
        if len(plain) > LONGEST:
            yield SecretForm(plain, row="")
        else:
            yield _form(plain, "".join(_written(piece) for piece in _PIECE.findall(plain)))
    if len(value) <= LONGEST:
        for plain in _base64(value):
            yield _form(plain, "".join(_written_base64(sign) for sign in plain))


def without_numbers(text: str, forms: Iterable[SecretForm], instead: str) -> str:
    """Return a document of JSON with `instead`, as a string, for each number that holds a secret.

    Cut out as of any other text, what is left would be no JSON. What is no document stays as it is.

    Args:
        text: Any text.
        forms: Those that are numbers.
        instead: What takes their place.
    """
    within = [form for form in forms if form.row in text]
    if not within or not text.lstrip().startswith(("{", "[")) or not _is_json(text):
        return text

    def cut(found: re.Match[str]) -> str:
        token = found[0]
        if token.startswith('"') or all(form.cut_out(token, "") == token for form in within):
            return token
        return json.dumps(instead)

    return _TOKEN.sub(cut, text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _form(plain: str, pattern: str) -> SecretForm:
    row = max(_ROW.findall(plain), key=len, default="")
    return SecretForm(plain, row, re.compile(pattern))


def _parts(value: str) -> Iterator[str]:
    """Lines of a key in several; of a URL what others repeat of it, and its password.

    A password that is its user's name, or the scheme's, is none.
    """
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        for line in lines[:MOST_LINES]:
            if len(line) >= SHORTEST_PART and not line.startswith("-----"):
                yield line
        return
    login = _LOGIN.match(value)
    # Such as `postgres://postgres:postgres@db`: every text about that database has the word.
    if login and login[1] not in value[: login.start(1)]:
        passwords = (login[1], _unquoted(login[1]))
        yield from (password for password in passwords if len(password) >= SHORTEST)
    if place := _PLACE.match(value):
        yield from (part for part in (place[1], place[2]) if len(part) >= SHORTEST_PART)


def _unquoted(text: str) -> str:
    raw = re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()
    )
    return raw.decode(errors="replace")


def _written(piece: str) -> str:
    """The pattern for one sign, or for a row of spaces or backslashes."""
    if piece.isascii() and piece.isalnum():
        return piece
    if piece.isspace():
        return _SPACE
    if piece.startswith("\\"):
        count = len(piece)
        return rf"(?:\\{{{count},{16 * count}}}|(?:{_PERCENT}5[Cc]){{{count}}})"
    coded = piece.encode(errors="surrogatepass")
    ways = [
        "".join(f"{_PERCENT}(?i:{byte:02x})" for byte in coded),
        "".join(f"{_ESCAPE}x(?i:{byte:02x})" for byte in coded),
        f"{_ESCAPE}x(?i:{ord(piece):02x})" if ord(piece) < 256 else "",
        "".join(f"{_ESCAPE}{_hex(part)}" for part in json.dumps(piece)[1:-1].split("\\")[1:]),
    ]
    entity = html.escape(piece)
    if entity != piece:
        ways += [re.escape(entity), f"&#0?{ord(piece)};"]
    # The sign itself last: a percent sign is the beginning of its own form in URLs.
    return f"(?:{'|'.join(filter(None, ways))}|{_WITHIN}{re.escape(piece)})"


def _hex(part: str) -> str:
    """What follows the backslash of an escape in JSON: `u` and digits, or a sign."""
    return f"u(?i:{part[1:]})" if re.fullmatch("u[0-9a-f]{4}", part) else re.escape(part)


def _base64(value: str) -> Iterator[str]:
    """What is the same of its Base64 wherever in a longer text it begins."""
    coded = value.encode(errors="surrogatepass")
    for before in range(3):
        text = base64.b64encode(bytes(before) + coded).decode()
        # Signs that hold bits of what stands before or behind are left out.
        yield text[-(-8 * before // 6) : 8 * (before + len(coded)) // 6]


def _written_base64(sign: str) -> str:
    match sign:
        case "+":
            return rf"(?:\+|-|{_PERCENT}2[Bb])"
        case "/":
            return rf"(?:{_WITHIN}/|_|{_PERCENT}2[Ff])"
        case _:
            return sign
