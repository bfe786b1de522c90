"""What classes say of their attributes in docstrings: put into a JSON Schema, or shown."""

import ast
import inspect
import textwrap
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

from pydantic import BaseModel

from rota.language.durations import format_duration

Schema = dict[str, Any]


def describe(schema: Schema, model: type[BaseModel]) -> None:
    """Put at each property its attribute's docstring, and its default as YAML writes it."""
    docs = attribute_docs(model)
    for name, info in model.model_fields.items():
        shown: Schema = schema["properties"][info.alias or name]
        if name in docs:
            shown["description"] = docs[name]
        if isinstance(info.default, timedelta):
            shown["default"] = format_duration(info.default)


def attribute_docs(owner: type) -> dict[str, str]:
    """Return the docstring of each attribute of a class, inherited ones first."""
    docs: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__ != BaseModel.__module__ and base is not object:
            docs |= _own_docs(base)
    return docs


def _own_docs(owner: type) -> dict[str, str]:
    try:
        source = inspect.getsource(owner)
    except (OSError, TypeError):
        # Of a class that is no text anywhere, nothing is said.
        return {}
    (node,) = ast.parse(textwrap.dedent(source)).body
    docs: dict[str, str] = {}
    for statement, following in pairwise(cast("ast.ClassDef", node).body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            docs[statement.target.id] = " ".join(str(following.value.value).split())
    return docs
