"""Call one tool function: check its arguments, run it, give back text.

A tool is other people's code inside our process, so what it raises is made harmless here:
`sys.exit()` in one of them (argparse calls it) must not end the worker of all of them.
"""

import asyncio
import contextvars
import inspect
import json
import logging
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rota.connections import undeclared
from rota.failures import FailureCategory, StepError
from rota.tool_signature import context_parameter
from rota.tools import Reconciled, ToolContext, ToolDefinition

log = logging.getLogger("rota.tools")

THREADS = 100
"""As many as a worker has steps at once."""

_THREADS = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="tool")
"""Apart from the event loop's own threads, which serve the store: a few tools that hang
must stop neither it nor the other tools."""

_FREE = threading.BoundedSemaphore(THREADS)
"""Counts the threads without work. A thread cannot be stopped: a call that ran into its
timeout goes on in one, and a hundred of them leave none to anybody else."""

_ANY: TypeAdapter[Any] = TypeAdapter(Any, config=ConfigDict(ser_json_inf_nan="constants"))
"""Leaves NaN for `json` to refuse; by default it would become null without a word."""


class ArgumentsError(ValueError):
    """The arguments do not fit the tool's schema; the model should read why."""


def check_arguments(tool: ToolDefinition, args: dict[str, Any]) -> BaseModel:
    """Validate `args`.

    Raises:
        ArgumentsError: one line per problem, each naming the argument.
    """
    try:
        return tool.arguments.model_validate(args)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
            for item in error.errors()
        ]
        raise ArgumentsError(f"{tool.name}: " + "; ".join(problems)) from error


async def call_tool(tool: ToolDefinition, args: BaseModel, context: ToolContext) -> str:
    """Run the tool and return its result as text: a string as it is, the rest as JSON.

    A plain function runs in a thread, so that a slow one does not stop the heartbeat.
    Whatever the function raises passes through, except what would reach beyond the call.

    Raises:
        StepError: `invalid_request`: `fleet.yaml` no longer has the tool's connection.
        RuntimeError: the tool tried to end the process, or raised StopIteration.
    """
    if tool.connection and not context.connections.declares(tool.connection):
        # It had when the run began; another worker's file may differ.
        problem = undeclared(tool.name, tool.connection)
        raise StepError(FailureCategory.INVALID_REQUEST, problem)
    values = _values(args)
    if tool.context_parameter is not None:
        values[tool.context_parameter] = context
    with _contained():
        return as_text(await _called(tool.name, tool.function, values))


async def ask_reconcile(tool: ToolDefinition, args: BaseModel, context: ToolContext) -> Reconciled:
    """Have the tool look whether the call has taken effect.

    Whatever its `reconcile` raises passes through, as in `call_tool`.

    Raises:
        TypeError: it answered something other than `Reconciled`.
    """
    function = tool.reconcile
    if function is None:
        return Reconciled(None)
    takes = inspect.signature(function).parameters
    values = {name: value for name, value in _values(args).items() if name in takes}
    parameter = context_parameter(function, ToolContext)
    if parameter is not None:
        values[parameter] = context
    with _contained():
        answer = await _called(f"reconcile of {tool.name}", function, values)
    if not isinstance(answer, Reconciled):
        raise TypeError(f"it answered {type(answer).__name__}, not Reconciled")
    return answer


def as_text(result: Any) -> str:
    """Return what a tool returned as text: a string as it is, the rest as JSON."""
    if isinstance(result, str):
        return result
    plain = _ANY.dump_python(result, mode="json")
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)


def _values(args: BaseModel) -> dict[str, Any]:
    return {name: getattr(args, name) for name in type(args).model_fields}


async def _called(name: str, function: Callable[..., Any], values: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**values)
    _warn_if_exhausted(name)
    # As `asyncio.to_thread` does it, in threads of our own.
    variables = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        _THREADS, lambda: variables.run(_in_thread, function, values)
    )


def _in_thread(function: Callable[..., Any], values: dict[str, Any]) -> Any:
    # Does not wait: there are as many threads as the semaphore counts.
    with _FREE:
        try:
            return function(**values)
        except StopIteration as error:
            # From a bare `next()`. No future can carry it, so the call would never end.
            raise RuntimeError("the tool raised StopIteration") from error


@contextmanager
def _contained() -> Generator[None]:
    """Turn what would end the worker into the tool's own failure."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the tool tried to end the process: {error!r}") from error


def _warn_if_exhausted(name: str) -> None:
    if _FREE.acquire(blocking=False):
        _FREE.release()
    else:
        log.warning(
            "%s waits for a thread: all %d are taken, some perhaps by calls that ran into "
            "their timeout; give the tools' own I/O a limit, or restart the worker",
            name,
            THREADS,
        )
