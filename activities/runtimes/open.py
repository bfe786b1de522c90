"""From a kind to its runtime. One instance of each per worker, made at first use."""

import threading
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from activities.runtimes.scripted import ScriptedRuntime
from activities.secrets import Secrets
from rota.conversation import ModelRuntime
from rota.failures import FailureCategory, StepError


def _anthropic() -> ModelRuntime:
    # Here, not at the top: the SDK takes over a second to import, and a fleet that does
    # not use it should not wait for it.
    from activities.runtimes.anthropic import AnthropicRuntime  # noqa: PLC0415

    return AnthropicRuntime(Secrets())


RUNTIMES: dict[str, Callable[[], ModelRuntime]] = {
    "anthropic": _anthropic,
    "scripted": ScriptedRuntime,
}


@runtime_checkable
class Closable(Protocol):
    """A runtime that keeps connections between turns."""

    async def aclose(self) -> None:
        """Close them all. Safe to repeat."""
        ...


class OpenRuntimes:
    """Callable from any thread: the runtime of a kind."""

    def __init__(self, makers: dict[str, Callable[[], ModelRuntime]] = RUNTIMES) -> None:
        self._makers = makers
        self._open: dict[str, ModelRuntime] = {}
        self._opening = threading.Lock()

    def __call__(self, kind: str) -> ModelRuntime:
        """Return the one instance for `kind`. The first call may import an SDK: seconds.

        Raises:
            StepError: no such runtime on this worker.
        """
        with self._opening:
            if kind not in self._open:
                if kind not in self._makers:
                    raise StepError(
                        FailureCategory.INVALID_REQUEST,
                        f"this worker has no runtime '{kind}'; it has {', '.join(self._makers)}",
                    )
                self._open[kind] = self._makers[kind]()
            return self._open[kind]

    async def aclose(self) -> None:
        """Close what the runtimes keep open. Safe to repeat."""
        for runtime in self._open.values():
            if isinstance(runtime, Closable):
                await runtime.aclose()
