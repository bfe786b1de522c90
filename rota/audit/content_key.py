"""The key of one run's content: salts and encryption derive from it, erasure destroys it.

Pure: whoever keeps the key makes its bytes. A chain commits to content by a hash with a salt that
only the key gives, so that once the key is gone nobody can tell even by guessing what stood there.
"""

import hashlib
import hmac
from datetime import datetime

from pydantic import Field

from rota.model import Record

KEY_BYTES = 32


class Destruction(Record):
    """Who had a run's content destroyed."""

    by: str
    reason: str
    at: datetime


class ContentKey(Record):
    """The key of a run's content, as the object store keeps it; or that there is none any more."""

    key: str = Field(default="", repr=False)
    """Hexadecimal; empty once it is destroyed."""
    destroyed: Destruction | None = None

    @property
    def secret(self) -> bytes:
        """The key itself; empty once it is destroyed."""
        return bytes.fromhex(self.key)

    def without(self, destruction: Destruction) -> "ContentKey":
        """What is left once the key is destroyed. The first word stands."""
        return self if self.destroyed else ContentKey(destroyed=destruction)


def key_place(run_key: str) -> str:
    """Ref of the key of a run's content: of the run `run_key`, which is `RunRef.key`."""
    return f"audit/keys/{run_key}"


def salt_of(key: bytes, seq: int, name: str) -> bytes:
    """Return the salt of one piece of content: 32 bytes."""
    return hmac.new(key, f"salt/{seq}/{name}".encode(), hashlib.sha256).digest()


def encryption_key(key: bytes) -> bytes:
    """Return the key that the archive encrypts content with: apart from what salts derive from."""
    return hmac.new(key, b"encryption", hashlib.sha256).digest()
