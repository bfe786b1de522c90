"""A run's input from the command line: JSON, a file, or single keys."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click


def input_option(meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--input`, handed over as `inputs` for `read_input`.

    Args:
        meaning: What becomes of it, for the help.
    """
    return click.option(
        "--input", "inputs", multiple=True, metavar="JSON|@FILE|KEY=VALUE", help=meaning
    )


def read_input(values: tuple[str, ...]) -> dict[str, Any]:
    """Read `{"a": 1}`, `@file.json`, `@-` or `key=value`; later ones win, key by key.

    Raises:
        click.BadParameter: a value is none of these; says where its JSON breaks off.
    """
    merged: dict[str, Any] = {}
    for value in values:
        merged.update(_read_one(value))
    return merged


def read_document(value: str, what: str) -> dict[str, Any]:
    """Read a JSON object from `value`: itself, `@file.json`, or `@-` for standard input.

    Raises:
        click.BadParameter: it is no JSON object.
    """
    if value.startswith("@"):
        what, value = value, _read_file(value[1:])
    try:
        document = json.loads(value, parse_constant=_refuse_constant)
    except ValueError as error:
        raise click.BadParameter(f"{what}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise click.BadParameter(f'{what}: expected a JSON object, for example {{"key": 1}}')
    return cast("dict[str, Any]", document)


def read_text(value: str) -> str:
    """Return `value` itself, or what stands in `@file` or, for `@-`, on standard input.

    Raises:
        click.BadParameter: there is no such file.
    """
    return _read_file(value[1:]) if value.startswith("@") else value


def _read_one(value: str) -> dict[str, Any]:
    key, equals, text = value.partition("=")
    if value.startswith(("{", "@")):
        return read_document(value, "--input")
    if not equals:
        raise click.BadParameter(
            f"--input '{value}': write key=value, a JSON object such as "
            "'{\"key\": 1}', or @file.json"
        )
    if not key.strip():
        raise click.BadParameter(f"--input '{value}': no key before '='; write key=value")
    try:
        return {key: json.loads(text, parse_constant=_refuse_constant)}
    except ValueError:
        # `account=DE12` is text without quotes; `n=3` above is a number.
        return {key: text}


def _read_file(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise click.BadParameter(f"@{name}: {reason}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
