"""Measures every attempt at an activity, and those at models' answers by the model.

Worker side, around the activities: they need not know. Tools are measured within theirs, where
their names are.
"""

from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.step_meter import measured_activity, measured_turn
from rota.turns.loop import TurnOutcome

TURNS = ("invoke_model", "compact_conversation")
"""Activities that ask a model, and wait for its answer."""


class Measuring(Interceptor):
    """Worker interceptor: how long attempts take."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the clock around every activity."""
        return _Timed(next)


class _Timed(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        with measured_activity():
            if activity.info().activity_type not in TURNS:
                return await super().execute_activity(input)
            with measured_turn() as step:
                result = await super().execute_activity(input)
                if isinstance(result, TurnOutcome):
                    step.name = result.model
                return result
