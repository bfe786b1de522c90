"""Past runs that are run again, to be recorded."""

from rota.what_if.backtest import Unrecorded
from tests.replay.scenarios import Recording, Scenario
from tests.stack import Stack
from tests.workflows.what_if_bench import ANSWERS, READS, Office, backtest, clerk, tried

OFFICE = Office()
TOOLS = OFFICE.tools


async def run_again(stack: Stack) -> list[Recording]:
    """A case that reads what was recorded and one read that never was; one that cannot answer."""
    await stack.declare("office-clerk", **clerk())
    await stack.run("office-clerk", "office-clerk-1", input={"account": "a"})
    other = {"calls": [{"tool": "office.read", "args": {"account": "b"}}]}
    variant = tried(READS, other, ANSWERS)
    played = await backtest(stack, ["office-clerk-1"], variant, unrecorded=Unrecorded.ASK)
    (case,) = played.progress.cases
    assert case.end == "answered"
    blocked = await backtest(stack, ["office-clerk-1"], tried(READS))
    assert blocked.progress.cases[0].end == "blocked"
    return [
        Recording("backtest", played.id),
        Recording("backtest-case", f"{played.id}/office-clerk-1"),
        Recording("backtest-case-blocked", f"{blocked.id}/office-clerk-1"),
    ]


SCENARIOS: tuple[Scenario, ...] = (run_again,)
