"""The YAML reader: plain data with places, and no way to hurt whoever reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schedules import yaml_source
from schedules.declaration_errors import DeclarationErrors
from schedules.yaml_source import FILE_LIMIT, load_documents

LOADERS = [yaml.SafeLoader, *filter(None, [getattr(yaml, "CSafeLoader", None)])]


@pytest.fixture(autouse=True, params=LOADERS, ids=lambda loader: loader.__name__)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with PyYAML's own parser and, where there is one, libyaml's."""
    monkeypatch.setattr(yaml_source, "_LOADER", request.param)


def _load(folder: Path, content: str | bytes) -> list[yaml_source.Document]:
    path = folder / "a.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_documents(path, "a.yaml")


def _problems(folder: Path, content: str | bytes) -> list[str]:
    with pytest.raises(DeclarationErrors) as caught:
        _load(folder, content)
    return str(caught.value).splitlines()


SCALARS: list[tuple[str, Any]] = [
    ("5", 5),
    ("-5", -5),
    ("007", 7),
    ("0x1F", 31),
    ("0o17", 15),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("no", "no"),
    ("on", "on"),
    ("06:15", "06:15"),
    ("1_000", "1_000"),
    ("2026-12-25", "2026-12-25"),
    ("2026-12-25T06:00:00Z", "2026-12-25T06:00:00Z"),
    (".nan", ".nan"),
    ("'5'", "5"),
    ('"true"', "true"),
    ("0 6 * * 1-5", "0 6 * * 1-5"),
    ("|\n  two\n  lines\n", "two\nlines\n"),
    ("[1, a]", [1, "a"]),
    ("{a: {b: 1}}", {"a": {"b": 1}}),
]

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED: list[tuple[str | bytes, str]] = [
    (BOMB, "a.yaml:1: more than 20,000 values once aliases are unfolded"),
    ("a: &a [*a]\n", "a.yaml:1: nested deeper than 40 levels"),
    ("[" * 500 + "]" * 500, "a.yaml:1: nested deeper than 40 levels"),
    ("a:\n" + "- x\n" * 20_001, "a.yaml:20000: more than 20,000 values once aliases are unfolded"),
    ("a: 1\nb: 2\na: 3\n", "a.yaml:3: a: given twice, first in line 1; keep one"),
    ("a: {b: 1, b: 2}\n", "a.yaml:1: a.b: given twice, first in line 1; keep one"),
    (
        "a: 1\nb: !!python/object/apply:os.system [id]\n",
        "a.yaml:2: b: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed; "
        "write plain data",
    ),
    (
        "a: !!str 5\n",
        "a.yaml:1: a: the tag tag:yaml.org,2002:str is not allowed; write plain data",
    ),
    ("a: *gone\n", "a.yaml:1: '*gone' refers to nothing; quote a value that begins with *"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", "a.yaml:3: '<<' (merge) is not supported; repeat the keys"),
    ("? [a]\n: 1\n", "a.yaml:1: the document: a key must be plain text"),
    ("a: 12345678901234567890\n", "a.yaml:1: a: 12345678901234567890 is too large a number"),
    ("a: 1e999\n", "a.yaml:1: a: 1e999 is too large a number; quote it"),
    (b"a: 1\nb: \xff\n", "a.yaml:2: not UTF-8; save the file as UTF-8"),
    ("a: 1".encode("utf-16"), "a.yaml:1: not UTF-8; save the file as UTF-8"),
    (b"a: \x00\n", "a.yaml: not YAML: "),
    (b"#" * (FILE_LIMIT + 1), "a.yaml: 1,048,577 bytes; at most 1,048,576 are read"),
]

SYNTAX = [
    ("cron: * * * * *\n", 1, 'quote a value that begins with *, for example cron: "*/5 * * * *"'),
    ("a: 1\n\tb: 2\n", 2, "not YAML: "),
    ("a: [1\n", 2, "not YAML: "),
    ("a: b: c\n", 1, "quote a value that holds ': ', or check the indentation"),
    ("a: @daily\n", 1, "quote the value"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_load_documents_scalar_is_plain_data(tmp_path: Path, text: str, expected: Any) -> None:
    """Values follow YAML 1.2: what looks like a word, a time or a date is text."""
    (document,) = _load(tmp_path, f"key: {text}\n")
    value = document.data["key"]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=lambda value: repr(value)[:30])
def test_load_documents_harmful_text_is_refused(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    """Bombs, tags, duplicates and foreign bytes are errors with a line, never data."""
    (line,) = _problems(tmp_path, content)
    assert line.startswith(message)


@pytest.mark.parametrize(("text", "line", "hint"), SYNTAX)
def test_load_documents_bad_syntax_has_line_and_hint(
    tmp_path: Path, text: str, line: int, hint: str
) -> None:
    """A file that is not YAML says in which line, and the usual cause."""
    (problem,) = _problems(tmp_path, text)
    assert problem.startswith(f"a.yaml:{line}: not YAML: ")
    assert hint in problem


def test_load_documents_places_are_of_keys_and_items(tmp_path: Path) -> None:
    """Every key and list item knows its line; what is missing is placed at its parent."""
    (document,) = _load(tmp_path, "# head\na:\n  b:\n    - x\n    - {c: 1,\n       d: 2}\n")
    paths = [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1, "d"), ("a", "b", 9), ("z",)]
    assert [document.locate(path) for path in paths] == [2, 3, 4, 6, 3, 2]


def test_load_documents_several_keep_apart(tmp_path: Path) -> None:
    """Documents are separate: lines, anchors and duplicate keys do not cross."""
    first, second = _load(tmp_path, "a: &x 1\nb: *x\n---\n# nothing\n---\na: 2\n")
    assert (first.data, second.data) == ({"a": 1, "b": 1}, {"a": 2})
    assert (second.line, second.locate(("a",))) == (6, 6)


def test_load_documents_alias_is_a_copy(tmp_path: Path) -> None:
    """An alias stands for its anchor's value, nested ones included."""
    (document,) = _load(tmp_path, "a: &a {x: &x [1], y: *x}\nb: [*a, *x]\n")
    assert document.data["b"] == [{"x": [1], "y": [1]}, [1]]


def test_load_documents_duplicates_are_all_reported(tmp_path: Path) -> None:
    """Reading goes on after a duplicate key."""
    assert len(_problems(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\n")) == 2


def test_load_documents_missing_file_says_so(tmp_path: Path) -> None:
    """A file that cannot be opened is a problem of the declaration, not a traceback."""
    with pytest.raises(DeclarationErrors, match=r"gone.yaml: cannot be read: No such file"):
        load_documents(tmp_path / "gone.yaml", "gone.yaml")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc<*&", min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=st.dictionaries(st.text("xyz", min_size=1), JSON, min_size=1))
def test_load_documents_json_reads_as_itself(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    """JSON is YAML: any JSON document comes back unchanged."""
    folder = tmp_path_factory.mktemp("json")
    (document,) = _load(folder, json.dumps(value, ensure_ascii=False))
    assert document.data == value


@given(
    content=st.binary(max_size=200) | st.text("ab:-[]{}&*!|>'\"#? \n", max_size=60).map(str.encode)
)
def test_load_documents_any_bytes_load_or_explain(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """No file whatsoever raises anything but DeclarationErrors, each on one line."""
    try:
        _load(tmp_path_factory.mktemp("bytes"), content)
    except DeclarationErrors as group:
        assert all("\n" not in str(error) for error in group.errors)  # noqa: PT017 - either is right
