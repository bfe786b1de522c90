"""What a process needs to encrypt: its keys, and what they are used for."""

from dataclasses import dataclass

from activities.encryption.codec import SealingCodec
from activities.encryption.keys import Keys


@dataclass(frozen=True)
class Encryption:
    """Keys at work in one namespace."""

    keys: Keys
    namespace: str
    strict: bool = True
    """Whether what is not encrypted is refused."""

    @property
    def codec(self) -> SealingCodec:
        """The codec for payloads."""
        return SealingCodec(self.keys, self.namespace, strict=self.strict)

    def lenient(self) -> "Encryption":
        """Return the same with plain payloads and blobs taken, too."""
        return Encryption(self.keys, self.namespace, strict=False)
