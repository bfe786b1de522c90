"""The image without a container engine: its first stage played below a folder, by its own words.

COPY and RUN of deploy/Dockerfile are read and done, with each path of the image moved below that
folder, on this machine's Python in place of the image's. What it does not show: that the base
image is there, and what runs on its Python.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.deploy.manifests import dockerfile, image_variables
from tests.house.repository import ROOT

USER = 10001


@dataclass(frozen=True)
class Image:
    """What its first stage left behind, and who runs it."""

    root: Path

    @property
    def python(self) -> Path:
        """The Python of Rota."""
        return self.root / "opt" / "rota" / "bin" / "python"

    def start(self, *arguments: str, environ: dict[str, str]) -> "subprocess.Popen[str]":
        """Run `rota` as the image does: as nobody, with its variables and no others."""
        variables = image_variables() | {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "HOME": str(self.root / "tmp"),
            "ROTA_STORE": str(self.root / "empty" / "store"),
            "ROTA_FLEET": str(self.root / "empty" / "fleet"),
        }
        is_root = os.geteuid() == 0
        return subprocess.Popen(
            [str(self.python.parent / "rota"), *arguments],
            env=variables | environ,
            cwd=self.root / "tmp",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=USER if is_root else None,
            group=USER if is_root else None,
            extra_groups=[] if is_root else None,
        )


@contextmanager
def built_image() -> Generator[Image]:
    """Play the first stage; needs the network."""
    # Not below pytest's own folder, which nobody but its owner may enter.
    root = Path(mkdtemp(prefix="rota-image-"))
    root.chmod(0o755)
    try:
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
        subprocess.run([_python(), "-m", "venv", root / "base"], check=True)
        instructions = dockerfile()
        starts = [at for at, (word, _) in enumerate(instructions) if word == "FROM"]
        workdir = root
        for word, rest in instructions[starts[0] + 1 : starts[1]]:
            if word == "WORKDIR":
                workdir = root / rest.strip("/")
                workdir.mkdir(parents=True)
            elif word == "COPY":
                _copy(rest.split(), workdir)
            elif word == "RUN":
                _run([_moved(each, root) for each in json.loads(rest)], workdir, root)
        yield Image(root)
    finally:
        shutil.rmtree(root)


def _python() -> str:
    """A Python 3.11 or newer that nobody in particular may run, and that makes environments."""
    asked = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    homes = [str(Path(getattr(sys, "_base_executable", sys.executable)).resolve().parent)]
    for folder in (*homes, "/usr/local/bin", "/usr/bin"):
        path = Path(folder) / "python3"
        is_open = all(each.stat().st_mode & 0o001 for each in path.parents)
        if not path.exists() or not (is_open or os.geteuid() != 0):
            continue
        if subprocess.run([path, "-c", asked], capture_output=True, check=False).returncode == 0:
            return str(path)
    raise AssertionError("no Python 3.11 that user 10001 may run: apt install python3-venv")


def _copy(words: list[str], workdir: Path) -> None:
    *sources, target = words
    for source in sources:
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(ROOT / source, workdir / target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, workdir / target)


def _moved(word: str, root: Path) -> str:
    return f"{root}{word}" if word.startswith("/") else word


def _run(words: list[str], workdir: Path, root: Path) -> None:
    if words[0] == "install" and os.geteuid() != 0:  # who is not root gives nothing away
        words = [word for word in words if not word.startswith(("--owner", "--group"))]
    path = f"{root / 'base' / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        words, cwd=workdir, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
