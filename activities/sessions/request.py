"""What a provider's session is started with: the same words for every attempt of a run.

Activity side. A session is told its task once, but every step with it gets the request
again: a runtime keeps nothing in memory between two steps, which may be on two workers.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from activities.documents import get_baseline, get_context, get_memory, get_node, get_spec
from activities.mcp.tools import with_pins
from activities.runtimes.kinds import RuntimeKindError, runtime_kind
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from activities.tracing import Span, session_span
from activities.turn_tools import offered_tools
from rota.agent_spec import AgentSpec
from rota.failures import FailureCategory, StepError
from rota.model import content_digest
from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind
from rota.runtimes.session import ProviderSession, SessionRequest
from rota.spans import Operation, conversation_of
from rota.steps import SessionInput
from rota.turns.prompt import opening_message, system_prompt
from rota.turns.transcript import RunContext, template_scope


@dataclass(frozen=True)
class SessionTask:
    """A run's task for a session, and what its runtime promises."""

    request: SessionRequest
    context: RunContext
    spec: AgentSpec
    kind: RuntimeKind
    settings: SessionSettings
    toolbox: Toolbox
    """With the tools that servers offer to this run."""

    @property
    def promises(self) -> Capabilities:
        """What the runtime can do with these settings."""
        return self.kind.promises(self.settings)

    @property
    def is_repeatable(self) -> bool:
        """A look that was lost may be made again: it is taken up, or does no harm twice."""
        return self.promises.reattach or bool(getattr(self.settings, "repeatable", False))

    def span(self, operation: Operation) -> AbstractContextManager[Span]:
        """Record what the provider does while the block lasts."""
        conversation = conversation_of(self.spec.name, self.context.session)
        return session_span(operation, self.kind.kind, self.spec.runtime.model, conversation)


async def session_task(store: ObjectStore, toolbox: Toolbox, input: SessionInput) -> SessionTask:
    """Put the task together from what the run was admitted with.

    Raises:
        StepError: `invalid_request`, this worker lacks a tool or the runtime.
    """
    context = await get_context(store, input.context)
    spec = await get_spec(store, context.spec.digest)
    toolbox = await with_pins(store, toolbox, input.pins)
    kind = _kind(spec)
    settings = kind.settings.model_validate(spec.runtime.settings)
    if not isinstance(settings, SessionSettings):
        raise StepError(
            FailureCategory.INVALID_REQUEST,
            f"runtime '{kind.kind}' does not work by itself on this worker: give all workers the "
            "same version of what registers it",
        )
    promises = kind.promises(settings)
    memory = await get_memory(store, context.memory)
    document = memory.document if memory else {}
    baseline = await get_baseline(store, context)
    key = session_key(context)
    slot = {"rota_slot": context.slot} if context.slot else {}
    request = SessionRequest(
        settings=spec.runtime.settings,
        key=key,
        agent=input.agent,
        run_id=context.run_id,
        run_key=context.run_key,
        labels={
            "rota_key": key,
            "rota_run": context.run_id,
            "rota_agent": input.agent,
            **slot,
        },
        system=system_prompt(
            spec.instructions,
            spec.output.json_schema if spec.output else None,
            "memory.update" in spec.tools,
        ),
        opening=opening_message(context, memory, baseline),
        context=template_scope(context, document, baseline),
        tools=offered_tools(spec, toolbox) if promises.tools else (),
        output_schema=spec.output.json_schema if spec.output else None,
        previous=await _previous(store, context) if promises.converse else None,
        cap_micros=input.allowance.micros,
        deadline=input.deadline,
        fleet=str(toolbox.fleet),
    )
    return SessionTask(request, context, spec, kind, settings, toolbox)


def session_key(context: RunContext) -> str:
    """Idempotency key of the session of one run.

    Of the run, not of its slot alone: a re-run of the slot needs a session of its own. What
    the session does through Rota's tools is kept from happening twice by their own keys.
    """
    whose = [context.spec.name, context.session, context.occasion, context.run_key]
    return content_digest([*whose, "session"])


def _kind(spec: AgentSpec) -> RuntimeKind:
    try:
        return runtime_kind(spec.runtime.kind)
    except RuntimeKindError as error:
        raise StepError(FailureCategory.INVALID_REQUEST, f"runtime: {error}") from error


async def _previous(store: ObjectStore, context: RunContext) -> ProviderSession | None:
    """The session that the conversation was led with, if this runtime led it."""
    if context.conversation is None:
        return None
    session = (await get_node(store, context.conversation)).session
    return session if session is not None and session.kind == context.spec.runtime_kind else None
