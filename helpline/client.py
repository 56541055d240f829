"""Talking to a running helpline over its public API, as a page does."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp


class HelplineUnreachable(RuntimeError):
    """The helpline did not answer; the message says what it said instead, if anything."""


@dataclass
class Chat:
    """One conversation."""

    http: aiohttp.ClientSession
    url: str
    token: str
    welcome: list[dict[str, Any]]

    async def say(self, text: str | None = None, payload: str | None = None) -> list[dict[str, Any]]:
        """Send a message or press a button; gives the replies.

        Raises:
            HelplineUnreachable: it could not be sent.
        """
        body = {"client_message_id": str(uuid.uuid4())}
        body |= {"payload": payload} if payload is not None else {"text": text or ""}
        answer = await _post(self.http, f"{self.url}/messages", body, self.token)
        replies: list[dict[str, Any]] = answer["replies"]
        return replies


@asynccontextmanager
async def open_chat(gateway_url: str, area: str | None = None) -> AsyncGenerator[Chat]:
    """Begin a conversation.

    Args:
        gateway_url: "http://127.0.0.1:8080".
        area: area id, if the person told it beforehand.

    Raises:
        HelplineUnreachable: nothing answers there.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        body = {"area": area} if area else {}
        begun = await _post(http, f"{gateway_url}/api/v1/conversations", body)
        yield Chat(
            http,
            f"{gateway_url}/api/v1/conversations/{begun['id']}",
            begun["token"],
            begun.get("messages", []),
        )


async def is_ready(gateway_url: str) -> bool:
    """Whether a helpline there would serve a chat now."""
    timeout = aiohttp.ClientTimeout(total=3)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{gateway_url}/readyz") as response,
        ):
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _post(
    http: aiohttp.ClientSession, url: str, body: dict[str, Any], token: str | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with http.post(url, json=body, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status >= 400:
                raise HelplineUnreachable(str(answer.get("detail") or answer.get("title") or response.status))
            return answer
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise HelplineUnreachable(f"no answer from {url}: {error}") from error
