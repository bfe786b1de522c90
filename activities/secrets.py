"""Secrets by reference: resolved here, in the activity, and kept out of everything else."""

import json
import logging
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
        """Replace every value given out so far, as it is and as JSON writes it."""
        # Longer ones first: one secret may begin with another.
        for value in sorted(self._given, key=len, reverse=True):
            for form in (
                value,
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
            ):
                text = text.replace(form, REDACTED)
        return text

    def logger(self, parent: logging.Logger, name: str) -> logging.Logger:
        """Return a child of `parent` in whose records every value given out is replaced."""
        # Not from the registry: its filter holds the secrets of this one call.
        child = logging.Logger(f"{parent.name}.{name}")  # noqa: LOG001
        child.parent = parent
        child.addFilter(self._redact_record)
        return child

    def _redact_record(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.redact(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = self.redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True

    @staticmethod
    def _read(reference: str, path: Path) -> str:
        try:
            value = path.read_text().strip()
        except OSError as error:
            raise LookupError(f"secret {reference}: {error.strerror}") from error
        except UnicodeDecodeError:
            # Without its cause, which holds the bytes.
            raise LookupError(f"secret {reference}: the file is not text in UTF-8") from None
        if not value:
            raise LookupError(f"secret {reference}: the file is empty")
        return value
