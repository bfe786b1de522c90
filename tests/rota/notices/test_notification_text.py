"""What messages say to people."""

import pytest

from rota.notices.facts import Fact
from rota.notices.spec import Occasion
from rota.notices.text import headline, lines, one_line, plain, rest, todo_of
from tests.rota.notices.notice_desk import fact, message


@pytest.mark.parametrize(
    ("facts", "omitted", "said"),
    [
        ([fact("r")], {}, "report failed"),
        ([fact("r", Occasion.QUESTION)], {}, "report asks a question"),
        ([fact("r", Occasion.AWAITING_APPROVAL)], {}, "report awaiting approval"),
        ([fact("r")], {Occasion.FAILED: 1}, "2 facts: 2 failed"),
        (
            [fact("r"), fact("s", Occasion.BLOCKED), fact("t", Occasion.BLOCKED)],
            {Occasion.TIMED_OUT: 1},
            "4 facts: 2 blocked, 1 failed, 1 timed out",
        ),
    ],
)
def test_headline_says_what_and_how_many(
    facts: list[Fact], omitted: dict[Occasion, int], said: str
) -> None:
    """Those that are only counted are among them."""
    assert headline(message(*facts, omitted=omitted)) == said


def test_line_says_what_which_run_and_why() -> None:
    """The agent is named where the run's id does not."""
    own, other, no_run = lines(
        message(
            fact("report-1", links={"run": "https://ui", "branch": ""}),
            fact("my-run"),
            fact("", Occasion.BUDGET_SOFT, reason="day_usd: $4.10 of $5.00"),
        )
    )
    assert own.text == "failed · report-1 · it broke"
    assert own.links == {"run": "https://ui"}
    assert other.text == "failed · report, my-run · it broke"
    assert no_run.text == "budget: soft limit reached · report · day_usd: $4.10 of $5.00"


def test_text_of_any_origin_becomes_one_bounded_line() -> None:
    """No line breaks, no signs that turn text around, no end without end."""
    assert one_line("a\r\nBcc: x\t\x1b[31m\u202eb\u0000") == "a Bcc: x [31m b"
    assert one_line("x" * 600) == "x" * 499 + "…"


def test_commands_are_safe_to_copy() -> None:
    """An id that holds signs of the shell is quoted."""
    assert todo_of(Occasion.FAILED, "night/a#2") == "rota show 'night/a#2'"
    assert todo_of(Occasion.QUESTION, "x; rm -rf /") == "rota answer 'x; rm -rf /'"


def test_plain_text_tells_twenty_and_counts_the_rest() -> None:
    """As mail has it."""
    what = message(*(fact(f"report-{number}") for number in range(22)))
    assert rest(what) == "and 2 more: 2 failed; 'rota runs' lists runs"
    assert plain(what).count("it broke") == 20
    assert plain(what).endswith("and 2 more: 2 failed; 'rota runs' lists runs\n")
    assert rest(message(fact("a"))) == ""
