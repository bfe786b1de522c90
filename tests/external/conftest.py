"""Cross-checks by software that others wrote: asked for by `-m external`, else left out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.external.aimock import Aimock, aimock
from tests.external.litellm_proxy import Gateway, litellm_proxy

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out of every run that does not name their marker."""
    asked = "external" in str(config.option.markexpr)
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        ours = HERE in item.path.parents
        if ours:
            item.add_marker("external")
        (left_out if ours and not asked else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    """aimock, shared by the session; each test plays a script of its own."""
    with aimock(tmp_path_factory.mktemp("aimock")) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """LiteLLM, shared by the session."""
    with litellm_proxy(tmp_path_factory.mktemp("litellm")) as running:
        yield running
