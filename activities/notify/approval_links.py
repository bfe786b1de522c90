"""The links by which people decide on calls, as a fleet declares them; and put into messages.

Made as a message is sent: neither the secret nor a link enters a history.
"""

from activities.secrets import Secrets
from rota.approvals.links import ApprovalLink, ApprovalLinks
from rota.connections import Connections
from rota.fleet_file import FleetFile
from rota.notices.facts import Channel, ChannelKind, Fact, Message

SHORTEST_SECRET = 16
"""Characters: shorter ones are guessed."""
DECIDE = "decide"
"""Name of the link in a message. No link of a result passes for it."""


def approval_links(declared: Connections, namespace: str, secrets: Secrets) -> ApprovalLinks | None:
    """Return what makes and reads the links of a fleet; None if it declares none.

    Raises:
        LookupError: a secret is not there, or too short; the message says which.
    """
    if not isinstance(declared, FleetFile) or declared.gateway.links is None:
        return None
    keys: list[bytes] = []
    for reference in declared.gateway.links.secret:
        secret = secrets(reference)
        if len(secret) < SHORTEST_SECRET:
            raise LookupError(
                f"secret {reference} is shorter than {SHORTEST_SECRET} characters: use a long "
                "random text"
            )
        keys.append(secret.encode())
    return ApprovalLinks(declared.gateway.url or "", declared.name, namespace, tuple(keys))


def linked(message: Message, channel: Channel, links: ApprovalLinks | None) -> Message:
    """Return the message with a link to each request that it tells of."""
    # Mail to one person names who decides; of a room nobody knows who reads it.
    by = channel.to[0] if channel.kind is ChannelKind.EMAIL and len(channel.to) == 1 else ""
    facts = tuple(_linked(fact, by, links) for fact in message.facts)
    return message.model_copy(update={"facts": facts})


def _linked(fact: Fact, by: str, links: ApprovalLinks | None) -> Fact:
    others = {name: url for name, url in fact.links.items() if name != DECIDE}
    if links is not None and fact.approval is not None and not fact.resolved:
        link = ApprovalLink.to(fact.run, fact.approval, by)
        others = {DECIDE: links.address(link), **others}
    return fact.model_copy(update={"links": others})
