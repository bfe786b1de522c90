"""Run git on a repository that is not trusted, and read no more of its answer than is wanted.

No shell, no prompt, no pager, nothing from the environment or from anybody's configuration
but the repository's own; and of that, nothing that names a program to run. The repository
counts as bare, so its checked-out files (`.gitattributes` among them) have no say in what a
diff shows. Arguments are for the caller to choose well: full ids and names below `refs/`
can never be read as options.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

SECONDS = 30.0
"""Longest time one command may take; far more than any repository of a demo needs, less than
a tool's minute."""
MESSAGE_LIMIT = 200
"""Characters of git's own words in an error."""

_SETTINGS = (
    "core.bare=true",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=true",
    "diff.suppressBlankEmpty=false",
    "log.showSignature=false",
    "protocol.allow=never",
)


class GitError(Exception):
    """git refused; `code` is its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Output:
    """What a command wrote."""

    data: bytes
    truncated: bool = False
    """There was more than the limit."""


def run_git(git_dir: Path, *arguments: str, limit: int, seconds: float = SECONDS) -> Output:
    """Run one command that only reads, and return at most `limit` bytes of its output.

    Raises:
        GitError: git ended with an error.
        TimeoutError: it took longer than `seconds`; it has been stopped.
        FileNotFoundError: git is not installed.
    """
    command = ["git", "--no-pager", f"--git-dir={git_dir}"]
    for setting in (*_SETTINGS, f"safe.directory={git_dir}"):
        command += ["-c", setting]
    with (
        # A file, not a pipe: nobody reads it meanwhile, and a full pipe would stop git.
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [*command, *arguments],
            cwd=git_dir,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        assert process.stdout is not None
        late = Timer(seconds, process.kill)
        late.start()
        try:
            data = process.stdout.read(limit + 1)
            truncated = len(data) > limit
            if truncated:
                process.kill()
            code = process.wait()
        finally:
            in_time = late.is_alive()
            late.cancel()
            process.kill()
        if truncated:
            return Output(data[:limit], truncated=True)
        if not in_time:
            raise TimeoutError(f"git {arguments[0]} took longer than {seconds:g} s")
        if code:
            errors.seek(0)
            words = errors.read(4 * MESSAGE_LIMIT).decode(errors="replace").strip()
            said = words.splitlines()[0][:MESSAGE_LIMIT] if words else "no message"
            raise GitError(f"git {arguments[0]} ended with {code}: {said}", code)
        return Output(data)


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        # Nothing may show another commit's content under the id of the one reviewed.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        # A file may be called `:(exclude)*` or `*.py`.
        "GIT_LITERAL_PATHSPECS": "1",
    }
