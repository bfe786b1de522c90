"""What must never be committed: secrets, registries, somebody's own machine."""

import re

import pytest

from tests.house.repository import files, name_of

SECRETS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "Anthropic key": r"\bsk-ant-[\w-]{20,}",
    "OpenAI key": r"\bsk-(?:proj-)?[A-Za-z0-9]{32,}",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\bgh[opsu]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{22,}",
    "Slack token or webhook": r"\bxox[abprs]-[\w-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+",
}

# Written in pieces: this file is scanned too.
REGISTRIES = "|".join(
    re.escape(".".join(host))
    for host in (
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
    )
)

FORBIDDEN = {
    **SECRETS,
    "package registry": rf"{REGISTRIES}|(?<!emit-)\bindex-url\b\s*[=:]?\s*\S*://",
    "home folder": r"(?<![\w./-])/(?:home|Users)/[A-Za-z][\w.-]*/|(?<![\w./-])/r[o]ot/\w",
}


SIGNS = {
    "private key": ("PRIVATE KEY-----",),
    "Anthropic key": ("sk-ant-",),
    "OpenAI key": ("sk-",),
    "AWS access key": ("AKIA", "ASIA"),
    "GitHub token": ("gho_", "ghp_", "ghs_", "ghu_", "github_pat_"),
    "Slack token or webhook": ("xox", "hooks.slack.com"),
    "home folder": ("/home/", "/Users/", "/r" + "oot/"),
}
"""What every match of a pattern holds: to look for it first takes a tenth of the time."""


def findings(text: str) -> list[str]:
    """What in `text` must not be committed, as `line 3: AWS access key`."""
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {what}"
        for what, pattern in FORBIDDEN.items()
        if what not in SIGNS or any(sign in text for sign in SIGNS[what])
        for match in re.finditer(pattern, text)
    ]


def test_committed_files_hold_no_secret_registry_or_home_folder() -> None:
    """A clone of the repository tells nothing about who wrote it, and installs anywhere."""
    leaks = {
        name_of(path): found
        for path in files()
        if (found := findings(path.read_text(errors="replace")))
    }
    assert not leaks, leaks


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("key: sk-ant-" + "api03-" + "x" * 24, "Anthropic key"),
        ("AWS_ACCESS_KEY_ID=" + "AKIA" + "A" * 16, "AWS access key"),
        ("OPENAI_API_KEY=sk-" + "proj-" + "x" * 40, "OpenAI key"),
        ("GITHUB_TOKEN=gh" + "p_" + "a" * 36, "GitHub token"),
        ("SLACK_TOKEN=xo" + "xb-" + "1" * 12, "Slack token or webhook"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "private key"),
        ("see https://" + ".".join(["pypi", "org"]) + "/p/rota", "package registry"),
        ("--extra-index-url" + " https://packages.example", "package registry"),
        ("cd /home/" + "ann/rota", "home folder"),
    ],
)
def test_scan_of_a_planted_leak_names_it(text: str, what: str) -> None:
    """The scan finds each kind of thing it is there for."""
    assert findings("first line\n" + text) == [f"line 2: {what}"]
