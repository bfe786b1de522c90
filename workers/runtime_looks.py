"""What `rota doctor` asks the providers of a fleet's runtimes, without spending.

Each runtime once, however many agents declare it alike, fallbacks too. First its secrets are
looked for, as this process sees them; then it is asked by its own `probe`.
"""

import json
from collections.abc import Mapping
from functools import partial

from pydantic import ValidationError

from activities.runtimes.kinds import runtime_kind
from activities.runtimes.open import Maker, OpenRuntimes
from activities.secrets import Secrets
from rota.agent_spec import RuntimeSpec
from rota.failures import StepError
from rota.runtime_specs.base import ModelSettings, RuntimeSettings, SessionSettings
from rota.runtimes.kind import Probing, RuntimeKind, Shape
from schedules.fleet import Fleet
from workers.checks import Check
from workers.looks import Look

_OF_USE = frozenset({*ModelSettings.model_fields, *SessionSettings.model_fields} - {"model"})
"""Keys that say how a runtime is used, not which one it is."""
_NAMED = 3
"""Agents that the name of a check tells; the others are counted."""
_REACH = "see that it is up, and that this machine reaches it"


def runtime_looks(fleet: Fleet, makers: Mapping[str, Maker] | None = None) -> list[Look]:
    """Return one look for each runtime that the fleet's agents and their fallbacks use.

    Args:
        fleet: Whose agents.
        makers: Take the place of the kinds' own implementations; for tests.
    """
    users: dict[str, list[str]] = {}
    runtimes: dict[str, RuntimeSpec] = {}
    for name, agent in fleet.agents.items():
        for index, runtime in enumerate(agent.spec.runtime.chain):
            place = {key: value for key, value in runtime.settings.items() if key not in _OF_USE}
            id = f"{runtime.kind} {json.dumps(place, sort_keys=True, default=str)}"
            runtimes.setdefault(id, runtime)
            users.setdefault(id, []).append(f"{name}, fallback {index}" if index else name)
    return [
        Look(title, partial(_take, title, runtimes[id], makers))
        for id, names in users.items()
        for title in (f"runtime {runtimes[id].kind} of {_listed(names)}",)
    ]


def _listed(names: list[str]) -> str:
    shown, more = names[:_NAMED], len(names) - _NAMED
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


async def _take(
    title: str, runtime: RuntimeSpec, makers: Mapping[str, Maker] | None
) -> Check | None:
    kind, secrets = runtime_kind(runtime.kind), Secrets()
    try:
        settings = kind.settings.model_validate(runtime.settings)
        references = [reference for _, reference in settings.secret_references()]
        for reference in references:
            secrets(reference)
    except ValidationError as error:
        return Check(title, False, str(error), "'rota validate' says more")
    except LookupError as error:
        return Check(title, False, str(error), "set it where the worker runs")
    check = await _probed(title, kind, settings, makers)
    if check is None and references:
        found = f"{', '.join(references)} is set; this kind cannot be asked without spending"
        return Check(title, True, found)
    if check is None:
        return None
    return Check(title, check.ok, secrets.redact(check.found), secrets.redact(check.cure))


async def _probed(
    title: str, kind: RuntimeKind, settings: RuntimeSettings, makers: Mapping[str, Maker] | None
) -> Check | None:
    """Ask the runtime itself; None if it cannot be asked."""
    runtimes = OpenRuntimes(makers)
    try:
        opened = runtimes.model if kind.shape is Shape.MODEL else runtimes.session
        runtime: object = opened(kind.kind)
        if not isinstance(runtime, Probing):
            return None
        probe = await runtime.probe(settings)
        return Check(title, probe.ok, probe.found, probe.cure or ("" if probe.ok else _REACH))
    except StepError as error:
        return Check(title, False, str(error), "install what it needs, here and on the workers")
    finally:
        await runtimes.aclose()
