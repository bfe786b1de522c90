"""The JSON Schema of a fleet's documents, for editors that complete and check YAML.

Derived from the models, so it cannot drift from what `rota validate` accepts. What the
models say in code only is added here: one value or a list, shorthands, a file or its
content, and the keys of each kind of runtime. Descriptions are the models' own docstrings.
"""

from typing import Any, cast

from pydantic import BaseModel

from activities.runtimes.kinds import runtime_kinds
from rota.agent_spec import AgentSpec, OutputSpec, RetrySpec, SessionSpec
from rota.approvals.business_hours import BusinessHours
from rota.approvals.spec import ALWAYS, KEY_PATTERN, NEVER, ApprovalRule, Escalation
from rota.budgets.spec import BudgetSpec, SoftLimit, TeamBudget, TeamSoftLimit
from rota.checks.spec import BaselineCheck, CheckSpec
from rota.coordination.spec import (
    EVENT_PATTERN,
    LOCK_PATTERN,
    AcceptsSpec,
    DedupeSpec,
    FairnessSpec,
    LimitsSpec,
    LockSpec,
    NeedFailure,
    NeedSpec,
    SubscriptionSpec,
)
from rota.language.names import NAME_PATTERN
from rota.notices.spec import NotifySpec, WebhookSpec
from rota.pipelines.spec import NodeFailure, NodeSpec, PipelineBudget, PipelineSpec
from rota.runtimes.kind import Shape
from rota.schedule.spec import Calendar, Catchup, ScheduleSpec
from rota.team_spec import TeamSpec
from rota.tool_limits import AgentLimits, ToolLimit
from schedules.agent_document import FILLED_IN, OF_THE_CHAIN
from schedules.runtime_schema import runtime_schema
from schedules.schema_docs import describe

Schema = dict[str, Any]

_NAME: Schema = {"pattern": NAME_PATTERN, "maxLength": 60}
_EVENT: Schema = {"pattern": f"^{EVENT_PATTERN}$", "maxLength": 100}
_LOCK: Schema = {"pattern": f"^{LOCK_PATTERN}$", "maxLength": 60}
_RUNNING: tuple[type[BaseModel], ...] = (AgentSpec, PipelineSpec)
_DOCUMENTS: tuple[type[BaseModel], ...] = (*_RUNNING, TeamSpec)
_MODELS: tuple[type[BaseModel], ...] = (
    ApprovalRule,
    BusinessHours,
    Escalation,
    AcceptsSpec,
    AgentLimits,
    BaselineCheck,
    BudgetSpec,
    Calendar,
    Catchup,
    CheckSpec,
    DedupeSpec,
    FairnessSpec,
    LimitsSpec,
    LockSpec,
    NeedFailure,
    NeedSpec,
    NodeFailure,
    NodeSpec,
    NotifySpec,
    OutputSpec,
    PipelineBudget,
    RetrySpec,
    ScheduleSpec,
    SessionSpec,
    SoftLimit,
    SubscriptionSpec,
    TeamBudget,
    TeamSoftLimit,
    ToolLimit,
    WebhookSpec,
)


def fleet_json_schema() -> Schema:
    """Return the schema (2020-12) of one document in `agents`, `pipelines` or `teams`."""
    definitions: dict[str, Schema] = {}
    kinds = tuple(runtime_kinds().values())
    wholes = {
        **{kind.settings.__name__: runtime_schema(kind) for kind in kinds},
        **{model.__name__: model.model_json_schema(by_alias=True) for model in _DOCUMENTS},
    }
    for name, own in wholes.items():
        definitions |= own.pop("$defs", {})
        definitions[name] = own
    for model in (*_DOCUMENTS, *_MODELS):
        describe(definitions[model.__name__], model)
    _shape_names(definitions)
    _omit_filled_in(definitions)
    _allow_single_values(definitions["ScheduleSpec"])
    _allow_shorthands(definitions)
    _allow_files(definitions)
    _split_runtimes(definitions, tuple(kind.settings.__name__ for kind in kinds))
    _describe_fallbacks(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rota agent, pipeline or team",
        "type": "object",
        # By kind and not by trial: an editor then complains about the form that is meant.
        "if": _is_a("Pipeline"),
        "then": {"$ref": "#/$defs/PipelineSpec"},
        "else": {
            "if": _is_a("Team"),
            "then": {"$ref": "#/$defs/TeamSpec"},
            "else": {"$ref": "#/$defs/AgentSpec"},
        },
        "$defs": {name: _without_titles(definitions[name]) for name in sorted(definitions)},
    }


def _is_a(kind: str) -> Schema:
    return {"properties": {"kind": {"const": kind}}, "required": ["kind"]}


def _shape_names(definitions: dict[str, Schema]) -> None:
    """Give names, events and locks the patterns that code checks them with."""
    named = {"AgentSpec": ("name", "team"), "PipelineSpec": ("name", "team")}
    named |= {"TeamSpec": ("name",)}
    for model, keys in {**named, "NeedSpec": ("agent",), "NodeSpec": ("agent",)}.items():
        for key in keys:
            definitions[model]["properties"][key] |= _NAME
    definitions["PipelineSpec"]["properties"]["nodes"]["propertyNames"] = _NAME
    limits = definitions["AgentLimits"]["properties"]
    limits["tools"]["propertyNames"] = {"pattern": KEY_PATTERN}
    for document in _RUNNING:
        definitions[document.__name__]["properties"]["emits"]["items"] |= _EVENT
    definitions["SubscriptionSpec"]["properties"]["event"] |= _EVENT
    definitions["LockSpec"]["properties"]["name"] |= _LOCK


def _omit_filled_in(definitions: dict[str, Schema]) -> None:
    """Rota fills them in; written by hand they are an error."""
    for key in FILLED_IN:
        del definitions["AgentSpec"]["properties"][key]
    del definitions["HandoffTarget"]


def _allow_single_values(schedule: Schema) -> None:
    """`cron: "5 * * * *"` needs no list."""
    properties: dict[str, Schema] = schedule["properties"]
    for name in ("cron", "every", "calendar", "exclude"):
        one = properties[name].pop("items")
        del properties[name]["type"]
        properties[name]["anyOf"] = [one, {"type": "array", "items": one}]
    schedule["anyOf"] = [{"required": [name]} for name in ("cron", "every", "calendar")]


def _allow_shorthands(definitions: dict[str, Schema]) -> None:
    """`dedupe: "{input.sha}"` and `locks: [general-ledger]` say enough."""
    agent: dict[str, Schema] = definitions["AgentSpec"]["properties"]
    agent["dedupe"]["anyOf"].insert(0, {"type": "string", "minLength": 1})
    rule: Schema = agent["approvals"]["additionalProperties"]
    agent["approvals"]["additionalProperties"] = {"anyOf": [{"enum": [ALWAYS, NEVER]}, rule]}
    agent["approvals"]["propertyNames"] = {"pattern": KEY_PATTERN}
    agent["locks"]["items"] = {"anyOf": [{"type": "string", **_LOCK}, agent["locks"]["items"]]}


def _allow_files(definitions: dict[str, Schema]) -> None:
    """Name the keys whose value may be a file of the fleet."""
    definitions["AgentSpec"]["properties"]["instructions"]["description"] = (
        "What the agent should do: the text, or a file by its path in the fleet."
    )
    for name in ("OutputSpec", "AcceptsSpec"):
        form: Schema = definitions[name]["properties"]["schema"]
        inline = {key: form.pop(key) for key in ("type", "additionalProperties") if key in form}
        form["anyOf"] = [{"type": "string"}, inline]
    definitions["CheckSpec"]["properties"]["schema"]["anyOf"].insert(0, {"type": "string"})


def _split_runtimes(definitions: dict[str, Schema], runtimes: tuple[str, ...]) -> None:
    """Replace the open runtime block by one closed form per kind."""
    scripted = definitions["ScriptedSettings"]
    scripted["required"].remove("turns")
    scripted["properties"]["script"] = {
        "type": "string",
        "description": "A YAML file of the fleet that holds the list of turns.",
    }
    scripted["oneOf"] = [{"required": ["turns"]}, {"required": ["script"]}]
    definitions["RuntimeSpec"] = {
        "description": "Who does the thinking.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in runtimes],
    }


def _describe_fallbacks(definitions: dict[str, Schema]) -> None:
    """A fallback is the runtime block of a kind that answers turn by turn, and has none itself."""
    kinds = runtime_kinds().values()
    able = [kind.settings.__name__ for kind in kinds if kind.shape is Shape.MODEL]
    form: Schema = {
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in able],
        "not": {"anyOf": [{"required": [key]} for key in OF_THE_CHAIN]},
    }
    for name in able:
        definitions[name]["properties"]["fallback"]["items"] = form


def _without_titles(node: Any) -> Any:
    """Drop pydantic's titles: they repeat the key, and editors show them in its stead."""
    if isinstance(node, dict):
        mapping = cast("Schema", node)
        return {
            key: _without_titles(value)
            for key, value in mapping.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [_without_titles(value) for value in cast("list[Any]", node)]
    return node
