"""Makes a release of the newest commit in dist/: `make release`. Publishes nothing."""

import sys
from pathlib import Path

from tests.house.repository import ROOT
from tests.release.making import ReleaseError, release


def main() -> int:
    """Make it, and say what there is; return the exit code."""
    try:
        made = release(ROOT / "dist")
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"{path.relative_to(Path.cwd())}\n" for path in made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
