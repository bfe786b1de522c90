"""Jobs of a crontab as agents: one file each, in words that people go on with. Pure."""

import re
from collections.abc import Collection, Iterable
from pathlib import PurePath
from typing import Any

import yaml

from rota.runtime_specs.base import is_reference
from schedules.importing.crontab import Job

_SECRET = re.compile(r"(key|token|secret|passw|credential)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_.+~/-]*[A-Za-z][A-Za-z0-9_.+~/-]*")
_NO_PROGRAM = frozenset(
    {"cd", "test", "sh", "bash", "exec", "env", "nice", "ionice", "sudo", "flock", "timeout"}
    | {"python", "python3", "perl", "php", "ruby", "node", "run-parts", "chronic", "root"}
)
"""Words before the one that says what a command does."""
_GOES_TO = re.compile(r"^\s*cd\s+\S+\s*(&&|;)")
LONGEST = "1d"
"""Cron ends nothing: longer than nearly any job, short enough that a hanging one is seen."""


def name_of(job: Job, taken: Collection[str]) -> str:
    """Return a name for the job's agent, after its program, that is not among `taken`."""
    base = next(
        (
            name
            for word in re.split(r"[\s;&|()<>\"'=]+", _GOES_TO.sub("", job.command))
            if _WORD.fullmatch(word) and not word.startswith("-") and word not in _NO_PROGRAM
            # A path of a folder, or of a program: its last part, without the ending.
            if (name := _name(PurePath(word).stem)) and PurePath(word).name not in _NO_PROGRAM
        ),
        "job",
    )
    number = 1
    name = base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _name(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[^a-z]+", "", name)[:50].rstrip("-")


def secrets_of(job: Job) -> list[str]:
    """Return the variables whose values look like secrets: declarations only refer to those."""
    return [
        name
        for name, value in job.variables.items()
        if _SECRET.search(name) and value and not is_reference(value)
    ]


def declaration(job: Job, name: str, source: str, timezone: str) -> str:
    """Return the YAML of the agent that does what the job does.

    Args:
        job: The job.
        name: Of the agent.
        source: Name of the crontab.
        timezone: The machine's, for jobs that name none.
    """
    lines = [f"# Line {job.line} of {source}."]
    lines += _remarks(job)
    runtime: dict[str, Any] = {
        "kind": "command",
        # As cron does: by the shell, in the home folder of its user.
        "command": [job.shell, "-c", _literal(f"cd; {job.command}")],
    }
    if job.stdin is None:
        runtime["input"] = "none"
    else:
        runtime["stdin"] = _literal(job.stdin)
    if job.variables:
        secret = set(secrets_of(job))
        runtime["env"] = {
            key: f"env:{key}" if key in secret else value for key, value in job.variables.items()
        }
    runtime["inactivity"] = LONGEST
    document: dict[str, Any] = {
        "kind": "Agent",
        "name": name,
        "description": " ".join(job.comment.split())[:200] or f"Runs {_short(job.command)}",
        "runtime": runtime,
        "instructions": f"Run a job of {source}.",
        "schedule": {
            "cron": job.cron[0] if len(job.cron) == 1 else list(job.cron),
            "timezone": job.timezone or timezone,
        },
        "budget": {"wall_clock": LONGEST},
    }
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return "\n".join(lines) + "\n" + body


def _remarks(job: Job) -> Iterable[str]:
    yield "# Cron starts a job beside one that still works (overlap: allow), and makes up for none"
    yield "# that was missed (catchup: {policy: skip}); Rota's defaults are the careful ones."
    if len(job.cron) > 1:
        yield "# Two expressions: cron fires on the day of the month and on the day of the week."
    if job.timezone:
        yield f"# CRON_TZ={job.timezone}"
    if job.user:
        yield f"# Ran as user {_one_line(job.user)}: now it runs as the worker's."
    if job.mailto:
        yield f"# MAILTO={_one_line(job.mailto)}: declare notify to tell somebody."
    elif job.mailto is not None:
        yield "# MAILTO was empty: nobody was told."
    for name in secrets_of(job):
        yield f"# {name} is left out of this file: set it where the workers run."


def _literal(text: str) -> str:
    """Return a template that gives `text`."""
    return text.replace("{", "{{").replace("}", "}}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _short(command: str) -> str:
    text = _one_line(command)
    return text if len(text) <= 80 else f"{text[:80]}…"
