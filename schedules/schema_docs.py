"""What the models say of their keys in docstrings, put into their JSON Schema."""

import ast
import inspect
import textwrap
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

from pydantic import BaseModel

from rota.durations import format_duration

Schema = dict[str, Any]


def describe(schema: Schema, model: type[BaseModel]) -> None:
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
