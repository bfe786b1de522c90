"""What a call comes to at most: never less than what it then costs, and told before it is made."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.asked_runtime import asked_runtime
from activities.call_prices import CallPrices
from activities.estimates import check_allowance, estimate
from rota.agent_spec import AgentSpec
from rota.budgets.model_price import ModelPrice
from rota.budgets.reservations import Amount, Cap
from rota.budgets.spending import OVER_ALLOWANCE
from rota.conversation import Message, ModelRequest, StopReason, Text
from rota.run_ref import RunRef
from rota.steps import AskInput
from rota.turns.transcript import TranscriptNode
from rota.usage import Usage

PRICE = ModelPrice(input_usd_per_mtok=1, output_usd_per_mtok=10)
PRICES = CallPrices("scripted", "scripted", "", PRICE)
STEP = AskInput(agent="a", run=RunRef(id="r", key="k"), context="c")
QUESTION = Message(role="user", content=(Text(text="x" * 300),))
REQUEST = ModelRequest(
    settings={"kind": "scripted", "max_output_tokens": 100},
    system="s" * 3000,
    messages=(QUESTION,),
)


def node(**fields: Any) -> TranscriptNode:
    """An answer before: 5000 tokens in all, by the provider's count."""
    given: dict[str, Any] = {
        "context": "c",
        "turn": 1,
        "added": (),
        "reply": Message(role="assistant", content=()),
        "stop": StopReason.TOOL_CALLS,
        "usage": Usage(input_tokens=4900, output_tokens=100),
        "model": "scripted",
    }
    return TranscriptNode.model_validate({**given, **fields})


def test_estimate_of_a_first_call_counts_the_bytes_of_the_request() -> None:
    """Nobody has counted yet: a third of the bytes, and all that may be answered."""
    needed = estimate(REQUEST, PRICES, STEP, (), (QUESTION,))
    assert 1100 < needed.tokens - 100 < 1300
    assert needed.micros == (needed.tokens - 100) * 1 + 100 * 10


def test_estimate_of_a_later_call_goes_on_from_the_providers_count() -> None:
    """What the last answer has come to is known exactly; only what is new is guessed."""
    needed = estimate(REQUEST, PRICES, STEP, (node(),), (QUESTION,))
    assert 5000 + 100 < needed.tokens - 100 < 5000 + 200


@pytest.mark.parametrize(
    ("step", "last"),
    [
        (STEP.model_copy(update={"round": 1}), node()),
        (STEP, node(context="of an earlier run")),
        (STEP, node(sums_up=True)),
        (STEP, node(usage=Usage())),
    ],
)
def test_estimate_takes_nobody_elses_count(step: AskInput, last: TranscriptNode) -> None:
    """Another runtime counts otherwise, and what was summed up is not sent again."""
    assert estimate(REQUEST, PRICES, step, (last,), (QUESTION,)).tokens < 1500


def test_estimate_without_a_price_has_tokens_alone() -> None:
    """A provider that tells the cost afterwards cannot be estimated; its tokens can."""
    needed = estimate(REQUEST, CallPrices("openai", "any", ""), STEP, (), (QUESTION,))
    assert (needed.micros, needed.tokens > 1000) == (0, True)


@pytest.mark.parametrize(
    "allowance", [Cap(), Cap(micros=50), Cap(tokens=7), Cap(micros=51, tokens=8)]
)
def test_check_allowance_lets_through_what_fits(allowance: Cap) -> None:
    """The last micro-dollar may be spent."""
    check_allowance(Amount(micros=50, tokens=7), allowance, "turn 3")


@pytest.mark.parametrize("allowance", [Cap(micros=49), Cap(tokens=6), Cap(micros=900, tokens=6)])
def test_check_allowance_refuses_for_good_and_tells_what_is_needed(allowance: Cap) -> None:
    """No attempt after it could be cheaper; the run decides what becomes of it."""
    with pytest.raises(ApplicationError, match=r"turn 3 may come to .*nobody was asked") as caught:
        check_allowance(Amount(micros=50, tokens=7), allowance, "turn 3")
    assert (caught.value.type, caught.value.non_retryable) == (OVER_ALLOWANCE, True)
    assert Amount.model_validate(caught.value.details[0]) == Amount(micros=50, tokens=7)


BLOCK = {
    "kind": "scripted",
    "turns": [{"result": 1}],
    "price": PRICE.model_dump(),
    "fallback": [{"kind": "scripted", "turns": [{"result": 2}], "model": "other"}],
}


@pytest.mark.parametrize(
    ("soft", "runtime", "model", "priced"),
    [
        (False, 0, None, True),
        (True, 0, "cheap", False),
        (True, 1, "other", False),
    ],
)
def test_asked_runtime_at_a_soft_limit_is_the_cheaper_model(
    soft: bool, runtime: int, model: str | None, priced: bool
) -> None:
    """Of the declared runtime alone, and without the other model's price."""
    spec = AgentSpec.model_validate(
        {"name": "a", "runtime": BLOCK, "budget": {"soft": {"model": "cheap"}}}
    )
    asks = asked_runtime(spec, STEP.model_copy(update={"soft": soft, "runtime": runtime}))
    assert asks.model == model
    assert ("price" in asks.settings) is priced
