"""Two accounts and a worker that is lost between any two messages to them."""

from pathlib import Path

import pytest

from rota.budgets.reservations import HoldRequest
from tests.activities.account_bench import AGENT, TEAM, AccountBench, WorkerLostError, presenting
from tests.rota.keepers.desks import run

CENT = 10_000


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize(
    "message", ["admit", "hold report", "hold finance", "settle report", "settle finance"]
)
async def test_worker_lost_at_any_message_leaves_both_accounts_with_one_sum(
    tmp_path: Path, message: str, arrived: bool
) -> None:
    """Whatever is done again reserves once, counts once, and leaves nothing reserved."""
    bench = await AccountBench.of(tmp_path, team_micros=100 * CENT, run_usd=0.5, day_usd=1)
    bench.lost_at = (message, arrived)
    admitted = await bench.admit("r1")
    grant = admitted.admission.grant
    assert grant is not None
    assert bench.held() == ({"r1": 50 * CENT}, {"r1": 50 * CENT})
    assert grant.room.micros == 50 * CENT
    await bench.settle("r1", 7 * CENT)
    assert bench.lost_at is None
    assert bench.held() == ({}, {})
    assert bench.spent() == (7 * CENT, 7 * CENT)


async def test_admission_that_is_done_again_after_a_refusal_is_granted_only_what_is_reserved(
    tmp_path: Path,
) -> None:
    """The agent's account had its reservation back; what it gave others is not given twice."""
    bench = await AccountBench.of(tmp_path, team_micros=60 * CENT, run_usd=0.6, day_usd=1)
    await bench.admit("r1")
    refused = await bench.admit("r2")
    assert refused.admission.grant is not None
    assert refused.admission.grant.refused.startswith("day_usd of team finance")
    # That answer was lost with the worker. Meanwhile the first has ended with little.
    await bench.settle("r1", 0)
    again = (await bench.admit("r2")).admission.grant
    assert again is not None
    assert again.room.micros == bench.held()[0]["r2"] == bench.held()[1]["r2"]


async def test_settlement_of_an_admission_that_was_not_heard_frees_the_teams_account(
    tmp_path: Path,
) -> None:
    """A run that is cancelled meanwhile knows of no team; its keeper does."""
    bench = await AccountBench.of(tmp_path, team_micros=100 * CENT, run_usd=0.5)
    await bench.admit("r1")
    await bench.settle("r1", 0, team=None)
    assert bench.held() == ({}, {})


async def test_reservation_that_arrives_after_the_end_is_not_kept(tmp_path: Path) -> None:
    """What a cancelled admission had sent may overtake nobody: the run has ended."""
    bench = await AccountBench.of(tmp_path, team_micros=100 * CENT, run_usd=0.5)
    bench.lost_at = ("hold finance", False)
    with pytest.raises(WorkerLostError):
        await bench.desk.admit_run(presenting("r1"))
    await bench.settle("r1", 0, team=None)
    late = HoldRequest(agent=AGENT, run=run("r1"))
    assert bench.take(f"budget:{TEAM}", "hold", late, None).refused == "this run has ended"
    assert bench.held() == ({}, {})


async def test_run_that_was_never_part_of_an_account_is_not_settled_there(tmp_path: Path) -> None:
    """Its team had none when it was admitted; that it has one by now does not count the run."""
    bench = await AccountBench.of(tmp_path, team_micros=1000)
    await bench.admit("r1")
    await bench.settle("r1", 300, team="")
    assert bench.spent() == (300, 0)
