"""Services of session runtimes are looked at before a run begins."""

import asyncio
from typing import Any, cast

import pytest

from activities import endpoint_probe
from activities.endpoint_probe import EndpointProbe
from activities.runtimes.open import OpenRuntimes
from rota.agent_spec import AgentSpec
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.base import RuntimeSettings

C = FailureCategory
HTTP = {"kind": "http", "mode": "sync", "start": {"url": "https://jobs.example/run"}}


class Service:
    """A service, as a runtime looks at it; its probe's clock moves by hand."""

    def __init__(self) -> None:
        self.says: Exception | None = None
        self.hangs = False
        self.held: dict[str, asyncio.Event] = {}
        """Looks at these accounts wait."""
        self.looks = 0
        self.now = 0.0
        runtimes = OpenRuntimes({kind: lambda: cast("Any", self) for kind in ("http", "n8n")})
        self.probe = EndpointProbe(runtimes, lambda: self.now)

    async def look(self, settings: RuntimeSettings) -> str:
        """Answer as the test wants."""
        self.looks += 1
        if self.hangs:
            await asyncio.Event().wait()
        if settings.account in self.held:
            await self.held[settings.account].wait()
        if self.says is not None:
            raise self.says
        return "well"

    async def stops(self, **runtime: Any) -> str:
        """Why a run that begins now is blocked; empty if it is not."""
        spec = AgentSpec.model_validate({"name": "a", "runtime": HTTP | runtime})
        try:
            await self.probe.check(spec)
        except StepError as error:
            return f"{error.category.value}: {error}"
        return ""

    async def at(self, seconds: float, **runtime: Any) -> str:
        """The same, some time later."""
        self.now = seconds
        return await self.stops(**runtime)


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are short."""
    monkeypatch.setattr(endpoint_probe, "LOOK_SECONDS", 0.05)


@pytest.fixture
def service() -> Service:
    """One that is well."""
    return Service()


async def test_burst_of_runs_is_one_look(service: Service) -> None:
    """What was found stands for a minute, for each service by itself."""
    assert await asyncio.gather(*(service.stops() for _ in range(50))) == [""] * 50
    assert service.looks == 1
    await service.at(59)
    assert service.looks == 1
    await service.at(61)
    assert service.looks == 2
    await service.at(61, start={"url": "https://other.example/run"})
    assert service.looks == 3


@pytest.mark.parametrize("category", [C.AUTH, C.QUOTA, C.INVALID_REQUEST])
async def test_what_somebody_has_to_mend_blocks_until_it_is_mended(
    service: Service, category: FailureCategory
) -> None:
    """Every run at once, and none after the next look that is well."""
    service.says = StepError(category, "the key was taken back")
    assert await service.stops() == f"{category.value}: the key was taken back"
    service.says = None
    assert await service.at(5) == f"{category.value}: the key was taken back"
    assert await service.at(11) == ""


async def test_service_out_of_reach_blocks_only_once_it_has_been_for_a_while(
    service: Service,
) -> None:
    """Until then a run tries and waits by itself; when it is back, runs begin at once."""
    service.says = StepError(C.TRANSIENT, "connection refused")
    assert [await service.at(seconds) for seconds in (0, 120, 299)] == ["", "", ""]
    assert await service.at(310) == "transient: connection refused"
    service.says = None
    assert await service.at(321) == ""
    service.says = StepError(C.TRANSIENT, "connection refused")
    assert await service.at(700) == ""


@pytest.mark.parametrize("apart", [181, 3600])
async def test_looks_far_apart_are_of_no_one_outage(service: Service, apart: float) -> None:
    """It may have been well in between; each run tries and waits by itself."""
    service.says = StepError(C.TRANSIENT, "connection refused")
    assert [await service.at(turn * apart) for turn in range(5)] == [""] * 5


@pytest.mark.parametrize("error", [StepError(C.OVERLOADED, "503"), StepError(C.AUTH, "no key")])
async def test_service_that_answers_in_between_has_not_been_out_of_reach(
    service: Service, error: StepError
) -> None:
    """However it answers: what was before is another outage."""
    refused = StepError(C.TRANSIENT, "connection refused")
    for seconds, says in ((0, refused), (150, error), (290, refused)):
        service.says = says
        await service.at(seconds)
    assert await service.at(310) == ""


async def test_service_that_takes_longer_than_a_look_blocks_no_run(service: Service) -> None:
    """Of it nothing can be told; nor is an admission held up by it."""
    service.hangs = True
    assert [await service.at(seconds) for seconds in (0, 120, 240, 360)] == [""] * 4
    assert service.looks == 4


async def test_look_under_way_is_not_begun_again_however_many_services_there_are(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten is what was found of others, not who is looking."""
    monkeypatch.setattr(endpoint_probe, "MOST_KNOWN", 2)
    monkeypatch.setattr(endpoint_probe, "LOOK_SECONDS", 10.0)
    held = service.held["https://jobs.example"] = asyncio.Event()
    first = asyncio.create_task(service.stops())
    await asyncio.sleep(0)
    for number in range(4):
        await service.stops(start={"url": f"https://{number}.example"})
    second = asyncio.create_task(service.stops())
    await service.stops(start={"url": "https://last.example"})
    assert service.looks == 6
    held.set()
    assert await asyncio.gather(first, second) == ["", ""]
    assert service.looks == 6


@pytest.mark.parametrize(
    "error", [StepError(C.RATE_LIMITED, "slow down"), StepError(C.OVERLOADED, "503"), KeyError("x")]
)
async def test_look_that_says_nothing_of_the_service_lets_runs_begin(
    service: Service, error: Exception
) -> None:
    """It answers, or whoever looks is wrong."""
    service.says = error
    assert [await service.at(seconds) for seconds in (0, 400)] == ["", ""]


async def test_model_is_not_looked_at(service: Service) -> None:
    """A turn that is not answered costs nothing, and another runtime may follow."""
    spec = {"name": "a", "runtime": {"kind": "scripted", "turns": []}}
    await service.probe.check(AgentSpec.model_validate(spec))
    assert service.looks == 0
