"""What the import graph cannot see: imports of imports, and the standard library's I/O.

The layers themselves are contracts of import-linter in pyproject.toml (`make check`).
"""

import ast
import json
import subprocess
import sys

import pytest

from tests.house.repository import ROOT, files, modules, name_of

FORBIDDEN_AT_RUN_TIME = (
    "anthropic",
    "boto3",
    "botocore",
    "httpx",
    "httpx2",
    "mcp",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "prometheus_client",
    "requests",
)
"""Packages that talk to the world: importing one in a workflow file is how a side effect
gets into deterministic code, and it costs the sandbox seconds."""

PURE_PACKAGES = {"pydantic", "pydantic_core", "rota"}
"""All that `rota/` may import beyond the standard library."""

IO_MODULES = {"http", "socket", "sqlite3", "ssl", "subprocess", "urllib"}
"""Parts of the standard library whose only use is I/O."""

PROBE = """
import importlib, json, sys
forbidden, names = json.loads(sys.argv[1])
found = []
for name in names:
    importlib.import_module(name)
    found += [(name, bad) for bad in forbidden if bad in sys.modules]
    if found:
        break
print(json.dumps(found))
"""


@pytest.mark.parametrize("package", ["workflows", "schedules"])
def test_deterministic_layer_in_a_fresh_interpreter_loads_no_provider(package: str) -> None:
    """Importing workflows or schedules loads no package that reaches the network."""
    request = json.dumps([FORBIDDEN_AT_RUN_TIME, modules(package)])
    probe = subprocess.run(
        [sys.executable, "-c", PROBE, request],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert probe.returncode == 0, probe.stderr
    for module, loaded in json.loads(probe.stdout):
        pytest.fail(
            f"importing {module} also loads {loaded}. Rule: {package}/ decides and never acts; "
            "move the import behind an activity, and name that activity in "
            "activities/interface.py"
        )


def test_shared_language_imports_only_pydantic_and_pure_standard_library() -> None:
    """Each module of rota/ imports pydantic, its siblings and standard library without I/O."""
    allowed = PURE_PACKAGES | (set(sys.stdlib_module_names) - IO_MODULES)
    imports = {
        name_of(path): _imported_packages(path.read_text())
        for path in files(".py")
        if name_of(path).startswith("rota/")
    }
    impure = {name: outside for name, found in imports.items() if (outside := found - allowed)}
    assert imports
    assert not impure, (
        f"{impure}. Rule: rota/ is the pure language of all layers; I/O and third parties "
        "belong in activities/, schedules/ or workers/"
    )


def _imported_packages(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
