"""The bench of `n8n`: a workflow that answers its execution's id, watched by the API."""

from typing import Any

from rota.failures import FailureCategory
from rota.runtime_specs.n8n import KIND
from tests.contract.bench import Tokens
from tests.contract.job_bench import JobBench
from tests.fakes.job_script import Work
from tests.fakes.n8n_server import API_KEY, PATH, WORKFLOW, N8nServer

C = FailureCategory
STATUSES = {
    C.TRANSIENT: 502,
    C.RATE_LIMITED: 429,
    C.OVERLOADED: 503,
    C.TIMEOUT: 504,
    C.AUTH: 403,
    C.CONTEXT_OVERFLOW: 413,
    C.INVALID_REQUEST: 422,
}
"""What the webhook, or the proxy before it, answers."""


class N8nBench(JobBench[N8nServer]):
    kind = KIND
    statuses = STATUSES

    def __init__(self) -> None:
        super().__init__(N8nServer())

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

    def trickle(self, text: str, *, pause: float, pieces: int) -> bool:
        return False  # n8n tells that it works, and no more

    def cost_micros(self, tokens: Tokens) -> int | None:
        return None  # n8n knows no prices


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
