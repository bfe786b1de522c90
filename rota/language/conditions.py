"""Conditions in declarations: `report.output.total > 100 and not check.output.empty`.

Pure and deterministic, with no names to call: paths, literals, comparisons, `and`, `or`,
`not`, `in`, parentheses. What a condition can do is plain from reading it.

    report.output.total > 100          a path against a literal, or against another path
    payload.currency in ["EUR", "USD"] membership; also text in text
    payload.note                       true if it is there and not empty, 0, false or null
    not payload.test                   the opposite
"""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

LONGEST = 500
"""Characters of a condition."""
DEEPEST = 30
"""Parentheses within one another: far from Python's own limit, beyond what anybody can read."""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'[^']*')
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<list>\[[^\[\]]*\])
  | (?P<word>[A-Za-z_][\w-]*(?:\.[\w-]+)*)
  | (?P<sign>==|!=|<=|>=|<|>|\(|\))
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LITERALS = {"true": True, "false": False, "null": None}
_WORDS = {"and", "or", "not", "in"}


class ConditionError(ValueError):
    """A condition cannot be read."""


@dataclass(frozen=True)
class _Path:
    path: str


@dataclass(frozen=True)
class _Literal:
    value: Any


@dataclass(frozen=True)
class _Test:
    sign: str
    parts: "tuple[_Node, ...]"


_Node = _Path | _Literal | _Test
_MISSING = object()


def holds(condition: str, scope: Mapping[str, Any]) -> bool:
    """Return whether `condition` is true of `scope`, plain JSON.

    A path that is not there is null; values of different kinds are unequal and neither is
    less. So a condition never fails on what it is given.

    Raises:
        ConditionError: the condition cannot be read.
    """
    return _truth(_parse(condition), scope)


def is_undecided(condition: str, scope: Mapping[str, Any]) -> bool:
    """Return whether `holds` had to guess: a path is not there, or values cannot be compared.

    For whoever must rather ask than guess. Each part is looked at, also one that would not have
    changed the outcome.

    Raises:
        ConditionError: the condition cannot be read.
    """
    return any(_is_guess(node, scope) for node in _nodes(_parse(condition)))


def value_at(path: str, scope: Mapping[str, Any]) -> Any:
    """Return what stands at `path`; None if nothing does."""
    found = _at(path, scope)
    return None if found is _MISSING else found


def condition_paths(condition: str) -> set[str]:
    """Return every path the condition names.

    Raises:
        ConditionError: the condition cannot be read.
    """
    return {node.path for node in _nodes(_parse(condition)) if isinstance(node, _Path)}


def readable_condition(value: str) -> str:
    """Return `value` if it can be read; for declarations.

    Raises:
        ConditionError: it cannot; the message says where.
    """
    _parse(value)
    return value


def _nodes(root: _Node) -> Iterator[_Node]:
    yield root
    for part in root.parts if isinstance(root, _Test) else ():
        yield from _nodes(part)


def _is_guess(node: _Node, scope: Mapping[str, Any]) -> bool:
    if isinstance(node, _Path):
        return _at(node.path, scope) is _MISSING
    if not isinstance(node, _Test) or node.sign not in (*_COMPARE, "in"):
        return False
    left, right = (_value(part, scope) for part in node.parts)
    if node.sign == "in":
        return not isinstance(right, str | list | tuple | Mapping)
    return node.sign not in ("==", "!=") and not _ordered(left, right)


def _truth(node: _Node, scope: Mapping[str, Any]) -> bool:
    if not isinstance(node, _Test):
        return bool(_value(node, scope))
    if node.sign == "and":
        return all(_truth(part, scope) for part in node.parts)
    if node.sign == "or":
        return any(_truth(part, scope) for part in node.parts)
    if node.sign == "not":
        return not _truth(node.parts[0], scope)
    left, right = (_value(part, scope) for part in node.parts)
    if node.sign == "in":
        return _contains(right, left)
    if node.sign in ("==", "!="):
        return (_equal(left, right)) == (node.sign == "==")
    return _ordered(left, right) and bool(_COMPARE[node.sign](left, right))


def _equal(left: Any, right: Any) -> bool:
    # In Python 1 == True, in JSON it is not.
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _ordered(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, str):
        return isinstance(part, str) and part in whole
    if isinstance(whole, list | tuple):
        return any(_equal(part, item) for item in cast("Sequence[Any]", whole))
    return isinstance(whole, Mapping) and isinstance(part, str) and part in whole


def _value(node: _Node, scope: Mapping[str, Any]) -> Any:
    if isinstance(node, _Literal):
        return node.value
    if isinstance(node, _Test):
        return _truth(node, scope)
    return value_at(node.path, scope)


def _at(path: str, scope: Mapping[str, Any]) -> Any:
    here: Any = scope
    for segment in path.split("."):
        if isinstance(here, Mapping):
            here = cast("Mapping[str, Any]", here).get(segment, _MISSING)
        elif isinstance(here, list | tuple) and segment.isascii() and segment.isdigit():
            values = cast("Sequence[Any]", here)
            here = values[int(segment)] if int(segment) < len(values) else _MISSING
        else:
            here = _MISSING
        if here is _MISSING:
            return _MISSING
    return here


def _parse(text: str) -> _Node:
    if len(text) > LONGEST:
        raise ConditionError(f"a condition has at most {LONGEST} characters, this one {len(text)}")
    reader = _Reader(text)
    node = reader.either()
    if reader.kind:
        raise reader.error(f"unexpected '{reader.token}'")
    return node


class _Reader:
    """Reads a condition from left to right; `or` binds loosest, then `and`, then `not`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0
        self.kind = ""
        self.token = ""
        self.advance()

    def error(self, message: str) -> ConditionError:
        example = "write for example report.output.total > 100"
        return ConditionError(f"condition '{self._text}': {message}; {example}")

    def advance(self) -> None:
        if not self._text[self._position :].strip():
            self.kind = self.token = ""
            return
        match = _TOKEN.match(self._text, self._position)
        if match is None or match.lastgroup is None:
            raise self.error(f"cannot read '{self._text[self._position :].strip()[:20]}'")
        self._position = match.end()
        self.kind, self.token = match.lastgroup, match[match.lastgroup]

    def either(self) -> _Node:
        return self._chain("or", self._all)

    def _all(self) -> _Node:
        return self._chain("and", self._negated)

    def _chain(self, word: str, inner: Callable[[], _Node]) -> _Node:
        parts = [inner()]
        while (self.kind, self.token) == ("word", word):
            self.advance()
            parts.append(inner())
        return parts[0] if len(parts) == 1 else _Test(word, tuple(parts))

    def _negated(self) -> _Node:
        negations = 0
        while (self.kind, self.token) == ("word", "not"):
            self.advance()
            negations += 1
        node = self._comparison()
        return _Test("not", (node,)) if negations % 2 else node

    def _comparison(self) -> _Node:
        left = self._operand()
        sign = self.token
        if not (self.kind == "sign" and sign in _COMPARE) and (self.kind, sign) != ("word", "in"):
            return left
        self.advance()
        return _Test(sign, (left, self._operand()))

    def _inner(self) -> _Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} parentheses within one another")
        self.advance()
        node = self.either()
        if (self.kind, self.token) != ("sign", ")"):
            raise self.error("a ')' is missing")
        self.advance()
        self._depth -= 1
        return node

    def _operand(self) -> _Node:
        kind, token = self.kind, self.token
        if (kind, token) == ("sign", "("):
            return self._inner()
        if kind in ("", "sign") or token in _WORDS:
            raise self.error(f"a value is missing before '{token}'" if token else "it ends early")
        self.advance()
        if kind == "word":
            return _Literal(_LITERALS[token]) if token in _LITERALS else _Path(token)
        try:
            return _Literal(token[1:-1] if token[0] == "'" else json.loads(token))
        except ValueError:
            raise self.error(f"{token} is not JSON") from None
