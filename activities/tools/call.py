"""Call one tool function: check its arguments, run it, give back text."""

import asyncio
import inspect
import json
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from rota.tools import ToolContext, ToolDefinition


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
        result = await asyncio.to_thread(tool.function, **values)
    if isinstance(result, str):
        return result
    plain = TypeAdapter(Any).dump_python(result, mode="json")
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)
