"""Deaths at every step between intent, effect, receipt and acknowledgement: one effect each."""

import random
from collections import Counter

import pytest

from rota.tools import Effect
from tests.activities.effect_bench import KEY, Bench
from tests.activities.effect_faults import Faults

KINDS = ((Effect.IDEMPOTENT, False), (Effect.WRITE, True), (Effect.WRITE, False))


async def trial(seed: int) -> Bench:
    """Two runs of a slot among deaths and late comers, and one in peace."""
    chance = random.Random(seed)
    effect, reconciles = KINDS[seed % len(KINDS)]
    faults = Faults(chance, deaths=chance.randrange(1, 9))
    bench = Bench(effect, reconciles, faults)
    for number in range(2):
        await bench.run(f"night-{number}", gives_up=chance.random() < 0.3)
    faults.deaths = 0
    await bench.release()
    result = await bench.run("night-at-peace")
    assert bench.booked == [KEY], f"seed {seed}: {bench.booked}, {faults.met}"
    assert result is not None, f"seed {seed}"
    assert "booked as 1" in result or '"happened":true' in result, f"seed {seed}: {result}"
    return bench


@pytest.mark.parametrize("trials", [200, pytest.param(1000, marks=pytest.mark.soak)])
async def test_effect_happens_once_whatever_dies_between_intent_and_acknowledgement(
    trials: int,
) -> None:
    """Hundreds of seeded trials, no duplicate and none missing, at a service that counts."""
    met: Counter[str] = Counter()
    resolved = 0
    for seed in range(trials):
        bench = await trial(seed)
        met.update(bench.faults.met)
        resolved += bench.resolved
    # The trials are worth something only if they have been everywhere.
    places = {f"{when} {what}" for when in ("before", "after") for what in ("effects", "results")}
    assert set(met) == {*places, "before the effect", "after the effect"}
    assert min(met.values()) > trials // 20
    assert resolved > trials // 20


@pytest.mark.parametrize("effect", [Effect.WRITE, Effect.IDEMPOTENT])
async def test_run_of_a_slot_that_has_its_effect_makes_none(effect: Effect) -> None:
    """The receipt answers the re-run, whatever the service remembers of the key by then."""
    bench = Bench(effect, reconciles=False, faults=Faults(random.Random(1), deaths=0))
    first = await bench.run("night-1")
    again = await bench.run("night-2")
    assert (first, again, bench.calls) == ("booked as 1", "booked as 1", 1)


@pytest.mark.parametrize(
    ("breaks", "refuses", "words"),
    [(3, 0, "the line is lost (after 3 attempts)"), (1, 1, "the period is closed")],
)
async def test_idempotent_call_whose_end_nobody_saw_is_made_again_by_the_model_with_its_key(
    breaks: int, refuses: int, words: str
) -> None:
    """Booked, and lost in every attempt, or refused when it was made again: it is booked once."""
    bench = Bench(Effect.IDEMPOTENT, reconciles=False, faults=Faults(random.Random(1), deaths=0))
    bench.breaks, bench.refuses = breaks, refuses
    input = await bench.input("night-1")
    lost = await bench.attempts(input)
    told = await bench.text(lost)
    found = await bench.attempts(await bench.again(input, lost))
    assert lost.is_error
    assert words in told
    assert "It may have taken effect all the same" in told
    assert (await bench.text(found), bench.booked) == ("booked as 1", [KEY])


async def test_call_that_certainly_had_no_effect_is_another_one_when_it_is_made_again() -> None:
    """Refused at once: the model's next one has a key of its own, as any call has."""
    bench = Bench(Effect.IDEMPOTENT, reconciles=False, faults=Faults(random.Random(1), deaths=0))
    bench.refuses = 1
    input = await bench.input("night-1")
    refused = await bench.attempts(input)
    await bench.attempts(await bench.again(input, refused))
    assert await bench.text(refused) == "the period is closed"
    assert KEY not in bench.booked
