"""Does the service that a run's session works at take this worker? Looked at before it begins.

Activity side. For runtimes that can look without spending, and not for every run: what was found
stands for a while, so that a burst of runs is one look. What a person has to mend blocks the run.
A service that is merely out of reach does not, at first: the run tries, waits and tries again by
itself. Only if look after look has found it so for a while, runs are blocked: told of once, and
not once more for each of a stream of slots. One that is looked at once an hour never is.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from activities.runtimes.kinds import runtime_kind
from activities.runtimes.open import OpenRuntimes
from rota.agent_spec import AgentSpec
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings
from rota.runtimes.kind import Looking, RuntimeKind, Shape

BELIEVED_SECONDS = 60.0
"""How long a good look stands for the runs after it."""
DOUBTED_SECONDS = 10.0
"""How long a bad one does: whoever has mended something starts a run to see it."""
LOOK_SECONDS = 2.0
"""For one look: an admission has ten seconds for all it does."""
OUTAGE_SECONDS = 300.0
"""How long a service may be out of reach before runs are blocked: longer than its restart."""
APART_SECONDS = 180.0
"""How far apart bad looks may be that are of one outage: it may be well in between. Below the
outage itself, so that no two looks make one."""
MOST_KNOWN = 1000
"""Services whose look is remembered, the newest."""
_TO_MEND = (FailureCategory.AUTH, FailureCategory.QUOTA, FailureCategory.INVALID_REQUEST)
_OUT_OF_REACH = (FailureCategory.TRANSIENT, FailureCategory.TIMEOUT)

log = logging.getLogger("rota.preflight")


@dataclass(frozen=True)
class _Found:
    at: float
    error: StepError | None = None
    since: float | None = None
    """When the first of the looks in a row was taken to which it was out of reach."""


class EndpointProbe:
    """Looks at the services of one worker's session runtimes, now and then.

    Args:
        runtimes: Of the worker.
        clock: Seconds.
    """

    def __init__(self, runtimes: OpenRuntimes, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtimes = runtimes
        self._clock = clock
        self._found: dict[str, _Found] = {}
        self._looking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self, spec: AgentSpec) -> None:
        """Look, unless that was done lately.

        Raises:
            StepError: no run of the agent can work until somebody has mended something.
        """
        kind = runtime_kind(spec.runtime.kind)
        if kind.shape is not Shape.SESSION:
            return  # a turn costs nothing before it is answered, and another runtime may follow
        settings = kind.settings.model_validate(spec.runtime.settings)
        key = f"{kind.kind} {json.dumps(spec.runtime.settings, sort_keys=True, default=str)}"
        looking = self._looking.setdefault(key, asyncio.Lock())
        async with looking:
            found = self._found.get(key)
            if found is None or self._is_old(found):
                found = await self._look(kind, settings, found)
                self._found.pop(key, None)  # the newest go to the end
                self._found[key] = found
                if len(self._found) > MOST_KNOWN:
                    del self._found[next(iter(self._found))]
        error = found.error
        if error is not None and (error.category in _TO_MEND or self._is_outage(found)):
            raise StepError(error.category, str(error))

    async def _look(
        self, kind: RuntimeKind, settings: RuntimeSettings, before: _Found | None
    ) -> _Found:
        now = self._clock()
        error = await self._trouble(kind, settings)
        if error is None or error.category not in _OUT_OF_REACH:
            return _Found(now, error)
        lasts = before is not None and now - before.at <= APART_SECONDS
        since = before.since if before is not None and lasts else None
        return _Found(now, error, now if since is None else since)

    async def _trouble(self, kind: RuntimeKind, settings: RuntimeSettings) -> StepError | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                runtime: object = await asyncio.to_thread(self._runtimes.session, kind.kind)
                if isinstance(runtime, Looking):
                    await runtime.look(settings)
        except TimeoutError:
            # It may only take longer than there is time: to start from nothing, for one.
            log.info("runtime %s: %s took too long to be looked at", kind.kind, settings.account)
        except StepError as error:
            return error
        except Exception:
            # Whatever a package's own look lets through says nothing of the service.
            log.warning("runtime %s cannot be looked at", kind.kind, exc_info=True)
        return None

    def _is_old(self, found: _Found) -> bool:
        stands = BELIEVED_SECONDS if found.error is None else DOUBTED_SECONDS
        return self._clock() - found.at >= stands

    def _is_outage(self, found: _Found) -> bool:
        return found.since is not None and found.at - found.since >= OUTAGE_SECONDS
