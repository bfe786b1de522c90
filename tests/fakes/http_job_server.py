"""A strict service that does jobs, as teams write them: at once, by polling, by callback.

    POST   /run               does the work, answers with its result
    POST   /jobs              202 {"id", "links": {"self"}}; calls back if told where
    GET    /jobs/ID           {"state", "step"}, and in the end {"error"} or {"answer"}
    GET    /jobs/ID/answer    the answer by itself
    DELETE /jobs/ID           202; 409 if it has ended

Every request needs the bearer token, every start an Idempotency-Key and a JSON body. With
`idempotent` a second start with the same key is the first one.
"""

from itertools import count
from typing import Any

import httpx2

from tests.fakes.job_script import Job, Refusal
from tests.fakes.job_server import JobServer
from tests.fakes.loopback_http import Connection, HttpRequest

TOKEN = "job-service-token"
INPUT_MICROS, OUTPUT_MICROS = 2, 10
"""What the service says a token costs."""


class HttpJobServer(JobServer):
    """The service, on a free loopback port."""

    part = "the job service"

    def __init__(self, *, idempotent: bool = False) -> None:
        super().__init__()
        self.link: str | None = None
        """What `links.self` says; None: the job's own address."""
        self.redirect: str | None = None
        """Where /jobs/ID/answer redirects to."""
        self.callbacks: list[int] = []
        """Statuses that callbacks were answered with."""
        self._idempotent = idempotent
        self._numbers = count(1)

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        body = request.json
        self.script.saw(request.method, request.path, request.headers, body)
        refusal = self._refused(request, body) or self._scripted(request)
        if refusal is not None:
            error = {"error": {"message": refusal.message}}
            await connection.send_json(refusal.status, error, refusal.headers)
        elif request.method == "POST":
            await self._begin(request, body, connection)
        else:
            await self._known(request, connection)

    def _refused(self, request: HttpRequest, body: Any) -> Refusal | None:
        if (request.method, request.path) == ("HEAD", "/"):
            return Refusal(200)
        starts = request.method == "POST"
        problem = ""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Refusal(401, "the token is wrong")
        if starts and not request.headers.get("idempotency-key"):
            problem = "a start without Idempotency-Key"
        elif starts and not (isinstance(body, dict) and "task" in body):
            problem = f"a start without a task: {request.body[:100]!r}"
        elif not starts and request.body:
            problem = f"{request.method} with a body"
        if problem:
            self.script.problems.append(problem)
            return Refusal(400, problem)
        return None

    def _scripted(self, request: HttpRequest) -> Refusal | None:
        if request.method == "POST":
            return self.script.refusal()
        return self.script.looks.popleft() if self.script.looks else None

    async def _begin(self, request: HttpRequest, body: Any, connection: Connection) -> None:
        key = request.headers["idempotency-key"]
        job = next((job for job in self.script.jobs if job.key == key), None)
        if job is None or not self._idempotent:
            job = self.script.begin(f"job-{next(self._numbers)}", body, key)
        if job is None:
            await connection.send_json(500, {"error": "nothing is scripted"}, {})
            return
        if request.path == "/run":
            await self._at_once(job, connection)
            return
        if body.get("callback"):
            self._server.spawn(self._call_back(job, body["callback"]))
        if self.script.cuts(job):
            connection.drop()
            return
        link = self.link or f"/jobs/{job.id}"
        await connection.send_json(202, {"id": job.id, "links": {"self": link}}, {})

    async def _at_once(self, job: Job, connection: Connection) -> None:
        await self.script.finished(job)
        if self.script.cuts(job):
            await connection.send_half(b'{"answer": {"te')
            return
        await connection.send_json(200, self._view(job), {})

    async def _known(self, request: HttpRequest, connection: Connection) -> None:
        _, place, id, *rest = request.path.split("/")
        job = self.script.job(id) if place == "jobs" else None
        if job is None:
            await connection.send_json(404, {"error": "no such job"}, {})
        elif request.method == "DELETE":
            self.script.stops += 1
            ended = self.script.state(job) in ("done", "failed", "stopped")
            job.stopped = job.stopped or not ended
            await connection.send_json(409 if ended else 202, {"id": job.id}, {})
        elif self.script.cuts_result(job):
            await connection.send_half(b'{"answer": {"te')
        elif rest and self.redirect:
            await connection.send(303, b"", {"location": self.redirect})
        elif rest:
            await connection.send_json(200, self._view(job)["answer"], {})
        else:
            await connection.send_json(200, self._view(job), {})

    async def _call_back(self, job: Job, url: str) -> None:
        await self.script.finished(job)
        async with httpx2.AsyncClient() as client:
            for _ in range(2):  # as services do that count on at least once
                answer = await client.post(url, json=self._view(job))
                self.callbacks.append(answer.status_code)

    def _view(self, job: Job) -> dict[str, Any]:
        state = self.script.state(job)
        view: dict[str, Any] = {"id": job.id, "state": state, "step": self.script.step(job)}
        if state == "failed":
            view["error"] = job.work.error
        if state == "done":
            tokens = job.work.tokens
            micros = tokens.input * INPUT_MICROS + tokens.output * OUTPUT_MICROS
            view["error"] = None
            view["answer"] = {
                "text": job.work.text,
                "model": "service-1",
                "usage": {"in": tokens.input, "out": tokens.output},
                "usd": micros / 1_000_000,
            }
        return view
