"""Which connections may go in the clear."""

import pytest
from temporalio.envconfig import ClientConnectConfig

from workers.target import UnreachableError, refuse_plaintext


@pytest.mark.parametrize(
    "address",
    [
        "localhost:7233",
        "LOCALHOST:7233",
        "temporal.localhost:7233",
        "127.0.0.1:7233",
        "127.8.0.1:1",
        "[::1]:7233",
    ],
)
def test_connection_within_this_machine_may_be_plain(address: str) -> None:
    """Nobody else listens there."""
    refuse_plaintext(address, ClientConnectConfig())


@pytest.mark.parametrize(
    "address",
    [
        "temporal:7233",
        "example.org:7233",
        "10.0.0.7:7233",
        "0.0.0.0:7233",
        "localhost.example.org:7233",
        "127.0.0.1.example.org:7233",
        "[2001:db8::1]:7233",
        "2130706433:7233",
    ],
)
def test_connection_beyond_this_machine_needs_tls(address: str) -> None:
    """One line with each way to mend it; a key without TLS would go over in the clear, too."""
    for config in (
        ClientConnectConfig(),
        ClientConnectConfig(tls=False),
        ClientConnectConfig(api_key="k", tls=False),
    ):
        with pytest.raises(UnreachableError) as caught:
            refuse_plaintext(address, config)
        told = str(caught.value)
        assert told.startswith(f"the way to {address} is not encrypted: set TEMPORAL_TLS=true")
        assert "ROTA_ALLOW_PLAINTEXT=true" in told
        assert "\n" not in told
    refuse_plaintext(address, ClientConnectConfig(tls=True))
    refuse_plaintext(address, ClientConnectConfig(api_key="k"))
