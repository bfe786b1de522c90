"""Bad agent documents: each problem is one line that says where and how to mend it."""

from pathlib import Path

import pytest

from activities.runtimes.kinds import runtime_kinds
from tests.schedules.fleet_folder import AGENT, problems_of

KINDS = ", ".join(runtime_kinds())

BAD: list[tuple[str, str, list[str]]] = [
    (
        "unknown key",
        AGENT + "shedule: {cron: '@daily'}\n",
        ["agents/x.yaml:3: shedule: unknown key 'shedule'; did you mean 'schedule'?"],
    ),
    (
        "unknown nested key",
        AGENT + "schedule:\n  cron: '@daily'\n  catchup: {polcy: latest}\n",
        ["agents/x.yaml:5: schedule.catchup.polcy: unknown key 'polcy'; did you mean 'policy'?"],
    ),
    (
        "unknown calendar key in a list",
        AGENT + "schedule:\n  calendar:\n    - {hour: 8}\n    - {hours: 8}\n",
        ["agents/x.yaml:6: schedule.calendar[1].hours: unknown key 'hours'; did you mean 'hour'?"],
    ),
    (
        "key without a likeness",
        AGENT + "session: {zzz: 1}\n",
        [
            "agents/x.yaml:3: session.zzz: unknown key 'zzz'; known: baseline, compact_above, "
            "concurrency, continue, key"
        ],
    ),
    (
        "unknown runtime key",
        "name: x\nruntime:\n  kind: anthropic\n  model: m\n  max_token: 5\n",
        [
            "agents/x.yaml:5: runtime.max_token: "
            "unknown key 'max_token'; did you mean 'max_output_tokens'?"
        ],
    ),
    (
        "wrong types, all at once",
        "name: x\nruntime: {kind: anthropic, model: m, max_turns: many}\n"
        "tools: ledger.read\ninput: [1]\ndescription: {input.x}\n",
        [
            "agents/x.yaml:2: runtime.max_turns: expected a whole number, got text",
            "agents/x.yaml:3: tools: expected a list, got text",
            "agents/x.yaml:4: input: expected a mapping, got a list",
            "agents/x.yaml:5: description: expected text, got a mapping; "
            'quote text that begins with a brace, for example "{input.account}"',
        ],
    ),
    (
        "checks",
        AGENT + "checks:\n  a: {condition: 'memory.x'}\n  b: {schema: {type: nothing}}\n",
        [
            "agents/x.yaml:4: checks.a.condition: no 'memory' here; a condition may name output, "
            "baseline, input, slot, covers, run",
            "agents/x.yaml:5: checks.b.schema.type: not a JSON Schema at type: 'nothing' is not "
            "valid under any of the given schemas",
        ],
    ),
    (
        "a check against a baseline that nobody keeps",
        AGENT + "checks:\n  a: {baseline: {path: rows, within: 5}}\n",
        [
            "agents/x.yaml:4: checks.a.baseline: no baseline is kept: declare "
            "session: {baseline: manual}, or auto"
        ],
    ),
    (
        "out of bounds",
        "name: x\nruntime: {kind: anthropic, model: m, max_turns: 0}\nretry: {attempts: 101}\n",
        [
            "agents/x.yaml:2: runtime.max_turns: must be at least 1, not 0",
            "agents/x.yaml:3: retry.attempts: must be at most 100, not 101",
        ],
    ),
    (
        "how soon a worker counts as lost",
        AGENT + "retry: {lost_after: 4s}\n",
        ["agents/x.yaml:3: retry.lost_after: must be at least 5 seconds, not 4s"],
    ),
    (
        "bounds as YAML writes them",
        "name: x\nruntime:\n  kind: anthropic\n  model: m\n  timeout: 20m\n"
        "  requests_per_second: -1\n  fallback: ["
        + ", ".join(["{kind: openai, model: m}"] * 6)
        + "]\n",
        [
            "agents/x.yaml:5: runtime.timeout: must be at most 14 minutes, not 20m",
            "agents/x.yaml:6: runtime.requests_per_second: must be more than 0, not -1",
            "agents/x.yaml:7: runtime.fallback: must have at most 5 entries",
        ],
    ),
    (
        "forms in words",
        "name: x\nruntime: {kind: bedrock-agent, agent_id: a b, alias_id: LONGER-THAN-TEN}\n",
        [
            "agents/x.yaml:2: runtime.agent_id: write the id: at most ten letters and digits, "
            "no name, no ARN",
            "agents/x.yaml:2: runtime.alias_id: write the id: at most ten letters and digits, "
            "no name, no ARN",
        ],
    ),
    (
        "missing keys",
        "description: nothing else\n",
        [
            "agents/x.yaml:1: name: missing; this key is required",
            "agents/x.yaml:1: runtime: missing; this key is required",
        ],
    ),
    (
        "missing runtime keys",
        "name: x\nruntime:\n  kind: anthropic\n",
        ["agents/x.yaml:2: runtime.model: missing; this key is required"],
    ),
    (
        "bad name",
        AGENT.replace("name: x", "name: Nightly Report"),
        [
            "agents/x.yaml:1: name: 'Nightly Report' is not a name: lower-case letters, digits "
            "and single hyphens, at most 60 characters, for example nightly-report"
        ],
    ),
    (
        "unknown kind",
        "kind: Pipe\nname: x\nnodes: {}\n",
        ["agents/x.yaml:1: kind: unknown kind 'Pipe'; known: Agent, Pipeline, Team"],
    ),
    (
        "unknown runtime kind",
        "name: x\nruntime: {kind: gpt}\n",
        [f"agents/x.yaml:2: runtime.kind: unknown runtime 'gpt'; known: {KINDS}"],
    ),
    (
        "secret written out",
        "name: x\nruntime: {kind: anthropic, model: m, api_key: sk-secret}\n",
        [
            "agents/x.yaml:2: runtime.api_key: "
            "write a reference, env:NAME or file:/path, never the secret itself"
        ],
    ),
    (
        "missing prompt file",
        AGENT + "instructions: prompts/gone.md\n",
        [
            "agents/x.yaml:3: instructions: "
            "no file 'prompts/gone.md' in the fleet's folder; mend the path"
        ],
    ),
    (
        "prompt outside",
        AGENT + "instructions: ../secret.md\n",
        [
            "agents/x.yaml:3: instructions: "
            "'../secret.md' lies outside the fleet's folder; move the file into it"
        ],
    ),
    (
        "cron banana",
        AGENT + "schedule:\n  cron: banana\n",
        [
            "agents/x.yaml:4: schedule.cron: cron 'banana': expected five fields "
            "(minute hour day-of-month month day-of-week), found 1; "
            "write for example '5 * * * *' or @daily"
        ],
    ),
    (
        "second of several crons",
        AGENT + "schedule:\n  cron:\n    - '@daily'\n    - '61 * * * *'\n",
        ["agents/x.yaml:6: schedule.cron[1]: cron '61 * * * *': minute '61': outside 0-59"],
    ),
    (
        "bad calendar, interval, overlap, date and time",
        AGENT + "schedule:\n  calendar: {hour: 25}\n  every: 0.5s\n  overlap: maybe\n"
        "  exclude: [2026-02-30]\n  start: soon\n",
        [
            "agents/x.yaml:4: schedule.calendar: hour '25': outside 0-23",
            "agents/x.yaml:5: schedule.every: an interval is a whole number of seconds, "
            "at least 1s",
            "agents/x.yaml:6: schedule.overlap: 'maybe' is none of skip, queue_one, queue_all, "
            "cancel_other, terminate_other, allow",
            "agents/x.yaml:7: schedule.exclude[0]: expected a date such as 2026-12-25, got text",
            "agents/x.yaml:8: schedule.start: "
            "expected a time such as 2026-12-25T06:00:00+01:00, got text",
        ],
    ),
    (
        "bad duration",
        AGENT + "budget: {wall_clock: soon}\n",
        [
            "agents/x.yaml:3: budget.wall_clock: 'soon' is not a duration; "
            "write for example 30s, 5m or 1h30m"
        ],
    ),
    (
        "schedule that says nothing",
        AGENT + "schedule: {timezone: UTC}\n",
        ["agents/x.yaml:3: schedule: say when: give at least one of cron, every, calendar"],
    ),
    (
        "inline schema that is none",
        AGENT + "output:\n  schema:\n    type: object\n    required: total\n",
        [
            "agents/x.yaml:6: output.schema.required: not a JSON Schema at required: "
            "'total' is not of type 'array'"
        ],
    ),
    (
        "schema that points away",
        AGENT + "output:\n  schema:\n    $ref: https://example.com/x.json\n",
        [
            "agents/x.yaml:5: output.schema.$ref: "
            "'https://example.com/x.json' is not in this schema; write #/$defs/..."
        ],
    ),
    (
        "schema of another dialect",
        AGENT + "output: {schema: {$schema: 'http://json-schema.org/draft-04/schema#'}}\n",
        [
            "agents/x.yaml:3: output.schema.$schema: 'http://json-schema.org/draft-04/schema#' "
            "is not read here; write https://json-schema.org/draft/2020-12/schema or leave it out"
        ],
    ),
    (
        "script and turns",
        "name: x\nruntime: {kind: scripted, script: a.yaml, turns: [{result: 1}]}\n",
        ["agents/x.yaml:2: runtime.script: give either script or turns, not both"],
    ),
    (
        "no mapping",
        "- name: x\n",
        [
            "agents/x.yaml:1: expected a mapping with name and runtime, with kind: Pipeline, "
            "name and nodes, or with kind: Team, name and budget, got a list"
        ],
    ),
    (
        "events, locks, needs and keys of the wrong shape",
        AGENT + "emits: [ok, Not Good]\nlocks: [Ledger, {name: gl, wai: 1m}]\n"
        "needs: [{agent: y, deadline: soon}]\ndedupe: {kee: 3d, key: k}\n"
        "on: [{event: a.b, filter: 'payload.x >'}]\n",
        [
            "agents/x.yaml:3: emits[1]: 'Not Good' is not an event: lower-case words joined by "
            "dots, at most 100 characters, for example reconciliation.completed",
            "agents/x.yaml:4: locks[0]: 'Ledger' is not a lock: lower-case letters, digits "
            "and single hyphens, at most 60 characters, for example general-ledger",
            "agents/x.yaml:4: locks[1].wai: unknown key 'wai'; did you mean 'wait'?",
            "agents/x.yaml:5: needs[0].deadline: 'soon' is not a time: write a local clock time "
            'such as "06:15", or a time after the slot such as 2h',
            "agents/x.yaml:6: dedupe.kee: unknown key 'kee'; did you mean 'keep'?",
            "agents/x.yaml:7: on[0].filter: condition 'payload.x >': it ends early; "
            "write for example report.output.total > 100",
        ],
    ),
    (
        "handoffs by hand",
        AGENT + "handoffs: {y: {description: Does it.}}\n",
        [
            "agents/x.yaml:3: handoffs: filled in by Rota; remove it and name the agents under "
            "tools: agents.<name>"
        ],
    ),
    (
        "accepted input that is no schema",
        AGENT + "accepts:\n  schema:\n    type: objekt\n",
        [
            "agents/x.yaml:5: accepts.schema.type: not a JSON Schema at type: 'objekt' is not "
            "valid under any of the given schemas"
        ],
    ),
    (
        "accepted input from a file that is not there",
        AGENT + "accepts: {schema: schemas/gone.json}\n",
        [
            "agents/x.yaml:3: accepts.schema: "
            "no file 'schemas/gone.json' in the fleet's folder; mend the path"
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_load_fleet_bad_document_names_place_and_cure(
    folder: Path, text: str, expected: list[str]
) -> None:
    """Each problem is one line with file, line, key, and what to write instead."""
    assert problems_of(folder, text) == expected
