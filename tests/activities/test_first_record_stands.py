"""An attempt that was given up and goes on changes nothing that its run may have gone on with."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

from temporalio.testing import ActivityEnvironment

from activities.tool_listing import ToolListingActivities
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from rota.steps import StepInput, ToolsListed
from rota.tools import Effect, tool
from rota.turns.calls import ResultRef
from tests.activities.effect_bench import Bench
from tests.activities.effect_faults import Faults


def attempt(number: int) -> ActivityEnvironment:
    """Where one attempt runs."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=number)
    return environment


def bench() -> Bench:
    """A store without faults, and the call of a run."""
    return Bench(Effect.READ, reconciles=False, faults=Faults(random.Random(1), deaths=0))


async def test_result_of_a_late_attempt_is_the_one_on_record() -> None:
    """The second attempt has answered when the first one does: both give its answer."""
    place, later = bench(), list[ResultRef]()
    input = await place.input("night-1")

    @tool(name="books.post")
    async def post(amount: int) -> str:
        """Answer, the first attempt after the second."""
        if later:
            return "second"
        later.append(ResultRef(index=0, digest=""))
        later[0] = await asyncio.create_task(attempt(2).run(activities.run_tool, input))
        return "first"

    activities = ToolRunningActivities(place.store, Toolbox(Path(), {"books.post": post}))
    first = await attempt(1).run(activities.run_tool, input)
    assert [first] == later
    assert await place.text(first) == "second"


async def test_list_of_tools_of_a_late_attempt_is_the_one_on_record() -> None:
    """All turns of a run are offered the same tools, whatever a server serves meanwhile."""
    place = bench()
    input = StepInput.model_validate((await place.input("night-1")).model_dump(exclude={"index"}))

    class Late(ToolListingActivities):
        async def _list(self, input: StepInput) -> ToolsListed:
            record = ToolsListed(pins="of the second").model_dump_json().encode()
            await place.store.set_ref(f"pins/{input.run.key}", record)
            return ToolsListed(pins="of the first")

    activities = Late(place.store, Toolbox(Path(), {}))
    listed = await attempt(1).run(activities.list_tools, input)
    assert listed.pins == "of the second"
