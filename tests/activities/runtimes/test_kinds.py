"""Kinds of runtimes: the built-in ones, and those that other packages register."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from activities.runtimes import kinds
from activities.runtimes.kinds import RuntimeKindError, runtime_kinds
from activities.runtimes.open import implementation
from rota.runtime_specs import scripted
from rota.runtimes.kind import RuntimeKind
from rota.runtimes.kinds import BUILT_IN

SECOND = replace(scripted.KIND, kind="second")
"""Registered by a test."""
NO_KIND = "a text"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Kinds are read once per process; a test's own are forgotten after it."""
    runtime_kinds.cache_clear()
    yield
    runtime_kinds.cache_clear()


def register(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Install an entry point that names something of this module."""
    entry = EntryPoint("given", f"{__name__}:{name}", kinds.GROUP)
    monkeypatch.setattr(
        kinds, "entry_points", lambda group: [entry] if group == kinds.GROUP else []
    )


def test_kinds_hold_one_by_entry_point_among_the_built_in_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kind of another package is found by its name, in alphabetical order."""
    register(monkeypatch, "SECOND")
    assert runtime_kinds()["second"] is SECOND
    assert list(runtime_kinds()) == sorted([*BUILT_IN, "second"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("NO_KIND", "is no rota.runtimes.kind.RuntimeKind", id="something else"),
        pytest.param("MISSING", "AttributeError", id="nothing there"),
        pytest.param("scripted.KIND", "there is a runtime 'scripted' already", id="a name taken"),
    ],
)
def test_kinds_with_an_entry_point_that_cannot_be_used_name_it(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """A broken package is named, and hides nothing behind itself."""
    register(monkeypatch, name)
    with pytest.raises(RuntimeKindError) as raised:
        runtime_kinds()
    assert f"entry point given = {__name__}:{name}" in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("kind", BUILT_IN.values(), ids=BUILT_IN)
def test_built_in_kind_has_an_implementation_that_can_be_imported(kind: RuntimeKind) -> None:
    """What the table promises is there, and can be made with nothing but secrets."""
    assert callable(implementation(kind))


@pytest.mark.parametrize("kind", BUILT_IN.values(), ids=BUILT_IN)
def test_built_in_kind_names_its_secrets_among_its_settings(kind: RuntimeKind) -> None:
    """A field that a secret is read from exists, or preflight would look past it."""
    assert set(kind.settings.SECRETS) <= set(kind.settings.model_fields)
