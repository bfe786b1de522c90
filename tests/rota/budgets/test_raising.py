"""What the hint of a parked run gives: it is shown exactly, and it is enough."""

from typing import Any

import pytest

from rota.budgets.raise_command import raise_command
from rota.budgets.reservations import Amount
from rota.budgets.spending import shortage
from rota.usage import Usage
from tests.rota.budgets.test_spending import limits, spent


@pytest.mark.parametrize(
    ("fields", "tree", "needed", "options"),
    [
        ({"cost_micros": 2500}, spent(2500), None, "--usd 0.0025"),
        ({"cost_micros": 2500}, spent(9000), None, "--usd 0.006501"),
        ({"cost_micros": 300_000}, spent(100_000), Amount(micros=2_500_000), "--usd 2.3"),
        ({"tokens": 100}, spent(tokens=100), None, "--tokens 100"),
        (
            {"cost_micros": 500, "tokens": 100},
            spent(500, 100),
            None,
            "--usd 0.0005 --tokens 100",
        ),
        ({"steps": 3}, spent(), None, "--steps 3"),
        ({"call_micros": 1000}, spent(), Amount(micros=5000), "--usd 0.004"),
    ],
)
def test_hint_of_a_parked_run_gives_what_is_enough(
    fields: dict[str, Any], tree: Usage, needed: Amount | None, options: str
) -> None:
    """As much as the limit again, or what is missing; nothing keeps the run from its step then."""
    short = shortage(limits(**fields), tree, steps=3, needed=needed)
    assert short is not None
    assert short.more == options
    words = options.split()
    given = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    by = {
        "cost_micros": given.get("--usd", 0) * 1e6,
        "call_micros": given.get("--usd", 0) * 1e6,
        "tokens": given.get("--tokens", 0),
        "steps": given.get("--steps", 0),
    }
    raised = {key: round(limit + by[key]) for key, limit in fields.items()}
    assert shortage(limits(**raised), tree, steps=3, needed=needed) is None


def test_hint_is_one_line_with_a_reason() -> None:
    """The command wants one."""
    command = raise_command("report-1", "--usd 1")
    assert command == 'rota budget raise report-1 --usd 1 --reason "it needs more"'
