"""How far each agent's runs are archived, order by order."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rota.archive import LEDGER_PATIENCE, OVERLAP, ArchiveProgress
from tests.activities.archive.memory_store import NOW

NAMES = ("a", "b", "c")
TIMES = st.integers(-100, 0).map(lambda hours: NOW + timedelta(hours=hours))


def test_progress_begins_anew_for_an_agent_that_is_new() -> None:
    """The others go on an hour before their cursors."""
    progress = ArchiveProgress(cursors={"a": NOW})
    assert progress.since(("a", "b")) == {"a": NOW - OVERLAP, "b": None}


@given(
    before=st.dictionaries(st.sampled_from(NAMES), TIMES),
    seen=st.sets(st.sampled_from(NAMES)),
    oldest=st.dictionaries(st.sampled_from(NAMES), TIMES),
    silent=st.sets(st.sampled_from(NAMES)),
)
def test_progress_of_an_agent_is_its_own_and_never_past_what_is_not_archived(
    before: dict[str, datetime], seen: set[str], oldest: dict[str, datetime], silent: set[str]
) -> None:
    """Who was not seen stays; who was is as far as its oldest run, or its silence, allows."""
    progress = ArchiveProgress(cursors=before)
    undone = {name: at for name, at in oldest.items() if name in seen}
    after = progress.after(NOW, seen, undone, silent, ())
    for name in NAMES:
        if name not in seen:
            assert after.cursors.get(name) == progress.cursors.get(name)
            continue
        cursor = after.cursors[name]
        assert cursor <= undone.get(name, NOW)
        if name not in silent:
            assert cursor == undone.get(name, NOW)
        elif name not in undone:
            # As far as it was, or a day back: no list is that late.
            assert cursor == max(
                progress.cursors.get(name, NOW - timedelta(9)), NOW - LEDGER_PATIENCE
            )
