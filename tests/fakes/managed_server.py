"""A strict fake of Claude Managed Agents (sessions and events) on a real socket.

It refuses what the API refuses, keeps a log of events with pages and filters as the API has
them, works through a script, and remembers every request. It is loud: a refused request that
nobody expected, and a session that found no script, fail the test when the fake closes.

    with ManagedFake() as fake:
        fake.add(Turn(calls=(("ledger__match", {"account": "A"}),)), Turn(says=("All matched.",)))
        ...  # point the runtime's base_url at fake.url

It runs on a thread of its own; every method may be called from any thread.
"""

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.deliveries import standard
from tests.fakes.loopback_fake import LoopbackFake
from tests.fakes.loopback_http import Connection, HttpRequest
from tests.fakes.managed_pages import events_page, refuse, sessions_page
from tests.fakes.managed_rules import (
    UPDATE_KEYS,
    budget_problem,
    create_problem,
    events_problem,
    metadata_problem,
)
from tests.fakes.managed_session import FakeSession, Json, Refused, new_id, now
from tests.fakes.managed_turns import Turn

KEY = "sk-ant-managed"
AGENT, ENVIRONMENT = "agent_1", "env_1"


@dataclass(frozen=True)
class Fault:
    """What becomes of the next request that fits."""

    status: int = 500
    type: str = "api_error"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    fits: str = ""
    """Part of `METHOD /path` that it needs."""
    works: bool = False
    """The request is served, but the connection breaks before the answer."""
    body: bytes | None = None
    """Answer this instead, with status 200."""


class Missing(Exception):
    """There is no such thing."""


class ManagedFake(LoopbackFake):
    """Sessions that play a script.

    Args:
        expect_refusals: Refused requests are what the test is about.
        late: Sessions take their time. What they are told has an instant, and so a place in
            the log, only when they stop after it; until they begin with it they stay idle;
            and their log begins with an idle event.
    """

    part = "the fake of Managed Agents"

    def __init__(self, *, expect_refusals: bool = False, late: bool = False) -> None:
        super().__init__()
        self.requests: list[tuple[str, Any]] = []
        """`METHOD /path` and the body, in order."""
        self.sessions: list[FakeSession] = []
        """Those it knows."""
        self.created: list[FakeSession] = []
        """Those it ever knew."""
        self.expect_refusals = expect_refusals
        self.tools: list[Json] = [{"type": "agent_toolset_20260401", "configs": []}]
        """Tools of the managed agent itself."""
        self.archived_agent = False
        self.webhook: str | None = None
        """Where the workspace's webhook posts, signed with `tests.deliveries.RAW`; None: it has
        none."""
        self.calls: list[tuple[str, int]] = []
        """Types of events that were posted, and the statuses that answered them."""
        self._late = late
        self._faults: deque[Fault] = deque()
        self._script: deque[Turn] = deque()
        self._released = asyncio.Event()

    # -- the script ---------------------------------------------------------------------

    def add(self, *turns: Turn) -> None:
        """Append to what sessions do."""
        self._script.extend(turns)

    def fail(self, fault: Fault) -> None:
        """Let the next request that fits go wrong."""
        self._faults.append(fault)

    def release(self) -> None:
        """End every hang, and make later ones end at once."""
        self._server.call(self._released.set)

    def run_hosted(self) -> None:
        """Let the environment's workers run the tools that the newest session waits for."""
        self._server.call(self.sessions[-1].run_hosted)

    def lose(self) -> bool:
        """Forget the newest session."""
        return bool(self.sessions) and self.sessions.pop() is not None

    # -- what happened ------------------------------------------------------------------

    def count(self, request: str) -> int:
        """How many requests had this in `METHOD /path`."""
        return sum(request in made for made, _ in self.requests)

    # -- life ---------------------------------------------------------------------------

    def close(self) -> None:
        """Stop; sessions that still work are ended before."""
        self._server.submit(self._end()).result(timeout=10)
        super().close()

    # -- on the server's thread ---------------------------------------------------------

    async def _end(self) -> None:
        for session in self.created:
            await session.end()

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        url = urlsplit(request.path)
        label = f"{request.method} {url.path}"
        body = json.loads(request.body) if request.body else None
        self.requests.append((label, body))
        fault = next((fault for fault in self._faults if fault.fits in label), None)
        if fault is not None:
            self._faults.remove(fault)
        if fault is not None and not fault.works:
            await self._break(fault, connection)
            return
        status, answer = self._answer(request, label, parse_qs(url.query), body)
        if fault is not None:
            connection.drop()
            return
        await connection.send_json(status, answer, {"request-id": f"req_{len(self.requests)}"})

    async def _break(self, fault: Fault, connection: Connection) -> None:
        if fault.body is not None:
            await connection.send(200, fault.body, {"content-type": "text/html"})
            return
        error = {"type": fault.type, "message": f"scripted {fault.type}"}
        await connection.send_json(fault.status, {"type": "error", "error": error}, fault.headers)

    def _answer(
        self, request: HttpRequest, label: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Json]:
        sent = request.headers
        if KEY not in (sent.get("x-api-key"), sent.get("authorization", "")[len("Bearer ") :]):
            return _error(401, "authentication_error", "invalid key")
        try:
            if "managed-agents-2026-04-01" not in sent.get("anthropic-beta", ""):
                raise Refused("anthropic-beta: managed-agents-2026-04-01 is required")
            return 200, self._route(label.split("/"), query, body)
        except Missing as missing:
            return _error(404, "not_found_error", f"{missing} not found")
        except Refused as refusal:
            self._complain(f"refused {label}: {refusal}")
            return _error(400, "invalid_request_error", str(refusal))

    def _route(self, parts: list[str], query: dict[str, list[str]], body: Any) -> Json:
        method, _, *path = parts
        return self._read(path, query) if method == "GET " else self._write(path, body)

    def _read(self, path: list[str], query: dict[str, list[str]]) -> Json:
        match path:
            case ["agents", name]:
                return self._agent(name)
            case ["environments", name] if name == ENVIRONMENT:
                return {"id": name, "type": "environment", "name": "cloud", "archived_at": None}
            case ["sessions"]:
                return self._list(query)
            case ["sessions", name]:
                return self._session(name).view()
            case ["sessions", name, "threads"]:
                thread = {"id": "sthr_1", "type": "session_thread", "status": "running"}
                return {"data": [thread] if self._session(name).thread_at_work else []}
            case ["sessions", name, "events"]:
                return events_page(self._session(name).events, query)
            case _:
                raise Missing("/".join(path))

    def _write(self, path: list[str], body: Any) -> Json:
        match path:
            case ["sessions"]:
                return self._create(body)
            case ["sessions", name]:
                return self._update(self._session(name), body)
            case ["sessions", name, "archive"]:
                session = self._session(name)
                session.archive()
                return session.view()
            case ["sessions", name, "events"]:
                refuse(events_problem(body))
                return {"data": self._session(name).take(body["events"])}
            case _:
                raise Missing("/".join(path))

    def _session(self, name: str) -> FakeSession:
        for session in self.sessions:
            if session.id == name:
                return session
        raise Missing(name)

    def _agent(self, name: str) -> Json:
        if name != AGENT:
            raise Missing(name)
        model = {"id": "claude-opus-5-5"}
        identity = {"id": AGENT, "type": "agent", "name": "Bookkeeper", "version": 7}
        archived = "2026-01-01T00:00:00Z" if self.archived_agent else None
        return {**identity, "model": model, "tools": self.tools, "archived_at": archived}

    def _create(self, body: Any) -> Json:
        refuse(create_problem(body))
        agent = body["agent"]
        resolved = self._agent(agent if isinstance(agent, str) else agent["id"])
        if isinstance(agent, dict) and "tools" in agent:
            resolved["tools"] = agent["tools"]
        if body["environment_id"] != ENVIRONMENT:
            raise Missing(body["environment_id"])
        session = FakeSession(
            body, resolved, self._next_turn, self._released, self._late, self._tell
        )
        self.sessions.append(session)
        self.created.append(session)
        return session.view()

    def _tell(self, kind: str, session: str) -> None:
        if self.webhook is not None:
            self._server.spawn(self._post(self.webhook, kind, session))

    async def _post(self, url: str, kind: str, session: str) -> None:
        """Twice, as who counts on at least once."""
        about = {"id": session, "organization_id": "org_1", "type": kind, "workspace_id": "wrk_1"}
        id = new_id("wevt")
        event = {"id": id, "created_at": now(), "data": about, "type": "event"}
        posted = standard(id, json.dumps(event).encode(), int(time.time()))
        async with httpx2.AsyncClient() as client:
            for _ in range(2):
                answer = await client.post(url, content=posted.body, headers=dict(posted.headers))
                self.calls.append((kind, answer.status_code))

    def _complain(self, problem: str) -> None:
        if not self.expect_refusals:
            self.problems.append(problem)

    def _next_turn(self) -> Turn:
        if not self._script:
            self._complain("a session found the script empty")
            raise LookupError
        return self._script.popleft()

    def _list(self, query: dict[str, list[str]]) -> Json:
        return sessions_page([session.view() for session in self.sessions], query)

    def _update(self, session: FakeSession, body: Any) -> Json:
        if set(body) - UPDATE_KEYS:
            raise Refused("Extra inputs are not permitted")
        refuse(metadata_problem(body.get("metadata", {})))
        if session.status == "terminated" or session.archived_at:
            raise Refused("session is archived or terminated")
        if "agent" in body:
            if session.status != "idle":
                raise Refused("agent: the session must be idle")
            session.agent = session.agent | body["agent"]
        if "budget" in body:
            refuse(budget_problem(body["budget"]))
            if session.budget is None:
                raise Refused("budget_create_only")
            if int(body["budget"]["max_list_cost"]["amount"]) <= session.tally.cents:
                raise Refused("budget_not_raised")
            session.budget = body["budget"]
        session.metadata |= body.get("metadata", {})
        return session.view()


def _error(status: int, kind: str, message: str) -> tuple[int, Json]:
    return status, {"type": "error", "error": {"type": kind, "message": message}}
