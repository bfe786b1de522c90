"""Tests that failed beside others, played once more alone: `python -m tests.second_look`.

`make test` plays four tests at a time, with servers and processes that are killed, on whatever
machine there is. A deadline that a loaded machine missed is not a defect of the product; it is
one of the test, and has to be seen. So a few failures are played again with nothing beside them:
what fails again fails the build, what passes is named in the last lines as in need of mending.
Many failures at once are never chance: they are not played again.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAILED = Path(".pytest_cache", "v", "cache", "lastfailed")
MOST = 4
"""Failures among thousands that may be a loaded machine's."""


def failed(cache: Path) -> list[str]:
    """Return the node ids of the tests that failed; none if nobody wrote them down."""
    return sorted(json.loads(cache.read_text())) if cache.is_file() else []


def main() -> int:
    """Return 0 if each test that failed passes alone, 1 if one of them fails or they are many."""
    tests = failed(ROOT / FAILED)
    if not 0 < len(tests) <= MOST:
        return 1
    print(f"\nOnce more, with nothing beside: {', '.join(tests)}\n", flush=True)
    again = subprocess.run([sys.executable, "-m", "pytest", *tests], cwd=ROOT, check=False)
    if again.returncode:
        return 1
    for test in tests:
        print(f"UNSTEADY {test}: failed beside others, passed alone; its test needs mending")
    return 0


if __name__ == "__main__":
    sys.exit(main())
