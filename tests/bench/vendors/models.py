"""One turn of a model, by hand: streamed, as the runtimes do it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import boto3
import httpx2
from anthropic import AsyncAnthropic

from tests.bench.vendors.by_hand import SYSTEM, TASK, OneTask, secret


@asynccontextmanager
async def anthropic(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """Messages, with the SDK's own way to a whole answer."""
    async with AsyncAnthropic(
        api_key=secret(settings), base_url=settings["base_url"], max_retries=0
    ) as client:

        async def one(word: str) -> str:
            async with client.messages.stream(
                model=settings["model"],
                max_tokens=8192,
                system=SYSTEM,
                messages=[{"role": "user", "content": TASK}],
            ) as stream:
                return await stream.get_final_text()

        yield one


@asynccontextmanager
async def openai(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """Chat completions, with httpx2 and its event source: there is no SDK to depend on."""
    headers = {"authorization": f"Bearer {secret(settings)}"}
    body = {
        "model": settings["model"],
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TASK}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async with httpx2.AsyncClient(headers=headers) as client:

        async def one(word: str) -> str:
            url = f"{settings['base_url']}/chat/completions"
            said: list[str] = []
            async with client.stream("POST", url, json=body) as response:
                async for event in httpx2.EventSource(response):
                    if event.data == "[DONE]":
                        break
                    choices = json.loads(event.data)["choices"]
                    said += [choice["delta"].get("content") or "" for choice in choices]
            return "".join(said)

        yield one


@asynccontextmanager
async def bedrock(settings: dict[str, Any]) -> AsyncIterator[OneTask]:
    """ConverseStream with boto3, called straight: nothing else runs in this loop."""
    client = boto3.client("bedrock-runtime", endpoint_url=settings["endpoint_url"])

    async def one(word: str) -> str:
        response = client.converse_stream(
            modelId=settings["model"],
            system=[{"text": SYSTEM}],
            messages=[{"role": "user", "content": [{"text": TASK}]}],
        )
        return "".join(
            event["contentBlockDelta"]["delta"].get("text", "")
            for event in response["stream"]
            if "contentBlockDelta" in event
        )

    yield one
    client.close()
