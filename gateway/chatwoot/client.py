"""Calls to Chatwoot's application API, with the agent bot's token."""

from __future__ import annotations

import aiohttp

from conversations.models import Json, Message, Role
from gateway.chatwoot.settings import ChatwootSettings
from gateway.outgoing.sending import Failed, Refused

#: Chatwoot shows no more choices than fit below a message.
_MOST_CHOICES = 10


class ChatwootClient:
    """One instance a gateway. Every call raises ``Refused`` or ``Failed``, or ``aiohttp.ClientError``."""

    def __init__(self, session: aiohttp.ClientSession, settings: ChatwootSettings) -> None:
        self._session = session
        self._base = f"{settings.url}/api/v1/accounts/{settings.account_id}/conversations"
        self._headers = {"api_access_token": settings.token.get_secret_value()}

    async def say(self, conversation: str, message: Message) -> None:
        """Show a message of the log there; its buttons as choices."""
        body: Json = {"content": message_text(message), "message_type": "outgoing", "private": False}
        if message.buttons:
            items = [{"title": b["title"], "value": b["payload"]} for b in message.buttons[:_MOST_CHOICES]]
            body |= {"content_type": "input_select", "content_attributes": {"items": items}}
        await self._post(f"{conversation}/messages", body)

    async def note(self, conversation: str, text: str) -> None:
        """A note that only agents see."""
        await self._post(
            f"{conversation}/messages", {"content": text, "message_type": "outgoing", "private": True}
        )

    async def set_status(self, conversation: str, status: str) -> None:
        """``open``: people answer. ``pending``: the bot does."""
        await self._post(f"{conversation}/toggle_status", {"status": status})

    async def _post(self, path: str, body: Json) -> None:
        async with self._session.post(f"{self._base}/{path}", json=body, headers=self._headers) as response:
            if response.status in (404, 422):
                raise Refused(f"Chatwoot answers {response.status}: the conversation is not there any more")
            if not 200 <= response.status < 300:
                raise Failed(f"Chatwoot answers {response.status}")


def message_text(message: Message) -> str:
    """A message with what Chatwoot has no field for: sources, and the contacts of a crisis card."""
    lines = [message.text]
    for source in message.sources:
        parts = (source.get("title"), source.get("publisher"), source.get("url"))
        lines.append("Source: " + ", ".join(str(part) for part in parts if part))
    return "\n".join(line for line in lines if line)


def is_shown_there(message: Message) -> bool:
    """What people wrote is there already, and so is what agents wrote."""
    return message.role in (Role.ASSISTANT, Role.SYSTEM) and not message.private
