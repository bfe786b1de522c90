"""Bedrock Agents Classic as a session runtime.

Runs in activities. InvokeAgent answers with the result when the work is done: so `submit` only
names the session, after the idempotency key, and `observe` makes the call and listens, as long
as `runtime.inactivity` allows silence. Nobody can be asked later for an answer that was lost.

The session is ended once it has answered, and by `cancel` where it does not. It costs nothing,
but what it remembers would else answer whoever uses its name within the hour.

Source: boto3 1.44, bedrock-agent-runtime InvokeAgent.
"""

from typing import Any

import botocore.exceptions as aws  # pyright: ignore[reportMissingTypeStubs]

from activities.providers.aws_clients import held_for, operation
from activities.providers.aws_errors import code_of
from activities.providers.aws_one_call import AwsOneCall
from activities.providers.aws_threads import Line, on_loop
from activities.providers.declared_settings import read_settings
from activities.providers.ended_calls import EndedCalls
from activities.providers.used_so_far import counted, from_cursor, to_cursor
from activities.runtimes.bedrock_agent_control import VENDOR, answered, asked, words
from activities.runtimes.bedrock_agent_events import AgentEvents
from rota.conversation import StopReason, Text
from rota.failures import StepError
from rota.runtime_specs.bedrock_agent import BedrockAgentSettings
from rota.runtimes.session import (
    Collected,
    Observation,
    ProviderSession,
    Report,
    SessionRequest,
    SessionState,
    Stopped,
)
from rota.tools import SecretReader

END_TIMEOUT_SECONDS = 30.0
"""Ending a session answers in a second or two; what takes longer is tried again."""


class BedrockAgentRuntime(AwsOneCall):
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: bedrock-agent`.

    Args:
        resolve_secret: Not used: credentials come from boto3's own chain.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        super().__init__("bedrock-agent-runtime", VENDOR)
        self._over = EndedCalls()
        """Sessions whose call came to its end here: nothing of them is in flight."""

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Name the session after the idempotency key. No call: `observe` makes it."""
        settings = read_settings(BedrockAgentSettings, request.settings)
        silence = held_for(settings.inactivity)
        await self._clients.ready(settings, silence, what="runtime.agent_id")
        data = {"agent": settings.agent_id, "alias": settings.alias_id}
        return ProviderSession(kind="bedrock-agent", id=request.key, data=data)

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Nothing is ever lost: the name is derived."""
        return await self.submit(request)

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Make the call, listen to its end, and end the session.

        **Idempotency:** none of AWS's: a second call works a second time, in the same
        session. The agent's functions are given the key to know it by.
        """
        settings = read_settings(BedrockAgentSettings, request.settings)
        tell, is_over = on_loop(report), on_loop(self._over.add)
        body = _body(session, request, settings)

        def work(client: Any, line: Line) -> AgentEvents:
            events = AgentEvents()
            tell(cursor, "calls the agent")
            try:
                response = operation(client, "invoke_agent")(**body)
                line.hold(response["completion"])
                for event in response["completion"]:
                    tell(cursor, events.add(event))
            except aws.ClientError:
                is_over(session.id)
                raise
            if events.is_whole:
                is_over(session.id)
            return events

        silence = held_for(settings.inactivity)
        self._over.discard(session.id)
        events = await self._clients.call(settings, silence, work, what="runtime.agent_id")
        found = _observation(events, settings, cursor)
        if found.final is None:
            return found
        left = await self._end(session, settings)
        if not left:
            return found
        final = found.final.model_copy(update={"links": {"session_left": left}})
        return found.model_copy(update={"final": final})

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """End the session. Safe to repeat.

        Confirmed only where the call is known to have come to its end before: one in flight
        may go on, and nobody tells.
        """
        declared = read_settings(BedrockAgentSettings, settings)
        await self._end_now(session, declared)
        if session.id in self._over:
            return Stopped(confirmed=True, text="its call had come to its end; it is ended")
        return Stopped(
            confirmed=False,
            text="the session is ended; whether a call in flight has stopped, nobody tells",
        )

    def call_has_ended(self, session: ProviderSession) -> bool:
        """Whether the answer came whole, or AWS refused the call."""
        return session.id in self._over

    async def _end(self, session: ProviderSession, settings: BedrockAgentSettings) -> str:
        """End the session after its work; returns why it was left, or nothing."""
        try:
            await self._end_now(session, settings)
        except StepError as error:
            return f"ends by its own timeout: {error}"
        return ""

    async def _end_now(self, session: ProviderSession, settings: BedrockAgentSettings) -> None:
        body = {**_address(session, settings), "endSession": True}

        def work(client: Any, line: Line) -> None:
            try:
                response = operation(client, "invoke_agent")(**body)
            except aws.ClientError as error:
                if code_of(error) != "resourcenotfound":
                    raise
                return
            line.hold(response["completion"])
            for _ in response["completion"]:
                pass

        await self._clients.call(settings, END_TIMEOUT_SECONDS, work, what="runtime.agent_id")


def _address(session: ProviderSession, settings: BedrockAgentSettings) -> dict[str, Any]:
    return {
        "agentId": settings.agent_id,
        "agentAliasId": settings.alias_id,
        "sessionId": session.id,
    }


def _body(
    session: ProviderSession, request: SessionRequest, settings: BedrockAgentSettings
) -> dict[str, Any]:
    body = {**_address(session, settings), "enableTrace": True}
    if request.resumed is not None:
        return body | {"sessionState": answered(request.resumed)}
    return body | {
        "inputText": f"{request.system}\n\n{request.opening.text}".strip(),
        "sessionState": {"sessionAttributes": {**settings.attributes, **request.labels}},
    }


def _observation(events: AgentEvents, settings: BedrockAgentSettings, cursor: str) -> Observation:
    used = from_cursor(cursor).plus(counted(events.usages, VENDOR))
    following = to_cursor(used)
    # Of several models nobody can tell which tokens were whose.
    model = next(iter(events.models)) if len(events.models) == 1 else ""
    if events.control is not None:
        said = words(asked(events.control, settings))
        return Observation(
            state=SessionState.TOOLS, message=said, cursor=following, usage=used, model=model
        )
    answer = Collected(
        message=words((Text(text=events.answer()),)),
        stop=StopReason.END_TURN,
        usage=used,
        model=model,
    )
    return Observation(
        state=SessionState.ENDED,
        message=words(()),
        cursor=following,
        usage=used,
        final=answer,
    )
