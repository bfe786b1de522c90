"""Tools of MCP servers as a run sees them: pinned when it began, called like any other.

Does not import the SDK: a worker that serves none never loads it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

from pydantic import BaseModel, RootModel, model_validator
from pydantic_core import PydanticCustomError

from activities.documents import get_json
from activities.schema_problems import schema_problems
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.conversation import ToolSchema
from rota.mcp import McpName, ToolPin, ToolPins, mcp_name
from rota.tools import ToolContext, ToolDefinition, ToolError


class PinnedTool(ToolDefinition):
    """A server's tool, with the schema that it had when the run began."""

    @cached_property
    def schema(self) -> ToolSchema:
        """As the server described it."""
        parameters: dict[str, Any] = self.arguments.model_json_schema()
        return ToolSchema(name=self.name, description=self.description, parameters=parameters)


async def with_pins(store: ObjectStore, toolbox: Toolbox, pins: str | None) -> Toolbox:
    """The worker's tools, and those of servers that the run has listed.

    Args:
        store: Where the list is.
        toolbox: What the worker has.
        pins: Digest of the run's list; None: it has none.
    """
    if pins is None:
        return toolbox
    listed = ToolPins.model_validate(await get_json(store, pins))
    return toolbox.extended(pinned_tool(pin) for pin in listed.tools)


def pinned_tool(pin: ToolPin) -> ToolDefinition:
    """Make the definition of a pinned tool."""
    name = mcp_name(pin.name)
    assert name is not None, "only such names are pinned"
    return PinnedTool(
        name=pin.name,
        effect=pin.effect,
        timeout=timedelta(seconds=pin.timeout_seconds),
        function=_function(name),
        context_parameter="context",
        arguments=_arguments(pin),
        description=pin.description,
        private=pin.private,
        untrusted=pin.untrusted,
        outward=pin.outward,
    )


def _function(name: McpName) -> Callable[..., Awaitable[str]]:
    async def call_server(root: dict[str, Any], context: ToolContext) -> str:
        # Here, not at the top: it imports the SDK.
        from activities.mcp.calling import call  # noqa: PLC0415

        server = context.connections.mcp.get(name.server)
        if server is None:
            raise ToolError(f"fleet.yaml of this worker declares no mcp server '{name.server}'")
        return await call(name, server, root, context)

    return call_server


def _arguments(pin: ToolPin) -> type[BaseModel]:
    """A model that takes what fits the tool's schema, as it is."""
    parameters = pin.parameters

    class Arguments(RootModel[dict[str, Any]]):
        @model_validator(mode="before")
        @classmethod
        def _fits(cls, value: Any) -> Any:
            problems = schema_problems(parameters, value, whole="the arguments")
            if problems:
                text = "; ".join(problems)
                raise PydanticCustomError("schema", "{text}", {"text": text})
            return value

        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return parameters

    return Arguments
