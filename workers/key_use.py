"""Which keys are still needed: by what is open on the server, and by what lies in the store.

Worker side: reads. What is encrypted says which key it needs, so no key is needed to count.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import MarkerRecordedEventAttributes
from temporalio.client import Client
from temporalio.service import RPCError

from activities.described_schedules import described_schedules
from activities.encryption.marks import key_of
from activities.encryption.opening import messages_below
from activities.encryption.sealed_store import SealedStore
from activities.server_errors import is_missing
from activities.side_by_side import side_by_side

PLAIN = "none"
"""Stands for a key where something is not encrypted."""
OPEN = "open runs and keepers"
SCHEDULES = "schedules"
CLOSED = "closed runs"
OBJECTS = "objects"
REFS = "refs"
PLACES = (OPEN, SCHEDULES, CLOSED, OBJECTS, REFS)
"""Where keys are looked for, in the order in which that is told."""
_RUNNING = "ExecutionStatus = 'Running'"
_ENDED = "ExecutionStatus != 'Running'"


@dataclass
class KeyUse:
    """How many of each place need a key, by its id."""

    places: dict[str, Counter[str]] = field(
        default_factory=lambda: {place: Counter[str]() for place in PLACES}
    )

    @property
    def keys(self) -> list[str]:
        """Every key that something needs."""
        return sorted({key for counts in self.places.values() for key in counts})

    def needed(self, key_id: str) -> int:
        """How many things need that key."""
        return sum(counts[key_id] for counts in self.places.values())

    def note(self, place: str, keys: Iterable[str]) -> None:
        """Note one thing that needs `keys`."""
        self.places[place].update(set(keys))


async def use_on_server(client: Client, use: KeyUse) -> None:
    """Note what the server keeps in the client's namespace.

    Of what is open, whole histories: all of it is read again when a worker takes it over. Of what
    has ended, the first event alone, for nothing waits for it any more.

    Raises:
        temporalio.service.RPCError: the server does not answer: then nobody knows.
    """

    async def whole(execution: tuple[str, str]) -> set[str]:
        return await _of_history(client, *execution, first=False)

    async def first(execution: tuple[str, str]) -> set[str]:
        return await _of_history(client, *execution, first=True)

    for place, query, read in ((OPEN, _RUNNING, whole), (CLOSED, _ENDED, first)):
        found = [(each.id, each.run_id) async for each in client.list_workflows(query)]
        for keys in await side_by_side(found, read):
            use.note(place, keys)
    async for described in described_schedules(client):
        use.note(SCHEDULES, keys_in(described.raw_description))


async def use_in_store(store: SealedStore, use: KeyUse) -> None:
    """Note what lies in the store; every blob is looked into.

    Raises:
        StoreError: the store does not answer.
    """
    async for place, key_id in store.keys_of_all():
        use.note(OBJECTS if place.is_object else REFS, [key_id or PLAIN])


def keys_in(message: Message) -> set[str]:
    """Return the ids of the keys that payloads below `message` need, and `PLAIN` of plain ones.

    A reference to the store needs none: the store says which key its object needs.
    """
    return {key_of(payload) or PLAIN for payload in _payloads(message) if payload.metadata}


async def _of_history(client: Client, id: str, run_id: str, *, first: bool) -> set[str]:
    found: set[str] = set()
    handle = client.get_workflow_handle(id, run_id=run_id)
    try:
        async for event in handle.fetch_history_events(page_size=1 if first else None):
            found |= keys_in(event)
            if first:
                break
    except RPCError as error:
        if not is_missing(error):
            raise
    return found


def _payloads(message: Message) -> Iterator[Payload]:
    if isinstance(message, Payload):
        if not message.external_payloads:
            yield message
    elif isinstance(message, MarkerRecordedEventAttributes):
        # What stands beside a local activity's result is the SDK's own: name and times.
        yield from message.details["result"].payloads
    else:
        for each in messages_below(message):
            yield from _payloads(each)
