"""Links by which a person decides on one call: what they say, how they are signed and read. Pure.

A link's last part is a token: what it is about, and an HMAC over that with the fleet's secret. It
is bound to one request of one run, by the request's digest; to a person, if one is named; and to a
time. Whoever holds it may look at the request and decide, so it is given to those alone who may. It
is used up by a decision, whoever makes it: the request does not wait any longer then.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import Field, TypeAdapter, ValidationError

from rota.approvals.requests import OpenApproval
from rota.approvals.rules import is_same_person
from rota.model import Record

PATH = "/approve"
MOST_TOKEN = 4096
"""Characters: what is longer was not made here."""
MOST_NAME = 200
"""Characters of who decides."""
_DIGITS = 32
"""Of the request's digest: 128 bits, in a link that has to fit into a line."""


class LinkError(Exception):
    """A link that does not count; the message says why, for people."""


class ForgedError(LinkError):
    """Not made here, or changed since."""

    def __init__(self) -> None:
        super().__init__(
            "This link was not made by this fleet, or it was changed on the way: copy the whole of "
            "it, or have another one made."
        )


class ExpiredError(LinkError):
    """Its time is over."""


class AskedApproval(Record):
    """A request that people are told of, as much of it as a link needs."""

    call: str
    """`OpenApproval.id`."""
    digest: str
    """Of the request."""
    until: datetime

    @staticmethod
    def of(pending: OpenApproval) -> "AskedApproval":
        """Name what waits."""
        return AskedApproval(
            call=pending.id, digest=pending.request.digest, until=pending.last_call
        )


class ApprovalLink(Record):
    """What a link is about."""

    run: str
    """Workflow id."""
    call: str
    digest: str = Field(pattern=rf"^[0-9a-f]{{{_DIGITS}}}$")
    """The first digits of the request's."""
    by: str = Field(default="", max_length=MOST_NAME)
    """Who decides with it; empty: whoever has it says."""
    until: int
    """Seconds since 1970; no decision counts afterwards."""

    @staticmethod
    def to(run: str, asked: AskedApproval, by: str = "") -> "ApprovalLink":
        """Return a link to what was asked of a run, for somebody or for whoever gets it."""
        return ApprovalLink(
            run=run,
            call=asked.call,
            digest=asked.digest[:_DIGITS],
            by=by,
            until=int(asked.until.timestamp()),
        )

    def is_to(self, pending: OpenApproval) -> bool:
        """Whether that is the very request."""
        return pending.id == self.call and pending.request.digest.startswith(self.digest)


_FIELDS: TypeAdapter[tuple[str, str, str, str, int]] = TypeAdapter(tuple[str, str, str, str, int])


@dataclass(frozen=True)
class ApprovalLinks:
    """Makes and reads the links of one fleet."""

    url: str
    """Of the gateway, as people reach it."""
    fleet: str
    namespace: str
    keys: Sequence[bytes] = field(repr=False)
    """The first signs; links signed with any of them count."""

    def address(self, link: ApprovalLink) -> str:
        """Return where to click."""
        said = [link.run, link.call, link.digest, link.by, link.until]
        payload = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        signature = self._sign(self.keys[0], payload)
        return f"{self.url.rstrip('/')}{PATH}/{_text(payload)}.{_text(signature)}"

    def read(self, token: str, now: datetime) -> ApprovalLink:
        """Return what a link is about.

        Raises:
            ForgedError: it was not made for this fleet of this namespace, with one of the keys.
            ExpiredError: it was, and its time is over.
        """
        first, dot, last = token.partition(".")
        if not dot or len(token) > MOST_TOKEN:
            raise ForgedError
        payload, signature = _bytes(first), _bytes(last)
        # With each: how long it takes says nothing of which one is right.
        found = [hmac.compare_digest(signature, self._sign(key, payload)) for key in self.keys]
        if not any(found):
            raise ForgedError
        try:
            run, call, digest, by, until = _FIELDS.validate_json(payload)
            link = ApprovalLink(run=run, call=call, digest=digest, by=by, until=until)
        except ValidationError as error:
            raise ForgedError from error
        if now.timestamp() > link.until:
            over = datetime.fromtimestamp(link.until, UTC)
            raise ExpiredError(f"This link's time was over at {over:%Y-%m-%d %H:%M:%S} UTC.")
        return link

    def _sign(self, key: bytes, payload: bytes) -> bytes:
        # The same secret in two fleets, or for something else, opens nothing here.
        place = json.dumps(["rota approval link", 1, self.namespace, self.fleet]).encode()
        return hmac.new(key, place + b"\n" + payload, hashlib.sha256).digest()


def why_not_by(by: str, pending: OpenApproval, *, named: bool) -> str:
    """Say why nobody may approve a request under that name by a link; empty if somebody may.

    Beside what holds for all decisions: a link's holder could write any name, and a link that went
    to an address names somebody otherwise than whoever started the run did.

    Args:
        by: Who decides.
        pending: What waits.
        named: The link itself says who.
    """
    if not pending.request.rule.four_eyes:
        return ""
    if not named:
        return (
            "Four eyes: to approve this call, have a link made that names you: rota approvals "
            "link … --for NAME. With this one it can only be denied."
        )
    names = {by, by.partition("@")[0]}
    own = {pending.requester, pending.requester.partition("@")[0]}
    if any(is_same_person(one, other) for one in names for other in own):
        return f"{by} asked for this run; somebody else has to approve it."
    return ""


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    # The last sign of a text may hold bits of nothing: one value has one text.
    return value if _text(value) == text else b""
