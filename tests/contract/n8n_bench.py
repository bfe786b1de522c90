"""The bench of `n8n`: a workflow that answers its execution's id, watched by the API."""

from types import TracebackType
from typing import Any, Self

from rota.failures import FailureCategory
from rota.runtime_specs.n8n import KIND
from tests.contract.bench import RuntimeBench, Tokens
from tests.fakes.job_script import Refusal, Work
from tests.fakes.n8n_server import API_KEY, PATH, WORKFLOW, N8nServer

C = FailureCategory
TOKENS = Tokens()
_STATUSES = {
    C.TRANSIENT: 502,
    C.RATE_LIMITED: 429,
    C.OVERLOADED: 503,
    C.TIMEOUT: 504,
    C.AUTH: 403,
    C.CONTEXT_OVERFLOW: 413,
    C.INVALID_REQUEST: 422,
}
"""What the webhook, or the proxy before it, answers."""


class N8nBench(RuntimeBench):
    kind = KIND

    def __init__(self) -> None:
        self.server = N8nServer()
        self._refusals = False

    async def __aenter__(self) -> Self:
        self.server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        self.server.close()
        if self.server.script.problems and not self._refusals and error is None:
            raise AssertionError(f"the fake n8n: {'; '.join(self.server.script.problems)}")

    @property
    def environment(self) -> dict[str, str]:
        return {"ROTA_TEST_N8N_KEY": API_KEY}

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "n8n",
            "webhook": f"{self.server.url}{PATH}",
            "api_key": "env:ROTA_TEST_N8N_KEY",
            "workflow": WORKFLOW,
            "answer": {
                "result": "text",
                "input_tokens": "tokenUsage.promptTokens",
                "output_tokens": "tokenUsage.completionTokens",
            },
            "poll": "20ms",
            "timeout": "5s",
            **more,
        }

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.server.script.add(Work(text, tokens, seconds))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        raise AssertionError("a workflow of n8n calls no tools of Rota's")

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        if category is C.TOOL_FAILED:
            self.server.script.add(Work(error="it went wrong"))
        elif category in _STATUSES:
            self.server.script.add(Refusal(_STATUSES[category], "refused", headers))
        else:
            return False
        return True

    def cut(self) -> bool:
        self.server.script.cut_results += 1
        return True

    def hang(self) -> None:
        self.server.script.add(Work("late", hangs=True))

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False  # n8n tells that it works, and no more

    def release(self) -> None:
        self.server.script.released = True

    def lose(self) -> bool:
        self.server.script.jobs[-1].lost = True
        return True

    def expect_refusals(self) -> None:
        self._refusals = True

    @property
    def starts(self) -> int:
        return len(self.server.script.jobs)

    @property
    def stops(self) -> int:
        return self.server.script.stops

    def cost_micros(self, tokens: Tokens) -> int | None:
        return None  # n8n knows no prices

    @property
    def tells_usage(self) -> bool:
        return True  # by the paths in `settings`


class N8nSyncBench(N8nBench):
    """Without API key: the webhook's answer is the result."""

    def __init__(self) -> None:
        super().__init__()
        self.server.answers = "result"

    def settings(self, **more: Any) -> dict[str, Any]:
        return super().settings(**{"api_key": None, **more})

    def cut(self) -> bool:
        self.server.script.add(Work("cut", cut=True))
        return True

    def lose(self) -> bool:
        return False
