"""What a keeper's memo says of its agent, without a server."""

from rota.keepers.state import KeeperState
from tests.rota.keepers.desks import pinned
from workflows.keeper_kit.showing import memo_of


def test_memo_names_the_agents_whose_silence_fails_a_run() -> None:
    """Each once, not those of checks that only warn; nothing where there is none."""
    checks = {"a": "fail", "b": "fail", "c": "warn", "d": "fail"}
    graders = {"a": "judge", "b": "judge", "c": "hint"}
    graded = memo_of(KeeperState(spec=pinned(checks=checks, graders=graders)))
    assert graded["graders"] == ["judge"]
    assert "graders" not in memo_of(KeeperState(spec=pinned()))
    assert "graders" not in memo_of(KeeperState())
