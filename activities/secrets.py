"""Secrets by reference: resolved here, in the activity, and kept out of everything else."""

import json
import logging
import os
import threading
from pathlib import Path
from typing import TypeVar

from rota.model import Record

R = TypeVar("R", bound=Record)

REDACTED = "[redacted]"

SHORTEST_REDACTED = 6
"""Characters from which a value is cut out. A shorter one stands by chance in so many texts
(a flag that is `1`, a region `eu`) that cutting it out would spoil every tool's results, and
it could be guessed anyway."""


class _Given:
    """Every value given out in this process, for whatever agent, tool or runtime.

    One for all: what one call resolved may turn up in the words of another, by way of a
    file, a database or an exception kept by a library.
    """

    def __init__(self) -> None:
        self._adding = threading.Lock()
        self.forms: tuple[str, ...] = ()
        """The values as they are and as JSON writes them, longer ones first: one secret may
        begin with another. Replaced as a whole, since tools resolve secrets in threads."""

    def add(self, value: str) -> None:
        # A key file's line end or an odd space beside it does not travel along.
        value = value.strip()
        if len(value) < SHORTEST_REDACTED or value in self.forms:
            return
        forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
        with self._adding:
            self.forms = tuple(sorted(forms.union(self.forms), key=len, reverse=True))


_GIVEN = _Given()


class Secrets:
    """Resolves `env:NAME` and `file:/path`, and cuts out what was ever given out here."""

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
        _GIVEN.add(value)
        return value

    def keep_out(self, value: str) -> None:
        """Replace `value` from now on, too: a part of one that was given out."""
        _GIVEN.add(value)

    def redact(self, text: str) -> str:
        """Replace every value given out so far in this process, by whichever instance."""
        for form in _GIVEN.forms:
            text = text.replace(form, REDACTED)
        return text

    def cut_out(self, record: R) -> R:
        """Return the record with every value given out so far replaced in all its texts."""
        text = record.model_dump_json()
        cut = self.redact(text)
        return record if cut == text else type(record).model_validate_json(cut)

    def logger(self, parent: logging.Logger, name: str) -> logging.Logger:
        """Return a child of `parent` in whose records every value given out is replaced."""
        # Not from the registry, where each call would leave one more filter.
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
