"""Jobs of a crontab as agents: one file each, in words that people go on with. Pure."""

import re
from collections.abc import Collection, Iterable
from pathlib import PurePath
from typing import Any

from rota.audit.redaction import Redactor
from rota.runtime_specs.base import is_reference
from schedules.importing.agent_files import LONGEST, AgentFile, agent_file, as_template, free_name
from schedules.importing.crontab import Job

_SECRET = re.compile(r"(key|token|secret|passw|credential)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_.+~/-]*[A-Za-z][A-Za-z0-9_.+~/-]*")
_BETWEEN_WORDS = re.compile(r"[\s;&|()<>\"'=]+")
_GOES_TO = re.compile(r"^\s*cd\s+\S+\s*(&&|;)")
_NO_PROGRAM = frozenset(
    {"cd", "test", "sh", "bash", "exec", "env", "nice", "ionice", "sudo", "flock", "timeout"}
    | {"python", "python3", "perl", "php", "ruby", "node", "run-parts", "chronic", "root"}
)
"""Words before the one that says what a command does."""
_SHOWN = 80
_redactor = Redactor()


def shown(text: str) -> str:
    """Return a line's text as it may be printed: without what looks like a secret."""
    return _redactor.text(text)


def secrets_of(job: Job) -> list[str]:
    """Return the variables whose values look like secrets: declarations only refer to those."""
    return [
        name
        for name, value in job.variables.items()
        if value
        and not is_reference(value)
        and (_SECRET.search(name) or shown(f"{name}={value}") != f"{name}={value}")
    ]


def tells_secret(job: Job) -> bool:
    """True of a job whose command or input holds what looks like a secret, and so its file does."""
    return any(shown(text) != text for text in (job.command, job.stdin or ""))


def job_agent(job: Job, taken: Collection[str], source: str, timezone: str) -> AgentFile:
    """Return the agent that does what the job does, named after its program.

    Args:
        job: The job.
        taken: Names that others have.
        source: Name of the crontab.
        timezone: Of jobs that name none.
    """
    runtime: dict[str, Any] = {
        "kind": "command",
        # As cron does: by the shell, in the home folder of its user.
        "command": [job.shell, "-c", as_template(f"cd; {job.command}")],
    }
    if job.stdin is None:
        runtime["input"] = "none"
    else:
        runtime["stdin"] = as_template(job.stdin)
    if job.variables:
        secret = set(secrets_of(job))
        runtime["env"] = {
            key: f"env:{key}" if key in secret else value for key, value in job.variables.items()
        }
    command, comment = (" ".join(shown(text).split()) for text in (job.command, job.comment))
    document = {
        "description": comment[:200] or f"Runs {command[:_SHOWN]}",
        "runtime": {**runtime, "inactivity": LONGEST},
        "instructions": f"Run a job of {source}.",
        "schedule": {
            "cron": job.cron[0] if len(job.cron) == 1 else list(job.cron),
            "timezone": job.timezone or timezone,
        },
    }
    return agent_file(_name(job, taken), _remarks(job, source), document)


def _name(job: Job, taken: Collection[str]) -> str:
    for word in _BETWEEN_WORDS.split(_GOES_TO.sub("", job.command)):
        program = PurePath(word).name
        if not _WORD.fullmatch(word) or word.startswith("-") or program in _NO_PROGRAM:
            continue
        if name := free_name(PurePath(word).stem, taken):
            return name
    return free_name("job", taken)


def _remarks(job: Job, source: str) -> Iterable[str]:
    yield f"Line {job.line} of {source}."
    yield "Cron starts a job beside one that still works (overlap: allow), and makes up for none"
    yield "that was missed (catchup: {policy: skip}); Rota's defaults are the careful ones."
    if len(job.cron) > 1:
        yield "Two expressions: cron fires on the day of the month and on the day of the week."
    if job.timezone:
        yield f"CRON_TZ={job.timezone}: cronie's; other crons go by the machine's clock."
    if zone := job.variables.get("TZ"):
        yield f"TZ={zone} is the command's alone, as in cron; when it runs, schedule.timezone says."
    if job.user:
        yield f"Ran as user {job.user}: now it runs as the worker's."
    if job.mailto:
        yield f"MAILTO={job.mailto}: declare notify to tell somebody."
    elif job.mailto is not None:
        yield "MAILTO was empty: nobody was told."
    for name in secrets_of(job):
        yield f"{name} is left out of this file: set it where the workers run."
    if tells_secret(job):
        yield "What looks like a secret stands in the command: move it to runtime.env as env:NAME."
