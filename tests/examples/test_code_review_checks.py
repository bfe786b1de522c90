"""What the checks of the code review example find in single lines, and what they leave alone."""

import pytest

from tests.examples.code_review import checks, patches

AWS_KEY = "AKIA" + "Q3X7LZ2MN5RT6WVB"
GITHUB_TOKEN = "ghp" + "_" + "a1B2" * 9
PRIVATE_KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"


def rules_of(path: str, *lines: str) -> list[tuple[int, str]]:
    """Line and rule of each finding in a file with these added lines."""
    added = [patches.AddedLine(number, text) for number, text in enumerate(lines, start=1)]
    return [(finding.line, finding.rule) for finding in checks.check_lines(path, added)]


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("a.py", "# TODO: later", "todo"),
        ("a.go", "x := 1 // FIXME", "todo"),
        ("a.py", "    print(total)", "debugging"),
        ("a.py", "breakpoint()", "debugging"),
        ("a.py", "import pdb; pdb.set_trace()", "debugging"),
        ("a.ts", "  console.log(total);", "debugging"),
        ("a.js", "debugger;", "debugging"),
        ("a.txt", "<<<<<<< HEAD", "conflict-marker"),
        ("a.txt", ">>>>>>> main", "conflict-marker"),
        ("a.txt", "||||||| 1f2e3d4", "conflict-marker"),
        ("a.py", "x = 1 ", "trailing-whitespace"),
        ("a.py", "\t", "trailing-whitespace"),
        ("a.env", f"KEY={AWS_KEY}", "secret"),
        ("a.yaml", f"token: {GITHUB_TOKEN}", "secret"),
        ("id", PRIVATE_KEY, "secret"),
        ("a.py", 'DB_PASSWORD = "' + 'h8!kd-29fQz"', "secret"),
        ("a.json", '  "api_key": "' + 'q8w7e6r5t4"', "secret"),
        ("a.rb", "secret => '" + "q8w7e6r5t4'", "secret"),
    ],
)
def test_line_with_a_flaw_is_found_by_its_rule(path: str, text: str, rule: str) -> None:
    """Each flaw is found once, by the rule that is there for it."""
    assert rules_of(path, text) == [(1, rule)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "todos = mastodon_hacks"),
        ("a.py", 'text = "print("'),
        ("a.py", "blueprint(1)"),
        ("a.md", "print(this)"),
        ("a.md", "A line break.  "),
        ("a.rst", "======="),
        ("a.txt", "<<<<<<<< eight"),
        ("a.py", "x <<= 1"),
        ("a.py", 'password = os.environ["DB_PASSWORD"]'),
        ("a.py", 'password = "${DB_PASSWORD}"'),
        ("a.py", 'password = "<your password>"'),
        ("a.py", 'password = "changeme123"'),
        ("a.py", 'password = ""'),
        ("a.py", "PASSWORD_LENGTH = 12"),
        ("a.py", "secret: str"),
        ("a.txt", ""),
    ],
)
def test_line_that_only_looks_odd_is_left_alone(path: str, text: str) -> None:
    """A false alarm costs a reader's trust."""
    assert rules_of(path, text) == []


def test_conflict_is_found_with_its_middle() -> None:
    """The equals signs count between the other markers."""
    lines = ("<<<<<<< HEAD", "ours", "=======", "theirs", ">>>>>>> main")
    assert rules_of("a.txt", *lines) == [(number, "conflict-marker") for number in (1, 3, 5)]


def test_finding_does_not_repeat_the_secret() -> None:
    """What is found travels into results and digests: the value stays where it was."""
    (finding,) = checks.check_lines("a.env", [patches.AddedLine(1, f"KEY={AWS_KEY}")])
    assert AWS_KEY[4:] not in finding.message


def test_line_of_megabytes_is_judged_by_its_beginning() -> None:
    """Minified code takes no time and raises no alarm where it is cut off."""
    assert rules_of("a.js", "x" * 1999 + " y" * 2_000_000) == []
    assert rules_of("a.py", "password = '" * 200_000) == []


def function(lines: int, name: str = "work", indentation: str = "") -> str:
    """A function of so many lines, its `def` included."""
    body = [f"{indentation}    x = {number}" for number in range(lines - 1)]
    return "\n".join([f"{indentation}def {name}():", *body])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (function(60), []),
        (function(61), [1]),
        ("# top\n\nasync " + function(80), [3]),
        ("class A:\n" + function(80, indentation="    "), [2]),
        (function(40) + "\n\n\n" + function(40), []),
        # Blank lines and comments at its end are not the function's.
        (function(60) + "\n" * 30 + "# end\nx = 1", []),
        # The outer one is long because of what it holds.
        ("def outer():\n" + function(70, indentation="    "), [1, 2]),
        ("def work(\n    a,\n):\n" + "\n".join(["    x = 1"] * 70), [1]),
        ("def broken(:\n  (((", []),
        ("(" * 100_000, []),
        ("", []),
    ],
)
def test_functions_far_too_long_are_found_at_their_def(source: str, expected: list[int]) -> None:
    """Length is counted from `def` to the last line of the body, whatever the text is."""
    touched = range(1, source.count("\n") + 2)
    found = checks.check_functions("a.py", source, touched)
    assert [finding.line for finding in found] == expected


def test_long_function_that_the_branch_has_not_touched_is_left_alone() -> None:
    """Nobody is told off for what was there before."""
    source = function(80) + "\n\n\n" + function(3, "new")
    assert checks.check_functions("a.py", source, [83, 84, 85]) == []
    assert len(checks.check_functions("a.py", source, [50])) == 1


@pytest.mark.parametrize(
    ("severities", "verdict"),
    [
        ([], "approve"),
        (["note"], "comment"),
        (["warning", "note"], "comment"),
        (["note", "error"], "request_changes"),
    ],
)
def test_verdict_follows_the_gravest_finding(severities: list[str], verdict: str) -> None:
    """One error is enough to hold a branch up, and a note never is."""
    findings = [
        checks.Finding("todo", checks.Severity(severity), "a.py", 1, "text")
        for severity in severities
    ]
    assert checks.verdict_of(findings) == verdict


def test_too_many_findings_keep_the_gravest() -> None:
    """What is left out is never the worst."""
    notes = [
        checks.Finding("todo", checks.Severity.NOTE, "a.py", line, "text") for line in range(9)
    ]
    error = checks.Finding("secret", checks.Severity.ERROR, "z.py", 1, "text")
    assert checks.worst([*notes, error], 3) == [*notes[:2], error]
