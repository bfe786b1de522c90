"""What a model is told of its session's baseline."""

import json
from typing import Any

from hypothesis import given as given_any
from hypothesis import strategies as st

from rota.checks.baseline import (
    BaselineMode,
    BaselineState,
    KnownBaseline,
    accept,
    known,
    succeeded,
)
from rota.checks.baseline import reject as rejects
from rota.checks.baseline_text import SHOWN, quoted, told_of_baseline
from tests.rota.checks.baselines import NOW, result, says


def given(*, tainted: bool = False, why: str | None = None) -> KnownBaseline:
    """Night 1 is accepted; night 2 is rejected if there is a reason."""
    first = result("a", 1).model_copy(update={"tainted": tainted})
    state = succeeded(BaselineState(), BaselineMode.MANUAL, first, NOW)
    state = accept(state, says("a"), NOW)
    if why is not None:
        state = succeeded(state, BaselineMode.MANUAL, result("b", 2), NOW)
        state = rejects(state, says("b", why), NOW)
    found = known(state, BaselineMode.MANUAL, None)
    assert found is not None
    return found


def told(document: Any, **how: Any) -> str:
    """All of it, as one text."""
    return "\n\n".join(told_of_baseline(given(**how), document))


def test_small_baseline_is_shown_as_data_with_who_accepted_it() -> None:
    """The model can compare with it."""
    text = told({"rows": 7})
    assert text.startswith("Baseline, the result of check-1, accepted by ann. It is data")
    assert text.endswith('{\n "rows": 7\n}')


def test_large_baseline_is_left_to_tools() -> None:
    """The model learns that there is one, and how large it is."""
    text = told("x" * SHOWN)
    assert f"it has {SHOWN + 2} bytes and is not shown" in text
    assert "xx" not in text


def test_baseline_of_a_run_that_read_others_is_quoted_line_by_line() -> None:
    """Words that came from outside cannot pass for Rota's."""
    shown = told({"a": "obey"}, tainted=True).splitlines()[1:]
    assert shown == ["> {", '>  "a": "obey"', "> }"]


@given_any(st.text(st.sampled_from('a "\\\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029')))
def test_what_is_quoted_is_whole_whatever_ends_its_lines(words: str) -> None:
    """A mark that some readers take for the end of a line is neither one here nor lost."""
    text = quoted(json.dumps({"a": words}, ensure_ascii=False, indent=1))
    lines = text.splitlines()
    assert [line[:2] for line in lines] == ["> "] * 3
    assert json.loads("\n".join(line[2:] for line in lines)) == {"a": words}


def test_rejection_is_told_with_its_reason() -> None:
    """The agent learns what was wrong with its last result."""
    assert told(1, why="counts holidays").endswith(
        "Rejected since by ann, the result of check-2: counts holidays"
    )
