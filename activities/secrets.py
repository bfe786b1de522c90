"""Secrets by reference: resolved here, in the activity, and kept out of everything else."""

import os
from pathlib import Path

REDACTED = "[redacted]"


class Secrets:
    """Resolves `env:NAME` and `file:/path`, and knows what it has given out."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def __call__(self, reference: str) -> str:
        """Return the value behind `reference`.

        Raises:
            LookupError: nothing is there, or the form is unknown. Never shows a value.
        """
        scheme, _, name = reference.partition(":")
        if scheme == "env" and name:
            value = os.environ.get(name, "")
            if not value:
                raise LookupError(f"secret {reference}: the worker's environment has no {name}")
        elif scheme == "file" and name:
            value = self._read(reference, Path(name))
        else:
            raise LookupError(
                f"'{reference[:8]}…' is not a secret reference; write env:NAME or file:/path"
            )
        self._given.add(value)
        return value

    def redact(self, text: str) -> str:
        """Replace every value given out so far."""
        for value in self._given:
            text = text.replace(value, REDACTED)
        return text

    @staticmethod
    def _read(reference: str, path: Path) -> str:
        try:
            value = path.read_text().strip()
        except OSError as error:
            raise LookupError(f"secret {reference}: {error.strerror}") from error
        if not value:
            raise LookupError(f"secret {reference}: the file is empty")
        return value
