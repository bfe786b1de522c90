"""`list_tools`: the tools of an agent's MCP servers, as they are when a run begins."""

import asyncio

from temporalio import activity

from activities.documents import get_context, get_spec, put_record
from activities.heartbeat import heartbeating
from activities.interface import ToolListing
from activities.safekeeping import kept
from activities.secrets import Secrets
from activities.step_errors import translated
from activities.stores.base import ObjectStore
from activities.toolbox import Toolbox
from rota.failures import StepError
from rota.mcp import ToolPin, ToolPins, mcp_name
from rota.mcp_servers import McpServer
from rota.steps import StepInput, ToolsListed


class ToolListingActivities(ToolListing):
    """Asks the servers that one fleet declares."""

    def __init__(self, store: ObjectStore, toolbox: Toolbox) -> None:
        self._store = store
        self._toolbox = toolbox

    @activity.defn(name="list_tools")
    async def list_tools(self, input: StepInput) -> ToolsListed:
        """Ask each server once, all at the same time, and pin what the agent names.

        Raises:
            ApplicationError: `auth`, a secret is missing or refused; `invalid_request`, a
                server cannot be started or has no such tool; retryable where it cannot be
                reached. All name the server.
        Idempotency: the list is recorded under the run before this returns; a later attempt
            finds it, so that all turns of a run are offered the same tools.
        Heartbeat: at its agent's pace.
        """
        name = f"pins/{input.run.key}"
        async with heartbeating("asking MCP servers for their tools"):
            with translated(input):
                recorded = await self._store.get_ref(name)
                if recorded is not None:
                    return ToolsListed.model_validate_json(recorded)
                listed = await self._list(input)
                record = listed.model_dump_json().encode()
                first = await kept(lambda: self._store.set_ref(name, record, if_absent=True))
                return ToolsListed.model_validate_json(first)

    async def _list(self, input: StepInput) -> ToolsListed:
        context = await get_context(self._store, input.context)
        spec = await get_spec(self._store, context.spec.digest)
        wanted: dict[str, list[str]] = {}
        for parts in filter(None, map(mcp_name, spec.tools)):
            wanted.setdefault(parts.server, []).append(parts.tool)
        servers = self._toolbox.servers(spec.tools)
        ends = await asyncio.gather(
            *(self._ask(name, server, wanted[name]) for name, server in servers.items()),
            return_exceptions=True,
        )
        pins: list[ToolPin] = []
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            pins += end
        digest = await kept(lambda: put_record(self._store, ToolPins(tools=tuple(pins))))
        counts = ", ".join(f"{name}: {len(tools)}" for name, tools in wanted.items())
        return ToolsListed(pins=digest, summary=f"tools of {counts}")

    async def _ask(self, name: str, server: McpServer, wanted: list[str]) -> list[ToolPin]:
        # Here, not at the top: it imports the SDK, which most workers never need.
        from activities.mcp.listing import list_server, pins_of  # noqa: PLC0415

        secrets = Secrets()
        try:
            tools = await list_server(name, server, self._toolbox.fleet, secrets)
            return pins_of(name, server, tools, wanted)
        except StepError as error:
            # `from None`: the cause would travel into history as it is, secrets and all.
            raise StepError(
                error.category, secrets.redact(str(error)), retry_after=error.retry_after
            ) from None
