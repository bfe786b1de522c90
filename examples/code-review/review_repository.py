"""What the tools may see of a repository: its open branches, a commit's changes, its files.

A repository is named by its folder below one root, which the worker's environment sets and no
run can change. Commits are full ids and branches names below `refs/heads/`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from review_git import GitError, Output, run_git
from review_patch import ChangedFile, changed_files

PATCH_LIMIT = 4 * 1024 * 1024
"""Bytes of a patch that are read."""
LISTING_LIMIT = 8 * 1024 * 1024
"""Bytes of a list of branches, commits or changed files."""
FILE_LIMIT = 512 * 1024

_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NOT_IN_BRANCHES = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_DIFF = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "-l1000"),
    *("--diff-algorithm=myers", "--submodule=short"),
    *(
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--no-relative",
        "--ignore-submodules=none",
        "-O/dev/null",
    ),
)
_PATCH = ("--patch", "--unified=3", "--inter-hunk-context=0")
_FIELD, _PARTS = "%x1f", 5


class RepositoryError(ValueError):
    """What was asked for is not there, or is nothing that may be asked for; says what to do."""


@dataclass(frozen=True)
class Branch:
    """A branch and the commit it points at."""

    name: str
    head: str


@dataclass(frozen=True)
class Commit:
    """A commit, as its author wrote it."""

    id: str
    author: str
    date: str
    subject: str
    body: str


@dataclass(frozen=True)
class Span:
    """What a branch has and its base has not: the changes from `start` to `head`."""

    start: str
    """Where the branch left its base."""
    head: str


class Repository:
    """A repository on this machine. Reads only."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir

    def open_branches(self, base: str) -> list[Branch]:
        """Return the branches with commits that `base` has not, by name.

        One whose name git itself would not let anybody create is left out.

        Raises:
            RepositoryError: there is no branch `base`.
        """
        merged = f"--no-merged={self.branch_head(base)}"
        form = "--format=%(objectname) %(refname:lstrip=2)"
        told = self._git("for-each-ref", merged, form, "refs/heads/", limit=LISTING_LIMIT)
        pairs = (line.partition(" ") for line in _text(told).splitlines())
        return [Branch(name, head) for head, _, name in pairs if is_branch_name(name)]

    def branch_head(self, name: str) -> str:
        """Return the commit that a branch points at.

        Raises:
            RepositoryError: there is none.
        """
        if not is_branch_name(name):
            raise RepositoryError(f"'{name[:80]}' is not a name of a branch, such as main")
        try:
            told = self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{name}^{{commit}}")
        except GitError:
            raise RepositoryError(f"no branch '{name}': git branch lists those there are") from None
        return _text(told).strip()

    def span(self, base: str, head: str) -> Span:
        """Return what the commit `head` adds to the branch `base`.

        Raises:
            RepositoryError: there is no such commit or branch, or they have nothing in common.
        """
        if not _COMMIT.fullmatch(head):
            raise RepositoryError(f"'{head[:80]}' is not the full id of a commit: git rev-parse")
        try:
            self._git("cat-file", "-e", f"{head}^{{commit}}")
        except GitError:
            raise RepositoryError(f"no commit {head}: push or fetch it first") from None
        try:
            told = self._git("merge-base", self.branch_head(base), head)
        except GitError:
            raise RepositoryError(f"{head} and {base} have no history in common") from None
        return Span(_text(told).strip(), head)

    def commits(self, span: Span, most: int) -> list[Commit]:
        """Return the newest commits of the span, newest first."""
        form = _FIELD.join(("%H", "%an", "%aI", "%s", "%b"))
        plain = ("--no-show-signature", "--no-notes", "--no-decorate", "--no-color")
        told = self._git(
            *("log", "-z", f"--format={form}", f"--max-count={most}", "--encoding=UTF-8", *plain),
            *(f"{span.start}..{span.head}", "--"),
            limit=LISTING_LIMIT,
        )
        commits: list[Commit] = []
        for record in _text(told).split("\0"):
            # The author's own text may hold the separator: then the body keeps it.
            parts = record.split("\x1f", _PARTS - 1)
            if len(parts) == _PARTS:
                id, author, date, subject, body = parts
                commits.append(Commit(id, author, date, subject, body.strip()))
        return commits

    def changes(self, span: Span, limit: int = PATCH_LIMIT) -> list[ChangedFile]:
        """Return what changed, file by file; files beyond `limit` bytes of patch are unread.

        Raises:
            RepositoryError: even the list of changed files is too long.
        """
        raw = self._git(
            *("diff", "--raw", "-z", "--no-abbrev", *_DIFF, span.start, span.head, "--"),
            limit=LISTING_LIMIT,
        )
        if raw.truncated:
            raise RepositoryError("the commit changes too many files to be reviewed")
        patch = self.patch(span, limit=limit)
        return changed_files(raw.data, patch.data, truncated=patch.truncated)

    def patch(self, span: Span, paths: tuple[str, ...] = (), *, limit: int) -> Output:
        """Return the patch as git writes it, of all files or of those named."""
        return self._git(
            *("diff", *_PATCH, *_DIFF, span.start, span.head, "--", *paths), limit=limit
        )

    def file(self, commit: str, path: str, limit: int = FILE_LIMIT) -> Output:
        """Return a file's content as of a commit.

        Raises:
            RepositoryError: there is no such file.
        """
        if "\0" in path:
            raise RepositoryError("a path holds no NUL")
        try:
            told = self._git("ls-tree", "-z", "--full-tree", "--end-of-options", commit, path)
        except GitError:
            told = Output(b"")
        head, _, name = told.data.removesuffix(b"\0").partition(b"\t")
        parts = head.decode("ascii", "replace").split(" ")
        if parts[1:2] != ["blob"] or name != path.encode(errors="replace"):
            raise RepositoryError(f"no file '{path[:120]}' in {commit[:12]}")
        return self.blob(parts[2], limit)

    def blob(self, id: str, limit: int = FILE_LIMIT) -> Output:
        """Return the content with that id."""
        return self._git("cat-file", "blob", id, limit=limit)

    def _git(self, *arguments: str, limit: int = 64 * 1024) -> Output:
        try:
            return run_git(self._git_dir, *arguments, limit=limit)
        except FileNotFoundError:
            raise RepositoryError("git is not installed where the worker runs") from None


def open_repository(root: Path, name: str) -> Repository:
    """Open the repository in folder `name` below `root`.

    Raises:
        RepositoryError: it is not there, or does not lie below the root.
    """
    if not _FOLDER.fullmatch(name):
        raise RepositoryError(f"'{name[:80]}' is not a repository: name its folder below the root")
    top = root.resolve()
    folder = (top / name).resolve()
    git_dir = (folder / ".git" if (folder / ".git").exists() else folder).resolve()
    if not (folder.is_relative_to(top) and git_dir.is_relative_to(top)):
        raise RepositoryError(f"'{name}' leads out of the folder of repositories")
    # A worktree or a submodule keeps its objects elsewhere, and says where.
    if not (git_dir / "HEAD").is_file() or (git_dir / "commondir").exists():
        raise RepositoryError(
            f"no git repository '{name}' in {top.name}/: clone it there, or set CODE_REVIEW_ROOT "
            "for the worker"
        )
    return Repository(git_dir)


def is_branch_name(name: str) -> bool:
    """Return whether git would accept `name` for a branch, by `git check-ref-format --branch`."""
    return (
        0 < len(name) <= 200
        and name not in ("@", "HEAD")
        and not name.startswith("-")
        and not name.endswith((".", "/"))
        and not _NOT_IN_BRANCHES.search(name)
        and all(
            part and not part.startswith(".") and not part.endswith(".lock")
            for part in name.split("/")
        )
    )


def _text(output: Output) -> str:
    return output.data.decode("utf-8", "replace")
