"""The secrets that this process knows, so that none of them leaves with a record.

Activity side. Whoever gathers a record is another process than the worker that gave secrets to
tools: it looks up every reference that the fleet and the declaration name, and whatever in its own
environment is called like a secret. What it cannot find it cannot cut out by value.
"""

import os
import re
from collections.abc import Iterator
from typing import Any, cast

from activities.secrets import Secrets
from rota.audit.redaction import Redactor
from rota.connections import Connections
from rota.runtime_specs.base import is_reference

_SECRET_NAME = re.compile(
    r".*(?:_KEY|_TOKEN|_SECRET|PASSWORD|PASSWD|_CREDENTIALS|_DSN|DATABASE_URL)(?:_[A-Z]+)?$"
)


def redactor(connections: Connections, *declarations: Any) -> Redactor:
    """Return what cuts out the secrets of a fleet.

    Args:
        connections: Of `fleet.yaml`.
        declarations: Declarations as JSON, whose references are looked up.
    """
    secrets = Secrets()
    named = [*_references(connections.model_dump(mode="json")), *_references(list(declarations))]
    environment = [f"env:{name}" for name in os.environ if _SECRET_NAME.fullmatch(name)]
    for reference in dict.fromkeys([*named, *environment]):
        try:
            secrets(reference)
        except LookupError:
            continue  # not here: then it cannot have come from here
    return Redactor(secrets.redact)


def _references(value: Any) -> Iterator[str]:
    match value:
        case str():
            if is_reference(value):
                yield value
        case dict():
            for item in cast("dict[str, Any]", value).values():
                yield from _references(item)
        case list() | tuple():
            for item in cast("list[Any]", value):
                yield from _references(item)
        case _:
            return
