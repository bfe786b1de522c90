"""Who may subscribe to a topic, and who may take a subscription back.

Pure; the subscribers are the topic's own, and change in place (see `rota.topics.rules`).
"""

from rota.topics.topic import MOST_SUBSCRIBERS, Subscriber, Unsubscription


class SubscriptionError(Exception):
    """A subscription, or what is asked of one, cannot be; the message says why."""


def subscribe(subscribers: dict[str, Subscriber], topic: str, wanted: Subscriber) -> bool:
    """Put a subscription in force; False if it already is, exactly so.

    Raises:
        SubscriptionError: another fleet has one by this name, there are too many, or it is
            meant for another topic.
    """
    name, event = wanted.name, wanted.subscription.event
    if event != topic:
        raise SubscriptionError(f"'{name}' asks for '{event}', this topic is '{topic}'")
    old = subscribers.get(name)
    if old is None:
        if len(subscribers) >= MOST_SUBSCRIBERS:
            raise SubscriptionError(
                f"topic '{topic}' has {MOST_SUBSCRIBERS} subscribers, which is the most: let "
                "one of them publish to a topic of its own"
            )
        subscribers[name] = wanted
        return True
    _require_owner(old, wanted.fleet)
    # A change of filter or input does not make it a new subscriber.
    subscribers[name] = wanted.model_copy(update={"since": old.since})
    return subscribers[name] != old


def unsubscribe(subscribers: dict[str, Subscriber], request: Unsubscription) -> bool:
    """Take a subscription back; False if there is none.

    Raises:
        SubscriptionError: another fleet has one by this name.
    """
    old = subscribers.get(request.name)
    if old is None:
        return False
    if request.fleet:
        _require_owner(old, request.fleet)
    del subscribers[request.name]
    return True


def require_subscriber(subscribers: dict[str, Subscriber], topic: str, name: str) -> None:
    """Make sure that `name` subscribes.

    Raises:
        SubscriptionError: it does not; the message lists those who do.
    """
    if name not in subscribers:
        known = ", ".join(sorted(subscribers)) or "none"
        raise SubscriptionError(
            f"'{name}' does not subscribe to '{topic}'; subscribers are: {known}"
        )


def _require_owner(old: Subscriber, fleet: str) -> None:
    if old.fleet != fleet:
        raise SubscriptionError(
            f"'{old.name}' subscribes to '{old.subscription.event}' from fleet '{old.fleet}': "
            f"remove it there first, or give the one of fleet '{fleet}' another name"
        )
