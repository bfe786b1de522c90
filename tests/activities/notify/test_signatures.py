"""Signatures as Standard Webhooks has them."""

import base64

import pytest

from activities.notify.signatures import key_of, signed_headers
from rota.failures import FailureCategory, StepError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_signature_is_the_one_that_the_specification_shows() -> None:
    """The published example, to the letter."""
    headers = signed_headers(
        [key_of(SECRET, "env:HOOK")],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secret_without_its_prefix_is_the_same_key() -> None:
    """Some services show it so."""
    assert key_of(SECRET, "x") == key_of(SECRET.removeprefix("whsec_"), "x")


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "hunter2-hunter2-hunter2-hunter2!", "whsec_" + base64.b64encode(b"x").decode()],
)
def test_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    """No base64, or short enough to be guessed."""
    with pytest.raises(StepError, match="env:HOOK is no secret of a webhook") as caught:
        key_of(secret, "env:HOOK")
    assert caught.value.category is FailureCategory.AUTH
    assert "hunter2" not in str(caught.value)
