"""Work that may still go on after its run: the doctor tells, asks again, and the keeper forgets."""

import pytest

from rota.runs import RunStatus
from tests.contract.double_provider import FakeProvider, Hangs
from tests.fleets import declared, fleet_of
from tests.stack import Stack
from tests.workflows.claude import ending_of
from tests.workflows.doubled import Doubles
from workers.unstopped import check_unstopped


async def test_unstopped_work_is_listed_until_its_provider_confirms(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `fix` nobody is asked; a provider that confirms ends the matter for good."""
    provider = FakeProvider(acts=[Hangs()], confirms=False)
    doubles = Doubles(stack, provider, monkeypatch)
    runtime = {"kind": "double", "inactivity": "300ms"}
    async with doubles.worker(runtime=runtime) as name:
        fleet = fleet_of(stack, declared(name, runtime=runtime))
        assert await check_unstopped(stack.client, fleet) == []
        ending = await ending_of(await stack.start(name, f"{name}-1"))
        assert ending.result.status is RunStatus.FAILED
        (listed,) = await check_unstopped(stack.client, fleet)
        (asked,) = await check_unstopped(stack.client, fleet, stack.runtimes, fix=True)
        provider.confirms = True
        mended = await check_unstopped(stack.client, fleet, stack.runtimes, fix=True)
        left = await check_unstopped(stack.client, fleet)
    assert listed.cure.endswith(f"once it has stopped: 'rota doctor --stopped {name}-1'")
    assert not listed.ok
    assert f"https://double.example/s1 may still work for {name}-1" in listed.found
    assert "'rota doctor --fix'" in listed.cure
    assert not asked.ok
    assert (mended, left) == ([], [])
    assert provider.stops == 3


async def test_unstopped_work_that_somebody_has_looked_after_is_forgotten(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no provider ever confirms, a person ends the matter; nobody is asked again."""
    provider = FakeProvider(acts=[Hangs()], confirms=False)
    doubles = Doubles(stack, provider, monkeypatch)
    runtime = {"kind": "double", "inactivity": "300ms"}
    async with doubles.worker(runtime=runtime) as name:
        fleet = fleet_of(stack, declared(name, runtime=runtime))
        await ending_of(await stack.start(name, f"{name}-1"))
        stops = provider.stops
        known = (f"{name}-1", f"{name}-2")
        (unknown,) = await check_unstopped(stack.client, fleet, known=known)
        left = await check_unstopped(stack.client, fleet)
    assert unknown.found == f"none is known of {name}-2"
    assert left == []
    assert provider.stops == stops
