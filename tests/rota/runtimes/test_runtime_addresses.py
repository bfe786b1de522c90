"""Addresses of providers: nothing secret in them, for they are named wherever a runtime is."""

import pytest
from pydantic import ValidationError

from rota.runtimes.kinds import BUILT_IN

ADDRESSES = [
    (kind, name)
    for kind in BUILT_IN
    for name in ("base_url", "endpoint_url")
    if name in BUILT_IN[kind].settings.model_fields
]


@pytest.mark.parametrize(("kind", "name"), ADDRESSES)
@pytest.mark.parametrize("url", ["https://me:hush@host/v1", "https://hush@host", "host/v1", ""])
def test_address_with_a_password_is_refused_without_showing_it(
    kind: str, name: str, url: str
) -> None:
    """It would stand in the id of its breaker, in histories, in logs and in tables."""
    with pytest.raises(ValidationError) as refused:
        BUILT_IN[kind].settings.model_validate({name: url})
    told = [error["msg"] for error in refused.value.errors() if error["loc"] == (name,)]
    assert told
    assert "hush" not in told[0]
