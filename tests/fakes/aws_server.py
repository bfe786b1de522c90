"""A strict fake of one AWS service on a real socket.

It refuses what the service model refuses, what is not signed, and whatever further rules its
service has; it streams real event-stream frames, fails as AWS and the network fail, and
remembers every request. A request that no answer was scripted for, and a refused one nobody
expected, fail the test when the fake closes.

It runs on a thread of its own, so worker processes reach it as well as the test does.
"""

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.aws_answers import Delivery, Failure, Hang, Pieces, Response, Whole
from tests.fakes.aws_shapes import Call, RefusalError, Shapes
from tests.fakes.loopback_fake import BillingFake
from tests.fakes.loopback_http import Connection, HttpRequest

KEY_ID = "rota-test-key-id"
SECRET = "rota-test-secret-0123456789abcdefghijklm"
REGION = "eu-central-1"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a worker needs to be let in."""

_SIGNATURE = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={KEY_ID}/\d{{8}}/[a-z0-9-]+/(?P<service>[a-z-]+)/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}"
)
_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/rota</Arn><UserId>AIDA</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


@dataclass
class Recorded:
    """One request the fake received."""

    operation: str
    params: dict[str, Any]
    headers: dict[str, str]
    billed: bool = False
    """True if the work was done, whether or not anybody got the answer."""


class AwsFake(BillingFake[Recorded]):
    """Answers one service's requests from scripts, one for each operation.

    Args:
        service: As boto3 names it.
        rule: Finds what the service refuses beyond its model: returns the message, or None.
        expect_invalid: Refused and unscripted requests are what the test is about.
    """

    part = "the fake AWS"

    def __init__(
        self,
        service: str,
        rule: Callable[[Call], str | None] = lambda call: None,
        *,
        expect_invalid: bool = False,
    ) -> None:
        super().__init__()
        self.expect_invalid = expect_invalid
        self.always: dict[str, Response] = {}
        """Answers of operations whose script is empty."""
        self.looks = 0
        """Requests that only asked who we are or whether anybody is there."""
        self._shapes = Shapes(service)
        self._rule = rule
        self._script: defaultdict[str, deque[Response]] = defaultdict(deque)

    def add(self, operation: str, *responses: Response) -> None:
        """Append to an operation's script; operations may share one, joined by `|`."""
        self._script[operation].extend(responses)

    def calls(self, operation: str) -> list[Recorded]:
        """The requests of one operation."""
        return [request for request in self.requests if request.operation == operation]

    # -- on the server's thread ---------------------------------------------------------

    async def _handle(self, request: HttpRequest, connection: Connection) -> None:
        if request.path == "/":
            self.looks += 1
            await self._look(request, connection)
            return
        try:
            self._check_signature(request)
            call = self._shapes.read(request)
            if problem := self._rule(call):
                raise RefusalError(problem)
        except RefusalError as refusal:
            await self._deliver(self._refuse(str(refusal)), connection)
            return
        delivery = self._next(call)
        billed = isinstance(delivery, (Whole, Pieces)) or (
            isinstance(delivery, Hang) and delivery.billed
        )
        self._record(Recorded(call.operation, call.params, request.headers, billed=billed))
        await self._deliver(delivery, connection)

    async def _look(self, request: HttpRequest, connection: Connection) -> None:
        if request.method == "POST" and b"Action=GetCallerIdentity" in request.body:
            signed = KEY_ID in request.headers.get("authorization", "")
            headers = {"content-type": "text/xml"}
            await connection.send(
                *(
                    (200, _IDENTITY.encode(), headers)
                    if signed
                    else (
                        403,
                        b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code>"
                        b"<Message>The security token is invalid</Message></Error></ErrorResponse>",
                        headers,
                    )
                )
            )
        else:
            await connection.send_json(404, {"message": "nothing here"}, {})

    def _check_signature(self, request: HttpRequest) -> None:
        match = _SIGNATURE.fullmatch(request.headers.get("authorization", ""))
        if match is None or "x-amz-date" not in request.headers:
            raise RefusalError("the request is not signed")
        if match["service"] != self._shapes.model.signing_name:
            raise RefusalError(f"signed for {match['service']}")

    def _refuse(self, problem: str) -> Failure:
        if not self.expect_invalid:
            self.problems.append(f"refused a request: {problem}")
        code = "UnrecognizedClientException" if "signed" in problem else "ValidationException"
        return Failure(403 if "signed" in problem else 400, code, problem)

    def _next(self, call: Call) -> Delivery:
        for operations, script in self._script.items():
            if call.operation in operations.split("|") and script:
                return _rendered(script.popleft(), call)
        if call.operation in self.always:
            return _rendered(self.always[call.operation], call)
        problem = f"{call.operation} found its script empty"
        if not self.expect_invalid:
            self.problems.append(problem)
        return Failure(500, "InternalServerException", f"{problem}; script one more answer")

    async def _deliver(self, delivery: Delivery, connection: Connection) -> None:
        request_id = {"x-amzn-requestid": f"req-{len(self.requests)}"}
        match delivery:
            case Failure():
                headers = {**request_id, "x-amzn-errortype": delivery.code, **delivery.headers}
                body = {"message": delivery.message, **delivery.body}
                await connection.send_json(delivery.status, body, headers)
            case Whole():
                await self._pause(delivery.after)
                await connection.send(200, delivery.body, {**request_id, **delivery.headers})
            case Pieces():
                await self._pause(delivery.after)
                await connection.start_stream({**request_id, **delivery.headers})
                await self._stream(delivery, connection)
            case Hang():
                await self._released.wait()
                connection.drop()

    async def _stream(self, delivery: Pieces, connection: Connection) -> None:
        for index, piece in enumerate(delivery.pieces):
            if index == delivery.cut:
                break
            await connection.send_chunk(piece)
            await self._pause(delivery.between)
        if delivery.cut is None or delivery.how == "eof":
            await connection.send_chunk(b"")
        elif delivery.how == "reset":
            connection.reset()
        else:
            if delivery.how == "silence":
                await self._released.wait()
            connection.drop()

    async def _pause(self, seconds: float) -> None:
        if seconds:
            await asyncio.sleep(seconds)


def _rendered(response: Response, call: Call) -> Delivery:
    return response(call) if callable(response) else response
