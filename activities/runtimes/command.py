"""A local program as a session runtime: it runs while it is observed, and never else.

Runs in an activity. There is no shell, no inherited environment, and nothing left behind:
see `activities.providers.command_keeper`. The program is a child of the worker that observes
it, so watching cannot be taken up by another one, and being cancelled stops the program too.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any, NoReturn

from activities.providers.command_process import CommandProcess, started
from activities.providers.declared_settings import read_settings
from activities.providers.ended_calls import EndedCalls
from activities.providers.mapped_answers import answer_message, mapped_answer
from activities.providers.probing import probed
from activities.runtimes.command_launch import Launch, environment, launch
from activities.runtimes.command_output import Output, json_document, result_text, too_long
from activities.secrets import Secrets
from rota.conversation import StopReason
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings
from rota.runtime_specs.command import CommandSettings
from rota.runtimes.kind import Probe
from rota.runtimes.session import (
    Collected,
    Observation,
    ProviderSession,
    Report,
    SessionRequest,
    SessionState,
    Stopped,
    Told,
)
from rota.tools import SecretReader


class CommandRuntime:
    """Implements `rota.runtimes.session.SessionRuntime` for `kind: command`.

    Args:
        resolve_secret: Returns the value behind `env:NAME` or `file:/path`, or raises
            LookupError naming the reference only.

    One instance serves a worker's whole event loop.
    """

    def __init__(self, resolve_secret: SecretReader) -> None:
        self._resolve_secret = resolve_secret
        self._running: dict[str, tuple[CommandProcess, float]] = {}
        self._ended = EndedCalls()

    async def submit(self, request: SessionRequest) -> ProviderSession:
        """Name the session; `observe` starts the program."""
        read_settings(CommandSettings, request.settings)
        return ProviderSession(kind="command", id=f"command-{request.key[:32]}")

    async def find(self, request: SessionRequest) -> ProviderSession | None:
        """Name the session again: nothing is started before it is watched."""
        return await self.submit(request)

    async def observe(
        self, session: ProviderSession, request: SessionRequest, cursor: str, report: Report
    ) -> Observation:
        """Run the program to its end.

        Being cancelled asks it to end, kills it after the declared grace, and returns when
        no process of it is left.

        Raises:
            StepError: `tool_failed`: it failed, with the end of what it complained;
                `outcome_invalid`: its answer is not what is declared; `invalid_request` or
                `auth`: it cannot be started; `limit_reached`: the run's time is up.

        **Idempotency:** none; a second call runs it again.
        """
        settings = read_settings(CommandSettings, request.settings)
        with tempfile.TemporaryDirectory(
            prefix="rota-command-", ignore_cleanup_errors=True
        ) as folder:
            prepared = launch(settings, request, Path(folder), self._resolve_secret)
            try:
                final = await self._run(session.id, settings, prepared, request.deadline, report)
            except StepError as error:
                raise _redacted(error) from None
        return Observation(state=SessionState.ENDED, message=final.message, final=final)

    async def answer(
        self, session: ProviderSession, request: SessionRequest, told: Told, again: bool
    ) -> ProviderSession:
        """Refuse: a program is told its task once.

        Raises:
            StepError: `invalid_request`, always.
        """
        _refuse("a program cannot be told more than its task")

    async def collect(
        self, session: ProviderSession, request: SessionRequest, cursor: str
    ) -> Collected:
        """Refuse: a program's answer comes with its end, in `Observation.final`.

        Raises:
            StepError: `outcome_unknown`, always.
        """
        raise StepError(
            FailureCategory.OUTCOME_UNKNOWN, "a program answers once, and its answer was lost"
        )

    async def cancel(self, session: ProviderSession, settings: dict[str, Any]) -> Stopped:
        """Ask the program to end, kill it after the declared grace, and look that it is gone.

        Only its own worker can: another one answers that it does not know.
        """
        if session.id in self._running:
            process, grace = self._running[session.id]
            gone = await process.stop(grace)
            text = "no process of it is left" if gone else "it was killed, and is still there"
            return Stopped(confirmed=gone, text=text)
        if session.id in self._ended:
            return Stopped(confirmed=True, text="it has ended; no process of it is left")
        host = socket.gethostname()
        return Stopped(
            confirmed=False,
            text=f"it was not started by this worker (process {os.getpid()} on {host}); if its own "
            "worker is gone, so is it",
        )

    def call_has_ended(self, session: ProviderSession) -> bool:
        """Whether the program has ended here, and all that it left behind."""
        return session.id in self._ended

    async def probe(self, settings: RuntimeSettings) -> Probe:
        """Look for the program where this process would find it."""
        cure = "install it on every worker, or name it by its path in runtime.command"
        return await probed(self.look(settings), cure)

    async def look(self, settings: RuntimeSettings) -> str:
        """Find the program; one of the fleet's own is looked for when it runs."""
        assert isinstance(settings, CommandSettings)
        program = settings.command[0]
        path = environment(settings, self._resolve_secret).get("PATH", os.defpath)
        places = (program,) if os.sep in program else path.split(os.pathsep)
        if not all(map(os.path.isabs, places)):
            return f"{program}, looked for in the fleet when it runs"
        found = which(program, path=path)
        if found is None:
            raise StepError(FailureCategory.INVALID_REQUEST, f"no program '{program}' on PATH")
        return found

    async def _run(
        self,
        session: str,
        settings: CommandSettings,
        prepared: Launch,
        deadline: datetime | None,
        report: Report,
    ) -> Collected:
        output = Output(settings, lambda text: report("", text))
        grace = settings.grace.total_seconds()
        self._ended.discard(session)
        async with started(prepared.command, cwd=prepared.cwd, env=prepared.env) as process:
            self._running[session] = (process, grace)
            try:
                code = await _to_end(process, prepared.stdin, output, deadline, grace)
            except asyncio.CancelledError:
                await asyncio.shield(process.stop(grace))
                raise
            finally:
                del self._running[session]
                if process.is_gone:
                    self._ended.add(session)
        if output.too_long.is_set():
            raise too_long("standard output", settings.max_output)
        if code != 0:
            raise _failed(code, output.complaint, stopped=process.stopping)
        text = result_text(output, prepared.result, settings.max_output)
        return _answer(settings, text)


async def _to_end(
    process: CommandProcess,
    stdin: bytes,
    output: Output,
    deadline: datetime | None,
    grace: float,
) -> int | None:
    """Feed and read the program until it has ended; end it if it goes too far."""
    seconds = None
    if deadline is not None:
        seconds = max(0.0, (deadline - datetime.now(UTC)).total_seconds())
    feeding = asyncio.create_task(_feed(process, stdin))
    reading = (
        asyncio.create_task(output.read_stdout(process.stdout)),
        asyncio.create_task(output.read_stderr(process.stderr)),
    )
    ended = asyncio.create_task(process.ended())
    too_much = asyncio.create_task(output.too_long.wait())
    try:
        done, _ = await asyncio.wait(
            (ended, too_much), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            await process.stop(grace)
            raise StepError(
                FailureCategory.LIMIT_REACHED,
                "the run's time was up (budget.wall_clock): the program was ended",
            )
        if ended not in done:
            await process.stop(grace)
        code = await ended
        await asyncio.gather(*reading)
        return code
    finally:
        for task in (feeding, *reading, ended, too_much):
            task.cancel()


async def _feed(process: CommandProcess, data: bytes) -> None:
    # A program may end, or close its input, without having read all of it.
    with contextlib.suppress(ConnectionError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


def _failed(code: int | None, complaint: str, *, stopped: bool) -> StepError:
    if code is None:
        how = "was lost: its keeper was killed"
    elif stopped:
        how = "was stopped"
    elif code < 0:
        how = f"was ended by signal {-code}"
    else:
        how = f"ended with exit code {code}"
    return StepError(
        FailureCategory.TOOL_FAILED,
        f"the program {how}; {complaint or 'it wrote nothing'}",
        maybe_billed=True,
    )


def _answer(settings: CommandSettings, text: str) -> Collected:
    if settings.output == "json":
        return mapped_answer(json_document(text), settings.answer, vendor="the program")
    return Collected(message=answer_message(text.strip()), stop=StopReason.END_TURN)


def _redacted(error: StepError) -> StepError:
    return StepError(error.category, Secrets().redact(str(error)), maybe_billed=error.maybe_billed)


def _refuse(reason: str) -> NoReturn:
    raise StepError(FailureCategory.INVALID_REQUEST, reason)
