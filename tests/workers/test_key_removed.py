"""A key taken away while steps are under way: they wait for it, and say so where they cannot."""

from datetime import timedelta
from pathlib import Path

import pytest

from rota.failures import FailureCategory
from rota.runs import RunStatus
from rota.tools import ToolContext, tool
from tests.encrypted import encrypted_fleet, key, write_keys
from tests.stack import Stack, open_stack, script
from tests.workers.conftest import FiledServer
from tests.workflows.claude import ending_of
from tests.workflows.gates import poll

OLD, NEW = key(41), key(42)


@pytest.fixture
async def sealed(filed: FiledServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A fleet whose keys are looked for at once, and whose steps wait but briefly for them."""
    monkeypatch.setattr("activities.encryption.keys.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("activities.encryption.keys.REREAD_SECONDS", 0.0)
    monkeypatch.setattr("activities.failure_converter.KEY_DELAY", timedelta(milliseconds=300))
    encrypted_fleet(tmp_path, OLD)
    return await open_stack(filed.address, tmp_path)


@pytest.mark.parametrize("returned", [True, False])
async def test_step_under_way_waits_for_its_key_or_says_which_it_lacks(
    sealed: Stack, returned: bool
) -> None:
    """It waits for as long as it has attempts; then the run is blocked, and names the key."""
    file = sealed.folder / "keys"

    @tool(name="vault.slow")
    def slow(context: ToolContext) -> str:
        """Fail once; meanwhile the key goes."""
        if not (sealed.folder / "gone").exists():
            (sealed.folder / "gone").touch()
            write_keys(file, NEW)
            raise RuntimeError("once more")
        return "done"

    name = sealed.name("locked")
    async with sealed.worker([slow]):
        await sealed.declare(
            name,
            tools=["vault.slow"],
            retry={"attempts": 3, "backoff": "10ms"},
            runtime=script({"calls": [{"tool": "vault.slow", "args": {}}]}, {"result": "done"}),
        )
        run = await sealed.start(name, f"{name}-1")

        async def lacking() -> str | None:
            pending = (await run.describe()).raw_description.pending_activities
            return next((each.last_failure.message for each in pending if each.attempt > 2), None)

        if returned:
            told = await poll(lacking)
            assert f"encrypted with key {OLD.id}, which is not here" in told
            write_keys(file, NEW, OLD)
            assert (await run.result()).status is RunStatus.SUCCEEDED
            return
        ending = await ending_of(run)
    assert (ending.kind, ending.result.category) == ("RunBlocked", FailureCategory.AUTH)
    assert f"encrypted with key {OLD.id}, which is not here (here are {NEW.id})" in ending.message
