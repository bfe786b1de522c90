"""The benches of `http`: a service that is asked for its answer; and one that answers at once."""

from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from activities.callbacks import Callbacks, offer
from activities.stores.local import LocalStore
from rota.failures import FailureCategory
from rota.runtime_specs.http import KIND
from tests.contract.bench import Tokens
from tests.contract.job_bench import JobBench
from tests.fakes.http_job_server import INPUT_MICROS, OUTPUT_MICROS, TOKEN, HttpJobServer
from tests.fakes.job_script import Work
from workers.callbacks import receiving

C = FailureCategory
CALLBACK_SECRET = "of the callbacks of this bench"
STATUSES = {
    C.TRANSIENT: 500,
    C.RATE_LIMITED: 429,
    C.OVERLOADED: 503,
    C.TIMEOUT: 504,
    C.AUTH: 403,
    C.QUOTA: 402,
    C.INVALID_REQUEST: 422,
    C.CONTEXT_OVERFLOW: 413,
}


class HttpBench(JobBench[HttpJobServer]):
    """Mode poll, with everything declared that can be."""

    kind = KIND
    statuses = STATUSES

    def __init__(self) -> None:
        super().__init__(HttpJobServer(idempotent=True))
        self._numbers = count(1)

    @property
    def environment(self) -> dict[str, str]:
        return {"ROTA_TEST_JOB_TOKEN": TOKEN}

    def settings(self, **more: Any) -> dict[str, Any]:
        url = self.server.url
        return {
            **self.shared,
            "mode": "poll",
            "start": {"url": f"{url}/jobs"},
            "id": "id",
            "status": {
                "url": f"{url}/jobs/{{session.id}}",
                "state": "state",
                "done": ["done"],
                "failed": ["failed"],
                "stopped": ["stopped"],
                "waiting": ["waiting"],
                "progress": "step",
            },
            "cancel": {"method": "DELETE", "url": f"{url}/jobs/{{session.id}}"},
            "idempotent": True,
            **more,
        }

    @property
    def shared(self) -> dict[str, Any]:
        """What both modes declare."""
        return {
            "kind": "http",
            "headers": {"Authorization": "Bearer {secret.token}"},
            "secrets": {"token": "env:ROTA_TEST_JOB_TOKEN"},
            "answer": {
                "result": "answer.text",
                "error": "error",
                "model": "answer.model",
                "cost_usd": "answer.usd",
                "input_tokens": "answer.usage.in",
                "output_tokens": "answer.usage.out",
            },
            "poll": "20ms",
            "timeout": "5s",
        }

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        self.server.script.add(Work(text, pause=pause, pieces=pieces))
        return True

    def cost_micros(self, tokens: Tokens) -> int | None:
        return tokens.input * INPUT_MICROS + tokens.output * OUTPUT_MICROS


class HttpSyncBench(HttpBench):
    """Mode sync: the answer to the start is the result."""

    def settings(self, **more: Any) -> dict[str, Any]:
        start = {"url": f"{self.server.url}/run"}
        return {**self.shared, "mode": "sync", "start": start, **more}

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False

    def lose(self) -> bool:
        return False

    def cut(self) -> bool:
        self.server.script.add(Work("cut", cut=True))
        return True


class HttpCallbackBench(HttpBench):
    """Mode callback, and nothing else declared: the answer is posted, or never comes."""

    def __init__(self) -> None:
        super().__init__()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        folder = self._open.enter_context(TemporaryDirectory())
        store = LocalStore(Path(folder))
        unused = Callbacks(store, "http://127.0.0.1:1", CALLBACK_SECRET)
        address = await self._open.enter_async_context(receiving(unused, "127.0.0.1:0"))
        offer(Callbacks(store, str(address), CALLBACK_SECRET))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()
        await super().__aexit__(kind, error, trace)

    def settings(self, **more: Any) -> dict[str, Any]:
        body = {"task": "{task}", "callback": "{callback}"}
        start = {"url": f"{self.server.url}/jobs", "body": body}
        block = {"mode": "callback", "start": start, "idempotent": True}
        return {**self.shared, **block, **more}

    def cut(self) -> bool:
        self.server.script.add(Work("done", cut=True))
        return True

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False

    def lose(self) -> bool:
        return False  # nobody can be asked
