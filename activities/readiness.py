"""Can a run that was admitted begin on this worker? Asked before it costs anything.

Activity side. The store, the declaration, the input, then everything in `activities.preflight`,
and last what is outside.
"""

from activities.documents import get_spec
from activities.endpoint_probe import EndpointProbe
from activities.preflight import preflight, unfit_input
from activities.runtimes.open import OpenRuntimes
from activities.store_probe import StoreProbe
from activities.stores.base import ObjectMissingError, ObjectStore, StoreClosedError
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.failures import FailureCategory, StepError
from rota.keepers.admission import Admission, Admitted


class Readiness:
    """Of one worker.

    Args:
        store: Where declarations are, and contexts go.
        toolbox: What it has for the agents.
        runtimes: Of the worker; None: services are not looked at.
    """

    def __init__(
        self, store: ObjectStore, toolbox: Toolbox, runtimes: OpenRuntimes | None = None
    ) -> None:
        self._store = store
        self._toolbox = toolbox
        self._probe = StoreProbe(store)
        self._endpoints = EndpointProbe(runtimes) if runtimes else None

    async def check(self, admission: Admission) -> AgentSpec | Admitted:
        """Return the declaration to work by; or why the run does not begin.

        Raises:
            activities.stores.base.StoreError: the store stumbles; to be tried again.
        """
        invalid = FailureCategory.INVALID_REQUEST
        try:
            await self._probe.check()
            spec = await get_spec(self._store, admission.spec.digest)
            if unfit := unfit_input(spec, admission.input):
                return Admitted(admission=admission, unfit=unfit, category=invalid)
            preflight(spec, self._toolbox, _lender(admission))
            if self._endpoints is not None:
                await self._endpoints.check(spec)
        except StepError as error:
            return Admitted(admission=admission, blocked=str(error), category=error.category)
        except ValueError:
            reason = (
                "the declaration was written by another version of Rota: bring this worker up to "
                "date, or run 'rota apply' again"
            )
            return Admitted(admission=admission, blocked=reason, category=invalid)
        except StoreClosedError as error:
            return Admitted(admission=admission, blocked=str(error), category=invalid)
        except ObjectMissingError:
            reason = (
                f"the declaration is not in this worker's store ({self._store.address}): give "
                "worker and 'rota apply' the same ROTA_STORE, then apply again"
            )
            return Admitted(admission=admission, blocked=reason, category=invalid)
        return spec


def _lender(admission: Admission) -> str:
    """The run that lends this one dollars, if one does."""
    lineage = admission.lineage
    lent = lineage.allowance if lineage else None
    return lineage.parent if lineage and lent and lent.micros is not None else ""
