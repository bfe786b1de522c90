"""The keys of a fleet: how they are written, what they are called, which one is in use.

Pure: whoever makes a key brings its bytes, whoever reads one brings its text. A key's id derives
from the key, so that no id can stand for two keys, and a wrong key never has the right id.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import Field

from rota.model import Declared
from rota.runtime_specs.base import SecretReference

KEY_BYTES = 32
"""AES-256."""
ID_PATTERN = r"k-[0-9a-f]{12}"

_WRITTEN = re.compile(r"rota-key-([A-Za-z0-9_-]{43})")


class EncryptionSpec(Declared):
    """The `encryption` block."""

    keys: tuple[SecretReference, ...] = Field(min_length=1)
    """Secrets that hold keys, one or more in each. The first key of the first secret is the one in
    use, the others read what was written before: `rota keys new` makes the first one."""
    strict: bool = True
    """Refuse what is not encrypted. Off only while a fleet that has run without keys moves over."""


class KeyTextError(ValueError):
    """What should hold keys does not; the message never shows the text."""


@dataclass(frozen=True)
class Key:
    """One key."""

    secret: bytes = field(repr=False)
    """`KEY_BYTES` of them."""

    @cached_property
    def id(self) -> str:
        """Its name in payloads, messages and tables: `k-` and 12 hexadecimal digits."""
        return f"k-{self.derived('id').hex()[:12]}"

    @property
    def text(self) -> str:
        """The key as files and environment variables hold it."""
        return f"rota-key-{base64.urlsafe_b64encode(self.secret).decode().rstrip('=')}"

    def derived(self, purpose: str) -> bytes:
        """Return the key for one purpose: 32 bytes that tell nothing of those for another."""
        return hmac.new(self.secret, f"rota/1/{purpose}".encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class KeyRing:
    """The keys that a process knows."""

    keys: tuple[Key, ...]
    """The one in use first."""

    @property
    def active(self) -> Key:
        """The key that everything new is written under."""
        return self.keys[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys, the one in use first."""
        return tuple(key.id for key in self.keys)

    def find(self, key_id: str) -> Key | None:
        """Return the key with that id; None if it is not on the ring."""
        return next((key for key in self.keys if key.id == key_id), None)


def key_ring(texts: Iterable[str]) -> KeyRing:
    """Return the ring of the keys in `texts`, in their order, each once.

    Raises:
        KeyTextError: one of them holds no key, or something that is none.
    """
    found = [key for text in texts for key in keys_in(text)]
    return KeyRing(tuple(dict.fromkeys(found)))


def keys_in(text: str) -> list[Key]:
    """Return the keys in a file or a variable: apart by spaces, commas or lines; `#` a comment.

    Raises:
        KeyTextError: it holds none, or something else.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    words = [word for line in lines for word in re.split(r"[\s,]+", line) if word]
    if not words:
        raise KeyTextError("it holds no key; 'rota keys new' makes one")
    return [_key(number, word) for number, word in enumerate(words, 1)]


def _key(number: int, word: str) -> Key:
    written = _WRITTEN.fullmatch(word)
    if written is None:
        raise KeyTextError(
            f"word {number} is no key (rota-key- and 43 characters); 'rota keys new' makes one"
        )
    return Key(base64.urlsafe_b64decode(f"{written[1]}="))


def in_front(key: Key, text: str, remark: str) -> str:
    """Return what a key file holds once `key` is put in use and those before it are kept.

    Args:
        key: The new one.
        text: What the file holds; empty of a new file.
        remark: One line that says when and why.
    """
    return f"# {key.id}: {remark}\n{key.text}\n{text}"
