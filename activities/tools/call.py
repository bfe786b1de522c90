"""Call one tool function: check its arguments, run it, give back text."""

import asyncio
import contextvars
import functools
import inspect
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rota.tools import ToolContext, ToolDefinition

_THREADS = ThreadPoolExecutor(max_workers=100, thread_name_prefix="tool")
"""Apart from the event loop's own threads, which serve the store: a few tools that hang
must stop neither it nor the other tools. As many as a worker has steps at once."""

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
    Whatever the function raises passes through.
    """
    values: dict[str, Any] = {name: getattr(args, name) for name in type(args).model_fields}
    if tool.context_parameter is not None:
        values[tool.context_parameter] = context
    if inspect.iscoroutinefunction(tool.function):
        result = await tool.function(**values)
    else:
        # As `asyncio.to_thread` does it, in threads of our own.
        call = functools.partial(contextvars.copy_context().run, tool.function, **values)
        result = await asyncio.get_running_loop().run_in_executor(_THREADS, call)
    if isinstance(result, str):
        return result
    plain = _ANY.dump_python(result, mode="json")
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)
