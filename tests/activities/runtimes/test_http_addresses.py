"""What a run or a service says leads to no other address than was declared."""

from typing import Any

import pytest

from activities.egress.network import Network
from activities.runtimes.http import HttpRuntime
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.model import digest_of
from rota.runtimes.session import SessionState
from tests.activities.runtimes.session_requests import Reports, session_request
from tests.contract.http_bench import HttpBench
from tests.fakes.http_job_server import TOKEN

C = FailureCategory


async def test_url_values_cannot_lead_elsewhere(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A value in a path is one part of it: encoded, and never `..`."""
    start = {"url": f"{http_bench.server.url}/jobs/{{input.name}}"}
    http_bench.answer("x")
    request = session_request(http_bench.settings(start=start), input={"name": "a/b?c#d"})
    await http_runtime.submit(request)
    assert http_bench.server.script.requests[-1][1] == "/jobs/a%2Fb%3Fc%23d"
    named = session_request(http_bench.settings(start=start), input={"name": {"c?d/e#": 1}})
    await http_runtime.submit(named)
    assert not set("?#") & set(http_bench.server.script.requests[-1][1])
    with pytest.raises(StepError, match="leads to another address"):
        await http_runtime.submit(
            session_request(http_bench.settings(start=start), input={"name": ".."})
        )


async def test_address_from_the_answer_is_guarded(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A service may name its own addresses, and no other private one."""
    status = {**http_bench.settings()["status"], "url": "{session.link}"}
    block = http_bench.settings(keep={"link": "links.self"}, status=status)
    for link in (None, "http://169.254.169.254/latest/meta-data", "http://[x"):
        http_bench.server.link = link
        http_bench.answer("boxes")
        request = session_request(block, key=digest_of(str(link).encode()))
        session = await http_runtime.submit(request)
        watching = http_runtime.observe(session, request, "", Reports())
        if link is None:
            assert (await watching).state is SessionState.ENDED
            continue
        with pytest.raises(StepError, match=r"runtime\.allow") as caught:
            await watching
        assert caught.value.category is C.INVALID_REQUEST


async def test_redirect_to_a_listed_host_takes_no_credentials_along(
    monkeypatch: pytest.MonkeyPatch, http_bench: HttpBench
) -> None:
    """A file store that the answer lies in is asked, without the service's token."""
    monkeypatch.setenv("ROTA_TEST_JOB_TOKEN", TOKEN)
    async with HttpBench() as store:
        port = int(store.server.url.rpartition(":")[2])
        address = f"http://files.example.com:{port}"

        async def resolve(host: str, port: int) -> Any:
            return await Network().resolve("127.0.0.1", port)

        runtime = HttpRuntime(Secrets(), Network(resolve=resolve, admits=lambda address: True))
        http_bench.answer("x")
        http_bench.server.redirect = f"{address}/jobs/job-1/answer"
        url = f"{http_bench.server.url}/jobs/{{session.id}}/answer"
        block = http_bench.settings(result={"url": url}, allow=[address])
        request = session_request(block)
        session = await runtime.submit(request)
        await runtime.observe(session, request, "", Reports())
        with pytest.raises(StepError) as caught:
            await runtime.collect(session, request, "")
        assert caught.value.category is C.AUTH
        assert "authorization" not in store.server.script.requests[-1][2]
        await runtime.aclose()
