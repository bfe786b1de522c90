"""Workflows and activities that pass values about, for `test_converter_server.py`.

In a file of their own so that the sandbox loads it without the test's imports.
"""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio import activity, workflow
from temporalio.common import RetryPolicy

OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=10)),
}


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agent: str
    size: int = 1
    text: str = ""


@activity.defn
async def make_text(size: int) -> str:
    """Return a text of `size` bytes."""
    return "t" * size


@activity.defn
async def make_nan() -> float:
    """Return what JSON cannot carry."""
    return float("nan")


@workflow.defn
class TakeOrder:
    """Takes one model, makes a text of the size it asks for, returns both."""

    @workflow.run
    async def run(self, order: Order) -> dict[str, str]:
        text = await workflow.execute_activity(make_text, order.size, **OPTIONS)
        return {"got": order.text, "made": text}


@workflow.defn
class ReceiveNan:
    """Runs an activity whose result is no JSON."""

    @workflow.run
    async def run(self) -> float:
        return await workflow.execute_activity(make_nan, **OPTIONS)


@workflow.defn
class SendNan:
    """Gives an activity, or returns, a value that is no JSON."""

    @workflow.run
    async def run(self, to_activity: bool) -> float:
        if to_activity:
            await workflow.execute_activity(make_text, args=[float("nan")], **OPTIONS)
        return float("nan")


@workflow.defn
class Keeper:
    """Stays until told to end, and counts what it accepted."""

    def __init__(self) -> None:
        self.accepted: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "end" in self.accepted)
        return self.accepted

    @workflow.signal
    async def told(self, order: Order) -> None:
        self.accepted.append(order.agent)

    @workflow.update
    async def asked(self, order: Order) -> int:
        self.accepted.append(order.agent)
        return len(self.accepted)


WORKFLOWS = [TakeOrder, ReceiveNan, SendNan, Keeper]
ACTIVITIES = [make_text, make_nan]
