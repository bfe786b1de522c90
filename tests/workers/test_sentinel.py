"""Nine secrets planted where they could leak are found nowhere: one fleet on the real server."""

import asyncio
import base64
import json
import re
import urllib.parse
import urllib.request
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from activities.encryption.opening import opened_history
from activities.secrets import REDACTED
from activities.stores.base import SHARDS
from rota.ids import keeper_id
from tests.dismissal import dismiss
from tests.encrypted import encrypted_fleet, key
from tests.fakes.anthropic_server import AnthropicFake
from tests.fakes.hook_receiver import HookReceiver
from tests.fakes.otlp_receiver import OtlpReceiver
from tests.processes.worker_process import worker_process
from tests.stack import Stack, open_stack
from tests.workers.cli.command_line import rota
from tests.workers.conftest import FiledServer
from tests.workers.planted import PLACES, Planted, found_in, secret
from tests.workflows.gates import poll
from workers.devserver import free_port

WHERE = {*("history", "ui", "logs", "metrics", "traces", "database", "bundles", "store", "words")}
"""Where secrets are looked for; `words` are what commands say, those of errors included."""
CUT = re.compile(re.escape(REDACTED))


class Search:
    """Looks for the secrets wherever somebody might read them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.found: set[tuple[str, str]] = set()
        """Where, and whose."""
        self.read: dict[str, int] = {}
        """Bytes of each place that were looked through."""

    def look(self, where: str, data: bytes) -> None:
        """Look through `data`."""
        self.read[where] = self.read.get(where, 0) + len(data)
        self.found.update((where, each) for each in found_in(data))

    def folder(self, where: str, folder: Path) -> None:
        """Look through all files of a folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.look(where, path.read_bytes())

    async def page(self, where: str, url: str) -> None:
        """Look through what is answered there."""
        self.look(where, await asyncio.to_thread(_page, url))

    async def workflow(self, handle: WorkflowHandle[object, object], ui: str) -> None:
        """Look through one history: as it lies there, as its keys open it, as the UI gets it."""
        client = self.stack.client
        history = await handle.fetch_history()
        for each in (history, await opened_history(history, client.data_converter)):
            for event in each.events:
                self.look("history", event.SerializeToString())
        id = urllib.parse.quote(handle.id, safe="")
        await self.page("ui", f"{ui}/api/v1/namespaces/default/workflows/{id}/history")
        await self.page("ui", f"{ui}/api/v1/namespaces/default/workflows/{id}")

    async def objects(self) -> None:
        """Look through the store, as it lies there and as its keys open it."""
        store = self.stack.store
        self.folder("store", Path(store.address))
        for shard in SHARDS:
            for each in await store.list_objects(shard):
                self.look("store", await store.get(each.digest))
        for name in await store.list_refs(""):
            self.look("store", await store.get_ref(name) or b"")

    async def command(self, *arguments: str) -> str:
        """Look through what a command says."""
        options = ("--fleet", str(self.stack.folder), "--address", self.stack.address)
        place = ("--store", self.stack.store.address, "--task-queue", self.stack.task_queue)
        ended = await rota(*arguments, *options, *place)
        self.look("words", ended.out.encode() + ended.err.encode())
        return ended.out + ended.err


@asynccontextmanager
async def careless(
    stack: Stack, planted: Planted, monkeypatch: pytest.MonkeyPatch, form: str
) -> AsyncGenerator[None]:
    """A worker that alone has the secrets in its environment."""
    command = ("workers", "worker", "--log-level", "debug", "--log-format", form)
    worker = worker_process(stack, command)
    with monkeypatch.context() as environment:
        for name, value in planted.environment.items():
            environment.setenv(name, value)
        await worker.__aenter__()
    try:
        yield
    finally:
        await worker.__aexit__(None, None, None)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_secrets_planted_in_nine_places_are_found_nowhere(
    filed: FiledServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    """Not in histories, UI, logs, metrics, traces, database, bundles, store or words of errors."""
    if encrypted:
        encrypted_fleet(tmp_path, key(31))
    stack = await open_stack(filed.address, tmp_path)
    metrics = f"127.0.0.1:{free_port()}"
    with AnthropicFake() as model, HookReceiver() as hook, OtlpReceiver() as traces:
        planted = Planted(stack, model, hook)
        planted.write()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", traces.url)
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("ROTA_METRICS", metrics)
        search = Search(stack)
        async with careless(stack, planted, monkeypatch, "json" if encrypted else "text"):
            runs = await played(search, stack, planted)
            said = await searched(search, filed, runs, planted.channel)
            await search.page("metrics", f"http://{metrics}/metrics")
            await search.page("metrics", filed.metrics)
        await dismiss(stack)
        search.look("logs", (stack.folder / "worker.log").read_bytes())
        for body in traces.bodies:
            search.look("traces", body)
    search.folder("database", filed.folder)
    assert search.found == set()
    assert set(search.read) == WHERE
    assert all(size > 1000 for size in search.read.values()), search.read
    # Each of them did leak into what people read, and was cut out there.
    assert [len(CUT.findall(text)) >= number for text, number in said] == [True] * 5, said


async def played(search: Search, stack: Stack, planted: Planted) -> list[str]:
    """Declare the fleet and run each of its agents; returns the ids of the runs."""
    assert "4 to create; done" in await search.command("apply")
    runs = [await stack.start(name, f"{name}-1") for name in planted.names]
    for run in runs:
        with suppress(WorkflowFailureError):
            await run.result()
    return [run.id for run in runs]


async def searched(
    search: Search, filed: FiledServer, runs: list[str], channel: str
) -> list[tuple[str, int]]:
    """Look through everything that a worker serves.

    Returns what was said of each run and of the channel, with how often something must have been
    cut out of it.
    """
    stack = search.stack

    async def refused() -> str | None:
        text = await search.command("notifications")
        return text if "answered 404" in " ".join(text.split()) else None

    said = [(await poll(refused), 1)]
    for run, cut in zip(runs, (9, 2, 2, 1), strict=True):
        said.append((await search.command("show", run, "--full"), cut))
        await search.command("explain", run)
        bundle = stack.folder / "bundles" / run
        await search.command("audit", "export", run, "-o", str(bundle))
        search.folder("bundles", bundle)
        for id in (run, keeper_id(run.removesuffix("-1"))):
            await search.workflow(stack.client.get_workflow_handle(id), filed.ui)
    await search.command("memory", "show", runs[0].removesuffix("-1"))
    await search.workflow(stack.client.get_workflow_handle(channel), filed.ui)
    await search.objects()
    return said


def test_search_finds_each_secret_as_it_is_quoted_and_in_base64() -> None:
    """Or it would find nothing whatever leaks; and it tells them apart."""
    forms: tuple[Callable[[str], str], ...] = (
        str,
        json.dumps,
        urllib.parse.quote,
        *(
            lambda text, n=n: base64.b64encode(f"{'u' * n}{text}!".encode()).decode()
            for n in range(3)
        ),
    )
    for place, number in zip(PLACES, range(9), strict=True):
        for form in forms:
            assert found_in(form(secret(number)).encode()) == [place]


def _page(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return answer.read()
