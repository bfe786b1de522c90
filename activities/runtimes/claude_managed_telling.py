"""What a Managed Agents session is told, and what of it an earlier attempt has told it.

The API takes no ids from its clients. Results and decisions name what they answer, so they
are known again by that; a message by its words, newer than the last one known.
"""

from activities.providers.json_fields import field
from activities.runtimes.claude_managed_api import ManagedApi
from activities.runtimes.claude_managed_events import TOLD, Json
from activities.runtimes.claude_managed_wire import (
    VENDOR,
    confirmation,
    opening_texts,
    texts_of,
    tool_result,
    user_message,
    withheld,
)
from rota.runtimes.session import ProviderSession, SessionRequest, Told


def events_for(session: ProviderSession, request: SessionRequest, told: Told) -> list[Json]:
    """The events that say it."""
    events = [tool_result(result) for result in told.results]
    events += [confirmation(use, reason) for use, reason in told.decisions.items()]
    if told.message is not None:
        words = told.message.text
        events.append(user_message((words,) if session.told else opening_texts(request, words)))
    return events


def message_id(recorded: list[Json]) -> str:
    """The id that the API gave to the message among these events; empty if none is one."""
    ids = [field(event, "id", str, VENDOR) for event in recorded if _type(event) == "user.message"]
    return ids[-1] if ids else ""


async def not_yet_told(
    api: ManagedApi, session: str, events: list[Json], last: str
) -> tuple[list[Json], str]:
    """Leave out what the session was told already.

    Args:
        api: Of the account.
        session: Its id.
        events: What it is to be told.
        last: Id of the last message it was known to be told; empty: none.

    Returns:
        The rest, and the id of the last message it is now known to be told.
    """
    answered: set[str] = set()
    newer: dict[str, Json] = {}
    async for event in api.events(session, types=list(TOLD)):
        if _type(event) == "user.message":
            name = field(event, "id", str, VENDOR)
            newer = {} if name == last else newer | {name: event}
        else:
            answered.add(_answers(event))
    rest: list[Json] = []
    for event in events:
        if _type(event) != "user.message":
            if _answers(event) not in answered:
                rest.append(event)
        elif found := [name for name, seen in newer.items() if _same(seen, event)]:
            last = found[0]
        else:
            rest.append(event)
    return rest, last


def _type(event: Json) -> str:
    return field(event, "type", str, VENDOR)


def _answers(event: Json) -> str:
    """The id of what a result or a decision is for."""
    custom = _type(event) == "user.custom_tool_result"
    return field(event, "custom_tool_use_id" if custom else "tool_use_id", str, VENDOR)


def _same(seen: Json, event: Json) -> bool:
    # What the provider withholds cannot be compared; telling it twice would be worse.
    return withheld(seen) or texts_of(seen) == texts_of(event)
