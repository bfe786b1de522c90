"""Calls of which nobody knows whether they took effect: asked, waited for, settled.

The run parks: a person looks and says so, which may take days and is no time of the run's.
Nobody's "it did not happen" counts while an attempt may still be at work.
"""

from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.interface import EffectDesk
    from rota.effects.records import EffectNote, EffectResolution, OpenEffect, UnknownEffect
    from rota.effects.rules import check_resolution, too_early
    from rota.effects.spec import OnUnknown
    from rota.effects.steps import NoteEffectInput
    from rota.failures import FailureCategory
    from rota.ids import keeper_id
    from rota.language.durations import format_duration
    from rota.notices.spec import Occasion
    from rota.pinned_spec import PinnedSpec
    from rota.runs import RunStatus
    from rota.turns.outcome import RunOrigin
    from workflows.activity_options import desk_options
    from workflows.run_kit.clock import RunClock
    from workflows.run_kit.matters import Matters
    from workflows.run_kit.standing import Standing

REFUSED = "ResolutionRefusedError"
"""Type of the failure of a resolution that counts for nothing."""


class Effects:
    """The unknown effects of one run. Create it first thing in the workflow's `run`.

    Messages: update `resolve_effect` (an `EffectResolution`; the same again changes nothing).
    """

    def __init__(self, origin: RunOrigin, standing: Standing, clock: RunClock) -> None:
        self._origin = origin
        self._standing = standing
        self._clock = clock
        self._matters = Matters[OpenEffect, EffectResolution](clock)
        workflow.set_update_handler("resolve_effect", self._on_resolve, validator=self._check)

    @property
    def open(self) -> list[dict[str, Any]]:
        """Those that wait for somebody's word, as the query `status` tells them."""
        return self._matters.shown

    async def settle(self, unknown: UnknownEffect, spec: PinnedSpec) -> EffectResolution | None:
        """Wait until the call may be made again, or has somebody's word for its result.

        Returns:
            What somebody has said; None if the tool is to look again.

        Raises:
            ApplicationError: `outcome_unknown`: nobody is to be asked, or nobody has said.
        """
        if unknown.look_at is not None:
            await self._quiet(unknown, unknown.look_at)
            return None
        return await self._ask(unknown, spec)

    async def close(self, key: str, tool: str) -> None:
        """Tell the keeper that the effect is known now."""
        run, now = self._origin.run, workflow.now()
        await self._note(OpenEffect(key=key, tool=tool, run=run, text="", since=now), is_open=False)

    async def _ask(self, unknown: UnknownEffect, spec: PinnedSpec) -> EffectResolution | None:
        # A run whose time is up waits for nothing: what it asks, the next run asks.
        id, parks = unknown.id, spec.on_unknown is OnUnknown.PARK and not self._clock.is_over
        until = workflow.now() + timedelta(seconds=spec.park_for_seconds) if parks else None
        if until is not None and self._origin.bound is not None:
            until = min(until, self._origin.bound)
        effect, said = self._listed(unknown, until), self._matters.said
        if until is None:
            await self._note(effect, is_open=True)
            self._tell(unknown)
            raise _unknown(unknown)
        said.pop(id, None)
        # Open here before its keeper lists it: whoever finds it there finds it here.
        await self._matters.wait(id, effect, self._heard(unknown, effect, until))
        if id not in said and workflow.now() >= until:
            waited = timedelta(seconds=int((until - effect.since).total_seconds()))
            raise _unknown(unknown, f" Nobody said within {format_duration(waited)}.")
        self._resume()
        return said.get(id)

    async def _heard(self, unknown: UnknownEffect, effect: OpenEffect, until: datetime) -> None:
        """Wait for somebody's word, or until nobody can be at work on it any more."""
        id = unknown.id
        # Before anything else: whatever becomes of the run, its keeper lists the question.
        await self._note(effect, is_open=True)
        if unknown.busy_until is not None and workflow.now() < unknown.busy_until:
            # Whoever is taken for lost may yet report its end. People are told if it does not.
            until = min(until, unknown.busy_until)
        else:
            self._tell(unknown)
        await self._standing.wait(
            f"effect-{id}",
            unknown.waiting,
            lambda: id in self._matters.said,
            until,
            status=RunStatus.PARKED,
        )

    def _tell(self, unknown: UnknownEffect) -> None:
        todo = f"rota effects resolve {unknown.id} happened|did-not"
        asked = f"{unknown.id}-{unknown.version}"
        self._standing.telling.waits(Occasion.EFFECT_UNKNOWN, asked, unknown.waiting, todo)

    async def _quiet(self, unknown: UnknownEffect, until: datetime) -> None:
        """Wait until no earlier attempt can still be at work."""
        text = f"effect {unknown.id} of {unknown.tool}: an attempt may still be at work"
        await self._clock.still(
            self._standing.wait(f"quiet-{unknown.id}", text, lambda: False, until)
        )
        self._resume()

    def _resume(self) -> None:
        if not self._standing.waiting_for:
            self._standing.resume()

    def _listed(self, unknown: UnknownEffect, until: datetime | None) -> OpenEffect:
        return OpenEffect(
            key=unknown.key,
            tool=unknown.tool,
            run=self._origin.run,
            text=unknown.text,
            since=workflow.now(),
            until=until,
            busy_until=unknown.busy_until,
        )

    async def _note(self, effect: OpenEffect, *, is_open: bool) -> None:
        what = "unknown" if is_open else "known now"
        await workflow.execute_local_activity_method(
            EffectDesk.note_effect,
            NoteEffectInput(agent=self._origin.agent, note=EffectNote(effect=effect, open=is_open)),
            summary=f"tell {keeper_id(self._origin.agent)}: effect {effect.id} is {what}",
            **desk_options(),
        )

    def _check(self, resolution: EffectResolution) -> None:
        """Refuse what counts for nothing, before it leaves an event."""
        problem = check_resolution(resolution)
        if problem:
            raise _refusal(problem)
        id = self._id_of(resolution.effect)
        said = self._matters.said.get(id)
        if said is not None:
            if said.says_the_same_as(resolution):
                return
            raise _refusal(f"effect {id} is resolved already: it {said.shown}")
        asked = self._matters.open.get(id)
        if asked is None:
            listed = self._matters.listed
            raise _refusal(f"this run asks about no effect '{id}'; it asks about: {listed}")
        early = too_early(resolution, asked.busy_until, workflow.now())
        if early:
            raise _refusal(early)

    def _on_resolve(self, resolution: EffectResolution) -> str:
        """Take somebody's word; returns what it says, for people."""
        # Again: between the check and here another one may have come.
        self._check(resolution)
        id = self._id_of(resolution.effect)
        said = self._matters.said.setdefault(id, resolution)
        return f"effect {id} {said.shown}"

    def _id_of(self, named: str) -> str:
        """The id of an effect that is named by it or by its whole key."""
        open_now, said = self._matters.open, self._matters.said
        known = next((id for id, each in open_now.items() if each.key == named), None)
        return known or next((id for id in said if named.startswith(id)), named)


def _unknown(unknown: UnknownEffect, why: str = "") -> ApplicationError:
    return ApplicationError(
        f"{unknown.text}. It may have taken effect, so it is not repeated.{why} Look, say "
        f"'rota effects resolve {unknown.id} happened|did-not', then run the slot again",
        type=FailureCategory.OUTCOME_UNKNOWN.value,
        non_retryable=True,
    )


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, type=REFUSED, non_retryable=True)
