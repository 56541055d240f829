"""The part of Telegram's Bot API that the helpline uses, as its documentation describes it.

Source: https://core.telegram.org/bots/api (Update, getUpdates, setWebhook, sendMessage, sendDocument,
getFile, answerCallbackQuery, ResponseParameters). Everything is in memory and gone at the end.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

#: Limits that the real one has; what goes beyond is refused, so that a mistake shows here too.
_TEXT, _CAPTION, _CALLBACK_DATA = 4096, 1024, 64


@dataclass
class Chat:
    """One private chat, as its phone shows it."""

    id: int
    messages: list[dict[str, Any]] = field(default_factory=list)
    blocked: bool = False

    def next_id(self) -> int:
        """The number of the next message; both sides count together."""
        return len(self.messages) + 1


class BotApi:
    """Telegram's side: takes the bot's calls, and holds what people do as updates."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.chats: dict[int, Chat] = {}
        self.updates: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}  # by file_id
        self.answered: list[str] = []  # callback queries that were answered
        self._update_id = 1000
        self._new_update = asyncio.Condition()
        self.changed = asyncio.Condition()

    def add_routes(self, app: web.Application) -> None:
        """Where the bot calls."""
        app.router.add_post("/bot{token}/{method}", self.call)
        app.router.add_get("/file/bot{token}/files/{id}", self.download)

    def keep(self, content: bytes) -> str:
        """Keep a file as Telegram does; its ``file_id``."""
        file_id = f"f{len(self.files) + 1}"
        self.files[file_id] = content
        return file_id

    # -- what people do -----------------------------------------------------------------------------

    def chat(self, chat_id: int) -> Chat:
        """The chat of one person, begun at its first use."""
        return self.chats.setdefault(chat_id, Chat(chat_id))

    def write(self, chat_id: int, text: str | None = None, **content: Any) -> dict[str, Any]:
        """A person sends text, or something else such as ``photo=[...]``; the update that tells of it."""
        chat = self.chat(chat_id)
        message = {
            "message_id": chat.next_id(),
            "date": int(time.time()),
            "chat": {"id": chat_id, "type": "private", "first_name": "Sam"},
            "from": {"id": chat_id, "is_bot": False, "first_name": "Sam"},
            **({"text": text} if text is not None else {}),
            **content,
        }
        chat.messages.append(message)
        return self._update({"message": message})

    def edit(self, chat_id: int, message_id: int, text: str) -> dict[str, Any]:
        """A person changes an earlier message."""
        message = self.chat(chat_id).messages[message_id - 1]
        message["text"], message["edit_date"] = text, int(time.time())
        return self._update({"edited_message": dict(message)})

    def press(self, chat_id: int, message_id: int, data: str) -> dict[str, Any]:
        """A person presses a button of a message."""
        message = self.chat(chat_id).messages[message_id - 1]
        query = {
            "id": f"q{self._update_id}",
            "from": {"id": chat_id, "is_bot": False, "first_name": "Sam"},
            "message": message,
            "chat_instance": "1",
            "data": data,
        }
        return self._update({"callback_query": query})

    def block(self, chat_id: int) -> dict[str, Any]:
        """A person blocks the bot."""
        self.chat(chat_id).blocked = True
        member = {"user": {"id": 1, "is_bot": True, "first_name": "bot"}}
        return self._update(
            {
                "my_chat_member": {
                    "chat": {"id": chat_id, "type": "private"},
                    "from": {"id": chat_id, "is_bot": False, "first_name": "Sam"},
                    "date": int(time.time()),
                    "old_chat_member": {**member, "status": "member"},
                    "new_chat_member": {**member, "status": "kicked"},
                }
            }
        )

    def _update(self, content: dict[str, Any]) -> dict[str, Any]:
        self._update_id += 1
        update = {"update_id": self._update_id, **content}
        self.updates.append(update)
        return update

    async def tell(self) -> None:
        """Wake a bot that polls, and pages that show a chat."""
        for condition in (self._new_update, self.changed):
            async with condition:
                condition.notify_all()

    # -- what the bot calls -------------------------------------------------------------------------

    async def call(self, request: web.Request) -> web.Response:
        """``POST /botTOKEN/METHOD``."""
        if request.match_info["token"] != self.token:
            return _refused(401, "Unauthorized")
        method = request.match_info["method"]
        arguments = await _arguments(request)
        match method:
            case "sendMessage" | "sendDocument":
                return await self._send(method, arguments)
            case "getUpdates":
                return await self._get_updates(arguments)
            case "setWebhook":
                self.webhook = arguments
            case "deleteWebhook":
                self.webhook = {}
            case "getFile":
                file_id = str(arguments.get("file_id"))
                if file_id not in self.files:
                    return _refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
                size, path = len(self.files[file_id]), f"files/{file_id}"
                told = {"file_id": file_id, "file_size": size, "file_path": path}
                return web.json_response({"ok": True, "result": told})
            case "answerCallbackQuery":
                self.answered.append(str(arguments.get("callback_query_id")))
            case _:
                return _refused(404, "Not Found")
        return web.json_response({"ok": True, "result": True})

    async def _send(self, method: str, arguments: dict[str, Any]) -> web.Response:
        chat = self.chats.get(int(arguments["chat_id"]))
        if chat is None:
            return _refused(400, "Bad Request: chat not found")
        if chat.blocked:
            return _refused(403, "Forbidden: bot was blocked by the user")
        text = str(arguments.get("text") or arguments.get("caption") or "")
        if method == "sendMessage" and not text.strip():
            return _refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > (_TEXT if method == "sendMessage" else _CAPTION):
            return _refused(400, "Bad Request: message is too long")
        keyboard = (arguments.get("reply_markup") or {}).get("inline_keyboard", [])
        if any(len(b["callback_data"].encode()) > _CALLBACK_DATA for row in keyboard for b in row):
            return _refused(400, "Bad Request: BUTTON_DATA_INVALID")
        message: dict[str, Any] = {
            "message_id": chat.next_id(),
            "date": int(time.time()),
            "chat": {"id": chat.id, "type": "private"},
            "from": {"id": 1, "is_bot": True, "first_name": "Helpline"},
            ("text" if method == "sendMessage" else "caption"): text,
        }
        if keyboard:
            message["reply_markup"] = {"inline_keyboard": keyboard}
        if "document" in arguments:
            sent: web.FileField = arguments["document"]
            content = sent.file.read()
            message["document"] = {
                "file_id": self.keep(content),
                "file_name": sent.filename,
                "mime_type": sent.content_type,
                "file_size": len(content),
            }
        chat.messages.append(message)
        await self.tell()
        return web.json_response({"ok": True, "result": message})

    async def download(self, request: web.Request) -> web.Response:
        """``GET /file/botTOKEN/FILE_PATH``."""
        content = self.files.get(request.match_info["id"])
        if request.match_info["token"] != self.token or content is None:
            return _refused(404, "Not Found")
        return web.Response(body=content, content_type="application/octet-stream")

    async def _get_updates(self, arguments: dict[str, Any]) -> web.Response:
        if self.webhook:
            return _refused(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(arguments.get("offset") or 0)
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        try:
            async with asyncio.timeout(float(arguments.get("timeout") or 0)), self._new_update:
                await self._new_update.wait_for(lambda: bool(self.updates))
        except TimeoutError:
            pass
        return web.json_response({"ok": True, "result": self.updates[:100]})


async def _arguments(request: web.Request) -> dict[str, Any]:
    """The arguments of a call, sent as JSON or as a form with a file in it."""
    if request.content_type == "application/json":
        read: dict[str, Any] = await request.json()
        return read
    arguments: dict[str, Any] = dict(await request.post())
    if "reply_markup" in arguments:
        arguments["reply_markup"] = json.loads(arguments["reply_markup"])
    return arguments


def _refused(code: int, description: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": code, "description": description}, status=code)
