"""What the benches of services that do jobs have in common: all of it a `JobScript` plays."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from rota.failures import FailureCategory
from tests.contract.bench import Tokens
from tests.contract.fake_bench import FakeBench
from tests.fakes.job_script import Refusal, Work
from tests.fakes.job_server import JobServer

TOKENS = Tokens()

Server = TypeVar("Server", bound=JobServer)


class JobBench(FakeBench[Server], Generic[Server]):
    """Base of the benches on a job server."""

    statuses: ClassVar[Mapping[FailureCategory, int]]
    """How the service says a category."""

    @property
    def server(self) -> Server:
        """The fake."""
        return self.fake

    def answer(self, text: str, tokens: Tokens = TOKENS, *, seconds: float = 0.0) -> None:
        self.server.script.add(Work(text, tokens, seconds))

    def call_tool(self, name: str, args: dict[str, Any], tokens: Tokens = TOKENS) -> None:
        raise AssertionError("a service that does jobs calls no tools of Rota's")

    def fail(self, category: FailureCategory, *, retry_after: float | None = None) -> bool:
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        if category is FailureCategory.TOOL_FAILED:
            self.server.script.add(Work(error="it went wrong"))
        elif category in self.statuses:
            self.server.script.add(Refusal(self.statuses[category], "refused", headers))
        else:
            return False
        return True

    def cut(self) -> bool:
        self.server.script.cut_results += 1
        return True

    def hang(self) -> None:
        self.server.script.add(Work("late", hangs=True))

    def release(self) -> None:
        self.server.script.released = True

    def lose(self) -> bool:
        self.server.script.jobs[-1].lost = True
        return True

    def expect_refusals(self) -> None:
        self.server.expect_refusals = True

    @property
    def starts(self) -> int:
        return len(self.server.script.jobs)

    @property
    def stops(self) -> int:
        return self.server.script.stops

    @property
    def tells_usage(self) -> bool:
        return True  # by the paths in `settings`
