"""The `watchdog` block: what it takes, and what its entries tell by default."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from rota.notices.spec import WATCHED, Occasion
from rota.watchdog.watchdog_spec import WatchdogSpec


@pytest.mark.parametrize(
    ("block", "said"),
    [
        pytest.param({"every": "5s"}, "from 10s to 1h", id="too often"),
        pytest.param({"every": "2h"}, "from 10s to 1h", id="too seldom"),
        pytest.param({"queue": "a b"}, "pattern", id="queue"),
        pytest.param({"beat": {}}, "url", id="beat without a url"),
        pytest.param({"beat": {"url": "ftp://x"}}, "write a URL", id="beat elsewhere"),
        pytest.param({"beat": {"url": "https://u:p@x/"}}, "without a user", id="password"),
        pytest.param({"notify": [{"on": ["missed"]}]}, "tells nobody", id="nobody"),
        pytest.param({"evry": "1m"}, "Extra inputs", id="unknown key"),
    ],
)
def test_block_that_cannot_be_meant_is_refused(block: dict[str, Any], said: str) -> None:
    """With what to write."""
    with pytest.raises(ValidationError, match=said):
        WatchdogSpec.model_validate(block)


def test_entries_without_on_tell_all_that_the_watchdog_finds() -> None:
    """And those with it what they name; both survive being written down."""
    notify = [{"slack": "env:OPS"}, {"on": ["missed"], "slack": "env:OPS"}]
    spec = WatchdogSpec.model_validate({"notify": notify})
    again = WatchdogSpec.model_validate(spec.model_dump(mode="json"))
    assert [entry.on for entry in again.notify] == [WATCHED, (Occasion.MISSED,)]
    assert again.every == timedelta(minutes=1)
