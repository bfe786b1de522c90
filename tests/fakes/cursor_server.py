"""A strict fake of Cursor's cloud agents API (v1) on a real socket.

It refuses what the API refuses, runs agents through a script, tells the cost late, and
remembers every request. It is loud: a refused request that nobody expected, and an agent that
found no script, fail the test when the fake closes.

    with CursorFake() as fake:
        fake.add(Job("Mended.", branch="cursor/fix"))
        ...  # point the runtime's base_url at fake.url

It runs on a thread of its own; every method may be called from any thread.
"""

import base64
import json
import re
import time
from collections import deque
from typing import Any

from tests.fakes.cursor_jobs import Agent, Fault, Job, Json, Run, usage_of
from tests.fakes.loopback_fake import LoopbackFake
from tests.fakes.loopback_http import Connection, HttpRequest

KEY = "crsr_fake_key"
CREATE_KEYS = {
    *("agentId", "name", "prompt", "model", "repos", "mode", "autoCreatePR"),
    "workOnCurrentBranch",
}
REPO_KEYS = {"url", "startingRef", "prUrl"}
AGENT_ID = re.compile(r"bc-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
EXPECTED = ("agent_id_conflict", "run_not_cancellable")
"""Refusals that a client can only learn by asking."""


class Refused(Exception):
    """The API says no."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code = status, code


class CursorFake(LoopbackFake):
    """Agents that play a script.

    Args:
        honours_keys: A request with the idempotency key of an earlier one gets its answer.
        expect_refusals: Refused requests are what the test is about.
    """

    part = "the fake of Cursor"

    def __init__(self, *, honours_keys: bool = True, expect_refusals: bool = False) -> None:
        super().__init__()
        self.requests: list[tuple[str, Any]] = []
        self.agents: dict[str, Agent] = {}
        self.begun: list[Run] = []
        """Every run that ever began."""
        self.cancels = 0
        self.expect_refusals = expect_refusals
        self._honours_keys = honours_keys
        self._answered: dict[str, Json] = {}
        self._faults: deque[Fault] = deque()
        self._script: deque[Job] = deque()
        self._released = False

    def add(self, *jobs: Job) -> None:
        """Append to what agents do."""
        self._script.extend(jobs)

    def fail(self, fault: Fault) -> None:
        """Let the next request that fits go wrong."""
        self._faults.append(fault)

    def release(self) -> None:
        """End every hang, and make later ones end at once."""
        self._released = True

    def lose(self) -> bool:
        """Forget the newest agent."""
        return bool(self.agents) and self.agents.popitem() is not None

    # -- on the server's thread ---------------------------------------------------------

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        label = f"{request.method} {request.path}"
        body = json.loads(request.body) if request.body else None
        self.requests.append((label, body))
        fault = next((fault for fault in self._faults if fault.fits in label), None)
        if fault is not None:
            self._faults.remove(fault)
        if fault is not None and not fault.works:
            if fault.body is not None:
                await connection.send(200, fault.body, {"content-type": "text/html"})
                return
            error = {"code": fault.code, "message": f"scripted {fault.code}"}
            await connection.send_json(fault.status, {"error": error}, fault.headers)
            return
        status, answer = self._answer(request, label, body)
        if fault is not None:
            connection.drop()
            return
        await connection.send_json(status, answer, {})

    def _answer(self, request: HttpRequest, label: str, body: Any) -> tuple[int, Json]:
        key = request.headers.get("idempotency-key", "")
        try:
            basic = base64.b64encode(f"{KEY}:".encode()).decode()
            if request.headers.get("authorization") != f"Basic {basic}":
                raise Refused(401, "unauthorized")
            if key and self._honours_keys and key in self._answered:
                return 200, self._answered[key]
            answer = self._route(request.method, request.path.split("/")[2:], body)
            if key:
                self._answered[key] = answer
            return 200, answer
        except Refused as refusal:
            if refusal.status in (400, 409) and refusal.code not in EXPECTED:
                self._complain(f"refused {label}: {refusal}")
            return refusal.status, {"error": {"code": refusal.code, "message": str(refusal)}}

    def _complain(self, problem: str) -> None:
        if not self.expect_refusals:
            self.problems.append(problem)

    def _route(self, method: str, path: list[str], body: Any) -> Json:
        match method, path:
            case "GET", ["me"]:
                return {"apiKeyName": "nightly", "userEmail": "team@example.com"}
            case "POST", ["agents"]:
                return self._create(body)
            case "GET", ["agents", name]:
                return _agent_view(name, self._agent(name))
            case "POST", ["agents", name, "runs"]:
                return {"run": self._prompt(self._agent(name), body)}
            case "GET", ["agents", name, "runs", run]:
                return self._view(_run(self._agent(name), run))
            case "POST", ["agents", name, "runs", run, "cancel"]:
                return self._cancel(_run(self._agent(name), run))
            case "GET", ["agents", name, "usage"]:
                told = [usage_of(run) for run in self._agent(name).runs]
                return {"runs": [usage for usage in told if usage is not None]}
            case _:
                raise Refused(404, "not_found")

    def _agent(self, name: str) -> Agent:
        if name not in self.agents:
            raise Refused(404, "agent_not_found")
        return self.agents[name]

    def _create(self, body: Any) -> Json:
        if set(body) - CREATE_KEYS:
            raise Refused(400, "invalid_request", f"unknown {sorted(set(body) - CREATE_KEYS)}")
        if any(set(repo) - REPO_KEYS or "url" not in repo for repo in body.get("repos", [])):
            raise Refused(400, "invalid_request", "repos")
        name = body["agentId"]
        if not AGENT_ID.fullmatch(name):
            raise Refused(400, "invalid_request", "agentId")
        if name in self.agents:
            raise Refused(409, "agent_id_conflict")
        self.agents[name] = agent = Agent(body)
        run = self._prompt(agent, {"prompt": body["prompt"]})
        return {"agent": _agent_view(name, agent), "run": run}

    def _prompt(self, agent: Agent, body: Any) -> Json:
        if set(body) != {"prompt"} or not body["prompt"]["text"].strip():
            raise Refused(400, "invalid_request", "prompt")
        if agent.runs and self._status(agent.runs[-1]) in ("CREATING", "RUNNING"):
            raise Refused(409, "agent_busy")
        if not self._script:
            self._complain("an agent found the script empty")
            raise Refused(500, "internal", "script one more job")
        run = Run(self._script.popleft())
        agent.runs.append(run)
        self.begun.append(run)
        return self._view(run)

    def _cancel(self, run: Run) -> Json:
        if self._status(run) not in ("CREATING", "RUNNING"):
            raise Refused(409, "run_not_cancellable")
        self.cancels += 1
        run.cancelled = True
        return {"id": run.id}

    def _status(self, run: Run) -> str:
        if run.cancelled and not run.job.deaf:
            return "CANCELLED"
        passed = time.monotonic() - run.since
        if run.job.hang and not self._released:
            return "RUNNING" if passed > 0.02 else "CREATING"
        return run.job.status if passed >= run.job.seconds else "RUNNING"

    def _view(self, run: Run) -> Json:
        status = self._status(run)
        view: Json = {"id": run.id, "status": status, "updatedAt": status}
        if status == "FINISHED":
            view |= {"result": run.job.result, "git": {"branches": list(run.job.branches)}}
        if status == "ERROR" and run.job.error:
            view["error"] = {"message": run.job.error}
        return view


def _agent_view(name: str, agent: Agent) -> Json:
    latest = {"latestRunId": agent.runs[-1].id} if agent.runs else {}
    return {"id": name, "url": f"https://cursor.com/agents/{name}", **latest}


def _run(agent: Agent, name: str) -> Run:
    for run in agent.runs:
        if run.id == name:
            return run
    raise Refused(404, "run_not_found")
