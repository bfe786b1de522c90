"""What people and Rota decide about a Managed Agents session: confirm, stop, probe."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from activities.runtimes.claude_managed_stop import stop_session
from activities.runtimes.claude_managed_watch import REFUSAL
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.claude_managed import KIND, ClaudeManagedSettings
from rota.runtimes.session import SessionState, Told
from tests.activities.runtimes.managed_driver import Driver, managed_fake, runtime
from tests.fakes.managed_server import Fault, ManagedFake
from tests.fakes.managed_turns import Turn

C = FailureCategory
ASKS = Turn(asks=(("bash", {"command": "rm -r /"}), ("wiki/edit", {"page": "Home"})))


@pytest.fixture(params=[False, True], ids=["", "late"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[ManagedFake]:
    """Sessions that play a script; what they are told has its place at once, or late."""
    async with managed_fake(late=request.param) as fake:
        yield fake


@pytest.fixture
async def swift() -> AsyncIterator[ManagedFake]:
    """Sessions that are at work as soon as they are told to be."""
    async with managed_fake() as fake:
        yield fake


def decisions(fake: ManagedFake) -> list[dict[str, Any]]:
    """What the session was told about its own tools."""
    events = fake.sessions[0].events
    return [event for event in events if event["type"] == "user.tool_confirmation"]


@pytest.mark.parametrize(
    ("policy", "result", "reason"), [("allow", "allow", None), ("deny", "deny", REFUSAL)]
)
async def test_confirmation_is_given_by_the_declared_policy(
    fake: ManagedFake, policy: str, result: str, reason: str | None
):
    """Without a person, what is declared decides, and the session goes on."""
    fake.add(ASKS, Turn(says=("Done.",)))
    driver = Driver.on(fake, settings={"confirm": policy})
    await driver.run()
    made = decisions(fake)
    assert [(event["result"], event.get("deny_message")) for event in made] == [
        (result, reason)
    ] * 2


async def test_confirmation_whose_answer_was_lost_is_not_given_twice(fake: ManagedFake):
    """A decision that arrived is seen in the log: the provider would refuse another one."""
    fake.add(ASKS, Turn(says=("Done.",)))
    driver = Driver.on(fake)
    session = await driver.begin()
    fake.fail(Fault(works=True, fits="POST"))
    assert (await driver.watch(session)).message.text == "Done."
    assert len(decisions(fake)) == 2


async def test_confirmation_of_a_person_is_asked_for_and_told(fake: ManagedFake):
    """With `confirm: ask` the questions come out, and the answers go in."""
    fake.add(ASKS, Turn(says=("Done.",)))
    driver = Driver.on(fake, settings={"confirm": "ask"})
    session = await driver.begin()
    seen = await driver.watch(session)
    assert seen.state is SessionState.QUESTION
    bash, wiki = seen.questions
    given = {"command": "rm -r /"}
    assert bash.data == {"tool": "bash", "input": '{"command": "rm -r /"}', "args": given}
    assert "wiki/edit" in wiki.text
    session = await driver.tell(session, Told(decisions={bash.id: "too dangerous", wiki.id: ""}))
    assert (await driver.watch(session)).state is SessionState.ENDED
    assert [event["result"] for event in decisions(fake)] == ["deny", "allow"]
    assert decisions(fake)[0]["deny_message"] == "too dangerous"


async def test_calls_beside_a_confirmation_come_after_it(fake: ManagedFake):
    """A stop for both is answered in two steps, and nothing is lost."""
    fake.add(Turn(asks=ASKS.asks, calls=(("look", {}),)), Turn(says=("Done.",)))
    driver = Driver.on(fake, settings={"confirm": "ask"})
    session = await driver.begin()
    seen = await driver.watch(session)
    session = await driver.tell(session, Told(decisions={a.id: "" for a in seen.questions}))
    seen = await driver.watch(session)
    assert [call.name for call in seen.message.tool_calls] == ["look"]


async def test_tools_of_the_environments_workers_are_left_to_them(swift: ManagedFake):
    """A self-hosted environment runs the agent's tools itself: that is no stop for Rota."""
    swift.add(Turn(says=("Looking.",), hosted=("bash",)), Turn(says=("Done.",)))
    driver = Driver.on(swift)
    session = await driver.begin()
    watch = asyncio.create_task(driver.watch(session))
    while swift.sessions[0].status != "idle":
        await driver.progress.wait()
        driver.progress.clear()
    swift.run_hosted()
    assert (await watch).message.text == "Looking.\nDone."
    assert not decisions(swift)


async def test_cancel_interrupts_sees_it_idle_and_archives(swift: ManagedFake):
    """A session at work is stopped, and what it used until then is told."""
    swift.add(Turn(hang=True, input=50, output=0))
    driver = Driver.on(swift)
    session = await driver.begin()
    stopped = await driver.runtime.cancel(session, driver.request.settings)
    assert stopped.confirmed
    assert stopped.usage is not None
    assert stopped.usage.cost_micros == 500_000
    [stored] = swift.sessions
    assert (stored.interrupts, stored.status) == (1, "idle")
    assert stored.archived_at
    assert (await driver.runtime.cancel(session, driver.request.settings)).confirmed
    assert stored.interrupts == 1


async def test_cancel_before_the_session_begins_keeps_it_from_beginning(fake: ManagedFake):
    """A task that the session has not taken up yet is not worked on after the archiving."""
    fake.add(Turn(hang=True))
    driver = Driver.on(fake)
    session = await driver.begin()
    assert (await driver.runtime.cancel(session, driver.request.settings)).confirmed
    assert fake.sessions[0].status == "idle"
    assert fake.sessions[0].archived_at


async def test_cancel_of_an_idle_session_needs_no_interrupt(fake: ManagedFake):
    """A session that waits for an answer is archived as it is."""
    fake.add(Turn(calls=(("look", {}),)))
    driver = Driver.on(fake)
    session = await driver.begin()
    await driver.watch(session)
    assert (await driver.runtime.cancel(session, driver.request.settings)).confirmed
    assert fake.sessions[0].interrupts == 0


async def test_cancel_of_a_session_that_is_gone_is_confirmed(fake: ManagedFake):
    """What is not there does not work."""
    driver = Driver.on(fake)
    session = await driver.runtime.submit(driver.request)
    fake.lose()
    stopped = await driver.runtime.cancel(session, driver.request.settings)
    assert (stopped.confirmed, stopped.text) == (True, "it is not there")


async def test_cancel_that_sees_no_end_is_not_confirmed(swift: ManagedFake):
    """A session that works on after its interrupt is told as such."""
    swift.add(Turn(hang=True))
    driver = Driver.on(swift)
    session = await driver.begin()
    api = driver.runtime._apis.open(ClaudeManagedSettings.model_validate(driver.request.settings))
    swift.sessions[0]._interrupted.set = lambda: None
    stopped = await stop_session(api, session.id, timedelta(milliseconds=10), 0.3)
    assert not stopped.confirmed
    assert "running" in stopped.text
    assert swift.sessions[0].interrupts == 1
    swift.release()


async def test_cancel_that_may_not_ask_fails(fake: ManagedFake):
    """A refused key is not a session that has stopped."""
    driver = Driver.on(fake)
    session = await driver.runtime.submit(driver.request)
    with pytest.raises(StepError) as caught:
        await runtime("sk-ant-wrong").cancel(session, driver.request.settings)
    assert caught.value.category is C.AUTH


async def test_watch_that_is_cancelled_leaves_the_session_alone(swift: ManagedFake):
    """The end of the watching is not the end of the session."""
    swift.add(Turn(hang=True))
    driver = Driver.on(swift)
    session = await driver.begin()
    watch = asyncio.create_task(driver.watch(session))
    await driver.progress.wait()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert (swift.sessions[0].status, swift.sessions[0].interrupts) == ("running", 0)
    swift.release()


async def test_probe_reads_agent_and_environment_and_spends_nothing(fake: ManagedFake):
    """What a fleet uses is looked at without a session."""
    driver = Driver.on(fake)
    probe = await driver.runtime.probe(
        ClaudeManagedSettings.model_validate(driver.request.settings)
    )
    assert probe.ok
    assert "Bookkeeper, version 7" in probe.found
    assert not fake.sessions


@pytest.mark.parametrize(
    ("change", "archived"),
    [({"agent": "agent_2"}, False), ({"environment": "x"}, False), ({}, True)],
)
async def test_probe_of_what_is_not_there_says_what_to_mend(
    fake: ManagedFake, change: dict[str, str], archived: bool
):
    """A wrong id and an archived agent are found before a run."""
    fake.archived_agent = archived
    settings = Driver.on(fake).request.settings | change
    probe = await runtime().probe(ClaudeManagedSettings.model_validate(settings))
    assert not probe.ok
    assert "runtime.agent" in probe.cure


def test_capabilities_say_what_remains():
    """The kind promises what the tests above show, and names the window it cannot close."""
    promised = KIND.capabilities
    assert (promised.find, promised.idempotent_start) == (True, False)
    assert "archived when found" in promised.remains
