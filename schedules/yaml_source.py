"""YAML read for declarations: plain data only, and the line of every key.

Built on PyYAML's event stream instead of its constructor, for four reasons: every key
keeps its place; a duplicate key is an error, not a silent loss; size, depth and aliases
are capped while reading, so a small file cannot unfold into gigabytes; and scalars follow
YAML 1.2, where `no` and `12:30` are text. Dates stay text too: the models read them.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from schedules.declaration_errors import DeclarationError, DeclarationErrors, KeyPath, format_key

FILE_LIMIT = 1024 * 1024
"""Bytes of one file. Long texts and data belong in files of their own."""
NODE_LIMIT = 20_000
"""Values and keys of one file, counted after aliases are unfolded."""
DEPTH_LIMIT = 40

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_DIGITS_LIMIT = 18  # more do not fit the 64 bits that other readers of the JSON have
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    text: text.lower() == "true" for text in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """One YAML document as plain JSON-like data, with the place of each key."""

    source: str
    """The file, relative to the fleet's folder."""
    line: int
    """Where the document begins, from 1."""
    data: Any
    lines: dict[KeyPath, int]
    """Line of each key and list item."""

    def known(self, path: KeyPath) -> KeyPath:
        """Return the longest beginning of `path` that the text really holds."""
        while path and path not in self.lines:
            path = path[:-1]
        return path

    def locate(self, path: KeyPath) -> int:
        """Return the line of `path`, or of the nearest key above it."""
        return self.lines.get(self.known(path), self.line)

    def error(self, path: KeyPath, message: str) -> DeclarationError:
        """Return a problem at `path`, with its line."""
        return DeclarationError(self.source, self.locate(path), format_key(path), message)


def read_text(path: Path, source: str, limit: int) -> str:
    """Return a file's text.

    Raises:
        DeclarationError: it cannot be read, is larger than `limit` bytes or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size > limit:
                raise DeclarationError(source, 0, "", f"{size:,} bytes; at most {limit:,} are read")
            data = file.read(limit + 1)
    except OSError as error:
        raise DeclarationError(source, 0, "", f"cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DeclarationError(source, line, "", "not UTF-8; save the file as UTF-8") from None


def load_documents(path: Path, source: str) -> list[Document]:
    """Return the documents of one file, empty ones left out.

    Raises:
        DeclarationErrors: everything found wrong with the text itself.
    """
    try:
        reader = _Reader(source)
        documents = list(reader.documents(read_text(path, source, FILE_LIMIT)))
    except DeclarationError as error:
        raise DeclarationErrors([error]) from error
    if reader.errors:
        raise DeclarationErrors(reader.errors)
    return documents


@dataclass
class _Reader:
    source: str
    errors: list[DeclarationError] = field(default_factory=list[DeclarationError])
    anchors: dict[str, list[Event]] = field(default_factory=dict[str, list[Event]])
    lines: dict[KeyPath, int] = field(default_factory=dict[KeyPath, int])
    nodes: int = 0

    def documents(self, text: str) -> Iterator[Document]:
        events = self._events(text)
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self.anchors, self.lines = {}, {}
                first = next(events)
                data = self._value(first, events, ())
                if data is not None:
                    line = _line(first)
                    yield Document(self.source, line, data, self.lines)

    def _events(self, text: str) -> Iterator[Event]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 0
            raise DeclarationError(self.source, line, "", _explain_syntax(error)) from None
        except yaml.YAMLError as error:
            raise DeclarationError(self.source, 0, "", f"not YAML: {error}") from None

    def _value(self, event: Event, events: Iterator[Event], path: KeyPath) -> Any:
        """Build the value that begins with `event`, taking what belongs to it."""
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            self._stop(event, f"more than {NODE_LIMIT:,} values once aliases are unfolded")
        if len(path) > DEPTH_LIMIT:
            self._stop(event, f"nested deeper than {DEPTH_LIMIT} levels")
        if isinstance(event, AliasEvent):
            recorded = iter(self._recorded(event))
            return self._value(next(recorded), recorded, path)
        if isinstance(event, NodeEvent) and event.anchor is not None:
            # The bare parser hands over each alias as a name, so what it stands for is
            # kept as events and played again in each place that uses it.
            anchor, event.anchor = event.anchor, None
            events = iter(self._record(event, events))
            self.anchors[anchor] = list(events)
            events = iter(self.anchors[anchor])
            event = next(events)
        return self._plain(event, events, path)

    def _plain(self, event: Event, events: Iterator[Event], path: KeyPath) -> Any:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") or (tag == "!" and not isinstance(event, ScalarEvent)):
            self._problem(event, path, f"the tag {tag} is not allowed; write plain data")
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(events, path)
        assert isinstance(event, ScalarEvent)
        return self._scalar(event, path)

    def _mapping(self, events: Iterator[Event], path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for event in events:
            if isinstance(event, CollectionEndEvent):
                break
            key = self._key(event, path)
            here = (*path, key)
            if key in result:
                first = self.lines[here]
                self._problem(event, here, f"given twice, first in line {first}; keep one")
            else:
                self.lines[here] = _line(event)
            result[key] = self._value(next(events), events, here)
        return result

    def _key(self, event: Event, path: KeyPath) -> str:
        if not isinstance(event, ScalarEvent):
            self._stop(event, f"{format_key(path) or 'the document'}: a key must be plain text")
        if event.value == "<<" and event.implicit[0]:
            self._stop(event, "'<<' (merge) is not supported; repeat the keys")
        return event.value

    def _sequence(self, events: Iterator[Event], path: KeyPath) -> list[Any]:
        result: list[Any] = []
        for event in events:
            if isinstance(event, CollectionEndEvent):
                break
            here = (*path, len(result))
            self.lines[here] = _line(event)
            result.append(self._value(event, events, here))
        return result

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Any:
        text: str = event.value
        if not event.implicit[0]:  # quoted, or a block
            return text
        if text in _WORDS:
            return _WORDS[text]
        number: int | float
        if _INT.fullmatch(text) and len(text) <= _DIGITS_LIMIT:
            number = int(text, 0 if text[:2] in ("0o", "0x") else 10)
        elif _INT.fullmatch(text):
            number = math.inf
        elif _FLOAT.fullmatch(text):
            number = float(text)
        else:
            return text
        if math.isinf(number):
            self._problem(event, path, f"{text[:24]} is too large a number; quote it")
        return number

    def _record(self, event: Event, events: Iterator[Event]) -> Iterator[Event]:
        yield event
        depth = isinstance(event, yaml.CollectionStartEvent)
        while depth:
            event = next(events)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, CollectionEndEvent)
            yield event

    def _recorded(self, event: AliasEvent) -> list[Event]:
        name = event.anchor
        if name not in self.anchors:
            self._stop(event, f"'*{name}' refers to nothing; quote a value that begins with *")
        return self.anchors[name]

    def _problem(self, event: Event, path: KeyPath, message: str) -> None:
        line = _line(event)
        self.errors.append(DeclarationError(self.source, line, format_key(path), message))

    def _stop(self, event: Event, message: str) -> NoReturn:
        raise DeclarationError(self.source, _line(event), "", message)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _explain_syntax(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context)
    context = str(error.context or "")
    hint = ""
    if "scanning an alias" in context:
        hint = '; quote a value that begins with *, for example cron: "*/5 * * * *"'
    elif "'\\t'" in problem or "tab" in problem:
        hint = "; indent with spaces, not tabs"
    elif "cannot start any token" in problem:
        hint = "; quote the value"
    elif "mapping values are not allowed" in problem:
        hint = "; quote a value that holds ': ', or check the indentation"
    return f"not YAML: {problem}{hint}"
