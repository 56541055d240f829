"""Calls to Chatwoot's application API, with the agent bot's token."""

from __future__ import annotations

from typing import Any

import aiohttp

from conversations.files import is_file
from conversations.models import File, Json, Message, Role
from gateway.chatwoot.settings import ChatwootSettings
from gateway.outgoing.sending import Failed, Refused

#: The account that stands for Chatwoot's agents is called so; families see the name.
DESK = "Chatwoot"

#: Chatwoot shows no more choices than fit below a message.
_MOST_CHOICES = 10


class ChatwootClient:
    """One instance a gateway. Every call raises ``Refused`` or ``Failed``, or ``aiohttp.ClientError``."""

    def __init__(self, session: aiohttp.ClientSession, settings: ChatwootSettings, public_url: str) -> None:
        """``public_url``: where the public reaches this gateway; empty if it does not."""
        self._session = session
        self._public_url = public_url.rstrip("/")
        self._base = f"{settings.url}/api/v1/accounts/{settings.account_id}/conversations"
        self._headers = {"api_access_token": settings.token.get_secret_value()}

    async def say(self, conversation: str, message: Message) -> None:
        """Show a message of the log there; its buttons as choices."""
        body: Json = {"content": self._text(message), "message_type": "outgoing", "private": False}
        if message.buttons:
            items = [{"title": b["title"], "value": b["payload"]} for b in message.buttons[:_MOST_CHOICES]]
            body |= {"content_type": "input_select", "content_attributes": {"items": items}}
        await self._post(f"{conversation}/messages", json=body)

    async def say_words(self, conversation: str, words: str) -> None:
        """Show words that are no message of the log."""
        body = {"content": words, "message_type": "outgoing", "private": False}
        await self._post(f"{conversation}/messages", json=body)

    async def attach(self, conversation: str, file: File) -> None:
        """Show a file there, as a message of its own: a form, because JSON carries none.

        Source: Chatwoot's API description, "Create New Message", multipart/form-data.
        """
        form = aiohttp.FormData(quote_fields=False)  # the name as it is, with its spaces
        for name, value in (("content", file.name), ("message_type", "outgoing"), ("private", "false")):
            form.add_field(name, value)
        form.add_field("attachments[]", file.content, filename=file.name, content_type=file.media_type)
        await self._post(f"{conversation}/messages", data=form)

    async def note(self, conversation: str, text: str) -> None:
        """A note that only agents see."""
        await self._post(
            f"{conversation}/messages", json={"content": text, "message_type": "outgoing", "private": True}
        )

    async def set_status(self, conversation: str, status: str) -> None:
        """``open``: people answer. ``pending``: the bot does."""
        await self._post(f"{conversation}/toggle_status", json={"status": status})

    async def _post(self, path: str, **body: Any) -> None:
        async with self._session.post(f"{self._base}/{path}", headers=self._headers, **body) as response:
            if response.status in (404, 413, 422):
                raise Refused(
                    f"Chatwoot answers {response.status}: the conversation is gone, or takes no such"
                )
            if not 200 <= response.status < 300:
                raise Failed(f"Chatwoot answers {response.status}")

    def _text(self, message: Message) -> str:
        """A message with what Chatwoot has no field for: who wrote it, dates, and where it comes from."""
        said_by = f"{message.author}: " if message.role is Role.ADVISER else ""
        return "\n".join([f"{said_by}{message_text(message)}", *self._links(message)])

    def _links(self, message: Message) -> list[str]:
        """A calendar file stays a link: it is none of the kinds that a Chatwoot inbox takes."""
        if not self._public_url:
            return []
        return [
            f"{attachment.get('title') or 'A file'}: {self._public_url}{attachment['url']}"
            for attachment in message.attachments
            if not is_file(attachment) and str(attachment.get("url", "")).startswith("/calendar.ics?")
        ]


def message_text(message: Message) -> str:
    """The words of a message, and its sources."""
    lines = [message.text]
    for source in message.sources:
        parts = (source.get("title"), source.get("publisher"), source.get("url"))
        lines.append("Source: " + ", ".join(str(part) for part in parts if part))
    return "\n".join(line for line in lines if line)


def is_shown_there(message: Message) -> bool:
    """What people wrote is there already, and so is what agents wrote; what our own advisers write is not."""
    if message.private or (message.role is Role.ADVISER and message.author == DESK):
        return False
    return message.role is not Role.USER
