"""The verifier as one file: standard library alone, and the same verdicts."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rota.audit.checkpoints import RunHead, checkpoint_of, signed
from rota.audit.hashing import canonical
from rota.audit.seals import index_of, sealed
from rota.audit.standalone import MODULES, standalone
from rota.audit.statements import UnreadableError
from rota.audit.verify import check_folder
from tests.house.repository import ROOT
from tests.rota.audit.audit_records import BEGAN, bundle, record, signer_of, trusting

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


def test_modules_of_the_verifier_share_no_name() -> None:
    """They lie in one file: the later one would take the earlier one's place."""
    names = [
        name
        for node in ast.parse(SOURCE).body
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else [each.id for each in node.targets if isinstance(each, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    ]
    assert sorted(names) == sorted(set(names))


def test_verifier_ends_with_0_1_or_2(folder: Path) -> None:
    """All holds; something was changed; there is no bundle."""
    key = ("--key", SIGNER.key)
    holds = verify(folder, *key)
    assert (holds.returncode, holds.stderr) == (0, "")
    assert "report-9: holds" in holds.stdout
    missing = verify(folder, "--key", "no-such-key")
    assert (missing.returncode, missing.stderr) == (
        2,
        "error: no-such-key: No such file or directory\n",
    )
    (folder / "output.json").write_bytes(b"{}")
    changed = verify(folder, *key)
    assert changed.returncode == 1
    assert "its content 'output' was changed: output.json" in changed.stdout
    (folder / "manifest.json").unlink()
    assert verify(folder).returncode == 2


@pytest.fixture
def several(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with its index."""
    place = tmp_path_factory.mktemp("several")
    folder.rename(place / "one")
    head = json.loads((place / "one" / "manifest.json").read_text())["head"]
    (place / "index.json").write_bytes(canonical(sealed(index_of({"one": head}), SIGNER)))
    (place / "verify.py").write_text(SOURCE)
    return place


def test_folder_of_bundles_holds_nothing_beside_them(several: Path) -> None:
    """What no index names is not to be read there: no file, no bundle, nothing in a cache."""
    trust = trusting(SIGNER)
    assert not any(each.problems for each in check_folder(several, trust))
    for path in ("report.html", "manifest.json", "two/x", "__pycache__/x.txt"):
        (several / path).parent.mkdir(exist_ok=True)
        (several / path).write_text("forged")
        assert "not in the index" in check_folder(several, trust)[0].problems[0], path
        (several / path).unlink()
    (several / "two").rmdir()
    (several / "__pycache__" / "verify.cpython-311.pyc").write_bytes(b"")
    assert not any(each.problems for each in check_folder(several, trust))
    (several / "one").rename(several.parent / "elsewhere")
    (several / "one").symlink_to(several.parent / "elsewhere")
    with pytest.raises(UnreadableError, match="is a symbolic link"):
        check_folder(several, trust)


def test_bundle_hides_nothing_in_a_cache(folder: Path) -> None:
    """Python leaves a compiled verifier there, and nothing else is passed over."""
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "approval.json").write_text("forged")
    (report,) = check_folder(folder, trusting(SIGNER))
    assert report.problems == ["__pycache__/approval.json: it does not belong to the bundle"]


def test_verifier_takes_old_keys_and_checkpoints(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Brought along by whoever checks."""
    kept = tmp_path_factory.mktemp("kept")
    made = record(9, turns=2)
    heads = [RunHead(run=made.run.key, head="0" * 64)]
    day = signed(checkpoint_of("report", BEGAN.date(), heads, None, BEGAN), heads, SIGNER)
    (kept / "report").mkdir()
    (kept / "report" / "2026-11-22.json").write_bytes(canonical(day.handed_out))
    found = verify(folder, "--old-key", SIGNER.key, "2026-11-22", "--checkpoint", str(kept))
    assert found.returncode == 1, found.stderr
    assert "of 2026-11-22 that you gave has another head of its run" in found.stdout
    assert verify(folder, "--old-key", SIGNER.key, "2026-11-21").returncode == 1
    assert verify(folder, "--old-key", SIGNER.key, "yesterday").returncode == 2


def test_verifier_refuses_links(folder: Path) -> None:
    """A bundle from a stranger makes nobody read other files."""
    (folder / "link").symlink_to("/etc/passwd")
    refused = verify(folder)
    assert (refused.returncode, "is a symbolic link" in refused.stderr) == (2, True)
