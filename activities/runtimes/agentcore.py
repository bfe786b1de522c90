"""AgentCore as a session runtime: an agent of one's own, or AgentCore's harness.

Runs in activities. AgentCore has one call, which answers with the result when the work is
done: so `submit` only names the session, after the idempotency key, and `observe` makes the
call and listens, as long as `runtime.inactivity` allows silence. Nobody can be asked later for
an answer that was lost.

A session idles, and bills, for minutes after its work. So the end of `observe` stops it once
it has answered; not when it stops for a tool, for it goes on then. Where there is no answer
the run calls `cancel`, which stops it too: a session is always stopped.

Source: boto3 1.44, bedrock-agentcore InvokeAgentRuntime, InvokeHarness, StopRuntimeSession.
"""

from collections.abc import Callable
from typing import Any

import botocore.exceptions as aws  # pyright: ignore[reportMissingTypeStubs]

from activities.providers.aws_clients import held_for, operation
from activities.providers.aws_errors import code_of
from activities.providers.aws_one_call import AwsOneCall
from activities.providers.aws_threads import Line, on_loop, raw_of
from activities.providers.converse_stream import ConverseStream
from activities.providers.declared_settings import read_settings
from activities.providers.json_fields import field
from activities.providers.used_so_far import counted, from_cursor, to_cursor
from activities.runtimes.agentcore_harness import VENDOR as HARNESS
from activities.runtimes.agentcore_harness import harness_body, read_stop, tool_names
from activities.runtimes.agentcore_payload import JSON_TYPE, VENDOR, payload, read_answer
from rota.conversation import Message, StopReason
from rota.failures import FailureCategory, StepError
from rota.model import digest_of
from rota.runtime_specs.agentcore import AgentCoreSettings
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

STOP_TIMEOUT_SECONDS = 30.0
"""A stop answers in a second or two; what takes longer is tried again."""
LONGEST_ANSWER = 16 * 1024 * 1024
"""Bytes. An answer is a result, not a data set."""


class AgentCoreRuntime(AwsOneCall):
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: agentcore`.

    Args:
        resolve_secret: Not used: credentials come from boto3's own chain.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        super().__init__("bedrock-agentcore", VENDOR)

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Name the session after the idempotency key. No call: `observe` makes it.

        Raises:
            StepError: `invalid_request`: the agent has tools, and the mode cannot call any;
                or the settings name nothing that boto3 can call.
        """
        settings = read_settings(AgentCoreSettings, request.settings)
        if request.tools and settings.mode == "runtime":
            raise StepError(
                FailureCategory.INVALID_REQUEST,
                "runtime.mode: an agent on AgentCore Runtime cannot call tools; name none, or use "
                "mode: harness",
            )
        await self._clients.ready(settings, held_for(settings.inactivity), what="runtime.arn")
        return ProviderSession(kind="agentcore", id=request.key, data={"arn": settings.arn})

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Nothing is ever lost: the name is derived."""
        return await self.submit(request)

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Make the call, listen to its end, and stop the session.

        **Idempotency:** none of AgentCore's: a second call works a second time, in the same
        session. The agent is given the key to know it by.
        """
        settings = read_settings(AgentCoreSettings, request.settings)
        tell = on_loop(report)
        look = self._work if settings.mode == "runtime" else self._loop
        found = await look(session, request, settings, cursor, lambda text: tell(cursor, text))
        if found.final is None:
            return found
        left = await self._stop(session, settings)
        if not left:
            return found
        # The answer counts; that somebody pays for an idle session is said beside it.
        links = {**found.final.links, "session_left": left}
        return found.model_copy(update={"final": found.final.model_copy(update={"links": links})})

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Stop the session. Safe to repeat; one that is not there is confirmed."""
        declared = read_settings(AgentCoreSettings, settings)
        if declared.stops is None:
            return Stopped(
                confirmed=False,
                text="nobody listens any more, but a harness is stopped only by the runtime that "
                "it runs on: set runtime.runtime_arn",
            )
        return Stopped(confirmed=True, text=await self._stop_now(session, declared, "cancel"))

    async def _work(
        self,
        session: ProviderSession,
        request: SessionRequest,
        settings: AgentCoreSettings,
        cursor: str,
        tell: Callable[[str], None],
    ) -> Observation:
        """Have an agent of one's own do the work."""
        body: dict[str, Any] = {
            "agentRuntimeArn": settings.arn,
            "runtimeSessionId": session.id,
            "payload": payload(request, settings),
            "contentType": JSON_TYPE,
            "accept": f"{JSON_TYPE}, text/event-stream, text/plain",
        }
        if settings.qualifier is not None:
            body["qualifier"] = settings.qualifier

        def work(client: Any, line: Line) -> tuple[str, bytes]:
            tell("calls the agent")
            response = operation(client, "invoke_agent_runtime")(**body)
            line.hold(response["response"])
            return response["contentType"], _read(response["response"], tell)

        silence = held_for(settings.inactivity)
        kind, answer = await self._clients.call(settings, silence, work, what="runtime.arn")
        return _ended(read_answer(kind, answer, settings), cursor)

    async def _loop(
        self,
        session: ProviderSession,
        request: SessionRequest,
        settings: AgentCoreSettings,
        cursor: str,
        tell: Callable[[str], None],
    ) -> Observation:
        """Have the harness do the work, up to its end or to a call of this agent's tools."""
        names = tool_names(request)
        body = harness_body(request, settings, session.id, names)

        def work(client: Any, line: Line) -> ConverseStream:
            tell("calls the harness")
            response = operation(client, "invoke_harness")(**body)
            line.hold(response["stream"])
            stream = ConverseStream(HARNESS)
            for event in response["stream"]:
                stream.add(event)
                tell(_progress(event))
            return stream

        silence = held_for(settings.inactivity)
        stream = await self._clients.call(settings, silence, work, what="runtime.arn")
        last = stream.finish()
        used = from_cursor(cursor).plus(counted(stream.usages, HARNESS))
        message, stop = read_stop(last, names, used)
        if stop is StopReason.TOOL_CALLS:
            return Observation(
                state=SessionState.TOOLS, message=message, cursor=to_cursor(used), usage=used
            )
        answer = Collected(message=message, stop=stop, usage=used, model=settings.model or "")
        return _ended(answer, to_cursor(used))

    async def _stop(self, session: ProviderSession, settings: AgentCoreSettings) -> str:
        """Stop the session after its work; returns why it was left, or nothing."""
        if settings.stops is None:
            return "idles until its timeout: set runtime.runtime_arn to have it stopped"
        try:
            await self._stop_now(session, settings, "ended")
        except StepError as error:
            return f"idles until its timeout: {error}"
        return ""

    async def _stop_now(
        self, session: ProviderSession, settings: AgentCoreSettings, occasion: str
    ) -> str:
        body = {
            "agentRuntimeArn": settings.stops,
            "runtimeSessionId": session.id,
            # One token for each occasion: AWS answers a token that it knows without looking,
            # and a session may work again after a stop.
            "clientToken": digest_of(f"{session.id} {occasion}".encode()),
        }
        if settings.mode == "runtime" and settings.qualifier is not None:
            body["qualifier"] = settings.qualifier

        def work(client: Any, _: Line) -> str:
            try:
                operation(client, "stop_runtime_session")(**body)
            except aws.ClientError as error:
                if code_of(error) != "resourcenotfound":
                    raise
                return "AgentCore has no such session any more"
            return "AgentCore stopped the session"

        return await self._clients.call(settings, STOP_TIMEOUT_SECONDS, work, what="runtime.arn")


def _ended(answer: Collected, cursor: str) -> Observation:
    nothing = Message(role="assistant", content=())
    return Observation(
        state=SessionState.ENDED, message=nothing, cursor=cursor, usage=answer.usage, final=answer
    )


def _read(body: Any, tell: Callable[[str], None]) -> bytes:
    """Read an answer as it comes: botocore's own reader waits for whole blocks.

    Raises:
        StepError: `outcome_invalid`: it is too long.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in raw_of(body).stream():
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST_ANSWER:
            raise StepError(
                FailureCategory.OUTCOME_INVALID,
                f"the agent's answer is longer than {LONGEST_ANSWER} bytes",
                maybe_billed=True,
            )
        tell(f"{size} bytes of the answer")
    return b"".join(pieces)


def _progress(event: dict[str, Any]) -> str:
    """What people read while the harness works."""
    start = event.get("contentBlockStart", {}).get("start", {})
    if "toolUse" in start:
        return f"calls {field(start, 'toolUse.name', str, HARNESS)}"
    if "hookEvent" in event:
        return f"hook {event['hookEvent'].get('name', '')}"
    return "thinks"
