"""What the log says of a look that failed."""

from typing import cast

import pytest
from temporalio.client import Client

from activities.secrets import Secrets
from rota.failures import MESSAGE_LIMIT
from workers.exporter.exporter import Exporter


async def test_secret_that_the_limit_goes_through_is_cut_out_whole(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left of one that was cut in two would be cut out by nobody."""
    secret = "a-secret-of-this-gateway"
    Secrets().keep_out(secret)
    begin = "x" * (MESSAGE_LIMIT - len("OSError: ") - 12)

    async def away(*_: object) -> None:
        raise OSError(begin + secret)

    for part in ("keepers", "teams", "schedules", "waits", "breakers"):
        monkeypatch.setattr(f"workers.exporter.looks.{part}", away)
    monkeypatch.setattr("workers.exporter.exporter.last_check", away)
    exporter = Exporter(cast("Client", None), "office")
    await exporter.scrape()
    await exporter.aclose()
    assert f"{begin}[redacted]" in caplog.text
    assert secret[:6] not in caplog.text
