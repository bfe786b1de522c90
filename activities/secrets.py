"""Secrets by reference: resolved here, in the activity, and kept out of everything else."""

import logging
import os
import threading
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_origin

from pydantic import BaseModel

from rota.model import Record
from rota.security.secret_forms import SecretForm, forms_of, without_numbers

R = TypeVar("R", bound=Record)

REDACTED = "[redacted]"
MOST_VALUES = 1000
"""Values that are looked for: those given out last. A token that is replaced each hour would else
slow down a worker that lives for a year."""


class _Given:
    """Every value given out in this process, for whatever agent, tool or runtime.

    One for all: what one call resolved may turn up in the words of another, by way of a
    file, a database or an exception kept by a library.
    """

    def __init__(self) -> None:
        self._adding = threading.Lock()
        self._values: dict[str, tuple[SecretForm, ...]] = {}
        """Forms of each value, the last one given out last."""
        self.forms: tuple[SecretForm, ...] = ()
        """The longest first: one secret may begin with another. Replaced as a whole, since tools
        resolve secrets in threads."""
        self.numbers: tuple[SecretForm, ...] = ()
        """Those of them that may stand where JSON has a number."""

    def add(self, value: str) -> None:
        known = self._values.get(value)
        found = tuple(forms_of(value)) if known is None else known
        with self._adding:
            # Asked again: another thread may have made room meanwhile.
            is_known = self._values.pop(value, None) is not None
            self._values[value] = found
            if not is_known:
                self._remember()

    def _remember(self) -> None:
        while len(self._values) > MOST_VALUES:
            del self._values[next(iter(self._values))]
        forms = {form.plain: form for found in self._values.values() for form in found}
        self.forms = tuple(sorted(forms.values(), key=lambda form: -len(form.plain)))
        self.numbers = tuple(form for form in self.forms if form.is_number)


_GIVEN = _Given()


class AbsentSecretError(LookupError):
    """A well-formed reference to what is not on this machine, which may be as it should."""


class Secrets:
    """Resolves `env:NAME` and `file:/path`, and cuts out what was ever given out here."""

    def __init__(self, environment: str = "the worker's environment") -> None:
        """Resolve in this process.

        Args:
            environment: What people read of one in which a variable is missing. Failures of runs
                are read elsewhere; a gateway or a command says `this environment`.
        """
        self._environment = environment

    def __call__(self, reference: str) -> str:
        """Return the value behind `reference`.

        Raises:
            LookupError: nothing is there (`AbsentSecretError`), it cannot be read, or the form is
                unknown. Never shows a value.
        """
        scheme, _, name = reference.partition(":")
        if scheme == "env" and name:
            value = os.environ.get(name, "")
            if not value:
                why = f"secret {reference}: {self._environment} has no {name}"
                raise AbsentSecretError(why)
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
        """Replace every value given out so far in this process, by whichever instance.

        In a document of JSON a number becomes a string, so that it stays one.
        """
        text = without_numbers(text, _GIVEN.numbers, REDACTED)
        for form in _GIVEN.forms:
            text = form.cut_out(text, REDACTED)
        return text

    def shortened(self, text: str, limit: int) -> str:
        """Return the beginning of `text`, at most `limit` characters, without any value.

        Cut the other way round, a value that the limit goes through would remain in part.
        """
        return self.redact(text)[:limit]

    def cut_out(self, record: R) -> R:
        """Return the record with every value given out so far replaced in all its texts."""
        return cast("R", self._cut(record))

    def logger(self, parent: logging.Logger, name: str) -> logging.Logger:
        """Return a child of `parent` in whose records every value given out is replaced."""
        # Not from the registry, where each call would leave one more filter.
        child = logging.Logger(f"{parent.name}.{name}")  # noqa: LOG001
        child.parent = parent
        child.addFilter(self._redact_record)
        return child

    def _cut(self, value: Any) -> Any:
        # Not by way of its JSON, in which a value that is a number, or a field's name, would leave
        # no JSON, or another record.
        match value:
            case Enum():
                return value
            case str():
                return self.redact(value)
            case BaseModel():
                # What can be nothing else, such as a role, is no secret, and must stay valid.
                known = type(value).model_fields.items()
                names = [name for name, each in known if get_origin(each.annotation) is not Literal]
                fields = {name: getattr(value, name) for name in names}
                cut = {name: self._cut(each) for name, each in fields.items()}
                changed = {name: cut[name] for name in cut if cut[name] != fields[name]}
                return value.model_copy(update=changed) if changed else value
            case dict():
                known = cast("dict[Any, Any]", value)
                return {self._cut(key): self._cut(each) for key, each in known.items()}
            case list() | tuple():
                items = cast("list[Any] | tuple[Any, ...]", value)
                return type(items)(self._cut(each) for each in items)
            case _:
                return value

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
            kind = AbsentSecretError if isinstance(error, FileNotFoundError) else LookupError
            raise kind(f"secret {reference}: {error.strerror}") from error
        except UnicodeDecodeError:
            # Without its cause, which holds the bytes.
            raise LookupError(f"secret {reference}: the file is not text in UTF-8") from None
        if not value:
            raise LookupError(f"secret {reference}: the file is empty")
        return value
