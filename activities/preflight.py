"""Before a run costs anything: can it work on this worker at all?"""

from typing import Any

from pydantic import ValidationError

from activities.callbacks import MISSING, offered
from activities.runtimes.kinds import RuntimeKindError, runtime_kind
from activities.schema_problems import schema_problems
from activities.secrets import Secrets
from activities.toolbox import Toolbox
from activities.unpriced import check_priced
from rota.agent_spec import AgentSpec, RuntimeSpec
from rota.failures import FailureCategory, StepError
from rota.runtimes.allowed_models import refused_models


def preflight(spec: AgentSpec, toolbox: Toolbox, lender: str = "") -> None:
    """Check the agent's tools, the credentials that they and all its runtimes name, its models.

    Args:
        spec: The agent.
        toolbox: What this worker has for it.
        lender: The run that lends it dollars, if one does.

    Raises:
        StepError: `auth` or `invalid_request`; says what is missing and where to put it.
    """
    if missing := toolbox.missing(spec.tools):
        fleet = toolbox.fleet.resolve().name  # a worker started inside its fleet knows it as '.'
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"tool {', '.join(missing)} is not known to the worker of {fleet}: "
            f"define it in tools.py and restart the worker; known: {', '.join(toolbox.names)}",
        )
    for name in spec.tools:
        if problem := toolbox.unconnected(name):
            raise StepError(FailureCategory.INVALID_REQUEST, f"{problem}, and restart the worker")
    for place, reference in toolbox.connection_secrets(spec.tools):
        try:
            Secrets()(reference)
        except LookupError as error:
            raise StepError(FailureCategory.AUTH, f"fleet.yaml: {place}: {error}") from error
    for path, problem in refused_models(spec, toolbox.connections.models):
        where = ".".join(map(str, path))
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"{where}: {problem}; name another, or add it there and restart the worker",
        )
    for index, runtime in enumerate(spec.runtime.chain):
        place = f"runtime.fallback[{index - 1}]" if index else "runtime"
        for reference in _references(runtime, place):
            try:
                Secrets()(reference)
            except LookupError as error:
                # Of a fallback, too: told now, and not in the night in which it is needed.
                which = f"{place} ({runtime.kind}): " if index else ""
                raise StepError(FailureCategory.AUTH, f"{which}{error}") from error
    check_priced(spec, lender)


def _references(runtime: RuntimeSpec, place: str) -> list[str]:
    """The secrets that a runtime block names, once it is checked."""
    try:
        settings = runtime_kind(runtime.kind).settings.model_validate(runtime.settings)
    except ValidationError as error:
        # Without its own text, which repeats the input: somebody may have put a key there.
        problems = [
            f"{'.'.join(str(part) for part in (place, *item['loc']))}: {item['msg']}"
            for item in error.errors()
        ]
        raise StepError(FailureCategory.INVALID_REQUEST, "; ".join(problems)) from None
    except RuntimeKindError as error:
        raise StepError(FailureCategory.INVALID_REQUEST, f"{place}: {error}") from error
    if settings.callback_key and offered() is None:
        raise StepError(
            FailureCategory.INVALID_REQUEST, f"{place}.{settings.callback_key}: {MISSING}"
        )
    return [reference for _, reference in settings.secret_references()]


def unfit_input(spec: AgentSpec, input: dict[str, Any]) -> str:
    """Say what keeps `input`, the declared one included, from being what the agent accepts.

    Returns:
        One line with each problem and its place; empty if it fits.
    """
    if spec.accepts is None:
        return ""
    # What its upstreams gave is laid over it by Rota, and no part of what it is called with.
    given = {key: value for key, value in input.items() if key != "needs" or not spec.needs}
    problems = schema_problems(spec.accepts.json_schema, given, whole="the input")
    if not problems:
        return ""
    return f"the input does not fit what {spec.name} accepts: " + "; ".join(problems)
