"""Agents whose provider is to call us: whether the fleet says where, and who may.

No I/O. Workers can be given an address by their command line, too, so that one is not in the files
is a warning; that a provider's own webhook is known by nobody is an error.
"""

from collections.abc import Iterator

from activities.runtimes.kinds import runtime_kind
from rota.agent_spec import AgentSpec
from rota.hooks.gateway_spec import GatewaySpec
from rota.runtime_specs.base import CalledBy, SessionSettings
from schedules.remarks import Remark


def callback_remarks(spec: AgentSpec, gateway: GatewaySpec) -> Iterator[Remark]:
    """Yield what an agent's callbacks lack in the `gateway` block of fleet.yaml."""
    kind = spec.runtime.kind
    settings = runtime_kind(kind).settings.model_validate(spec.runtime.settings)
    if settings.callback_key and gateway.url is None:
        message = (
            "needs an address that is called: declare gateway.url in fleet.yaml, or start its "
            "workers with --callback-url"
        )
        yield Remark("warning", ("runtime", settings.callback_key), message)
    called = settings.called_by if isinstance(settings, SessionSettings) else None
    if called is CalledBy.SESSION and kind not in gateway.callbacks:
        message = (
            f"nobody is known whose calls count: declare gateway.url and gateway.callbacks.{kind}."
            f"secrets in fleet.yaml, and enter <gateway.url>/callbacks/{kind} as the webhook there"
        )
        yield Remark("error", ("runtime", "callback"), message)
