"""What `git diff` wrote, as records. Pure.

File names are read from the raw listing, where each ends with a NUL, never from the patch,
where they are quoted; lines are counted by the hunk headers. So no file name and no content,
however it is made up, can pass for something else.
"""

import re
from dataclasses import dataclass, replace

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_SECTION = b"diff --git "


class PatchError(ValueError):
    """Listing and patch do not belong together."""


@dataclass(frozen=True)
class AddedLine:
    """A line that the newer side has and the older has not."""

    number: int
    """In the newer file, from 1."""
    text: str
    """Without its end."""


@dataclass(frozen=True)
class ChangedFile:
    """One file of a diff."""

    status: str
    """`A` added, `M` modified, `D` deleted, `R` renamed, `C` copied, `T` of another type."""
    path: str
    """In the newer commit; of a deleted file, in the older."""
    old_path: str
    mode: str = "100644"
    """Of the newer side: `120000` is a symbolic link, `160000` a submodule."""
    blob: str = ""
    """Id of the newer content; zeros if there is none."""
    binary: bool = False
    added: tuple[AddedLine, ...] = ()
    removed: int = 0
    """Lines that the older side has and the newer has not."""
    unread: bool = False
    """The diff was cut off before the end of this file: nothing is known of its content."""


@dataclass(frozen=True)
class _Section:
    binary: bool = False
    added: tuple[AddedLine, ...] = ()
    removed: int = 0


def changed_files(raw: bytes, patch: bytes, *, truncated: bool = False) -> list[ChangedFile]:
    """Put `git diff --raw -z --no-abbrev` and `git diff --patch` of the same two commits together.

    Args:
        raw: the listing, whole.
        patch: the patch; with `truncated`, only its beginning.
        truncated: the last file of the patch may be incomplete.

    Raises:
        PatchError: they do not fit together.
    """
    listed = read_listing(raw)
    # A file that became a link, or the reverse, is shown as one deleted and one added.
    places = [place for place, file in enumerate(listed) for _ in range(1 + (file.status == "T"))]
    sections = _read_sections(patch)
    if truncated:
        sections = sections[:-1]
    if len(sections) > len(places) or (len(sections) < len(places) and not truncated):
        raise PatchError(f"the diff lists {len(places)} files and shows {len(sections)}")
    shown: dict[int, list[_Section]] = {}
    for place, section in zip(places, sections, strict=False):
        shown.setdefault(place, []).append(section)
    return [
        _filled(file, shown.get(place, []), places.count(place))
        for place, file in enumerate(listed)
    ]


def read_listing(raw: bytes) -> list[ChangedFile]:
    """Read `git diff --raw -z --no-abbrev`: which files changed, and how.

    Raises:
        PatchError: it is none.
    """
    fields = iter(raw.split(b"\0")[:-1])
    files: list[ChangedFile] = []
    try:
        for head in fields:
            _, mode, _, blob, status = head.removeprefix(b":").decode("ascii").split(" ")
            old = _name(next(fields))
            new = _name(next(fields)) if status[0] in "RC" else old
            files.append(ChangedFile(status[0], new, old, mode, blob))
    except (StopIteration, ValueError):
        raise PatchError("the list of changed files cannot be read") from None
    return files


def _name(data: bytes) -> str:
    # Names are bytes; one that is no UTF-8 is shown with what it holds instead.
    return data.decode("utf-8", "backslashreplace")


def _filled(file: ChangedFile, sections: list[_Section], expected: int) -> ChangedFile:
    if len(sections) < expected:
        return replace(file, unread=True)
    return replace(
        file,
        binary=any(section.binary for section in sections),
        added=tuple(line for section in sections for line in section.added),
        removed=sum(section.removed for section in sections),
    )


def _read_sections(patch: bytes) -> list[_Section]:
    """Return one section per file, in order.

    Inside a hunk every line begins with a sign, and the header says how many there are: what
    begins with `diff --git` outside of one is git's own.
    """
    starts: list[tuple[list[AddedLine], list[bool]]] = []
    removed: list[int] = []
    old = new = number = 0
    for line in patch.split(b"\n"):
        if old > 0 or new > 0:
            sign = line[:1]
            if sign == b"+":
                starts[-1][0].append(AddedLine(number, _text(line[1:])))
            removed[-1] += sign == b"-"
            old -= sign in (b"-", b" ", b"")
            new -= sign in (b"+", b" ", b"")
            number += sign in (b"+", b" ", b"")
        elif line.startswith(_SECTION):
            starts.append(([], []))
            removed.append(0)
        elif starts and (hunk := _HUNK.match(line)):
            old, number, new = (int(part or b"1") for part in hunk.groups())
        elif starts and line.startswith(b"Binary files "):
            starts[-1][1].append(True)
    return [
        _Section(any(binary), tuple(added), gone)
        for (added, binary), gone in zip(starts, removed, strict=True)
    ]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").removesuffix("\r")
