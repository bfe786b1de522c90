"""One task of an agent that works by itself, by hand: begun, looked at until it ends, read."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import boto3
import httpx2
from anthropic import AsyncAnthropic

from tests.bench.vendors.by_hand import SYSTEM, TASK, OneTask, secret, until


@asynccontextmanager
async def claude_managed(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """A session is created and told its task; its events are read until it is idle."""
    async with AsyncAnthropic(
        api_key=secret(settings), base_url=settings["base_url"], max_retries=0
    ) as client:
        sessions = client.beta.sessions

        async def one(word: str) -> str:
            session = await sessions.create(
                agent=settings["agent"],
                environment_id=settings["environment"],
                metadata={"task": word},
            )
            content: Any = [{"type": "text", "text": TASK}]
            await sessions.events.send(
                session.id, events=[{"type": "user.message", "content": content}]
            )

            async def look() -> str | None:
                events = [event async for event in sessions.events.list(session.id, limit=1000)]
                if events[-1].type != "session.status_idle":
                    return None
                said = (event for event in events if event.type == "agent.message")
                return "".join(
                    part.text for event in said for part in event.content if part.type == "text"
                )

            answer = await until(look)
            await sessions.retrieve(session.id)  # for what it cost
            return answer

        yield one


@asynccontextmanager
async def agentcore(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """The agent is invoked, its answer read, its session stopped."""
    client = boto3.client("bedrock-agentcore", endpoint_url=settings["endpoint_url"])

    async def one(word: str) -> str:
        session = uuid.uuid4().hex + uuid.uuid4().hex
        response = client.invoke_agent_runtime(
            agentRuntimeArn=settings["arn"],
            runtimeSessionId=session,
            payload=json.dumps({"prompt": TASK}).encode(),
            contentType="application/json",
            accept="application/json",
        )
        answer = json.loads(response["response"].read())["text"]
        client.stop_runtime_session(agentRuntimeArn=settings["arn"], runtimeSessionId=session)
        return answer

    yield one
    client.close()


@asynccontextmanager
async def bedrock_agent(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """The agent is invoked, its answer read, its session ended."""
    client = boto3.client("bedrock-agent-runtime", endpoint_url=settings["endpoint_url"])

    async def one(word: str) -> str:
        address = {
            "agentId": settings["agent_id"],
            "agentAliasId": settings["alias_id"],
            "sessionId": uuid.uuid4().hex,
        }
        response = client.invoke_agent(**address, inputText=TASK, enableTrace=True)
        said = (event["chunk"]["bytes"] for event in response["completion"] if "chunk" in event)
        answer = b"".join(said).decode()
        for _ in client.invoke_agent(**address, endSession=True)["completion"]:
            pass
        return answer

    yield one
    client.close()


@asynccontextmanager
async def cursor(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """An agent is begun, its run looked at, then what it cost, which comes late."""
    url = f"{settings['base_url']}/v1/agents"
    async with httpx2.AsyncClient(auth=(secret(settings), "")) as client:

        async def one(word: str) -> str:
            body = {"agentId": f"bc-{uuid.uuid4()}", "prompt": {"text": TASK}}
            begun = (await client.post(url, json={**body, "repos": settings["repos"]})).json()
            agent, run = begun["agent"]["id"], begun["run"]["id"]

            async def ended() -> Any:
                found = (await client.get(f"{url}/{agent}/runs/{run}")).json()
                return found if found["status"] == "FINISHED" else None

            async def priced() -> Any:
                runs = (await client.get(f"{url}/{agent}/usage")).json()["runs"]
                return runs if runs and runs[0].get("cost") is not None else None

            answer = await until(ended)
            await until(priced)
            return answer["result"]

        yield one


@asynccontextmanager
async def n8n(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """The webhook is called; the execution looked at, and in the end read with its data."""
    base = settings["webhook"].partition("/webhook/")[0]
    headers = {"X-N8N-API-KEY": secret(settings)}
    async with httpx2.AsyncClient() as client:

        async def one(word: str) -> str:
            body = {"task": TASK, "rota_key": word}
            begun = await client.post(settings["webhook"], json=body, headers={"X-Rota-Key": word})
            url = f"{base}/api/v1/executions/{begun.json()['executionId']}"

            async def ended() -> Any:
                found = (await client.get(url, headers=headers)).json()
                return found if found["status"] == "success" else None

            await until(ended)
            whole = await client.get(url, headers=headers, params={"includeData": "true"})
            result = whole.json()["data"]["resultData"]
            return result["runData"]["Count"][0]["data"]["main"][0][0]["json"]["text"]

        yield one


@asynccontextmanager
async def http_poll(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """The job is begun, looked at until it is done, and read."""
    async with httpx2.AsyncClient(headers=_bearer(settings)) as client:

        async def one(word: str) -> str:
            url = settings["start"]["url"]
            headers = {"Idempotency-Key": word}
            begun = (await client.post(url, json={"task": TASK}, headers=headers)).json()

            async def done() -> Any:
                found = (await client.get(f"{url}/{begun['id']}")).json()
                return found if found["state"] == "done" else None

            return (await until(done))["answer"]["text"]

        yield one


@asynccontextmanager
async def http_sync(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """The answer comes with the start."""
    async with httpx2.AsyncClient(headers=_bearer(settings)) as client:

        async def one(word: str) -> str:
            headers = {"Idempotency-Key": word}
            url = settings["start"]["url"]
            reply = await client.post(url, json={"task": TASK}, headers=headers)
            return reply.json()["answer"]["text"]

        yield one


@asynccontextmanager
async def command(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """The program is run."""

    async def one(word: str) -> str:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *settings["command"], stdin=pipe, stdout=pipe, stderr=pipe
        )
        task = {"task": TASK, "instructions": SYSTEM, "key": word, "input": {}}
        out, _ = await process.communicate(json.dumps(task).encode())
        return json.loads(out)["result"]

    yield one


def _bearer(settings: dict[str, Any]) -> dict[str, str]:
    token = secret(settings["secrets"], "token")
    return {"Authorization": f"Bearer {token}"}
