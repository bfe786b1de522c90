"""What a provider is told that it may do, checked by whoever tells it, whatever the run says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rota.approvals.requests import Ruling
from tests.activities.session_bench import Bench, failed
from tests.contract.double_provider import Asks, Ends

T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
REMOVING = {"tool": "bash", "args": {"command": "rm"}}


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A provider that asks whether it may remove something, which a person has to approve."""
    bench = Bench(tmp_path, monkeypatch)
    bench.provider.acts = [Asks(("rm",), REMOVING), Ends("Done.")]
    await bench.open(approvals={"bash": "always"})
    await bench.submit()
    await bench.answer(told=False)
    return bench


async def approved(bench: Bench, **forged: Any) -> Ruling:
    """What `kim` has decided about what was asked, as the run brings it."""
    [asked] = (await bench.observe()).questions
    assert asked.approval is not None
    digest = asked.approval.digest
    given = {"id": "a1", "tool": "bash", "digest": digest, "verdict": "approve", "by": "kim"}
    times = {"at": T0, "until": T0 + timedelta(hours=1), "allowed": digest}
    return Ruling.model_validate(given | times | forged)


async def tell(bench: Bench, decisions: dict[str, str], ruling: Ruling | None) -> Any:
    """The run says what was decided after its first turn."""
    rulings = {"rm": ruling} if ruling is not None else {}
    return await bench.answer(turn=2, decisions=decisions, rulings=rulings, asked=1)


def decisions(bench: Bench) -> list[dict[str, str]]:
    """What the provider was told of its questions."""
    [session] = bench.provider.sessions.values()
    return [told.decisions for told in session.told if told.decisions]


async def test_provider_is_told_what_a_person_has_approved(bench: Bench) -> None:
    """With the decision that was made of what it asked."""
    await tell(bench, {"rm": ""}, await approved(bench))
    assert decisions(bench) == [{"rm": ""}]


@pytest.mark.parametrize(
    ("said", "forged", "why"),
    [
        ({"rm": ""}, None, "it needs an approval (approvals.bash), and the run brings none"),
        ({"rm": ""}, {"digest": "0" * 64}, "another call"),
        ({"rm": ""}, {"by": ""}, "nobody has approved it"),
        ({"rm": ""}, {"verdict": "deny", "allowed": ""}, "it was denied"),
        ({"rm": "", "mv": ""}, {}, "'mv' was not allowed: the provider has not asked that"),
    ],
)
async def test_provider_is_not_told_that_it_may_do_what_nobody_has_approved(
    bench: Bench, said: dict[str, str], forged: dict[str, Any] | None, why: str
) -> None:
    """A run that forgets to ask, or whose decision is of something else, fails."""
    ruling = await approved(bench, **(forged or {}))
    error = await failed(tell(bench, said, ruling if forged is not None else None))
    assert why in error.message
    assert (error.type, decisions(bench)) == ("invalid_request", [])


async def test_denial_needs_nobody(bench: Bench) -> None:
    """Whatever the run says no to is not done."""
    await bench.observe()
    await tell(bench, {"rm": "too dangerous"}, None)
    assert decisions(bench) == [{"rm": "too dangerous"}]
