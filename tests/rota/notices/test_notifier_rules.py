"""Facts become messages: grouped, so many a minute, tried again, and in the end counted."""

from rota.notices import rules as notifier_rules
from rota.notices.notifier import NotifierState
from rota.notices.spec import Occasion
from tests.rota.notices.notice_desk import Desk


def test_fact_waits_some_seconds_and_goes_with_those_that_came_meanwhile() -> None:
    """One message for what happens together."""
    desk = Desk(group_seconds=5).post("a").later(2).post("b")
    assert (desk.due, desk.tell()) == (3, [])
    assert desk.later(3).tell() == ["a", "b"]
    assert desk.due is None


def test_fact_that_comes_again_is_told_once() -> None:
    """While it waits, and after it was told."""
    desk = Desk(group_seconds=0).post("a", "a")
    assert desk.tell() == ["a"]
    assert desk.post("a").due is None
    assert (desk.state.messages, desk.state.facts) == (1, 1)


def test_same_run_with_another_occasion_is_another_fact() -> None:
    """A run is parked, goes on, and fails."""
    desk = Desk(group_seconds=0).post("a", occasion=Occasion.PARKED).post("a")
    assert desk.tell() == ["a", "a"]


def test_only_so_many_messages_go_out_in_any_minute() -> None:
    """The next one waits until the oldest is a minute old."""
    desk = Desk(group_seconds=0, per_minute=2)
    assert desk.post("a").tell() == ["a"]
    assert desk.later(10).post("b").tell() == ["b"]
    assert (desk.later(10).post("c").tell(), desk.due) == ([], 40)
    assert desk.later(30).post("d").tell() == []
    assert desk.later(10).tell() == ["c", "d"]
    assert desk.post("e").due == 10


def test_burst_is_told_in_portions_and_what_is_beyond_as_a_number() -> None:
    """Nothing is lost, and nothing grows without end."""
    desk = Desk(group_seconds=0, facts_per_message=2, most_pending=3).post("a", "b", "c", "d", "e")
    assert desk.state.omitted == {Occasion.FAILED: 2}
    first = desk.begin()
    assert first is not None
    assert [fact.run for fact in first.facts] == ["a", "b"]
    assert first.omitted == {Occasion.FAILED: 2}
    assert desk.take_it().tell() == ["c"]
    assert (desk.state.facts, desk.state.omitted) == (5, {})


def test_message_that_was_given_up_comes_again_as_it_was_after_a_pause() -> None:
    """Receivers know it by its id; what came meanwhile waits for the next."""
    desk = Desk(group_seconds=0, pause_seconds=60, longest_pause_seconds=100).post("a")
    first = desk.begin()
    desk.give_up("receiver is down").post("b")
    assert (desk.due, desk.begin()) == (60, None)
    assert desk.later(60).begin() == first
    assert desk.give_up().due == 100
    trouble = desk.state.trouble
    assert trouble is not None
    assert (trouble.failures, trouble.reason) == (2, "no answer")
    assert desk.later(100).tell() == ["a"]
    assert desk.state.trouble is None
    assert desk.tell() == ["b"]


def test_channel_that_takes_nothing_for_days_is_left_alone_until_there_is_news() -> None:
    """What waited is counted, and told with the first message that is taken."""
    desk = Desk(group_seconds=0, pause_seconds=60, patience_seconds=100).post("a", "b")
    desk.begin()
    desk.give_up().post("c", occasion=Occasion.BLOCKED).later(60).begin()
    desk.give_up().later(120).begin()
    desk.give_up()
    assert desk.due is None
    assert notifier_rules.waiting(desk.state) == 3
    assert notifier_rules.forgotten_at(desk.state) is None
    desk.later(10_000).post("d")
    message = desk.begin()
    assert message is not None
    assert [fact.run for fact in message.facts] == ["d"]
    assert message.omitted == {Occasion.BLOCKED: 1, Occasion.FAILED: 2}
    assert desk.take_it().state.facts == 4


def test_ids_of_messages_differ_although_a_notifier_was_started_anew() -> None:
    """A receiver that remembers ids takes both."""
    ids: list[str] = []
    for name in ("a", "b"):
        message = Desk(group_seconds=0).post(name).begin()
        assert message is not None
        ids.append(message.id)
    assert len(set(ids)) == 2


def test_notifier_ends_only_after_a_day_without_news_or_trouble() -> None:
    """One that could not tell something stays, to be seen."""
    desk = Desk(group_seconds=0, idle_seconds=100).post("a")
    assert notifier_rules.forgotten_at(desk.state) is None
    desk.tell()
    at = notifier_rules.forgotten_at(desk.state)
    assert at is not None
    assert (at - desk.now).total_seconds() == 100
    desk.post("b").begin()
    assert notifier_rules.forgotten_at(desk.give_up().state) is None


def test_state_is_the_same_after_continue_as_new() -> None:
    """Message under way, trouble and counts are carried on."""
    desk = Desk(group_seconds=0, most_pending=1).post("a", "b")
    desk.begin()
    state = desk.give_up().state
    assert NotifierState.model_validate_json(state.model_dump_json()) == state
