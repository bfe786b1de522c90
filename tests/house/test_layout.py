"""The shape of the source tree: short files, empty package files, telling names."""

import ast
from pathlib import Path

from tests.house.repository import PACKAGES, files, name_of

LINES_PER_FILE = 300
"""Above this a file holds a second idea. Most are near 120."""

EMPTY_NAMES = {"common", "helper", "helpers", "misc", "shared", "util", "utils"}
"""Names that say nothing, so that everything fits in."""


def python_files(*folders: str) -> list[Path]:
    """Python files below `folders`, which stand at the top of the repository."""
    found = [path for path in files(".py") if name_of(path).split("/")[0] in folders]
    assert found, "nothing to look at: this test would pass on an empty tree"
    return found


def test_python_file_stays_within_the_line_cap() -> None:
    """No file of the packages, tests or examples is longer than 300 lines."""
    sizes = {
        name_of(path): len(path.read_text().splitlines())
        for path in python_files(*PACKAGES, "tests", "examples")
    }
    long = {name: count for name, count in sizes.items() if count > LINES_PER_FILE}
    assert not long, f"over {LINES_PER_FILE} lines, split where the second idea begins: {long}"


def test_package_file_holds_a_docstring_and_nothing_else() -> None:
    """Importing one module of a package never pays for, or waits on, its siblings."""
    full: list[str] = []
    for path in python_files(*PACKAGES):
        if path.name != "__init__.py":
            continue
        tree = ast.parse(path.read_text())
        if not (ast.get_docstring(tree) and len(tree.body) == 1):
            full.append(name_of(path))
    assert not full, f"must be a docstring alone; import from the module itself: {full}"


def test_every_folder_of_the_packages_is_a_package() -> None:
    """A folder without `__init__.py` would escape the import contracts and the wheel's checks."""
    folders = {path.parent for path in python_files(*PACKAGES)}
    bare = sorted(name_of(folder) for folder in folders if not (folder / "__init__.py").is_file())
    assert not bare, f"add an __init__.py with a docstring: {bare}"


def test_module_is_named_after_what_it_holds() -> None:
    """No module or folder is called utils, common, helpers, shared or the like."""
    vague = [
        name_of(path)
        for path in python_files(*PACKAGES, "tests", "examples")
        if EMPTY_NAMES & set(name_of(path).removesuffix(".py").split("/"))
    ]
    assert not vague, f"name it after the idea it holds: {vague}"
