"""A strict n8n on a real socket: one workflow's webhook, and the executions of its public API.

    POST /webhook/PATH                    starts the workflow
    GET  /healthz
    GET  /api/v1/executions               lists: without a status, nothing that goes on
    GET  /api/v1/executions/ID
    POST /api/v1/executions/ID/stop

The workflow calls what it is given as `rota_callback` by a node of its own, so while the execution
still works; or never, if `loses_calls`.

The API wants its key, knows its query parameters and their values, and pages as n8n does.

Source: n8n 2.41, public API v1, and what that instance answered.
"""

import asyncio
import base64
import json
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.fakes.job_script import Job, Refusal
from tests.fakes.job_server import JobServer
from tests.fakes.loopback_http import Connection, HttpRequest

API_KEY = "n8n-api-key-of-the-fake"
PATH = "/webhook/count-boxes"
WORKFLOW = "wf1"
STATUSES = ("canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting")
INDEFINITELY = "3000-01-01T00:00:00.000Z"
LAST_NODE_SECONDS = 0.01
"""How long an execution goes on after the node that calls."""
_QUERY = {
    "list": {"status", "workflowId", "projectId", "limit", "cursor", "includeData"},
    "one": {"includeData"},
    "stop": set(),
}
_NAMES = {
    "running": "running",
    "waiting": "waiting",
    "stopped": "canceled",
    "failed": "error",
    "done": "success",
}


class N8nServer(JobServer):
    """The instance, on a free loopback port.

    Args:
        answers: What the webhook answers: `id` early (a Respond node), `started` at once, or
            the `result` at the end.
    """

    part = "the fake n8n"

    def __init__(self, answers: str = "id") -> None:
        super().__init__()
        self.answers = answers
        self.saves_data = True
        self.redacts = False
        self.wait_node: dict[str, Any] = {"resume": "webhook"}
        """Parameters of the node that waits."""
        self.calls_another = False
        """Each execution has given its whole input to another workflow, which has ended."""
        self.loses_calls = False
        self.calls: list[int] = []
        """Statuses that the workflow's calls were answered with."""
        self.unregistered = 0
        """So many calls find the webhook not active yet."""
        self._numbers = count(1000)

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        url = urlsplit(request.path)
        self.script.saw(request.method, request.path, request.headers, request.json)
        if url.path == "/healthz":
            await connection.send_json(200, {"status": "ok"}, {})
        elif url.path.startswith("/webhook/"):
            await self._webhook(request, url.path, connection)
        elif url.path.startswith("/api/v1/executions"):
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            await self._api(request, url.path, query, connection)
        else:
            await connection.send(404, b"<!DOCTYPE html>", {"content-type": "text/html"})

    # -- the webhook -------------------------------------------------------------------------

    async def _webhook(self, request: HttpRequest, path: str, connection: Connection) -> None:
        self.unregistered -= 1
        if self.unregistered >= 0 or path != PATH or request.method != "POST":
            name = path.removeprefix("/webhook/")
            message = f'The requested webhook "{request.method} {name}" is not registered.'
            hint = "The workflow must be active for a production URL to run successfully."
            await connection.send_json(404, {"code": 404, "message": message, "hint": hint}, {})
            return
        refusal = self.script.refusal()
        if refusal is not None:
            error = {"code": 0, "message": refusal.message}
            await connection.send_json(refusal.status, error, refusal.headers)
            return
        body = request.json
        key = request.headers.get("x-rota-key", "")
        if not (key and isinstance(body, dict) and body.get("rota_key") == key):
            self.script.problems.append("a call without the key in its header and its body")
        job = self.script.begin(str(next(self._numbers)), body, key)
        if job is None:
            await connection.send_json(500, {"code": 0, "message": "nothing is scripted"}, {})
            return
        if isinstance(body, dict) and "rota_callback" in body and not self.loses_calls:
            self._server.spawn(self._call(job, body["rota_callback"]))
        if self.answers != "result" and self.script.cuts(job):
            connection.drop()
        else:
            await self._answer(job, connection)

    async def _call(self, job: Job, url: str) -> None:
        """The node that calls is executed: its workflow goes on until it is answered."""
        job.held = True
        await asyncio.sleep(job.work.seconds)
        async with httpx2.AsyncClient() as client:
            self.calls.append((await client.post(url, json={"done": True})).status_code)
        await asyncio.sleep(LAST_NODE_SECONDS)
        job.held = False

    @property
    def looks(self) -> int:
        """How often an execution was asked for, with its data or without."""
        return sum(
            method == "GET" and path.startswith("/api/v1/executions/")
            for method, path, *_ in self.script.requests
        )

    async def _answer(self, job: Job, connection: Connection) -> None:
        if self.answers == "id":
            await connection.send_json(200, {"executionId": job.id}, {})
            return
        if self.answers == "started":
            await connection.send_json(200, {"message": "Workflow was started"}, {})
            return
        await self.script.finished(job)
        if self.script.cuts(job):
            await connection.send_half(b'{"id": "10')
        elif job.work.error:
            await connection.send_json(500, {"message": "Error in workflow"}, {})
        else:
            await connection.send_json(200, self._item(job), {})

    # -- the public API ----------------------------------------------------------------------

    async def _api(
        self, request: HttpRequest, path: str, query: dict[str, str], connection: Connection
    ) -> None:
        rest = path.removeprefix("/api/v1/executions").strip("/").split("/")
        what = "stop" if rest[1:] == ["stop"] else "one" if rest[0] else "list"
        refusal = self._refusal(request, what, query)
        if refusal is not None:
            await connection.send_json(refusal.status, {"message": refusal.message}, {})
            return
        if what == "list":
            await connection.send_json(200, self._list(query), {})
            return
        job = self.script.job(rest[0])
        if job is None:
            await connection.send_json(404, {"message": "Not Found"}, {})
        elif what == "one" and self.script.cuts_result(job):
            await connection.send_half(b'{"id": "10')
        elif what == "one":
            view = self._view(job, query.get("includeData") == "true")
            await connection.send_json(200, view, {})
        else:
            await self._stop(job, connection)

    def _refusal(self, request: HttpRequest, what: str, query: dict[str, str]) -> Refusal | None:
        key = request.headers.get("x-n8n-api-key")
        if key is None:
            return Refusal(401, "'X-N8N-API-KEY' header required")
        if key != API_KEY:
            return Refusal(401, "unauthorized")
        problem = ""
        if request.method != ("POST" if what == "stop" else "GET"):
            problem = f"{request.method} method not allowed"
        for name, value in query.items():
            if name not in _QUERY[what]:
                problem = f"Unknown query parameter '{name}'"
            elif name == "status" and value not in STATUSES:
                problem = "request/query/status must be equal to one of the allowed values"
            elif name == "limit" and not 1 <= int(value) <= 250:
                problem = "request/query/limit must be <= 250"
        if problem:
            self.script.problems.append(problem)
            return Refusal(400, problem)
        return self.script.looks.popleft() if self.script.looks else None

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        status, limit = query.get("status"), int(query.get("limit", "100"))
        below = json.loads(base64.b64decode(query["cursor"])) if "cursor" in query else None
        hidden = () if status else ("running", "waiting", "new")
        found = [
            job
            for job in reversed(self.script.jobs)
            if not job.lost
            and (status is None or self._status(job) == status)
            and self._status(job) not in hidden
            and (below is None or int(job.id) < below)
            and query.get("workflowId", WORKFLOW) == WORKFLOW
        ]
        page = found[:limit]
        more = len(found) > limit
        cursor = base64.b64encode(page[-1].id.encode()).decode() if more else None
        include = query.get("includeData") == "true"
        data = [self._view(job, include) for job in page]
        if self.calls_another and status is None and "workflowId" not in query:
            data = [self._called_by(job, include) for job in self.script.jobs] + data
        return {"data": data, "nextCursor": cursor}

    def _called_by(self, job: Job, include: bool) -> dict[str, Any]:
        ended = {"mode": "integrated", "status": "success", "finished": True}
        return {**self._view(job, include), **ended, "id": f"9{job.id}", "workflowId": "wf2"}

    async def _stop(self, job: Job, connection: Connection) -> None:
        self.script.stops += 1
        status = self._status(job)
        if status in ("success", "error", "canceled", "crashed"):
            text = (
                "Only running or waiting executions can be stopped and "
                f"{job.id} is currently {status}"
            )
            await connection.send_json(500, {"message": text}, {})
            return
        job.stopped = True
        view = self._view(job, include=False)
        kept = {name: view[name] for name in ("mode", "startedAt", "stoppedAt", "status")}
        await connection.send_json(200, {**kept, "finished": False}, {})

    def _status(self, job: Job) -> str:
        return _NAMES[self.script.state(job)]

    def _view(self, job: Job, include: bool) -> dict[str, Any]:
        status = self._status(job)
        ended = status not in ("running", "new")
        view: dict[str, Any] = {
            "id": job.id,
            "finished": status == "success",
            "mode": "webhook",
            "retryOf": None,
            "retrySuccessId": None,
            "status": status,
            "startedAt": "2026-03-02T06:00:00.000Z",
            "stoppedAt": "2026-03-02T06:00:01.000Z" if ended else None,
            "workflowId": WORKFLOW,
            "waitTill": INDEFINITELY if status == "waiting" else None,
        }
        if include:
            wait = {"name": "Approve", "type": "n8n-nodes-base.wait", "parameters": self.wait_node}
            view["data"] = self._data(job, status)
            view["workflowData"] = {"id": WORKFLOW, "nodes": [wait]}
            view["customData"] = {}
        return view

    def _data(self, job: Job, status: str) -> dict[str, Any]:
        if not self.saves_data:
            return {}
        headers = {"x-rota-key": job.key}
        runs: dict[str, Any] = {"Webhook": [_run({"headers": headers, "body": job.body})]}
        result: dict[str, Any] = {"runData": runs, "lastNodeExecuted": "Webhook"}
        if status == "waiting":
            result["lastNodeExecuted"] = "Approve"
        if status == "error":
            result["error"] = {"message": job.work.error, "node": {"name": "Count"}}
            result["lastNodeExecuted"] = "Count"
        if status == "success":
            runs["Count"] = [_run(self._item(job))]
            runs["Log"] = [_run({"logged": True})]
            result["lastNodeExecuted"] = "Count"
        data: dict[str, Any] = {"resultData": result}
        if self.redacts:
            data["redactionInfo"] = {"isRedacted": True, "reason": "policy", "canReveal": False}
        return data

    def _item(self, job: Job) -> dict[str, Any]:
        tokens = job.work.tokens
        used = {"promptTokens": tokens.input, "completionTokens": tokens.output}
        return {"text": job.work.text, "tokenUsage": used}


def _run(item: dict[str, Any]) -> dict[str, Any]:
    return {"executionStatus": "success", "data": {"main": [[{"json": item}]]}}
