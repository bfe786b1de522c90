"""The git tools of the code review example against whoever pushes a branch, and their names."""

import os
import subprocess
from pathlib import Path

import pytest

from rota.tools import ToolError
from tests.examples.code_review import Workplace, call, git, repositories, run_git

HOSTILE_PATHS = (
    "--output=stolen",
    ":(exclude)*",
    "*.py",
    "a b.py",
    "über.py",
    'quote".py',
    "tab\t.py",
    "new\nline.py",
    "diff --git a b",
    "@@ -1 +1 @@",
    "$(touch hacked).py",
)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A repository with one commit."""
    return Workplace(tmp_path)


def test_hostile_file_names_are_names_and_nothing_else(place: Workplace) -> None:
    """Options, pathspecs, quotes and line ends in a name are read, found and shown as they are."""
    place.branch()
    for path in HOSTILE_PATHS:
        place.write(path, "fine\n# TODO\n")
    head = place.commit()
    assert sorted(place.found(head)) == sorted(("todo", path, 2) for path in HOSTILE_PATHS)
    for path in HOSTILE_PATHS:
        assert place.call("git.show_file", head, path=path)["text"] == "fine\n# TODO\n"
        patch = place.call("git.diff", head, path=path)["patch"]
        assert patch.count("+# TODO") == 1
        assert place.call("review.comment", head, path=path, message="x")["comment"] > 0
    assert not list(place.fleet.rglob("stolen"))
    assert not list(place.fleet.rglob("hacked"))


def test_name_that_is_no_text_is_shown_and_breaks_nothing(place: Workplace) -> None:
    """A file name may be any bytes."""
    place.branch()
    blob = place.git("hash-object", "-w", "--stdin", stdin=b"# TODO\n")
    place.git("update-index", "--index-info", stdin=b"100644 " + blob.encode() + b"\tcaf\xe9.py\n")
    place.git("commit", "--quiet", "--message", "bytes")
    assert place.found(place.git("rev-parse", "HEAD")) == [("todo", r"caf\xe9.py", 1)]


@pytest.mark.parametrize(
    "name",
    [
        *("--upload-pack=touch hacked", "-x", "", "@", "HEAD", "a..b", "a b", "a~1", "a^{commit}"),
        *("a:b", "a?", "a*", "[a", "a\\b", "a@{1}", "/a", "a/", "a//b", ".a", "a/.b", "a.lock"),
        *("a.lock/b", "a.", "a\nb", "a\0b", "a\x7fb", "x" * 201),
    ],
)
def test_hostile_branch_name_is_refused_before_git_sees_it(place: Workplace, name: str) -> None:
    """No name is an option, a range, another kind of revision, or worse."""
    given = {"repository": "shop", "base": name or " "}
    with pytest.raises(ToolError, match="is not a name of a branch"):
        call(place.fleet, "git.branches", given)
    if "\0" not in name and len(name) <= 200 and name not in ("@", "HEAD"):  # Git's own rule.
        with pytest.raises(subprocess.CalledProcessError):
            place.git("check-ref-format", "--branch", name)


def test_branch_with_a_name_like_an_option_is_not_listed(place: Workplace) -> None:
    """It can exist, if somebody writes the reference by hand; it is nobody's to review."""
    place.branch()
    head = place.commit()
    (place.folder / ".git" / "refs" / "heads" / "--exec=evil").write_text(head + "\n")
    told = call(place.fleet, "git.branches", {"repository": "shop"})
    assert [found["branch"] for found in told["heads"]] == ["feature"]


@pytest.mark.parametrize("head", ["HEAD", "main", "--output=x", "0" * 39, "0" * 40, "main..x"])
def test_head_that_is_no_full_id_of_a_commit_is_refused(place: Workplace, head: str) -> None:
    """A key stands for one commit, so nothing but its full id names it."""
    with pytest.raises(ToolError, match=r"not the full id|no commit"):
        place.call("git.diff", head)


def test_blob_is_no_commit(place: Workplace) -> None:
    """An id of something else is refused."""
    with pytest.raises(ToolError, match="no commit"):
        place.call("git.log", place.git("rev-parse", "HEAD:base.txt"))


@pytest.mark.parametrize(
    "name", ["..", "../secret", "/etc", "shop/../../secret", ".git", "-C", "link", "linked", ""]
)
def test_repository_outside_the_root_is_refused(place: Workplace, name: str) -> None:
    """Neither a path nor a symbolic link leads out of the folder of repositories."""
    outside = place.fleet / "secret"
    outside.mkdir()
    run_git(outside, "init", "--quiet")
    (place.folder.parent / "link").symlink_to(outside)
    (place.folder.parent / "linked").mkdir()
    (place.folder.parent / "linked" / ".git").symlink_to(outside / ".git")
    with pytest.raises(ToolError, match=r"is not a repository|leads out|has no repository"):
        call(place.fleet, "git.branches", {"repository": name})


def test_folder_inside_another_repository_is_not_taken_for_it(place: Workplace) -> None:
    """Git would look further up, and find the fleet's own history."""
    run_git(place.fleet, "init", "--quiet")
    (place.folder.parent / "plain").mkdir()
    with pytest.raises(ToolError, match="no git repository 'plain' in repositories/"):
        call(place.fleet, "git.branches", {"repository": "plain"})


def test_root_comes_from_the_environment_alone(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts a run cannot choose what the worker opens."""
    monkeypatch.setenv("CODE_REVIEW_ROOT", str(tmp_path / "elsewhere"))
    given = {"repository": "shop", "root": "repositories", "CODE_REVIEW_ROOT": "repositories"}
    with pytest.raises(ToolError, match="no git repository 'shop' in elsewhere/"):
        call(place.fleet, "git.branches", given)


def test_huge_diff_is_cut_off_and_says_so(place: Workplace) -> None:
    """What was not read is listed, the review does not approve, and memory is bounded."""
    place.branch()
    place.write("a.txt", "fine\n")
    line = "some line of ninety-nine characters ".ljust(99, "-") + "\n"
    place.write("b.txt", line * (repositories.PATCH_LIMIT // len(line) + 1))
    place.write("c.py", "# TODO\n")
    head = place.commit()
    assert place.found(head) == [("unread", "b.txt", 0), ("unread", "c.py", 0)]
    assert place.call("review.check", head)["verdict"] == "comment"
    told = place.call("git.diff", head)
    assert told["patch_cut_off"]
    assert len(told["patch"]) <= 60_000
    assert place.call("git.diff", head, path="c.py")["patch"].endswith("+# TODO\n")
    shown = place.call("git.show_file", head, path="b.txt", lines=1000)
    assert shown["cut_off"]
    assert len(shown["text"]) <= 60_000


def test_content_like_a_patch_is_content(place: Workplace) -> None:
    """Lines that look like git's own headers count as the file's."""
    place.branch()
    lines = ["diff --git a/x b/x", "@@ -1 +1,9 @@", "--- a/x", "+++ b/x", "Binary files a and b"]
    place.write("patch.txt", "\n".join([*lines, "# TODO", r"\ No newline", "", "# FIXME"]))
    assert place.found(place.commit()) == [("todo", "patch.txt", 6), ("todo", "patch.txt", 9)]


def test_branch_cannot_hide_what_it_changes(place: Workplace) -> None:
    """Attributes that call a file binary, or convert it, do not count, checked out or not."""
    place.branch()
    place.write(".gitattributes", "*.py -diff\n*.js binary\n*.txt diff=evil\n")
    for path in ("a.py", "b.js", "c.txt"):
        place.write(path, "# TODO\n")
    place.git("config", "diff.evil.textconv", "true")
    head = place.commit()
    assert [path for _, path, _ in place.found(head)] == ["a.py", "b.js", "c.txt"]


def test_settings_of_the_repository_run_nothing(place: Workplace) -> None:
    """External diffs, filters, pagers, hooks and signature checks stay unused."""
    evil = place.fleet / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {place.fleet}/hacked\n")
    evil.chmod(0o755)
    place.branch()
    place.write("a.txt", "# TODO\n")
    place.write(".gitattributes", "* diff=evil filter=evil\n")
    head = place.commit()
    for key in (
        *("diff.external", "diff.evil.command", "diff.evil.textconv", "core.pager", "pager.diff"),
        *("pager.log", "core.fsmonitor", "gpg.program", "filter.evil.smudge", "core.sshCommand"),
    ):
        place.git("config", key, str(evil))
    for key, value in (
        ("log.showSignature", "true"),
        ("diff.noprefix", "true"),
        ("diff.suppressBlankEmpty", "true"),
        ("color.ui", "always"),
        ("diff.renames", "copies"),
        ("diff.context", "0"),
        ("format.pretty", "%n%n"),
    ):
        place.git("config", key, value)
    hook = place.folder / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir()
    hook.symlink_to(evil)
    assert place.found(head) == [("todo", "a.txt", 1)]
    assert place.call("git.diff", head, path="a.txt")["patch"].startswith("diff --git a/a.txt b/")
    assert place.call("git.log", head)["commits"][0]["subject"] == "Change"
    assert place.call("git.show_file", head, path="a.txt")["text"] == "# TODO\n"
    assert call(place.fleet, "git.branches", {"repository": "shop"})["heads"]
    assert not (place.fleet / "hacked").exists()


def test_environment_of_the_worker_does_not_reach_git(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that choose another repository or program are left behind."""
    place.branch()
    place.write("a.txt", "# TODO\n")
    head = place.commit()
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_COUNT"):
        monkeypatch.setenv(name, "1")
    assert place.found(head) == [("todo", "a.txt", 1)]


def test_replaced_object_does_not_stand_in_for_the_commit(place: Workplace) -> None:
    """What is reviewed under an id is the commit with that id."""
    place.branch()
    place.write("a.txt", "# TODO\n")
    head = place.commit()
    place.git("replace", head, place.base)
    assert place.found(head) == [("todo", "a.txt", 1)]


def test_command_that_takes_too_long_is_stopped(place: Workplace, tmp_path: Path) -> None:
    """A worker's thread is not held up for ever."""
    binary = tmp_path / "bin" / "git"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\nexec sleep 60\n")
    binary.chmod(0o755)
    path = f"{binary.parent}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        with pytest.raises(TimeoutError, match=r"git log took longer than 0\.2 s"):
            git.run_git(place.folder / ".git", "log", limit=100, seconds=0.2)
