"""`Breaker`: whether a runtime may be called, for all workers and all runs that use it.

All rules are in `rota.runtimes.breaker_rules`. This workflow applies them one message at a time,
and keeps what is known while workers come and go. There is one while something is wrong, and
for an hour after; whoever has a failure to report starts it.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.ids import format_slot
    from rota.runtimes import breaker_rules
    from rota.runtimes.breaker import Breaker, BreakerAnswer, Held, Phase, Report

LONGEST_HISTORY = 500
"""Events. Workers look once a second, and one that has not got the breaker in its cache reads
all of them first: some 20 ms for these."""


@workflow.defn(name="Breaker")
class BreakerWorkflow:
    """One runtime and account; both are in the workflow id, `breaker:<kind>:<account>`.

    Messages: signal `report` from workers; update `ask`, by which one caller gets the probe,
    idempotent by its token; query `state`.
    Continue-As-New: after `LONGEST_HISTORY` events; carries the whole state.
    Cancellation: ends it, and with it whatever it holds back: by hand, calls go on at once.
    Replay: no patches in force.
    """

    @workflow.init
    def __init__(self, breaker: Breaker) -> None:
        # Its hour begins with it, should it never hear of any trouble.
        began = breaker.troubled_at or workflow.now()
        self._breaker = breaker.model_copy(update={"troubled_at": began})
        self._changed = False

    @workflow.run
    async def run(self, breaker: Breaker) -> Breaker:
        """Serve messages until nothing has been wrong for long."""
        while True:
            self._changed = False
            self._breaker = breaker_rules.advance(self._breaker, workflow.now())
            self._show()
            over = breaker_rules.forgotten_at(self._breaker)
            if over is not None and over <= workflow.now():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._changed:
                    return self._breaker
            if self._should_continue():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._breaker)
            await self._next_change()

    @workflow.signal(description="A worker tells how calls went.")
    def report(self, report: Report) -> None:
        """Fold in what it saw."""
        self._breaker = breaker_rules.report(self._breaker, report, workflow.now())
        self._changed = True

    @workflow.update(description="A caller asks for the probe of a half-open breaker.")
    def ask(self, token: str) -> BreakerAnswer:
        """Grant it to one; asking again with the same token renews the lease."""
        self._breaker, answer = breaker_rules.ask(self._breaker, token, workflow.now())
        self._changed = True
        return answer

    @workflow.query(description="The whole state: phase, window, probe, pauses.")
    def state(self) -> Breaker:
        """Everything the breaker knows."""
        return self._breaker

    async def _next_change(self) -> None:
        """Wait for a message, or until time alone changes something."""
        at = breaker_rules.next_change(self._breaker)
        try:
            await workflow.wait_condition(
                lambda: self._changed or self._should_continue(),
                timeout=None if at is None else max(at - workflow.now(), timedelta(0)),
                timeout_summary=self._awaited(),
            )
        except TimeoutError:
            return

    def _awaited(self) -> str:
        """What time alone will change."""
        found = breaker_rules.look(self._breaker, workflow.now())
        if isinstance(found, Held):
            return found.text
        well = breaker_rules.forgotten_at(self._breaker) is not None
        awaited = "its trouble is forgotten" if well else "its oldest calls count no more"
        return f"runtime {self._breaker.kind}: until {awaited}"

    def _should_continue(self) -> bool:
        info = workflow.info()
        is_long = info.get_current_history_length() > LONGEST_HISTORY
        return is_long or info.is_continue_as_new_suggested()

    def _show(self) -> None:
        breaker = self._breaker
        lines = [f"**{breaker.phase.value.replace('_', ' ')}**"]
        if breaker.until is not None:
            lines[0] += f" until {format_slot(breaker.until)}: {breaker.reason}"
        elif breaker.phase is Phase.HALF_OPEN:
            lines[0] += ": one call is let through, to see whether it succeeds"
        if breaker.held_until is not None:
            held = f"**held** until {format_slot(breaker.held_until)}: {breaker.held_reason}"
            lines.append(held)
        if breaker.window:
            failures = sum(tally.failures for tally in breaker.window)
            calls = failures + sum(tally.successes for tally in breaker.window)
            lines.append(f"{failures} of {calls} calls failed lately")
        if breaker.last_failure:
            lines.append(f"last failure: {breaker.last_failure}")
        lines.append(f"runtime {breaker.kind}, account {breaker.account}")
        workflow.set_current_details("\n\n".join(lines))
