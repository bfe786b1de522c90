"""Cross-checks by software that others wrote: asked for by `-m external`, else left out."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.external.aimock import Aimock, aimock
from tests.external.browser import CHROMIUM, Browser
from tests.external.keyboard import CHROMEDRIVER, Keyboard, keyboard
from tests.external.litellm_proxy import Gateway, litellm_proxy
from tests.external.n8n_instance import N8n, n8n_instance
from tests.external.software import N8N, n8n_is_wanted

HERE = Path(__file__).parent
KUBECTL = shutil.which("kubectl")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out of every run that does not name their marker.

    Those of n8n, which is large, of Chromium and kubectl also where it is not installed.
    """
    asked = "external" in str(config.option.markexpr)
    driven = CHROMIUM and CHROMEDRIVER
    installed = {"n8n": n8n_is_wanted(), "browser": CHROMIUM, "keys": driven, "kubectl": KUBECTL}
    absent = {name for name, found in installed.items() if not found}
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        ours = HERE in item.path.parents
        if ours:
            item.add_marker("external")
        wanted = asked and not absent & set(getattr(item, "fixturenames", ()))
        (kept if wanted or not ours else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_report_header() -> list[str]:
    """Say which of them run, since nothing is told of those left out."""
    left_out = "not installed, left out (docs/checking.md)"
    return [
        f"n8n: {N8N if n8n_is_wanted() else left_out}",
        f"chromium: {CHROMIUM or left_out}",
        f"chromedriver: {CHROMEDRIVER or left_out}",
        f"kubectl: {KUBECTL or left_out}",
    ]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """A browser that knows nothing yet."""
    assert CHROMIUM is not None  # else whoever asks for it is left out
    return Browser(CHROMIUM, tmp_path)


@pytest.fixture
def kubectl() -> str:
    """The command line of Kubernetes, which needs no cluster to render manifests."""
    assert KUBECTL is not None  # else whoever asks for it is left out
    return KUBECTL


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


@pytest.fixture(scope="session")
def n8n(tmp_path_factory: pytest.TempPathFactory) -> Iterator[N8n]:
    """n8n, shared by the session; each test makes workflows of its own."""
    with n8n_instance(tmp_path_factory.mktemp("n8n")) as running:
        yield running


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[Keyboard]:
    """A window that is driven by keys."""
    async with keyboard(tmp_path) as pressing:
        yield pressing
