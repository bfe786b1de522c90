"""The ring of keys of this process, read from the secrets that a fleet names.

Activity side: reads environment and files. Read again while the process lives, so that a new key
in a file is in use without a restart, and one that was taken out is forgotten. Of an environment
variable only a restart tells.
"""

import logging
import time
from collections.abc import Callable, Sequence

from activities.encryption.sealing import missing
from activities.secrets import Secrets
from rota.security.keyring import Key, KeyRing, KeyTextError, key_ring

log = logging.getLogger("rota.encryption")

REREAD_SECONDS = 60.0
"""How long a change of a key file may go unnoticed while every key that is met is known."""
LOOK_SECONDS = 2.0
"""How often at most it is looked for a key that is not known."""
TELL_SECONDS = 60.0
"""How often at most the log says that the same key is missing."""


class KeySourceError(Exception):
    """The keys cannot be read at all: nothing may start without them."""


class Keys:
    """The keys behind some references, the one in use first."""

    def __init__(
        self, references: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the keys.

        Raises:
            KeySourceError: a secret is not there, or holds no keys.
        """
        self._references = tuple(references)
        self._clock = clock
        self._told: dict[str, float] = {}
        self._ring = self._read()
        self._read_at = clock()
        self._sought_at = -LOOK_SECONDS

    @property
    def ring(self) -> KeyRing:
        """The keys as they are now."""
        if self._clock() - self._read_at >= REREAD_SECONDS:
            self._read_again()
        return self._ring

    @property
    def active(self) -> Key:
        """The key that everything new is written under."""
        return self.ring.active

    def find(self, key_id: str, what: str) -> Key:
        """Return the key with that id.

        Args:
            key_id: The id, as it stands beside what is encrypted.
            what: What it is needed for, for the message.

        Raises:
            KeyNeededError: it is not here, and was not added meanwhile.
        """
        found = self.ring.find(key_id)
        if found is None:
            now = self._clock()
            if now - self._sought_at >= LOOK_SECONDS:
                self._sought_at = now
                self._read_again()
            found = self._ring.find(key_id)
        if found is None:
            error = missing(key_id, self._ring.ids, what)
            self._tell(key_id, str(error))
            raise error
        return found

    def _read_again(self) -> None:
        self._read_at = self._clock()
        try:
            self._ring = self._read()
        except KeySourceError as error:
            # Half-written, or its volume is gone for a moment: what is known still serves.
            log.warning("keys not read again, those known stay in use: %s", error)

    def _read(self) -> KeyRing:
        secrets = Secrets()
        texts: list[str] = []
        for reference in self._references:
            try:
                text = secrets(reference)
                ring = key_ring([text])
            except (LookupError, KeyTextError) as error:
                raise KeySourceError(f"encryption.keys: {reference}: {error}") from None
            texts.append(text)
            for key in ring.keys:
                secrets.keep_out(key.text)
        return key_ring(texts)

    def _tell(self, key_id: str, line: str) -> None:
        now = self._clock()
        if now - self._told.get(key_id, -TELL_SECONDS) >= TELL_SECONDS:
            self._told[key_id] = now
            log.error("%s", line)
