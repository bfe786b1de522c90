"""A real MCP server, written with the SDK, that remembers each call of each tool.

    python -m tests.fakes.mcp_warehouse LOG      serves standard input and output
    with WarehouseEndpoint(log) as endpoint:     serves HTTP on a loopback port

Strict as the SDK makes it: it refuses what is no MCP, and arguments that do not fit.
"""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import anyio
import mcp_types as types
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.types import Image
from mcp.server.request_state import RequestStateSecurity
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

KEY = "of the test, and thirty-two bytes"
READ = types.ToolAnnotations(read_only_hint=True)
IDEMPOTENT = types.ToolAnnotations(idempotent_hint=True)
SECRET = "WAREHOUSE_KEY"
"""Variable that is told where it should not be: a result, the last words."""


Routed = Annotated[str, Field(json_schema_extra={"x-mcp-header": "Order"})]
"""An argument that travels in a header as well, for whatever stands before the server."""


class Log:
    """Calls in a file, which outlives the server."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, tool: str, **args: Any) -> None:
        """Remember one call."""
        with self._path.open("a") as file:
            file.write(json.dumps({"tool": tool, "pid": os.getpid(), **args}) + "\n")

    def calls(self, tool: str) -> list[dict[str, Any]]:
        """The calls of one tool."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [call for line in lines if (call := json.loads(line))["tool"] == tool]


def build(log: Log, security: RequestStateSecurity | None = None) -> MCPServer:
    """The server."""
    server = MCPServer("warehouse", request_state_security=security, log_level="ERROR")
    for add in (_add_work, _add_answers, _add_deaths, _add_question):
        add(server, log)
    return server


def _add_work(server: MCPServer, log: Log) -> None:
    """One tool of each effect."""

    @server.tool(annotations=READ)
    def query(region: str, limit: int = 10) -> dict[str, Any]:
        """Read the stock of a region."""
        log.add("query", region=region, limit=limit)
        return {"region": region, "boxes": limit}

    @server.tool(annotations=IDEMPOTENT)
    def reserve(order: Routed) -> str:
        """Reserve what an order needs."""
        log.add("reserve", order=order)
        return f"reserved for {order}"

    @server.tool()
    def post(context: Context[Any, Any], amount: int) -> str:
        """Book an amount."""
        meta = dict(context.request_context.meta or {})
        log.add("post", amount=amount, key=meta.get("rota/idempotency-key"))
        return f"booked {amount}"

    @server.tool(annotations=READ)
    async def slow(context: Context[Any, Any], seconds: float) -> str:
        """Take a while, and say so."""
        log.add("slow")
        await context.report_progress(1, 2, "half way")
        await anyio.sleep(seconds)
        return "at last"

    @server.tool()
    async def slow_post(seconds: float) -> str:
        """Book, and take a while."""
        log.add("slow_post")
        await anyio.sleep(seconds)
        return "booked"


def _add_answers(server: MCPServer, log: Log) -> None:
    """Answers that are no plain text."""

    @server.tool(annotations=READ)
    def refuse() -> str:
        """Refuse."""
        log.add("refuse")
        raise ToolError("the warehouse is closed")

    @server.tool(annotations=READ)
    def environment() -> dict[str, str]:
        """Tell the whole environment."""
        return dict(os.environ)

    @server.tool(annotations=READ, structured_output=False)
    def picture() -> list[Any]:
        """Show a shelf."""
        return ["a shelf:", Image(data=b"PNG" * 100, format="png")]

    @server.tool(annotations=READ)
    def lots(size: int) -> str:
        """Say much."""
        return "x" * size


def _add_deaths(server: MCPServer, log: Log) -> None:
    """Tools that take effect and take the server along, the first time."""

    def dying(tool: str) -> None:
        log.add(tool)
        if len(log.calls(tool)) == 1:
            os._exit(3)

    @server.tool(annotations=READ)
    def read_and_die() -> str:
        """Read."""
        dying("read_and_die")
        return "read"

    @server.tool()
    def write_and_die() -> str:
        """Write."""
        dying("write_and_die")
        return "written"


def _add_question(server: MCPServer, log: Log) -> None:
    """A tool that needs a person's answer, and one that is not ready at first."""

    @server.tool(annotations=READ)
    async def later(context: Context[Any, Any]) -> str | types.InputRequiredResult:
        """Answer at the second time of asking."""
        log.add("later", state=context.request_state)
        if context.request_state is None:
            return types.InputRequiredResult(request_state="soon")
        return "now"

    @server.tool()
    async def ship(context: Context[Any, Any], order: str) -> str | types.InputRequiredResult:
        """Ship an order, once a person has said where to."""
        log.add("ship", order=order, state=context.request_state)
        answer = (context.input_responses or {}).get("where")
        if answer is None:
            where = types.ElicitRequestFormParams(
                message=f"Where to with {order}?",
                requested_schema={
                    "type": "object",
                    "properties": {"region": {"type": "string", "enum": ["north", "south"]}},
                    "required": ["region"],
                },
            )
            return types.InputRequiredResult(
                input_requests={"where": types.ElicitRequest(params=where)},
                request_state=f"shipping {order}",
            )
        assert isinstance(answer, types.ElicitResult)
        if answer.action != "accept":
            return f"{order} stays"
        return f"{order} goes {(answer.content or {})['region']} ({context.request_state})"


class WarehouseEndpoint:
    """The server on a loopback port, on a thread of its own; can be stopped and started again."""

    def __init__(
        self, log: Log, *, token: str | None = None, security: RequestStateSecurity | None = None
    ) -> None:
        self._log, self._token, self._security = log, token, security
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.refused = 0
        """Requests without the token."""
        self.headers: list[dict[str, str]] = []
        """Of each request."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve with a server made anew: what it kept in memory is lost."""
        if self._socket.fileno() == -1:
            self._socket = socket.create_server(("127.0.0.1", self.port))
        app = build(self._log, self._security).streamable_http_app()
        config = uvicorn.Config(self._guarded(app), log_level="error")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """End; the port is free afterwards."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                request = Request(scope)
                self.headers.append(dict(request.headers))
                if request.url.path == "/elsewhere":
                    away = RedirectResponse("http://localhost:1/mcp", status_code=307)
                    await away(scope, receive, send)
                    return
                wanted = f"Bearer {self._token}"
                if self._token and request.headers.get("authorization") != wanted:
                    self.refused += 1
                    await Response(status_code=401)(scope, receive, send)
                    return
            await app(scope, receive, send)

        return guarded


if __name__ == "__main__":
    if os.environ.get("WAREHOUSE_CLOSED"):
        sys.exit(f"no stock file for {os.environ.get(SECRET)}")
    build(Log(Path(sys.argv[1])), RequestStateSecurity(keys=[KEY])).run("stdio")
