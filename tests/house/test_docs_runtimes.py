"""The pages about runtimes say what the code says: kinds, promises, keys, defaults, numbers."""

from dataclasses import fields

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rota.runtime_specs.answer_paths import AnswerPaths
from rota.runtime_specs.base import ModelSettings, RuntimeSettings, SessionSettings
from rota.runtimes import kind as runtime_kind
from rota.runtimes import session as session_runtime
from rota.runtimes.breaker import BreakerPolicy
from rota.runtimes.kind import Capabilities, Looking, Probing, RuntimeKind
from rota.runtimes.kinds import BUILT_IN
from tests.house.documentation import Table, blocks, quoted, tables
from tests.house.documented_keys import KEYS, default_of, key_tables, mistakes, table_of
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "runtimes.md"
FOLDER = ROOT / "docs" / "runtimes"
SAID_ON_EVERY_PAGE = (
    "**What it needs.**",
    "**What remains.**",
    "**Failures.**",
    "**A lost worker.**",
)


def own_keys(kind: RuntimeKind) -> set[str]:
    """Keys that a kind adds to the common ones, or gives another default."""
    common: dict[str, FieldInfo] = {}
    for base in (SessionSettings, ModelSettings):
        if issubclass(kind.settings, base):
            common = base.model_fields
    return {
        name
        for name, field in kind.settings.model_fields.items()
        if name != "kind" and (name not in common or default_of(common[name]) != default_of(field))
    }


def test_list_of_kinds_has_every_kind_with_its_shape_and_page() -> None:
    """Whoever looks for a runtime finds all there are, on the page and in the README."""
    for page, folder in ((PAGE, "runtimes"), (ROOT / "README.md", "docs/runtimes")):
        listed = table_of(page, next(iter(sorted(BUILT_IN))))
        assert [quoted(row["kind"])[0] for row in listed.rows] == sorted(BUILT_IN)
        for row in listed.rows:
            (kind,) = quoted(row["kind"])
            assert row["shape"] == BUILT_IN[kind].shape.value
            assert row["page"] == f"[{kind}]({folder}/{kind}.md)"
            assert row.get("built on", BUILT_IN[kind].summary) == BUILT_IN[kind].summary


def test_pages_of_runtimes_are_those_of_the_kinds() -> None:
    """Each kind has a page, and each page a kind."""
    assert sorted(page.stem for page in FOLDER.iterdir()) == sorted(BUILT_IN)


def test_table_of_promises_agrees_with_rota_runtimes() -> None:
    """What the page promises of each kind is what the code promises."""
    table = next(t for t in tables(PAGE) if "reattach" in t.heading)
    names = Capabilities.names()
    assert table.heading == ("", *(name.replace("_", " ") for name in names))
    told = {quoted(row[""])[0]: tuple(row.values())[1:] for row in table.rows}
    assert told == {
        name: tuple("yes" if getattr(kind.capabilities, n) else "-" for n in names)
        for name, kind in BUILT_IN.items()
    }


def test_promises_are_each_explained() -> None:
    """No column without a line that says what it means."""
    text = PAGE.read_text()
    assert [n for n in Capabilities.names() if f"**{n.replace('_', ' ')}**" not in text] == []


@pytest.mark.parametrize(
    ("first", "model"),
    [
        ("queue", RuntimeSettings),
        ("model", ModelSettings),
        ("max_turns", SessionSettings),
        ("result", AnswerPaths),
    ],
)
def test_common_keys_are_told_whole_with_their_defaults(first: str, model: type[BaseModel]) -> None:
    """The tables of common keys have every key, and its default."""
    table = next(t for t in key_tables(PAGE) if quoted(t.rows[0]["key"]) == [first])
    assert mistakes(table, model) == []
    inherited = RuntimeSettings.model_fields if model is not RuntimeSettings else {}
    told = {key for row in table.rows for key in quoted(row["key"])}
    assert told == model.model_fields.keys() - inherited.keys()


@pytest.mark.parametrize("kind", BUILT_IN.values(), ids=BUILT_IN)
def test_page_of_a_kind_tells_each_of_its_keys_with_its_default(kind: RuntimeKind) -> None:
    """A reader of the page needs no other source for the block."""
    page = FOLDER / f"{kind.kind}.md"
    assert [m for table in key_tables(page) for m in mistakes(table, kind.settings)] == []
    told = {key for table in key_tables(page) for row in table.rows for key in quoted(row["key"])}
    assert own_keys(kind) - told == set()


@pytest.mark.parametrize("kind", BUILT_IN.values(), ids=BUILT_IN)
def test_page_of_a_kind_says_what_can_go_wrong_and_shows_a_whole_agent(kind: RuntimeKind) -> None:
    """What it needs, what remains, how it fails, and something to copy."""
    page = FOLDER / f"{kind.kind}.md"
    text = page.read_text()
    offline = kind.capabilities.remains == ""
    wanted = SAID_ON_EVERY_PAGE[2:] if offline else SAID_ON_EVERY_PAGE
    assert [said for said in wanted if said not in text] == []
    first = next(blocks(page, "yaml")).text
    assert first.removeprefix("# ").count("\nruntime:") == 1
    assert f"kind: {kind.kind}" in first


def test_what_an_author_of_a_runtime_is_told_to_write_is_there() -> None:
    """Every name of that paragraph is one of the seam."""
    paragraph = PAGE.read_text().rpartition("For shape session implement ")[2]
    told = [name for name in quoted(paragraph) if "." not in name and "/" not in name]
    kinds = (RuntimeKind, Capabilities, SessionSettings, Probing, Looking)
    places = (runtime_kind, session_runtime, *kinds)
    known = {name for place in places for name in dir(place)}
    known |= {field.name for field in (*fields(RuntimeKind), *fields(Capabilities))}
    assert {"by_settings", "promised", "probe", "is_one_call", "EndsWithCall"} <= {*told}
    assert {*told} - known == {"rota doctor", "RuntimeBench"}


def test_numbers_of_the_breaker_are_those_of_its_policy() -> None:
    """Every number of the table is the default, and none is left out."""
    table = next(t for t in tables(PAGE) if t.heading[0] == "number")
    told = {quoted(row["number"])[0]: float(row["value"]) for row in table.rows}
    assert told == {n: f.default for n, f in BreakerPolicy.model_fields.items()}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param({"key": "`poll`", "default": "3s"}, "poll is 2s, not 3s", id="default"),
        pytest.param({"key": "`pool`", "default": "2s"}, "no key 'pool'", id="name"),
    ],
)
def test_table_with_a_mistake_is_told(row: dict[str, str], said: str) -> None:
    """What these tests look for they find."""
    (found,) = mistakes(Table("page.md:1", KEYS, (row,)), SessionSettings)
    assert said in found
