"""A council's Chatwoot serves the queue, against a stand-in that follows its documented API.

Agent bots: https://www.chatwoot.com/docs/product/others/agent-bots (conversations of a bot are ``pending``, a
hand-off sets them ``open``); calls: ``POST /api/v1/accounts/{id}/conversations/{id}/messages`` and
``.../toggle_status`` with the header ``api_access_token``. In github.com/chatwoot/docs: events in
``docs/product/others/webhook-events.md``, signatures in ``api-reference/webhook-verification.mdx``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr, ValidationError

from conversations.files import NewFile
from conversations.log import Draft
from conversations.models import Message, Owner, Priority, Role
from conversations.outbox import LEASE
from conversations.store import Store
from gateway import wording
from gateway.app import init_app
from gateway.channels import voice
from gateway.channels.settings import ChannelSettings
from gateway.chatwoot import resources
from gateway.chatwoot.receiving import _KINDS
from gateway.chatwoot.settings import ChatwootSettings
from gateway.keys import CALL_BACKS, STORE, TURNS
from gateway.settings import Settings
from tests.gateway.conftest import FakeCrisis, FakeSafety, StandInBot
from tests.gateway.test_turn import HANDOFF

SECRET, TOKEN, SIGNS, CONVERSATION = "a-secret-of-many-signs", "bot-token", "the bot's own secret", 42


@dataclass
class StandInChatwoot:
    """One conversation, with its bot's webhook called as Chatwoot calls it."""

    gateway: TestClient[web.Request, web.Application] | None = None
    url: str = ""
    status: str = "pending"
    shown: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failing: int = 0
    last_id: int = 0
    files: list[tuple[str, str, bytes]] = field(default_factory=list)
    takes_no_files: bool = False
    file_seconds: float = 0.0  # that it takes to answer to a file
    files_failing: int = 0

    async def messages(self, request: web.Request) -> web.Response:
        self._check(request)
        if request.content_type == "multipart/form-data":
            return await self._file(request)
        body = await request.json()
        assert set(body) <= {"content", "message_type", "private", "content_type", "content_attributes"}
        self.shown.append(body)
        self.calls.append("note" if body["private"] else "message")
        self.last_id += 1
        answer = web.json_response({"id": self.last_id, "content": body["content"]})
        await self.event("message_created", **self._message(body["content"], 1, {"type": "agent_bot"}))
        return answer

    async def _file(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert set(form) == {"content", "message_type", "private", "attachments[]"}
        assert (form["message_type"], form["private"]) == ("outgoing", "false")
        sent = form["attachments[]"]
        assert isinstance(sent, web.FileField)
        if self.takes_no_files:
            return web.json_response({"message": "File type not supported"}, status=422)
        if self.files_failing:
            self.files_failing -= 1
            raise web.HTTPServiceUnavailable
        self.files.append((sent.filename, sent.content_type, sent.file.read()))
        self.calls.append("file")
        self.last_id += 1
        await asyncio.sleep(self.file_seconds)
        there = [{"id": 1, "file_type": "file", "data_url": f"https://chatwoot.example/{sent.filename}"}]
        message = self._message(str(form["content"]), 1, {"type": "agent_bot"}, there)
        await self.event("message_created", **message)
        return web.json_response({"id": self.last_id})

    async def toggle_status(self, request: web.Request) -> web.Response:
        self._check(request)
        self.status = (await request.json())["status"]
        await self.changed()
        self.calls.append(self.status)
        return web.json_response({"meta": {}, "payload": {"success": True, "current_status": self.status}})

    def _check(self, request: web.Request) -> None:
        assert request.match_info["id"] == str(CONVERSATION)
        assert request.headers["api_access_token"] == TOKEN
        if self.failing:
            self.failing -= 1
            raise web.HTTPServiceUnavailable

    async def changed(self) -> None:
        """An agent bot is told of these two; of going back to pending it learns with the next message."""
        if self.status in ("open", "resolved"):
            name = {"open": "conversation_opened", "resolved": "conversation_resolved"}[self.status]
            await self.event(name, id=CONVERSATION, status=self.status)

    async def person_says(self, content: str | None, *files: dict[str, Any]) -> None:
        self.last_id += 1
        await self.event("message_created", **self._message(content, "incoming", {"type": "contact"}, files))

    async def agent_says(self, content: str | None, *files: dict[str, Any]) -> None:
        self.last_id += 1
        sender = {"type": "user", "id": 7}
        await self.event("message_created", **self._message(content, "outgoing", sender, files))

    def _message(
        self,
        content: str | None,
        kind: str | int,
        sender: dict[str, Any],
        files: Sequence[dict[str, Any]] = (),
    ) -> dict[str, Any]:
        return {
            **({"attachments": list(files)} if files else {}),  # the key is there with files only
            "id": self.last_id,
            "content": content,
            "message_type": kind,
            "private": False,
            "sender": sender,
            "conversation": {"id": CONVERSATION, "status": self.status},
        }

    async def event(self, name: str, **body: Any) -> None:
        assert self.gateway is not None
        sent = json.dumps({"event": name, **body}).encode()
        response = await self.gateway.post(f"/chatwoot/{SECRET}", data=sent, headers=signed(sent))
        assert response.status == 200, await response.text()

    @property
    def texts(self) -> list[str]:
        return [body["content"] for body in self.shown if not body["private"]]


def signed(sent: bytes, at: float | None = None) -> dict[str, str]:
    """The headers of an agent bot's event: HMAC-SHA256 of ``TIMESTAMP.BODY`` with the bot's own secret."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(SIGNS.encode(), f"{stamp}.".encode() + sent, "sha256").hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Chatwoot-Timestamp": stamp,
        "X-Chatwoot-Signature": f"sha256={digest}",
    }


@pytest_asyncio.fixture
async def chatwoot(settings: Settings) -> AsyncGenerator[StandInChatwoot]:
    stand_in = StandInChatwoot()
    app = web.Application()
    base = "/api/v1/accounts/3/conversations/{id}"
    app.router.add_post(f"{base}/messages", stand_in.messages)
    app.router.add_post(f"{base}/toggle_status", stand_in.toggle_status)
    server = TestServer(app)
    await server.start_server()
    stand_in.url = str(server.make_url("/"))
    gateway = init_app(
        settings,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        chatwoot_settings=ChatwootSettings(
            url=stand_in.url,
            account_id=3,
            token=SecretStr(TOKEN),
            webhook_secret=SecretStr(SECRET),
            signing_secret=SecretStr(SIGNS),
        ),
        pauses=(timedelta(seconds=0.05), timedelta(seconds=0.2)),
        channel_settings=ChannelSettings(public_url="https://helpline.example"),
    )
    async with TestClient(TestServer(gateway)) as client:
        stand_in.gateway = client
        yield stand_in
    await server.close()


def store_of(chatwoot: StandInChatwoot) -> Store:
    assert chatwoot.gateway is not None
    assert chatwoot.gateway.app is not None
    return chatwoot.gateway.app[STORE]


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if met():
                return
            await asyncio.sleep(0.05)


async def test_the_bot_answers_while_pending_hands_off_to_open_and_goes_on_when_it_is_resolved(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    store = store_of(chatwoot)
    answer = bot.replies
    await chatwoot.person_says("How long is the wait?")
    await until(lambda: any("33 weeks" in text for text in chatwoot.texts))
    assert chatwoot.shown[0]["content_type"] == "input_select"
    assert "Source: The strategy" in chatwoot.texts[0]

    bot.replies = HANDOFF
    await chatwoot.person_says("a person please")
    await until(lambda: any("I would pass on" in text for text in chatwoot.texts))
    await chatwoot.person_says("Yes, pass it on")
    await until(lambda: "open" in chatwoot.calls)
    assert chatwoot.calls.index("note") < chatwoot.calls.index("open")
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    assert conversation.owner is Owner.ADVISER
    assert await store.open_escalations() == []
    assert await store.advisers_present() == 0  # their agents are not on duty at our desk

    heard = len(bot.heard)
    await chatwoot.agent_says("Hello, I am Ada")
    await chatwoot.person_says("Hello Ada, my number is 1")
    await asyncio.sleep(0.4)
    assert len(bot.heard) == heard
    log = await store.messages(conversation.id)
    assert [(m.role, m.text) for m in log[-2:]] == [
        (Role.ADVISER, "Hello, I am Ada"),
        (Role.USER, "Hello Ada, my number is 1"),
    ]
    assert "Hello, I am Ada" not in chatwoot.texts  # it is there already

    chatwoot.status = "resolved"
    await chatwoot.changed()
    assert (await store.get(conversation.id)).owner is Owner.CLOSED
    chatwoot.status = "pending"
    bot.replies = answer
    shown = len(chatwoot.texts)
    await chatwoot.person_says("And for adults?")
    await until(lambda: any("33 weeks" in text for text in chatwoot.texts[shown:]))
    await until(lambda: bot.handed_back == [conversation.id])
    assert (await store.get(conversation.id)).owner is Owner.BOT


async def test_danger_while_an_agent_has_it_still_shows_the_numbers(chatwoot: StandInChatwoot) -> None:
    chatwoot.status = "open"
    await chatwoot.changed()
    await chatwoot.person_says("DANGER")
    await until(lambda: any("000" in text for text in chatwoot.texts))


PHOTO = {
    "id": 5,
    "file_type": "image",
    "data_url": "https://chatwoot.example/x/a%20letter.jpg",
    "file_size": 9,
}
FORM = {"id": 6, "file_type": "file", "data_url": "https://chatwoot.example/x/Form%20A.pdf", "file_size": 9}
PDF = b"%PDF-1.7 a form"


async def test_a_file_that_a_person_sends_to_the_bot_is_answered_kindly_and_its_words_are_read(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    await chatwoot.person_says(None, PHOTO)
    await until(lambda: len(chatwoot.texts) == 1)
    assert chatwoot.texts[0].startswith("Thanks for the photo. I can't look at pictures. A person here can.")
    assert bot.texts == []
    await chatwoot.person_says("what is this?", FORM)
    await until(lambda: any("33 weeks" in text for text in chatwoot.texts))
    await asyncio.sleep(0.3)
    assert len(chatwoot.texts) == 2  # the words were answered, so nothing is said of the file
    assert bot.texts == ["what is this?"]
    store = store_of(chatwoot)
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    said = [m.text for m in await store.messages(conversation.id) if m.role is Role.USER]
    assert said == ["[The person sent a photo.]", "[The person sent a file.]", "what is this?"]


async def test_files_between_a_person_and_an_agent_are_in_the_record_and_not_sent_again(
    chatwoot: StandInChatwoot,
) -> None:
    chatwoot.status = "open"
    await chatwoot.changed()
    await chatwoot.person_says(None, PHOTO)
    await chatwoot.agent_says(None, FORM)
    await chatwoot.agent_says("Please fill it in.", FORM)
    await asyncio.sleep(0.4)
    assert chatwoot.files == []  # both see it there already
    assert not any("photo" in text or "Form A" in text for text in chatwoot.texts)
    store = store_of(chatwoot)
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    messages = await store.messages(conversation.id)
    assert [(m.role, m.text) for m in messages if m.role in (Role.USER, Role.ADVISER)] == [
        (Role.USER, "[The person sent a photo.]"),
        (Role.ADVISER, "[They sent a file: Form A.pdf]"),
        (Role.ADVISER, "Please fill it in.\n[They sent a file: Form A.pdf]"),
    ]


async def test_a_photo_is_no_name_and_no_contact_while_a_call_back_asks_for_them(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    await chatwoot.person_says("hello")
    await until(lambda: len(chatwoot.texts) == 1)
    assert chatwoot.gateway is not None
    assert chatwoot.gateway.app is not None
    call_backs = chatwoot.gateway.app[CALL_BACKS]
    store = store_of(chatwoot)
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    draft = await call_backs.begin(conversation.id)
    await call_backs.tell(draft.id, how="email", address="sam@example.org", when="Morning")

    await chatwoot.person_says(None, PHOTO)
    await until(lambda: any("Thanks for the photo." in text for text in chatwoot.texts))

    kept = await call_backs.of_chat(conversation.id)
    assert kept is not None
    assert "name" not in await call_backs.known(kept)
    said = [m.text for m in await store.messages(conversation.id) if m.role is Role.USER]
    assert said == ["hello", "[The person sent a photo.]"]


async def test_a_photo_whose_turn_a_process_did_not_end_is_answered_as_a_photo(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    assert chatwoot.gateway is not None
    assert chatwoot.gateway.app is not None
    turns, store = chatwoot.gateway.app[TURNS], store_of(chatwoot)
    really = turns._take

    async def dies(*_of: Any) -> list[Message]:
        return []

    turns._take = dies  # type: ignore[method-assign]
    await chatwoot.person_says(None, PHOTO)
    await chatwoot.person_says("what is this?", FORM)
    turns._take = really  # type: ignore[method-assign]
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    begun = [m for m in await store.messages(conversation.id) if m.role is Role.USER]
    for message in begun:
        await (await turns.take_up(message, nullcontext())).replies()

    answers = [m for m in await store.messages(conversation.id) if m.reply_to is not None]
    assert [(m.reply_to, m.text.split(".")[0]) for m in answers] == [
        (begun[0].seq, "Thanks for the photo"),
        (begun[2].seq, "33 weeks on average"),
    ]
    assert answers[0].buttons == [wording.TALK_TO_A_PERSON]
    assert bot.texts == ["what is this?"]


@pytest.mark.parametrize("kind", [*_KINDS.values(), "sticker", "other"])
def test_what_is_said_of_each_kind_is_whole_sentences_that_agree(kind: str) -> None:
    bot, adviser = voice.media_elsewhere(kind).text, voice.media_unseen(kind, "Sam").text
    assert re.match(r"(?:Thanks[ .]|Nice one)", bot)
    assert re.search(r"\. A person here can(?: see it)?\. Can you tell me in words, or do you", bot)
    # "A person can" takes up what was said that "I" cannot; and what is kept there is not said to be gone.
    assert re.search(r"\bI can't [a-z ]+\. A person here can\.|\. A person here can see it\.", bot)
    assert "need" not in bot
    assert "keep" not in bot
    assert re.fullmatch(
        r"Sorry, Sam can't \w+ (?:your|the|what) ?[a-z ]+\. Can you say it in words\?", adviser
    )


async def test_an_adviser_at_our_own_desk_cannot_see_it_and_the_person_is_told_once(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    await chatwoot.person_says("hello")
    await until(lambda: len(chatwoot.texts) == 1)
    store = store_of(chatwoot)
    chat = (await store.for_sender("chatwoot", str(CONVERSATION))).id
    sam, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, sam.id)
    message = chatwoot._message(None, "incoming", {"type": "contact"}, [PHOTO])
    for _ in range(2):
        await chatwoot.event("message_created", **message)
    await until(lambda: any("Sam can't" in text for text in chatwoot.texts))
    await asyncio.sleep(0.3)
    told = [text for text in chatwoot.texts if "photo" in text]
    assert told == ["Sorry, Sam can't see your photo. Can you say it in words?"]
    assert (await store.get(chat)).adviser_id == sam.id
    assert bot.texts == ["hello"]


async def _sam_answers(chatwoot: StandInChatwoot, file: NewFile) -> None:
    """While Chatwoot is down, an adviser at our own desk takes the chat and sends a file."""
    await chatwoot.person_says("hello")
    await until(lambda: any("33 weeks" in text for text in chatwoot.texts))
    chatwoot.failing = 1000
    store = store_of(chatwoot)
    chat = (await store.for_sender("chatwoot", str(CONVERSATION))).id
    sam, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, sam.id)
    await store.append_adviser(chat, sam.id, "Here it is.", file=file)
    await store.append_adviser(chat, sam.id, "Any questions?")
    await asyncio.sleep(0.2)
    chatwoot.failing = 0
    await until(lambda: "Sam: Any questions?" in chatwoot.texts)


async def test_a_file_of_our_own_adviser_comes_as_an_attachment_once_after_its_words(
    chatwoot: StandInChatwoot,
) -> None:
    await _sam_answers(chatwoot, NewFile("Form A.pdf", "application/pdf", PDF))
    assert chatwoot.files == [("Form A.pdf", "application/pdf", PDF)]
    assert [call for call in chatwoot.calls if call in ("message", "file")][-3:] == [
        "message",
        "file",
        "message",
    ]
    assert chatwoot.texts[-2:] == ["Sam: Here it is.", "Sam: Any questions?"]


async def test_a_file_that_chatwoot_refuses_is_said_to_have_been_left_out(chatwoot: StandInChatwoot) -> None:
    chatwoot.takes_no_files = True
    await _sam_answers(chatwoot, NewFile("Form A.pdf", "application/pdf", PDF))
    assert chatwoot.files == []
    said = "(A file came with this: Form A.pdf. It can't be sent here. Ask for it another way.)"
    assert chatwoot.texts[-3:] == ["Sam: Here it is.", said, "Sam: Any questions?"]


async def test_a_large_file_has_longer_than_words_to_get_there(
    chatwoot: StandInChatwoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_ATTEMPT_SECONDS", 0.4)
    chatwoot.file_seconds = 1.0
    await _sam_answers(chatwoot, NewFile("Form A.pdf", "application/pdf", PDF))
    assert len(chatwoot.files) == 1
    assert chatwoot.texts[-2:] == ["Sam: Here it is.", "Sam: Any questions?"]
    assert LEASE.total_seconds() - 5 > resources._FILE_SECONDS


async def test_a_file_that_never_gets_an_answer_is_left_out_after_three_tries_and_the_rest_goes_on(
    chatwoot: StandInChatwoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_FILE_SECONDS", 0.4)
    chatwoot.file_seconds = 60
    await _sam_answers(chatwoot, NewFile("Form A.pdf", "application/pdf", PDF))
    assert len(chatwoot.files) == 3
    said = "(A file came with this: Form A.pdf. It can't be sent here. Ask for it another way.)"
    assert chatwoot.texts[-3:] == ["Sam: Here it is.", said, "Sam: Any questions?"]


async def test_a_file_waits_for_a_chatwoot_that_is_down_and_comes_once(chatwoot: StandInChatwoot) -> None:
    chatwoot.files_failing = 6
    await _sam_answers(chatwoot, NewFile("Form A.pdf", "application/pdf", PDF))
    assert chatwoot.files == [("Form A.pdf", "application/pdf", PDF)]
    assert chatwoot.texts[-2:] == ["Sam: Here it is.", "Sam: Any questions?"]


async def test_dates_come_as_a_link(chatwoot: StandInChatwoot) -> None:
    await chatwoot.person_says("hello")
    await until(lambda: len(chatwoot.texts) == 1)
    store = store_of(chatwoot)
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    dates = {"kind": "calendar", "url": "/calendar.ics?asked=2026-11-02", "title": "The dates"}
    await store.append_assistant(conversation.id, [Draft(text="By 14 December.", attachments=(dates,))])
    await until(lambda: len(chatwoot.texts) == 2)
    link = "The dates: https://helpline.example/calendar.ics?asked=2026-11-02"
    assert chatwoot.texts[-1] == f"By 14 December.\n{link}"


async def test_while_chatwoot_is_down_nothing_is_lost_and_the_order_stays(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    bot.replies = lambda said: [{"text": f"answer to {said}"}]
    chatwoot.failing = 4
    for n in range(3):
        await chatwoot.person_says(f"question {n}")
    await until(lambda: len(chatwoot.texts) == 3)
    await asyncio.sleep(0.3)

    assert chatwoot.texts == [f"answer to question {n}" for n in range(3)]


async def test_an_event_told_twice_is_one_and_a_wrong_secret_is_nobody(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    assert chatwoot.gateway is not None
    for _ in range(2):
        await chatwoot.event(
            "message_created",
            id=9,
            content="hello",
            message_type="incoming",
            conversation={"id": CONVERSATION, "status": "pending"},
        )
    await until(lambda: len(chatwoot.texts) == 1)
    await asyncio.sleep(0.2)
    assert bot.texts == ["hello"]
    body = json.dumps({"event": "message_created"}).encode()
    assert (await chatwoot.gateway.post("/chatwoot/guessed", data=body, headers=signed(body))).status == 404


async def test_an_event_that_the_bot_s_own_secret_did_not_sign_is_refused(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    assert chatwoot.gateway is not None
    message = chatwoot._message("hello", "incoming", {"type": "contact"})
    body = json.dumps({"event": "message_created", **message}).encode()
    right = signed(body)
    for headers in (
        {},
        {**right, "X-Chatwoot-Signature": "sha256=" + "0" * 64},
        {**right, "X-Chatwoot-Timestamp": "soon"},
        signed(body + b" "),
        signed(body, at=time.time() - 3600),
    ):
        answer = await chatwoot.gateway.post(f"/chatwoot/{SECRET}", data=body, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (404, "no_such_route")
    assert bot.texts == []
    assert (await chatwoot.gateway.post(f"/chatwoot/{SECRET}", data=body, headers=right)).status == 200


def test_chatwoot_is_not_half_set_up() -> None:
    with pytest.raises(ValidationError, match="16 characters"):
        ChatwootSettings.model_validate({"url": "https://c.example", "token": "x", "webhook_secret": "short"})
