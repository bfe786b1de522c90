"""The verifier as one file: standard library alone, and the same verdicts."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rota.audit.standalone import MODULES, standalone
from tests.house.repository import ROOT
from tests.rota.audit.audit_records import bundle, signer_of

SOURCE = standalone([(ROOT / f"rota/audit/{name}.py").read_text() for name in MODULES])
SIGNER = signer_of(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle on disk, with the verifier."""
    for path, data in bundle(9, SIGNER, turns=2).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def verify(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the file beside a bundle, as somebody does who has nothing of Rota."""
    program = folder.parent / "verify-apart.py"
    program.write_text(SOURCE)
    command = [sys.executable, "-I", str(program), str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_verifier_imports_the_standard_library_alone() -> None:
    """Whoever gets a bundle needs a Python and nothing else."""
    imports = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imports
    assert imports <= set(sys.stdlib_module_names)


def test_verifier_ends_with_0_1_or_2(folder: Path) -> None:
    """All holds; something was changed; there is no bundle."""
    key = ("--key", SIGNER.key)
    holds = verify(folder, *key)
    assert (holds.returncode, holds.stderr) == (0, "")
    assert "report-9: holds" in holds.stdout
    (folder / "output.json").write_bytes(b"{}")
    changed = verify(folder, *key)
    assert changed.returncode == 1
    assert "its content 'output' was changed: output.json" in changed.stdout
    (folder / "manifest.json").unlink()
    assert verify(folder).returncode == 2


def test_verifier_refuses_links(folder: Path) -> None:
    """A bundle from a stranger makes nobody read other files."""
    (folder / "link").symlink_to("/etc/passwd")
    refused = verify(folder)
    assert (refused.returncode, "is a symbolic link" in refused.stderr) == (2, True)
