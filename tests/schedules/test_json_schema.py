"""The schema for editors: it takes what loads, and refuses what does not."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rota.agent_spec import AgentSpec
from rota.pipelines.spec import PipelineSpec
from rota.team_spec import TeamSpec
from schedules.agent_document import FILLED_IN
from schedules.fleet import load_fleet
from schedules.json_schema import fleet_json_schema
from schedules.yaml_source import load_documents

SCHEMA = fleet_json_schema()
ROOT = Path(__file__).parents[2]

EVERYTHING = """\
kind: Agent
name: reconciliation
team: finance
description: Matches the bank feed to the general ledger every hour.
runtime:
  kind: anthropic
  model: claude-haiku-4-5
  max_turns: 20
  max_output_tokens: 4096
  effort: low
  api_key: env:ANTHROPIC_API_KEY
  timeout: 10m
instructions: Reconcile.
input: {feed: data/bank.csv}
tools: [ledger.match_batch, ledger.post]
output: {schema: {type: object}}
schedule:
  cron: ["5 * * * *", "@daily"]
  every: 1h
  calendar: {hour: 8, minute: "*/15"}
  exclude: 2026-12-25
  timezone: Europe/Berlin
  jitter: 30s
  start: 2026-12-01T00:00:00+01:00
  overlap: skip
  catchup: {policy: latest, window: 2h}
  paused: true
session: {key: "{input.feed}", concurrency: queue}
accepts: {schema: {type: object}}
dedupe: {key: "{input.feed}", keep: 30d}
needs:
  - agent: bank
    within: 2h
    not_before: "06:15"
    deadline: 90m
    on_failure: {rerun: 2, backoff: 5m}
    otherwise: use_last
on:
  - {event: bank.closed, filter: payload.amount > 10, input: {amount: "{payload.amount}"}}
locks: [general-ledger, {name: bank-account, wait: 10m}]
limits: {parallel: 2, tool_calls: 40, tools: {ledger.post: {per_run: 3}, "github.*": {per_run: 9}}}
notify:
  - {on: [failed, parked, budget_soft], slack: env:SLACK_WEBHOOK}
  - webhook: {url: https://host/hook, secret: [env:NEW, env:OLD]}
  - {on: [succeeded], webhook: {url: env:HOOK, secret: env:KEY}, email: [team@example.com]}
approvals:
  ledger.match_batch: never
  ledger.*:
    when: args.amount > 1000
    timeout: 4h
    otherwise: park
    four_eyes: true
    hours: {days: mon-fri, from: "08:30", to: "24:00", timezone: Europe/Berlin}
    escalate: {after: 1h, notify: [{slack: env:SLACK_WEBHOOK}]}
priority: 1
fairness: {key: "{input.feed}", weight: 2}
emits: [reconciliation.completed]
budget: {run_tokens: 200000, wall_clock: 30m}
retry: {attempts: 5, backoff: 2s, max_backoff: 2m, lost_after: 1m}
"""

PIPELINE = """\
kind: Pipeline
name: morning
team: finance
description: The morning's report.
input: {region: eu}
schedule: {cron: "0 6 * * 1-5", timezone: Europe/Berlin}
on: [{event: bank.closed}]
emits: [morning.done]
limits: {parallel: 1}
wall_clock: 4h
nodes:
  report: {agent: report, attempts: 3}
  check: {agent: check, after: report, for_each: "{report.output.rows}", parallel: 4}
  email:
    agent: email
    after: [report, check]
    when: report.output.total > 0
    not_before: "06:15"
    deadline: 2h
    on_failure: {rerun_upstream: 2, backoff: 1m, run: alarm}
    input: {report: "{report.output}"}
  tidy: {agent: tidy, after: {email: any}}
  alarm: {agent: alarm}
"""

TEAM = """\
kind: Team
name: finance
description: Those who count.
budget: {day_usd: 20, month_usd: 400, day_tokens: 1000000, timezone: Europe/Berlin, soft: {at: 0.9}}
"""

BASE = "name: x\nruntime: {kind: anthropic, model: m}\n"
GOOD = [
    EVERYTHING,
    PIPELINE,
    TEAM,
    BASE + 'dedupe: "{input.sha}"\n',
    BASE,
    BASE + 'schedule: {cron: "@hourly"}\n',
    BASE + "schedule: {every: [1h, 90m]}\n",
    "name: x\nruntime:\n  kind: scripted\n  turns:\n"
    "    - {calls: [{tool: a, args: {b: 1}}]}\n    - {result: 1}\n",
]
BAD = [
    BASE + "shedule: {}\n",
    BASE + "team_budget: true\n",
    "kind: Team\n",
    "kind: Team\nname: x\nbudget: {run_usd: 1}\n",
    "kind: Team\nname: x\nbudget: {soft: {model: m}}\n",
    BASE + "schedule: {timezone: UTC}\n",
    BASE + "schedule: {every: soon}\n",
    BASE + "schedule: {cron: '@daily', overlap: maybe}\n",
    BASE + "schedule: {calendar: {hours: 8}}\n",
    BASE + "tools: ledger.read\n",
    "name: Not A Name\nruntime: {kind: anthropic, model: m}\n",
    "name: x\nruntime: {kind: anthropic}\n",
    "name: x\nruntime: {model: m}\n",
    "name: x\nruntime: {kind: gpt, model: m}\n",
    "name: x\nruntime: {kind: anthropic, model: m, turns: []}\n",
    "name: x\nruntime: {kind: anthropic, model: m, api_key: sk-secret}\n",
    "name: x\nruntime: {kind: scripted}\n",
    "runtime: {kind: anthropic, model: m}\n",
    BASE + "handoffs: {}\n",
    BASE + "needs: [{agent: A}]\n",
    BASE + "needs: [{agent: a, otherwise: wait}]\n",
    BASE + "needs: [{agent: a, deadline: '25:00'}]\n",
    BASE + "on: [{event: Not Good}]\n",
    BASE + "locks: [Ledger]\n",
    BASE + "dedupe: {keep: 3d}\n",
    BASE + "limits: {parallel: 0}\n",
    BASE + "limits: {tool_calls: 0}\n",
    BASE + "limits: {tools: {a: 3}}\n",
    BASE + "limits: {tools: {a b: {per_run: 3}}}\n",
    BASE + "limits: {tools: {a: {per_run: 0}}}\n",
    "kind: Pipeline\nname: x\nnodes: {a: {agent: b}}\nlimits: {tool_calls: 2}\n",
    BASE + "priority: 9\n",
    BASE + "notify: [{on: [failed]}]\n",
    BASE + "notify: [{on: [broken], slack: env:HOOK}]\n",
    BASE + "notify: [{slack: 'https://hooks.example/T0'}]\n",
    BASE + "notify: [{email: [nobody]}]\n",
    BASE + "notify: [{webhook: {url: 'https://host/x'}}]\n",
    BASE + "notify: [{webhook: {url: 'https://me:pw@host/x', secret: env:KEY}}]\n",
    BASE + "approvals: {a b: always}\n",
    BASE + "approvals: {a: sometimes}\n",
    BASE + "approvals: {a: {otherwise: shrug}}\n",
    BASE + "approvals: {a: {hours: {days: weekdays}}}\n",
    BASE + "approvals: {a: {hours: {from: '9'}}}\n",
    BASE + "approvals: {a: {escalate: {notify: []}}}\n",
    BASE + "kind: Pipeline\n",
    "kind: Pipeline\nname: x\n",
    "kind: Pipeline\nname: x\nnodes: {}\n",
    "kind: Pipeline\nname: x\nnodes: {A B: {agent: a}}\n",
    "kind: Pipeline\nname: x\nnodes: {a: {agnt: a}}\n",
    "kind: Pipeline\nname: x\nnodes: {a: {agent: a}, b: {agent: a, after: {a: done}}}\n",
    "kind: Pipeline\nname: x\nnodes: {a: {agent: a, attempts: 0}}\n",
    "kind: Pipeline\nname: x\ntools: [a]\nnodes: {a: {agent: a}}\n",
]


def _document(folder: Path, text: str) -> Any:
    (folder / "agents").mkdir(exist_ok=True)
    path = folder / "agents" / "x.yaml"
    path.write_text(text)
    (document,) = load_documents(path, "agents/x.yaml")
    return document.data


def _errors(data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(data)]


def test_fleet_json_schema_is_itself_valid() -> None:
    """Editors can read it: it follows JSON Schema 2020-12."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", GOOD)
def test_fleet_json_schema_takes_what_loads(tmp_path: Path, text: str) -> None:
    """A declaration that loads has no error in the editor."""
    assert _errors(_document(tmp_path, text)) == []
    loaded = load_fleet(tmp_path)
    assert loaded.declarations or loaded.teams


@pytest.mark.parametrize("text", BAD)
def test_fleet_json_schema_refuses_what_does_not_load(tmp_path: Path, text: str) -> None:
    """What `rota validate` refuses for its shape is marked in the editor too."""
    data = _document(tmp_path, text)
    assert _errors(data)
    with pytest.raises(ValueError, match=r"agents/x\.yaml:"):
        load_fleet(tmp_path)


def test_fleet_json_schema_takes_script_and_files() -> None:
    """Names of files stand in for what they hold."""
    data: dict[str, Any] = {
        "name": "x",
        "runtime": {"kind": "scripted", "script": "scripts/x.yaml"},
        "instructions": "prompts/x.md",
        "output": {"schema": "schemas/x.json"},
    }
    assert _errors(data) == []
    data["runtime"]["turns"] = [{"result": 1}]
    assert _errors(data)


def test_fleet_json_schema_says_which_kind_it_complains_about() -> None:
    """A wrong key of a pipeline is told by a pipeline's form, not by every form there is."""
    document = {"kind": "Pipeline", "name": "x", "nodes": {"a": {"agent": "a", "tols": []}}}
    (message,) = _errors(document)
    assert "'tols' was unexpected" in message


def test_fleet_json_schema_covers_every_key() -> None:
    """No key of the model is missing, and every default fits its own schema."""
    definitions = SCHEMA["$defs"]
    assert {*definitions["AgentSpec"]["properties"], *FILLED_IN} == {*AgentSpec.model_fields}
    assert {*definitions["PipelineSpec"]["properties"]} == {*PipelineSpec.model_fields}
    assert {*definitions["TeamSpec"]["properties"]} == {*TeamSpec.model_fields}
    for definition in definitions.values():
        for name, form in definition.get("properties", {}).items():
            if "default" in form:
                validator = Draft202012Validator({**form, "$defs": SCHEMA["$defs"]})
                assert list(validator.iter_errors(form["default"])) == [], name


def test_fleet_json_schema_describes_keys() -> None:
    """The models' docstrings reach the editor."""
    schedule = SCHEMA["$defs"]["ScheduleSpec"]["properties"]
    assert schedule["exclude"]["description"] == "Whole local days on which nothing fires."
    assert schedule["jitter"]["default"] == "0s"
    node = SCHEMA["$defs"]["NodeSpec"]["properties"]
    assert node["parallel"]["description"].startswith("Items of `for_each`")
    assert SCHEMA["$defs"]["DedupeSpec"]["properties"]["keep"]["default"] == "90d"


def test_fleet_json_schema_takes_the_examples() -> None:
    """Every document of every example is valid in the editor."""
    folders = [ROOT.glob(f"examples/*/{name}/*.yaml") for name in ("agents", "pipelines")]
    for path in sorted(path for folder in folders for path in folder):
        for document in load_documents(path, path.name):
            assert _errors(document.data) == [], path
