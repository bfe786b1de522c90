"""The JSON Schema of an agent document, for editors that complete and check YAML.

Derived from the models, so it cannot drift from what `rota validate` accepts. What the
models say in code only is added here: one value or a list, a file or its content, and
the keys of each kind of runtime. Descriptions are the models' own docstrings.
"""

import ast
import inspect
import textwrap
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

from pydantic import BaseModel

from rota.agent_spec import AgentSpec, BudgetSpec, OutputSpec, RetrySpec, SessionSpec
from rota.durations import format_duration
from rota.names import NAME_PATTERN
from rota.runtime_specs import (
    AnthropicSettings,
    ScriptedCall,
    ScriptedSettings,
    ScriptedTurn,
    ScriptedUsage,
)
from rota.schedule_spec import Calendar, Catchup, ScheduleSpec

Schema = dict[str, Any]

_MODELS: tuple[type[BaseModel], ...] = (
    AgentSpec,
    AnthropicSettings,
    BudgetSpec,
    Calendar,
    Catchup,
    OutputSpec,
    RetrySpec,
    ScheduleSpec,
    ScriptedCall,
    ScriptedSettings,
    ScriptedTurn,
    ScriptedUsage,
    SessionSpec,
)
_RUNTIMES: tuple[type[BaseModel], ...] = (AnthropicSettings, ScriptedSettings)


def fleet_json_schema() -> Schema:
    """Return the schema (2020-12) of one document in `agents/*.yaml`."""
    schema = AgentSpec.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = schema.pop("$defs")
    for model in _RUNTIMES:
        own = model.model_json_schema()
        definitions |= own.pop("$defs", {})
        definitions[model.__name__] = own
    for model in _MODELS:
        _describe(schema if model is AgentSpec else definitions[model.__name__], model)
    for name in ("name", "team"):
        schema["properties"][name] |= {"pattern": NAME_PATTERN, "maxLength": 60}
    _allow_single_values(definitions["ScheduleSpec"])
    _allow_files(schema, definitions)
    _split_runtimes(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rota agent",
        **_without_titles(schema),
        "$defs": {name: _without_titles(definitions[name]) for name in sorted(definitions)},
    }


def _describe(schema: Schema, model: type[BaseModel]) -> None:
    """Put at each property its attribute's docstring, and its default as YAML writes it."""
    docs = _attribute_docs(model)
    for name, info in model.model_fields.items():
        shown: Schema = schema["properties"][info.alias or name]
        if name in docs:
            shown["description"] = docs[name]
        if isinstance(info.default, timedelta):
            shown["default"] = format_duration(info.default)


def _attribute_docs(model: type[BaseModel]) -> dict[str, str]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    body = cast("ast.ClassDef", node).body
    docs: dict[str, str] = {}
    for statement, following in pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            docs[statement.target.id] = " ".join(str(following.value.value).split())
    return docs


def _allow_single_values(schedule: Schema) -> None:
    """`cron: "5 * * * *"` needs no list."""
    properties: dict[str, Schema] = schedule["properties"]
    for name in ("cron", "every", "calendar", "exclude"):
        one = properties[name].pop("items")
        del properties[name]["type"]
        properties[name]["anyOf"] = [one, {"type": "array", "items": one}]
    schedule["anyOf"] = [{"required": [name]} for name in ("cron", "every", "calendar")]


def _allow_files(schema: Schema, definitions: dict[str, Schema]) -> None:
    """Name the keys whose value may be a file of the fleet."""
    schema["properties"]["instructions"]["description"] = (
        "What the agent should do: the text, or a file by its path in the fleet."
    )
    output: Schema = definitions["OutputSpec"]["properties"]["schema"]
    inline = {key: output.pop(key) for key in ("type", "additionalProperties") if key in output}
    output["anyOf"] = [{"type": "string"}, inline]


def _split_runtimes(definitions: dict[str, Schema]) -> None:
    """Replace the open runtime block by one closed form per kind."""
    for model in _RUNTIMES:
        form = definitions[model.__name__]
        form["required"] = sorted({"kind", *form.get("required", [])})
    scripted = definitions["ScriptedSettings"]
    scripted["required"].remove("turns")
    scripted["properties"]["script"] = {
        "type": "string",
        "description": "A YAML file of the fleet that holds the list of turns.",
    }
    scripted["oneOf"] = [{"required": ["turns"]}, {"required": ["script"]}]
    definitions["RuntimeSpec"] = {
        "description": "Who does the thinking.",
        "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in _RUNTIMES],
    }


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
