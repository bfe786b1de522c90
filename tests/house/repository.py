"""What the house tests look at: the repository's files, as git sees them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("activities", "rota", "schedules", "workers", "workflows")
"""The five packages that the distribution ships."""


def files(*suffixes: str) -> list[Path]:
    """Files of the repository, new ones included, ignored ones not; sorted.

    Args:
        suffixes: Only files that end so (`.py`); none means all.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    # A file deleted but not yet committed is still listed.
    paths = sorted(ROOT / name for name in listed if name and (ROOT / name).is_file())
    return [path for path in paths if not suffixes or path.suffix in suffixes]


def modules(package: str) -> list[str]:
    """Dotted names of all modules below `package`, itself included; sorted."""
    names: list[str] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def name_of(path: Path) -> str:
    """The path as a reader of a failure message wants it: from the repository's root."""
    return path.relative_to(ROOT).as_posix()
