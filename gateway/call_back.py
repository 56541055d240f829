"""Asking for a call back, one question at a time, in any channel. What is given never reaches the bot.

A contact and a name are kept apart before anything is logged: the log holds a line in their place, the sealed
words are with the call back. While its questions are open the person's answers are taken here; a question of
theirs in between is answered by the bot as ever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from conversations.callbacks import CallBacks
from conversations.errors import NotFound, OwnershipChanged
from conversations.log import Draft
from conversations.models import CallBack, CallBackStatus, Conversation, Json, Message, Owner
from conversations.store import Store
from gateway import person_wording as words
from gateway.contact import how_of, is_meant_as_contact, read_contact, shown
from gateway.wording import CALL_BACK

_STEPS = ("how", "address", "when", "name")

_HOW_IN_WORDS = (
    ("text", re.compile(r"\b(?:text|sms|message)\b", re.IGNORECASE)),
    ("email", re.compile(r"\be-?mail\b", re.IGNORECASE)),
    ("phone", re.compile(r"\b(?:phone|call|ring|telephone)\b", re.IGNORECASE)),
)
_NO = re.compile(r"\s*(?:no|no thanks?|no thank you|cancel|stop|never ?mind|forget it)\W*", re.IGNORECASE)

#: Asking for it in so many words; it counts only right after it was offered.
_ASKED_IN_WORDS = re.compile(
    r"(?:yes|ok(?:ay)?|please)?[,.!\s]*(?:(?:can|could|will|would) (?:you|someone|somebody|they)\s+)?"
    r"(?:please\s+)?(?:just\s+)?"
    r"(?:(?:call|ring|phone|text|e-?mail) me(?: back)?"
    r"|(?:(?:ask for|i would like|i[’']d like|i want|can i have|could i have)\s+)?(?:a\s+)?call[- ]?back)"
    r"\b.{0,40}",
    re.IGNORECASE | re.DOTALL,
)

_MOST_WHEN_CHARS, _MOST_NAME_CHARS = 200, 60


class CallBackTalk:
    """The questions and what is made of the answers. Every method raises ``StoreUnavailable``."""

    def __init__(self, store: Store, call_backs: CallBacks) -> None:
        self._store = store
        self._call_backs = call_backs

    async def kept_apart(self, conversation: Conversation, text: str) -> str | None:
        """Which answer ``text`` is ("address" or "name") if it must not go into the log, else None.

        What is written to an adviser is theirs to read, and is kept with the chat.
        """
        if conversation.owner is Owner.ADVISER:
            return None
        draft = await self._draft(conversation)
        if draft is None or _NO.fullmatch(text):
            return None
        step = _next_step(await self._call_backs.known(draft))
        if step in ("how", "address", "when") and is_meant_as_contact(text):
            return "address"
        return "name" if step == "name" and not _is_a_question(text) else None

    async def answer(
        self,
        conversation: Conversation,
        history: Sequence[Message],
        text: str,
        payload: str | None,
        apart: str | None,
    ) -> list[Draft] | None:
        """What to say to it; None when it is nothing for the call back.

        ``text`` is what the person wrote, also where the log has a line in its place; ``apart`` is what
        ``kept_apart`` told of it. ``history`` ends with the message itself.
        """
        if payload == words.CALL_BACK_CANCEL:
            was = await self._call_backs.cancel(conversation.id, who="user")
            return [words.call_back_cancelled() if was else words.no_call_back()]
        draft = await self._draft(conversation)
        if payload == CALL_BACK or (draft is None and payload is None and _asked_in_words(history, text)):
            found = await self._call_backs.begin(conversation.id)
            if found.status is not CallBackStatus.DRAFT:
                return [words.call_back_exists()]
            return await self._ask(await self._call_backs.known(found), found)
        if draft is None:
            return None
        if payload is not None:
            return await self._pressed(draft, text, payload)
        if _NO.fullmatch(text):
            await self._call_backs.cancel(conversation.id, who="user")
            return [words.call_back_cancelled()]
        return await self._typed(draft, text, apart)

    async def waits(self, conversation: Conversation) -> Draft | None:
        """After something else was answered: a reminder of the questions that are still open, if they are.

        ``conversation`` is as it was when its turn began.
        """
        return words.call_back_waits() if await self._draft(conversation) else None

    async def _draft(self, conversation: Conversation) -> CallBack | None:
        if not conversation.is_asked_for_contact:
            return None
        found = await self._call_backs.of_chat(conversation.id)
        return found if found is not None and found.status is CallBackStatus.DRAFT else None

    async def _pressed(self, draft: CallBack, title: str, payload: str) -> list[Draft] | None:
        if payload in words.CALL_BACK_HOW:
            return await self._told(draft, how=words.CALL_BACK_HOW[payload])
        if payload.startswith(words.CALL_BACK_WHEN):
            return await self._told(draft, when=title)
        return await self._told(draft, name="") if payload == words.CALL_BACK_NO_NAME else None

    async def _typed(self, draft: CallBack, text: str, apart: str | None) -> list[Draft] | None:
        known = await self._call_backs.known(draft)
        if apart is not None and text == words.KEPT_APART[apart]:
            return await self._ask(
                known, draft
            )  # taken up after a crash: what was typed is gone, so ask again
        if apart == "address":
            how = str(known.get("how") or how_of(text))
            read = read_contact(how, text)
            if read.wrong:
                await self._call_backs.tell(draft.id, how=how)
                return [words.ask_address(how, f"{read.wrong} ")]
            return await self._told(draft, how=how, address=read.address)
        if apart == "name":
            return await self._told(draft, name=" ".join(text.split())[:_MOST_NAME_CHARS])
        step = _next_step(known)
        if step == "when" and not _is_a_question(text):
            return await self._told(draft, when=" ".join(text.split())[:_MOST_WHEN_CHARS])
        if step == "how" and not _is_a_question(text):
            for how, pattern in _HOW_IN_WORDS:
                if pattern.search(text):
                    return await self._told(draft, how=how)
        if step == "address" and len(text.split()) <= 2 and not _is_a_question(text):
            return [words.ask_address(str(known["how"]), f"{read_contact(known['how'], text).wrong} ")]
        return None

    async def _told(self, draft: CallBack, **said: str) -> list[Draft]:
        return await self._ask(await self._call_backs.tell(draft.id, **said), draft)

    async def _ask(self, known: Json, draft: CallBack) -> list[Draft]:
        match _next_step(known):
            case "how":
                return [words.ask_how()]
            case "address":
                return [words.ask_address(str(known["how"]))]
            case "when":
                return [words.ask_when()]
            case "name":
                return [words.ask_name()]
        return [await self.place(draft, known)]

    async def place(self, draft: CallBack, known: Json) -> Draft:
        """The draft is complete. Returns what to tell the person."""
        try:
            await self._call_backs.place(draft.id)
        except (NotFound, OwnershipChanged):
            return words.no_call_back()  # cancelled, or an adviser came, in this very moment
        return words.call_back_placed(
            draft.reference,
            str(known["how"]),
            shown(str(known["address"])),
            str(known["when"]),
            await self._store.service_state(),
        )


def _next_step(known: Json) -> str | None:
    """The first thing that is not known yet; None when all is."""
    return next((step for step in _STEPS if step not in known), None)


def _asked_in_words(history: Sequence[Message], text: str) -> bool:
    """Whether a call back was offered just now, and this says yes to it in words."""
    before = next((message for message in reversed(history[:-1]) if not message.private), None)
    offered = before is not None and any(button["payload"] == CALL_BACK for button in before.buttons)
    # Stripped: two parts of the pattern that could take the same spaces take the square of their number.
    return offered and _ASKED_IN_WORDS.fullmatch(text.strip()) is not None


def _is_a_question(text: str) -> bool:
    """Whether somebody asks something instead of answering."""
    return "?" in text or len(text.split()) > 12
