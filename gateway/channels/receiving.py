"""What comes in: known once, written down, and then worked on.

A provider is answered as soon as its event is safely in the log. A repeat of an event does nothing, also
after the conversation was erased. What one person sends is taken in one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from conversations.errors import MessageConflict, NotFound, OwnershipChanged, StoreUnavailable
from conversations.files import MAX_FILE_BYTES, SENT_BY_PEOPLE, NewFile, file_name, media_type_of
from conversations.keys import hashed, new_id
from conversations.log import Draft
from conversations.models import Conversation, Message, Owner, Recipient
from conversations.outbox import Outbox
from conversations.pictures import PICTURES, NoPicture, cleaned
from conversations.recipients import Recipients
from conversations.store import Store
from gateway import wording
from gateway.bot_client import BotClient
from gateway.channels import voice
from gateway.channels.base import (
    Bubble,
    Channel,
    Event,
    Held,
    Inbound,
    Media,
    NotFetched,
    NotSent,
    NotTaken,
    Receipt,
    Sending,
)
from gateway.channels.commands import Command, command_in
from gateway.channels.set_aside import TRIES, SetAside, suppress_faults, what_failed
from gateway.crisis import emergency_lines, own_age
from gateway.errors import Problem
from gateway.limits import Limits
from gateway.ports import Crisis
from gateway.turn import Said, Turns

log = logging.getLogger(__name__)

#: So often a photo or voice note is asked for.
_FETCHES = 3

#: These are heard however many messages come.
_ALWAYS = (Command.STOP, Command.HELP)

#: What the log is told of a button whose title is not known.
_A_BUTTON = "[A button]"

#: A longer message is cut; no channel carries one.
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Words:
    """What the sentences of the channels need of the settings."""

    service_name: str
    retention_days: int
    public_url: str
    crossing_minutes: int


class Receiver:
    """Takes in what channels read. One instance a gateway."""

    def __init__(
        self,
        *,
        channels: Mapping[str, Channel],
        store: Store,
        recipients: Recipients,
        outbox: Outbox,
        turns: Turns,
        bot: BotClient,
        crisis: Crisis,
        words: Words,
        limits: Limits,
        set_aside: SetAside,
        first_pause: timedelta,
    ) -> None:
        """``first_pause``: before a provider is asked again for what a person sent."""
        self._channels = channels
        self._store = store
        self._recipients = recipients
        self._outbox = outbox
        self._turns = turns
        self._bot = bot
        self._crisis = crisis
        self._words = words
        self._limits = limits
        self._set_aside = set_aside
        self._first_pause = first_pause
        self._senders: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._working: set[asyncio.Task[Any]] = set()
        self._helped: dict[str, None] = {}  # messages that got a crisis reply while nothing could be saved
        self._failures: dict[str, int] = {}  # events that failed by a fault of our own, and how often

    async def receive(self, channel: Channel, events: Sequence[Event]) -> None:
        """Take in events in their order; returns when all are in the log, or set aside.

        Raises ``NotTaken`` with those that the provider must tell again. One that fails keeps nobody from
        being heard whose message came with it; only what the same person sent after it waits behind it.
        """
        failed: list[Event] = []
        cause: Exception | None = None
        for event in events:
            try:
                if isinstance(event, Receipt):
                    await self._hear_of(channel, event)
                else:
                    earlier = any(isinstance(f, Inbound) and f.address == event.address for f in failed)
                    await self._hear(channel, event, waits=earlier)
            except Exception as error:  # a fault of our own too: what comes after it must be heard
                failed.append(event)
                cause = cause or error
        if cause is not None:
            raise NotTaken(failed, cause)

    async def _hear(self, channel: Channel, event: Inbound, *, waits: bool) -> None:
        """Take in what a person did, once; if that fails, danger is answered before this raises.

        ``waits``: something that they did before was not taken in.
        """
        key = f"{channel.name}\n{event.address}\n{event.id}"
        message_id = hashed(key)[:40]
        lock = self._senders.setdefault(f"{channel.name}\n{event.address}", asyncio.Lock())
        async with lock:
            try:
                if await self._recipients.was_received(channel.name, key):
                    return
                if waits:
                    raise StoreUnavailable("an earlier message of the same person is not in the log yet")
                await self._take(channel, event, message_id)
                await self._recipients.received(channel.name, key)
            except Exception as error:
                with suppress_faults("help cannot be sent past the log"):
                    await self._help_all_the_same(channel, event, message_id, error)
                if waits or not self._fails_always(channel, message_id, error):
                    raise
                if event.blocked is None:  # else nothing was said
                    await self._set_aside.event(channel.name, event.address)
                # Only now: whoever could not be told is told at the next try.
                self._failures.pop(message_id, None)
                with suppress_faults("an event that was set aside is not noted"):
                    await self._recipients.received(channel.name, key)

    async def _hear_of(self, channel: Channel, receipt: Receipt) -> None:
        name = hashed(f"{channel.name}\n{receipt.provider_id}\n{receipt.reference}\n{receipt.state}")
        try:
            await self._receipt(channel, receipt)
        except Exception as error:
            if not self._fails_always(channel, name, error):
                raise
            self._failures.pop(name, None)

    def _fails_always(self, channel: Channel, name: str, error: Exception) -> bool:
        """Whether an event has failed often enough to be set aside, by a fault of our own.

        What the database does not take is none, however often: a full disk still answers whoever reads.
        """
        if isinstance(error, StoreUnavailable) or isinstance(error.__cause__, StoreUnavailable):
            return False
        failures = self._failures.pop(name, 0) + 1
        log.error(
            "an event was not taken in",
            extra={"channel": channel.name, "failures": failures, **what_failed(error)},
        )
        self._failures[name] = failures
        while len(self._failures) > 1000:
            self._failures.pop(next(iter(self._failures)))
        return failures >= TRIES

    async def drain(self) -> None:
        """Wait for the work that was begun."""
        while self._working:
            await asyncio.gather(*self._working, return_exceptions=True)

    async def _receipt(self, channel: Channel, receipt: Receipt) -> None:
        if receipt.window_closed and channel.asks_to_write and receipt.provider_id:
            why = receipt.error or "the person has to write first"
            if await self._outbox.reopen(channel.name, receipt.provider_id, error=why):
                return
        await self._outbox.report(
            channel.name,
            receipt.state,
            provider_id=receipt.provider_id,
            reference=receipt.reference,
            error=receipt.error,
        )

    # -- one event ----------------------------------------------------------------------------------

    async def _take(self, channel: Channel, event: Inbound, message_id: str) -> None:
        if event.token is not None:
            self._begin(channel.seen(event))
        if event.blocked is not None:
            await self._blocked(channel, event)
            return
        text = event.text[:_LONGEST]
        command = command_in(text) if event.button is None else None
        if command is Command.DELETE:
            await self._delete(channel, event.address)
            return
        conversation, recipient = await self._conversation(channel, event)
        if command not in _ALWAYS and not await self._has_room(conversation, recipient):
            await self._only_keep(conversation, recipient, event, text, message_id)
            return
        if event.media is not None:
            await self._media(channel, conversation, event.media, f"{message_id}-m")
            if not text.strip():
                return
        if command is not None:
            await self._command(conversation, recipient, command, text, message_id)
        elif event.button is not None:
            await self._button(channel, conversation, event, message_id)
        elif (choice := _choice(text, recipient)) is not None:
            await self._press(channel, conversation, choice, text, message_id)
        else:
            await self._listen(conversation, recipient, text)
            await self._turn(conversation, Said(text, None, message_id, _meta(event)))

    async def _has_room(self, conversation: Conversation, recipient: Recipient) -> bool:
        """Count a message, as one on the page is counted."""
        quota = await self._limits.messages.take(conversation.id)
        if quota.ok and recipient.notes.get("told_too_fast"):
            await self._recipients.note(conversation.id, told_too_fast=None)
        return quota.ok

    async def _only_keep(
        self, conversation: Conversation, recipient: Recipient, event: Inbound, text: str, message_id: str
    ) -> None:
        """Too many at once: it is in the log, the safety check reads it, and an adviser who has the chat.

        The person is told once, and then nothing is said until they are slower.
        """
        answer = [] if recipient.notes.get("told_too_fast") else [voice.slow_down()]
        await self._recipients.note(conversation.id, told_too_fast=True)
        if event.media is not None:
            mark = voice.media_mark(event.media.kind, kept=False)
            text = f"{mark} {text}".strip()
        elif event.button is not None:
            text = text or _A_BUTTON
        await self._turn(conversation, Said(text, None, message_id, _meta(event), answer))

    async def _conversation(self, channel: Channel, event: Inbound) -> tuple[Conversation, Recipient]:
        """The person's one conversation, begun with who sees it if there is none."""
        conversation = await self._store.of_sender(channel.name, event.address)
        if conversation is None:
            conversation = await self._store.for_sender(channel.name, event.address)
            # Whoever writes here is taken to be young until they say otherwise.
            await self._store.set_person(conversation.id, young=True)
            conversation = await self._store.get(conversation.id)
        new = await self._recipients.get(conversation.id) is None
        recipient, was_active = await self._recipients.heard(conversation.id, channel.name, event.address)
        if new:
            await self._say(conversation, self._intro(channel.name))
        elif not was_active and command_in(event.text) is not Command.STOP:
            await self._say(conversation, voice.back_again())
        if recipient.notes.get("asked_to_write"):
            await self._outbox.release(conversation.id, channel.name)
        return conversation, recipient

    def _intro(self, channel: str) -> Draft:
        short = self._channels[channel].can.short_answers
        return voice.intro(self._words.service_name, self._words.retention_days, channel, short=short)

    async def _listen(self, conversation: Conversation, recipient: Recipient, text: str) -> None:
        """What a message says of its writer, before it is answered."""
        if conversation.young and voice.writes_for_a_child(text):
            await self._store.set_person(conversation.id, young=False)
        age = own_age(text)
        if age is not None and age < 13 and not recipient.notes.get("told_under_13"):
            await self._say(conversation, voice.under_13())
            await self._recipients.note(conversation.id, told_under_13=True)

    async def _turn(self, conversation: Conversation, said: Said) -> None:
        """Log it, then let the turn run; nobody waits for its end."""
        try:
            begun = await self._turns.begin(conversation, said)
        except MessageConflict:
            return  # known under this id already, with other words: the first stays
        self._begin(self._set_aside.see_through(begun))

    def _begin(self, work: Any) -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                log.error("work on a channel failed", extra=what_failed(error))

        task = asyncio.create_task(run())
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _say(self, conversation: Conversation, draft: Draft, *, reply_to: int | None = None) -> None:
        await self._store.append_assistant(
            conversation.id, [draft], reply_to=reply_to, unless_owned_by_adviser=False
        )

    # -- photos, voice notes, files ------------------------------------------------------------------

    async def _media(
        self, channel: Channel, conversation: Conversation, media: Media, message_id: str
    ) -> None:
        """Written down; fetched only for an adviser who has the chat, who is the only one to look at it."""
        fetched = conversation.owner is Owner.ADVISER and media.ref is not None
        try:
            accepted = await self._store.append_user(
                conversation.id,
                message_id,
                voice.media_mark(media.kind, kept=fetched),
                meta={"media": media.kind, **({"ref": media.ref, "name": media.name} if fetched else {})},
            )
        except MessageConflict:
            return  # known already, from when somebody else had the chat
        if not accepted.is_answered and accepted.is_new:
            await self._answer_media(channel, accepted.message)

    async def take_up_media(self, message: Message) -> None:
        """Go on with something that was written down and never answered, because a process ended."""
        conversation = await self._store.get(message.conversation_id)
        await self._answer_media(self._channels.get(conversation.channel), message)

    async def _answer_media(self, channel: Channel | None, message: Message) -> None:
        if channel is not None and "ref" in message.meta:
            self._begin(self._show_adviser(channel, message))
            return
        adviser = await self._store.adviser_name(message.conversation_id)
        said = voice.media(str(message.meta["media"]), adviser)
        await self._store.append_assistant(
            message.conversation_id, [said], reply_to=message.seq, unless_owned_by_adviser=False
        )

    async def _show_adviser(self, channel: Channel, message: Message) -> None:
        kind, conversation_id = str(message.meta["media"]), message.conversation_id
        file, why = None, "a fault of our own"
        with suppress_faults("what a person sent cannot be looked at"):
            file, why = await self._fetched(channel, message)
        adviser = await self._store.adviser_name(conversation_id)
        if adviser is None:  # nobody is there any more to look at it
            drafts = [voice.media(kind, None)]
        elif file is None:
            drafts = [voice.media_lost_note(kind, why), voice.media_lost(kind, adviser)]
        else:
            drafts = [voice.media_note(kind, file), voice.media_arrived(kind, adviser)]
        with suppress(NotFound):  # deleted meanwhile
            await self._store.append_assistant(
                conversation_id, drafts, reply_to=message.seq, unless_owned_by_adviser=False
            )

    async def _fetched(self, channel: Channel, message: Message) -> tuple[NewFile | None, str]:
        """The file, or why there is none, in words for an adviser."""
        for attempt in range(_FETCHES):
            try:
                content = await channel.fetch(str(message.meta["ref"]), MAX_FILE_BYTES)
            except NotFetched as error:
                log.warning("not fetched", extra={"channel": channel.name, "cause": str(error)})
                if error.for_good:
                    return None, f"{channel.title} did not give it out ({error})"
                await asyncio.sleep(self._first_pause.total_seconds() * 2**attempt)
                continue
            media_type = media_type_of(content)
            if media_type not in SENT_BY_PEOPLE:
                return None, "only pictures (JPEG, PNG), PDF files and sound are opened here"
            if media_type in PICTURES:
                try:
                    content = await cleaned(content, media_type, most=MAX_FILE_BYTES)
                except NoPicture as error:
                    return None, str(error)
            kind = str(message.meta["media"])
            return NewFile(file_name(str(message.meta["name"]) or kind, media_type), media_type, content), ""
        return None, f"{channel.title} does not answer just now"

    # -- buttons ------------------------------------------------------------------------------------

    async def _button(
        self, channel: Channel, conversation: Conversation, event: Inbound, message_id: str
    ) -> None:
        await self._press(channel, conversation, event.button or "", event.text, message_id)

    async def _press(
        self, channel: Channel, conversation: Conversation, pressed: str, text: str, message_id: str
    ) -> None:
        """``b:SEQ:INDEX`` is a button of a message; ``m:FIRST:LAST:SKIP`` asks for more of one."""
        kind, *numbers = pressed.split(":")
        if (
            kind in ("b", "m")
            and numbers
            and all(n.isascii() and n.isdigit() and len(n) < 10 for n in numbers)
        ):
            first = int(numbers[0])
            messages = await self._store.messages(conversation.id)
            if kind == "m" and len(numbers) == 3:
                last, skip = int(numbers[1]), int(numbers[2])
                seqs = [m.seq for m in messages if first <= m.seq <= last and m.role != "user"]
                await self._more(channel, conversation, seqs, skip, message_id)
                return
            buttons = next((m.buttons for m in messages if m.seq == first), [])
            if kind == "b" and len(numbers) == 2 and int(numbers[1]) < len(buttons):
                button = buttons[int(numbers[1])]
                await self._turn(conversation, Said(button["title"], button["payload"], message_id))
                return
        accepted = await self._store.append_user(conversation.id, message_id, text or _A_BUTTON)
        if not accepted.is_answered:
            await self._say(conversation, voice.button_gone(), reply_to=accepted.message.seq)

    async def _more(
        self, channel: Channel, conversation: Conversation, seqs: list[int], skip: int, message_id: str
    ) -> None:
        accepted = await self._store.append_user(conversation.id, message_id, voice.SHOW_MORE)
        if accepted.is_answered:
            return
        recipient = await self._recipients.get(conversation.id)
        if seqs and recipient is not None:
            await self._outbox.enqueue_for(recipient, {"seqs": seqs, "skip": skip})
        await self._store.append_assistant(conversation.id, [], reply_to=accepted.message.seq)

    # -- commands -----------------------------------------------------------------------------------

    async def _command(
        self,
        conversation: Conversation,
        recipient: Recipient,
        command: Command,
        text: str,
        message_id: str,
    ) -> None:
        if command is Command.PERSON:
            button = wording.TALK_TO_A_PERSON
            await self._turn(conversation, Said(button["title"], button["payload"], message_id))
            return
        if command is Command.EASY:
            await self._recipients.note(conversation.id, easy_read=True)
            await self._turn(conversation, Said(voice.easy_read_on(), None, message_id))
            return
        accepted = await self._store.append_user(conversation.id, message_id, text)
        seq = accepted.message.seq
        if command is Command.STOP:
            await self._stop(conversation, seq)  # whatever became of an earlier attempt: it must stop
        elif accepted.is_answered:
            return
        elif command is Command.START:
            await self._start(conversation, seq)
        elif command is Command.HELP:
            emergency = emergency_lines(self._crisis, conversation.area, young=conversation.young)
            draft = voice.help_lines(self._words.service_name, emergency, web=bool(self._words.public_url))
            await self._say(conversation, draft, reply_to=seq)
        elif command is Command.PLAIN:
            await self._recipients.note(conversation.id, easy_read=None)
            await self._say(conversation, wording.ask_anything(), reply_to=seq)
        else:
            await self._say(conversation, await self._way_to_the_web(conversation), reply_to=seq)

    async def _start(self, conversation: Conversation, seq: int) -> None:
        drafts = [wording.ask_anything()]
        if seq > 2:  # the intro came with the first message of all; who starts again sees it again
            drafts.insert(0, self._intro(conversation.channel))
        await self._store.append_assistant(
            conversation.id, drafts, reply_to=seq, unless_owned_by_adviser=False
        )

    async def _stop(self, conversation: Conversation, seq: int) -> None:
        await self._leave(conversation)
        await self._say(conversation, voice.stopped(), reply_to=seq)
        await self._recipients.stop(conversation.id)

    async def _leave(self, conversation: Conversation) -> None:
        """Nothing more is sent, and nobody waits for somebody who is gone."""
        await self._outbox.cancel(conversation.id, conversation.channel, why="the person said stop")
        try:
            await self._store.withdraw(conversation.id, who="user")
        except OwnershipChanged as error:
            if error.owner == Owner.ADVISER:
                await self._say(conversation, voice.person_stopped())

    async def _way_to_the_web(self, conversation: Conversation) -> Draft:
        if not self._words.public_url:
            return voice.no_web()
        link = await crossing_address(self._recipients, self._words, conversation.id)
        return voice.crossing_link(link, self._words.crossing_minutes)

    async def _delete(self, channel: Channel, address: str) -> None:
        conversation = await self._store.of_sender(channel.name, address)
        if conversation is not None:
            await self._store.erase(conversation.id)
            self._begin(self._bot.forget(conversation.id))
        said = Bubble(voice.deleted(conversation is not None))
        await self._outbox.enqueue(channel.name, address, said.json())

    async def _blocked(self, channel: Channel, event: Inbound) -> None:
        conversation = await self._store.of_sender(channel.name, event.address)
        if conversation is not None and event.blocked:
            await self._leave(conversation)
            await self._recipients.stop(conversation.id)

    # -- when nothing can be saved ------------------------------------------------------------------

    async def _help_all_the_same(
        self, channel: Channel, event: Inbound, message_id: str, error: Exception
    ) -> None:
        """It is not in the log, and speaks of danger: the contacts go out past the outbox.

        Once an event, which the provider will repeat until it is saved; again if it surely was not sent.
        """
        try:
            if not isinstance(error, Problem):
                async with self._turns.never_without_help(lambda: _said(event.text[:_LONGEST])):
                    raise StoreUnavailable(type(error).__name__)
        except Problem as problem:
            error = problem
        crisis = error.document.get("crisis") if isinstance(error, Problem) else None
        if crisis is None or message_id in self._helped:
            return
        sending = Sending(
            event.address, Bubble(crisis["text"][: channel.can.text]), new_id(), datetime.now(UTC)
        )
        try:
            await channel.send(sending)
        except (Held, NotSent) as failed:
            log.error("crisis reply not sent", extra={"cause": str(failed)})
            if isinstance(failed, Held) or not failed.uncertain:
                return
        self._helped[message_id] = None
        while len(self._helped) > 1000:
            self._helped.pop(next(iter(self._helped)))


async def crossing_address(recipients: Recipients, words: Words, conversation_id: str) -> str:
    """A one-time link that goes on with the conversation in the web page."""
    token = await recipients.open_crossing(conversation_id, timedelta(minutes=words.crossing_minutes))
    return f"{words.public_url}/continue/{token}"


async def _said(text: str) -> str:
    return text


def _meta(event: Inbound) -> dict[str, Any]:
    return {"edited": True} if event.edited else {}


def _choice(text: str, recipient: Recipient) -> str | None:
    """The choice that a number stands for, where choices were numbered."""
    choices = recipient.notes.get("choices") or []
    number = text.strip().rstrip(".)")
    if number.isascii() and number.isdigit() and len(number) < 3 and 1 <= int(number) <= len(choices):
        return str(choices[int(number) - 1])
    return None
