"""The runtime that docs/runtimes.md shows, installed for a test as its reader would install it."""

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from activities.runtimes.kinds import GROUP, runtime_kinds
from tests.house.documentation import blocks
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "runtimes.md"


def sources() -> dict[str, str]:
    """The files that the page shows whole, by the name in their first line."""
    found: dict[str, str] = {}
    for block in blocks(PAGE, "toml", "python"):
        first, _, _ = block.text.partition("\n")
        found[first.removeprefix("# ")] = block.text
    return found


@contextmanager
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Install the package into `folder`, on the path while the block lasts.

    Yields the names of its modules.
    """
    files = sources()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    modules = [name.removesuffix(".py") for name in files if name.endswith(".py")]
    for name in modules:
        (folder / f"{name}.py").write_text(files[f"{name}.py"])
    # What an installer leaves behind: how entry points are found.
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    named = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{named}")
    entries = project["entry-points"][GROUP].items()
    lines = "".join(f"{name} = {value}\n" for name, value in entries)
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
    monkeypatch.syspath_prepend(str(folder))
    runtime_kinds.cache_clear()
    try:
        yield modules
    finally:
        runtime_kinds.cache_clear()
        for name in modules:
            sys.modules.pop(name, None)
