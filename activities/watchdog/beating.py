"""The beat: a sign of life to somebody outside, who notices when none comes."""

import re
from datetime import timedelta

from activities.providers.json_calls import Call, JsonCalls, Peer, required
from activities.providers.keys import read_key
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.notices.spec import HOOK_URL
from rota.runtime_specs.base import is_reference
from rota.watchdog.looks import Beat
from rota.watchdog.watchdog_spec import BeatMethod

TIMEOUT = timedelta(seconds=8)
"""For one answer: below what `workflows.watchdog_options` gives an attempt."""
MOST_ANSWER = 100_000
"""Bytes of it; nobody reads them."""
WHERE = "watchdog.beat.url"


async def send_beat(calls: JsonCalls, secrets: Secrets, beat: Beat) -> None:
    """Send one.

    Raises:
        StepError: it was not taken. Its words hold nothing of the URL, whose path may be a key.
    """
    url = beat.url
    if is_reference(url):
        url = read_key(secrets, beat.url, WHERE)
    if not re.fullmatch(HOOK_URL, url):
        raise StepError(FailureCategory.AUTH, f"{WHERE}: {beat.url} holds no http(s) URL")
    is_post = beat.method is BeatMethod.POST
    call = Call(
        "POST" if is_post else "GET",
        url,
        headers={"Accept": "*/*", "User-Agent": "rota"},
        timeout=TIMEOUT.total_seconds(),
        max_bytes=MOST_ANSWER,
        body={"fleet": beat.fleet, "open_alerts": beat.alerts} if is_post else None,
    )
    hidden = tuple({url, url.partition("://")[2]})
    peer = Peer("the beat's receiver", {FailureCategory.INVALID_REQUEST: f"check {WHERE}"}, hidden)
    required(await calls.send(call, peer), peer)
