"""Each promise is played by each runtime on its fake: `bench` is one of them."""

from collections.abc import AsyncIterator

import pytest

from rota.runtimes.breaker import BreakerPolicy
from tests.contract.bench import RuntimeBench
from tests.contract.benches import BENCHES, Benches, models, name_of, sessions
from tests.contract.played import Contract
from tests.stack import Stack

KILLED = ("Anthropic", "ClaudeManaged", "Cursor")
"""Played with real worker processes too, which take seconds: one that answers turn by turn,
two that work by themselves."""
PATIENT = BreakerPolicy(min_calls=10_000, in_a_row=10_000)
"""Breakers have tests of their own: here none opens."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of this folder."""
    config.addinivalue_line(
        "markers", "only(which): play with 'models', 'sessions' or 'killed' alone"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play a test with all runtimes, or with those that its marker `only` names."""
    if "bench" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("only")
    which = marker.args[0] if marker else "all"
    killed = [bench for bench in BENCHES if name_of(bench) in KILLED]
    groups = {"all": BENCHES, "models": models(), "sessions": sessions(), "killed": killed}
    chosen: Benches = groups[which]
    metafunc.parametrize("bench", chosen, indirect=True, ids=map(name_of, chosen))


@pytest.fixture
async def bench(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RuntimeBench]:
    """A runtime and its fake, with the credentials it needs in the environment."""
    made: RuntimeBench = request.param()
    async with made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def contract(stack: Stack, bench: RuntimeBench) -> Contract:
    """The bench on a stack of its own."""
    stack.breaker_policy = PATIENT
    return Contract(stack, bench)
