"""What AWS refuses of a request by its own service model, which botocore carries.

botocore itself checks types and required members alone: lengths, patterns, enumerations and
unions are for the service to refuse, and so for its fake.
"""

import base64
import binascii
import functools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session

from tests.fakes.loopback_http import HttpRequest


class RefusalError(Exception):
    """The request is not one that the service takes."""


@dataclass(frozen=True)
class Call:
    """A request, understood."""

    operation: str
    params: dict[str, Any]


class Shapes:
    """One service's operations and their input shapes."""

    def __init__(self, service: str) -> None:
        self.model, self._routes = _described(service)

    def read(self, request: HttpRequest) -> Call:
        """Return which operation is called with what.

        Raises:
            RefusalError: there is none at this path, or its input has another shape.
        """
        path, _, query = request.path.partition("?")
        for method, pattern, operation in self._routes:
            match = pattern.fullmatch(path)
            if method == request.method and match:
                labels = {name: unquote(value) for name, value in match.groupdict().items()}
                params = _params(operation, request, labels, parse_qs(query))
                if operation.input_shape:
                    _check(operation.input_shape, params, "")
                return Call(str(operation.name), params)
        raise RefusalError(f"no operation at {request.method} {path}")


@functools.cache
def _described(service: str) -> tuple[Any, list[tuple[str, re.Pattern[str], Any]]]:
    """Model and routes, read once: a model has megabytes, and each test starts a fake."""
    model: Any = botocore.session.get_session().get_service_model(service)
    routes = [
        (operation.http["method"], _pattern(operation.http["requestUri"]), operation)
        for operation in map(model.operation_model, model.operation_names)
    ]
    return model, routes


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", uri.partition("?")[0]))


def _params(
    operation: Any, request: HttpRequest, labels: dict[str, str], query: dict[str, list[str]]
) -> dict[str, Any]:
    shape = operation.input_shape
    payload = shape.serialization.get("payload")
    body = {}
    if payload is None and request.body:
        try:
            body = json.loads(request.body)
        except ValueError:
            raise RefusalError("the body is no JSON") from None
    params: dict[str, Any] = {}
    known: set[str] = set()
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        match member.serialization.get("location"):
            case "uri":
                params[name] = labels[wire]
            case "querystring":
                params |= {name: query[wire][0]} if wire in query else {}
            case "header":
                found = request.headers.get(wire.lower())
                params |= {name: found} if found is not None else {}
            case _ if name == payload:
                params[name] = request.body
            case _:
                known.add(wire)
                params |= {name: body[wire]} if wire in body else {}
    if unknown := set(body) - known:
        raise RefusalError(f"unknown members {sorted(unknown)}")
    return params


_KINDS: dict[str, Any] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "blob": (bytes, str),
}


def _check(shape: Any, value: Any, where: str) -> None:
    if getattr(shape, "is_document_type", False):
        return
    right = isinstance(value, _KINDS[shape.type_name]) and (
        (type(value) is bool) == (shape.type_name == "boolean")
    )
    if not right:
        raise RefusalError(f"{where}: expected {shape.type_name}, found {type(value).__name__}")
    match shape.type_name:
        case "structure":
            _check_structure(shape, value, where)
        case "list" | "map":
            member = shape.member if shape.type_name == "list" else shape.value
            items = enumerate(value) if shape.type_name == "list" else value.items()
            for key, item in items:
                _check(member, item, f"{where}.{key}")
        case "string":
            _check_text(shape, value, where)
        case "blob":
            _check_blob(value, where)
        case _:
            pass
    _check_size(shape, value, where)


def _check_structure(shape: Any, value: dict[str, Any], where: str) -> None:
    if missing := set(shape.required_members) - set(value):
        raise RefusalError(f"{where}: missing {sorted(missing)}")
    if unknown := set(value) - set(shape.members):
        raise RefusalError(f"{where}: unknown members {sorted(unknown)}")
    # ContentBlock is a union that the model does not call one.
    if (getattr(shape, "is_tagged_union", False) or shape.name == "ContentBlock") and (
        len(value) != 1
    ):
        raise RefusalError(f"{where}: exactly one member of a union, not {sorted(value)}")
    for name, item in value.items():
        _check(shape.members[name], item, f"{where}.{name}")


def _check_blob(value: bytes | str, where: str) -> None:
    try:
        if isinstance(value, str):
            base64.b64decode(value, validate=True)
    except binascii.Error:
        raise RefusalError(f"{where}: not base64") from None


def _check_text(shape: Any, value: str, where: str) -> None:
    pattern = shape.metadata.get("pattern")
    if shape.enum and value not in shape.enum:
        raise RefusalError(f"{where}: '{value}' is not one of {shape.enum}")
    if pattern and not re.fullmatch(pattern, value):
        raise RefusalError(f"{where}: '{value}' does not match {pattern}")


def _check_size(shape: Any, value: Any, where: str) -> None:
    size = value if isinstance(value, (int, float)) else len(value)
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        raise RefusalError(f"{where}: {size} is not between {low} and {high}")
