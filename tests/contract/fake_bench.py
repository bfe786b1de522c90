"""A bench whose provider is a fake on a socket: both begin and end together."""

from types import TracebackType
from typing import Generic, Self, TypeVar

from tests.contract.bench import RuntimeBench
from tests.fakes.loopback_fake import LoopbackFake

Fake = TypeVar("Fake", bound=LoopbackFake)


class FakeBench(RuntimeBench, Generic[Fake]):
    """Base of the benches on a fake. Hangs end with it, however the test came out."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        await self.fake.__aexit__(kind, error, trace)
