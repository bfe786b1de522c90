"""What can be found in a diff by rule. Pure.

Only added lines are judged: nobody is told off for what was there before. Messages are fixed
words. They quote nothing, so no secret travels further, and no text from a branch reaches
another model in the guise of a finding.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from review_patch import AddedLine, ChangedFile

LONGEST_FUNCTION = 60
"""Lines of a Python function, its `def` included, beyond which it is reported."""
LONGEST_LINE = 2000
"""Characters of a line that are looked at: minified code has lines of megabytes."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """It must not be merged."""
    WARNING = "warning"
    NOTE = "note"


class Verdict(StrEnum):
    """What a review comes to."""

    APPROVE = "approve"
    COMMENT = "comment"
    REQUEST_CHANGES = "request_changes"


@dataclass(frozen=True)
class Finding:
    """One thing found."""

    rule: str
    severity: Severity
    path: str
    line: int
    """In the newer file, from 1; 0 means the file as a whole."""
    message: str


@dataclass(frozen=True)
class _LineRule:
    rule: str
    severity: Severity
    pattern: re.Pattern[str]
    message: str
    suffixes: tuple[str, ...] = ("",)
    """Of the files it is for."""
    exempt: tuple[str, ...] = ()


_SECRET = r"""(?ix)
    (?:password|passwd|secret|api_?key|access_?key|auth_?token)["']?
    \s*(?:=|:|=>)\s*
    (["'])(?!\1)(?![^"']*(?:\$\{|\{\{|<|%\(|example|placeholder|changeme|xxx))[^"'\s]{8,}\1
"""
_TOKENS = (
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[opsur]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22,}"
    r"|\bsk-ant-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}"
    r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
)
_SCRIPT = (".js", ".jsx", ".mjs", ".ts", ".tsx")
_RULES = (
    _LineRule(
        "conflict-marker",
        Severity.ERROR,
        re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |$)"),
        "A merge conflict was committed unresolved.",
    ),
    _LineRule(
        "secret",
        Severity.ERROR,
        re.compile(_TOKENS),
        "This has the shape of a credential. Revoke it and read it from the environment: "
        "removing it from the branch is not enough.",
    ),
    _LineRule(
        "secret",
        Severity.ERROR,
        re.compile(_SECRET),
        "A password or key stands in the code. Change it and read it from the environment: "
        "removing it from the branch is not enough.",
    ),
    _LineRule(
        "debugging",
        Severity.WARNING,
        re.compile(r"^\s*(?:print\(|breakpoint\(|(?:import|from) i?pdb\b|i?pdb\.set_trace\()"),
        "Debugging was left behind; use the log, or remove it.",
        suffixes=(".py",),
    ),
    _LineRule(
        "debugging",
        Severity.WARNING,
        re.compile(r"^\s*(?:console\.(?:debug|log|trace)\(|debugger\b)"),
        "Debugging was left behind; use the log, or remove it.",
        suffixes=_SCRIPT,
    ),
    _LineRule(
        "todo",
        Severity.NOTE,
        re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
        "Something is left to do: do it, or say in an issue who will.",
    ),
    _LineRule(
        "trailing-whitespace",
        Severity.NOTE,
        re.compile(r"[ \t]$"),
        "The line ends in blanks.",
        # There, two blanks mean a new line, and patches have them on every empty line.
        exempt=(".md", ".patch", ".diff"),
    ),
)
# A line of equals signs also underlines a heading: it counts between the other markers only.
_MIDDLE = re.compile(r"={7}$")
_DEFINITION = re.compile(r"([ \t]*)(?:async[ \t]+)?def[ \t]")


def check_file(file: ChangedFile) -> list[Finding]:
    """Find what the diff of one file shows, in the order of its lines."""
    if file.unread:
        return [_whole(file, "unread", "The diff is too large: this file was not read.")]
    if file.binary and file.status != "D":
        return [_whole(file, "binary", "A binary file: nobody can see what it holds.")]
    if file.mode in ("120000", "160000"):
        # The target of a link, the commit of a submodule: no text of anybody's.
        return []
    return check_lines(file.path, file.added)


def check_lines(path: str, added: Sequence[AddedLine]) -> list[Finding]:
    """Find what single added lines show: at most one finding per line and rule."""
    found: dict[tuple[int, str], Finding] = {}
    for line in added:
        # A line cut off ends in whatever stood there: no reason to say that it ends in blanks.
        text = line.text if len(line.text) <= LONGEST_LINE else line.text[:LONGEST_LINE].rstrip()
        for rule in _RULES:
            meant = path.endswith(rule.suffixes) and not path.endswith(rule.exempt)
            if meant and rule.pattern.search(text):
                finding = Finding(rule.rule, rule.severity, path, line.number, rule.message)
                found.setdefault((line.number, rule.rule), finding)
    conflict = _RULES[0]
    if any(finding.rule == conflict.rule for finding in found.values()):
        for line in added:
            if _MIDDLE.match(line.text):
                found[line.number, conflict.rule] = Finding(
                    conflict.rule, conflict.severity, path, line.number, conflict.message
                )
    return sorted(found.values(), key=lambda finding: (finding.line, finding.rule))


def check_functions(path: str, source: str, added: Iterable[int]) -> list[Finding]:
    """Find Python functions that are far too long and that the branch has touched.

    By indentation, not by parsing: the source may be of any version, or broken, and a parser
    can be brought down with it. A text that is indented less than its function ends it, so
    some are found shorter than they are; none longer.
    """
    lines = source.split("\n")
    touched = set(added)
    found: list[Finding] = []
    open_functions: list[tuple[int, int]] = []  # (indentation, number of the line with `def`)
    last = 0  # the newest line that is not blank

    def close(indentation: int) -> None:
        while open_functions and indentation <= open_functions[-1][0]:
            start = open_functions.pop()[1]
            if last - start >= LONGEST_FUNCTION and touched & set(range(start, last + 1)):
                message = (
                    f"This function has {last - start + 1} lines, at most {LONGEST_FUNCTION} can "
                    "be followed: split it."
                )
                found.append(Finding("long-function", Severity.WARNING, path, start, message))

    for number, line in enumerate(lines, start=1):
        text = line.strip()
        # A `):` or `]` of a signature on several lines stands where its `def` does.
        if not text or text.startswith("#") or text[0] in ")]}":
            continue
        indentation = len(line) - len(line.lstrip())
        close(indentation)
        if _DEFINITION.match(line):
            open_functions.append((indentation, number))
        last = number
    close(-1)
    return sorted(found, key=lambda finding: finding.line)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return what the findings come to."""
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return Verdict.REQUEST_CHANGES
    return Verdict.COMMENT if severities else Verdict.APPROVE


def worst(findings: Sequence[Finding], most: int) -> list[Finding]:
    """Return at most `most` of them, the gravest, in the order of files and lines."""
    order = list(Severity)
    kept = sorted(findings, key=lambda finding: order.index(finding.severity))[:most]
    return sorted(kept, key=lambda finding: (finding.path, finding.line, finding.rule))


def in_words(files: Sequence[ChangedFile], findings: Sequence[Finding]) -> str:
    """Sum up a review in one or two sentences."""
    lines = sum(len(file.added) for file in files)
    looked = f"{counted(len(files), 'file')} changed, {counted(lines, 'line')} added"
    if not findings:
        return f"{looked}: nothing found."
    severities: Mapping[Severity, int] = Counter(finding.severity for finding in findings)
    told = ", ".join(counted(severities[s], s.value) for s in Severity if s in severities)
    rules = ", ".join(sorted({finding.rule for finding in findings}))
    return f"{looked}: {told} ({rules})."


def counted(count: int, noun: str, plural: str = "") -> str:
    """Say `1 file`, `2 files`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def _whole(file: ChangedFile, rule: str, message: str) -> Finding:
    return Finding(rule, Severity.NOTE, file.path, 0, message)
