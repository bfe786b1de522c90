"""From a kind to its runtime. One instance of each per worker, made at first use."""

import importlib
import threading
from collections.abc import Callable, Mapping
from typing import Protocol, cast, runtime_checkable

from activities.runtimes.kinds import RuntimeKindError, runtime_kind
from activities.secrets import Secrets
from rota.conversation import ModelRuntime
from rota.failures import FailureCategory, StepError
from rota.runtimes.kind import RuntimeKind
from rota.runtimes.session import SessionRuntime

Runtime = ModelRuntime | SessionRuntime
Maker = Callable[[], Runtime]


@runtime_checkable
class Closable(Protocol):
    """A runtime that keeps connections between turns."""

    async def aclose(self) -> None:
        """Close them all. Safe to repeat."""
        ...


class OpenRuntimes:
    """The runtimes of one worker, by kind. Safe to use from any thread.

    Args:
        makers: Take the place of the kinds' own implementations; for tests.
    """

    def __init__(self, makers: Mapping[str, Maker] | None = None) -> None:
        self._makers = dict(makers or {})
        self._open: dict[str, Runtime] = {}
        self._opening = threading.Lock()

    def model(self, kind: str) -> ModelRuntime:
        """Return the one instance of a kind that answers turn by turn.

        The first call may import an SDK: seconds.

        Raises:
            StepError: no such runtime on this worker.
        """
        return cast("ModelRuntime", self._get(kind))

    def session(self, kind: str) -> SessionRuntime:
        """Return the one instance of a kind that works by itself; see `model`."""
        return cast("SessionRuntime", self._get(kind))

    async def aclose(self) -> None:
        """Close what the runtimes keep open. Safe to repeat."""
        for runtime in self._open.values():
            if isinstance(runtime, Closable):
                await runtime.aclose()

    def _get(self, kind: str) -> Runtime:
        with self._opening:
            if kind not in self._open:
                self._open[kind] = self._make(kind)
            return self._open[kind]

    def _make(self, kind: str) -> Runtime:
        if kind in self._makers:
            return self._makers[kind]()
        try:
            return implementation(runtime_kind(kind))(Secrets())
        except (RuntimeKindError, ImportError) as error:
            raise StepError(
                FailureCategory.INVALID_REQUEST, f"this worker has no runtime '{kind}': {error}"
            ) from error


def implementation(kind: RuntimeKind) -> Callable[[Secrets], Runtime]:
    """Import what makes the runtime of `kind`: seconds, if that imports an SDK.

    Raises:
        ImportError: its module or its name is not there.
    """
    module, _, name = kind.implementation.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        raise ImportError(f"{module} has no {name}") from error
