"""Loading a team's own `tools.py`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.tools.fleet import ToolLoadError, load_tools

ONE = '''
from rota.tools import tool

@tool(name="books.post", effect="write")
def post(amount: int) -> int:
    """Post."""
    return amount
'''


@pytest.fixture(autouse=True)
def _imports_restored() -> Iterator[None]:
    """Loading extends the import path and the modules, as in a worker: undo it."""
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def test_fleet_without_tools_has_none(tmp_path: Path) -> None:
    """A fleet may live on built-in tools, or on none."""
    assert load_tools(tmp_path) == {}


def test_fleet_tools_are_found_by_name_wherever_they_come_from(tmp_path: Path) -> None:
    """Tools may be defined in modules beside `tools.py` and imported, even twice."""
    (tmp_path / "ledger_tools_of_test.py").write_text(ONE)
    (tmp_path / "tools.py").write_text(
        "from ledger_tools_of_test import post\nagain = post\n" + ONE.replace("books", "bank")
    )
    tools = load_tools(tmp_path)
    assert sorted(tools) == ["bank.post", "books.post"]
    assert tools["books.post"](amount=3) == 3


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_module_of_test\n", "'no_such_module_of_test'; install it"),
        (ONE + ONE.replace("def post", "def other"), "two tools are named 'books.post'"),
        (ONE.replace('    """Post."""\n', ""), "tool books.post: add a docstring"),
        (ONE.replace(": int", ""), "give the argument 'amount' a type"),
        (ONE.replace("write", "maybe"), "not 'maybe'"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_fleet_tools_that_cannot_be_used_name_the_file_and_the_cause(
    tmp_path: Path, source: str, words: str
) -> None:
    """One line a person can act on, whatever the module does."""
    (tmp_path / "tools.py").write_text(source)
    with pytest.raises(ToolLoadError) as caught:
        load_tools(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "tools.py"))
    assert words in str(caught.value)
