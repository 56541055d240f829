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

_NUMBER = r"\+?\d[\d ]{6,18}\d"

#: Asking for it of one's own accord, and for nothing else: "school ring me back every day" is none.
_ASKS_TO_BE_CALLED = re.compile(
    r"(?:(?:hi|hello|hiya|please|sorry|ok(?:ay)?)[,.!]* )*"
    r"(?:(?:can|could) (?:you|some ?one|some ?body|an adviser) (?:please )?(?:just )?"
    r"(?:call|ring|phone) me(?: back)?"
    r"|(?:i would like|i[’']d like|i want|can i (?:have|get)|could i (?:have|get)) (?:a )?call[- ]?back)"
    rf"(?:,? (?:please|today|tomorrow|later|instead|now|thanks|thank you|on {_NUMBER}))*[?.!]*"
    # Why in so many words, as long as it asks nothing: "I get in a muddle typing".
    r"(?: i (?:get|find|can ?not|can[’']?t|am|[’']?m|do not|don[’']?t|hate|struggle) [^?]{1,50})?",
    re.IGNORECASE,
)

#: Back to its questions, after something in between.
_GOES_ON = re.compile(
    r"(?:(?:ok(?:ay)?|right|yes|yeah|so|and|thanks?|thank you|fine|now|please)[,.!]* )*"
    r"(?:(?:go|carry) on|(?:let[’']?s )?(?:go )?back to (?:it|that)|continue)?"
    r"(?: ?(?:(?:with|to|about|do) )?(?:the|that|this|my) call[- ]?back)?"
    r"(?:,? (?:then|please|now|thanks?|thank you))*[.!]*",
    re.IGNORECASE,
)
#: It says no more than that.
_MOST_CHARS_IN_WORDS = 120

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
        if draft is None:
            return "address" if _asks_to_be_called(text) and is_meant_as_contact(text) else None
        if _NO.fullmatch(text):
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
        in_words = payload is None and draft is None and _asked_in_words(history, text)
        if payload == CALL_BACK or in_words:
            found = await self._call_backs.begin(conversation.id)
            if found.status is not CallBackStatus.DRAFT:
                return [words.call_back_exists()]
            if apart is not None:
                return await self._typed(found, _number_in(text), apart)
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
        if _goes_on(text):
            return await self._ask(known, draft)
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
    """Whether this asks for a call back: by itself, or as a yes to one that was offered.

    A yes counts right after the offer, and later if it names the call back.
    """
    if _asks_to_be_called(text):
        return True
    before = next((message for message in reversed(history[:-1]) if not message.private), None)
    if before is not None and _offers_it(before):
        # Stripped: two parts of the pattern that could take the same spaces take the square of their number.
        return _ASKED_IN_WORDS.fullmatch(text.strip()) is not None
    named = re.search(r"call[- ]?back", text, re.IGNORECASE) is not None
    return named and any(map(_offers_it, history)) and _goes_on(text)


def _asks_to_be_called(text: str) -> bool:
    return _is_wholly(_ASKS_TO_BE_CALLED, text)


def _number_in(text: str) -> str:
    """The telephone number in a request to be called; the whole request if it holds none."""
    found = re.search(_NUMBER, " ".join(text.split()))
    return found[0] if found else text


def _goes_on(text: str) -> bool:
    return _is_wholly(_GOES_ON, text)


def _is_wholly(pattern: re.Pattern[str], text: str) -> bool:
    """Whether a text, with one space for each run of blanks, is what a pattern says and nothing else."""
    plain = " ".join(text.split())
    return 0 < len(plain) <= _MOST_CHARS_IN_WORDS and pattern.fullmatch(plain) is not None


def _offers_it(message: Message) -> bool:
    return any(button["payload"] == CALL_BACK for button in message.buttons)


def _is_a_question(text: str) -> bool:
    """Whether somebody asks something instead of answering."""
    return "?" in text or len(text.split()) > 12
