"""What goes out: claimed from the outbox, shown as the channel can, sent, and tried again when it must be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from conversations.keys import new_id
from conversations.models import Json, Message, Recipient, SchoolHoliday
from conversations.outbox import FIRST_PAUSE, LEASE, LONGEST_PAUSE, Claimed, Outbox
from conversations.recipients import Asking, Recipients, may_be_written_to
from conversations.school_holidays import school_holiday_on
from conversations.store import Store
from conversations.work_off import work_off
from gateway.calendar import dates_file
from gateway.channels import voice
from gateway.channels.base import Bubble, Channel, Held, NotSent, Sending
from gateway.channels.presenting import MOST_BUBBLES, View, answer_sends_to_school, needs_link, present
from gateway.channels.receiving import Words, crossing_address
from gateway.errors import Problem
from gateway.records import Records

log = logging.getLogger(__name__)

#: What waits for a person to write is kept for so long.
_HELD_FOR = timedelta(days=7)


class Sender:
    """Sends for all channels. One instance a gateway; several gateways share the work."""

    def __init__(
        self,
        *,
        channels: Mapping[str, Channel],
        store: Store,
        recipients: Recipients,
        outbox: Outbox,
        records: Records,
        words: Words,
        school_holidays: Callable[[], Sequence[SchoolHoliday]],
        pauses: tuple[timedelta, timedelta] = (FIRST_PAUSE, LONGEST_PAUSE),
    ) -> None:
        """``school_holidays``: those that are recorded, as last read, so that asking costs nothing.

        ``pauses``: the shortest and the longest before another attempt.
        """
        self._channels = channels
        self._store = store
        self._recipients = recipients
        self._outbox = outbox
        self._records = records
        self._words = words
        self._school_holidays = school_holidays
        self._first_pause, self._longest_pause = pauses

    async def run(self) -> None:
        """Send whatever is due, until cancelled."""
        await work_off(
            self._outbox,
            self._store.events,
            list(self._channels),
            self._send,
            # What is under way is finished, so that it is not sent again at the next start.
            finish_seconds=LEASE.total_seconds(),
        )

    async def _send(self, entry: Claimed) -> None:
        channel = self._channels[entry.kind]
        conversation_id = entry.conversation_id
        recipient = await self._recipients.get(conversation_id) if conversation_id else None
        if "seqs" in entry.payload:
            expanded = await self._expand(channel, entry, recipient)
            if expanded is None:
                return
            entry = expanded
        bubble = Bubble.of(entry.payload)
        file = await self._file(entry, bubble)
        if bubble.file is not None and file is None:
            bubble = self._without_file(bubble, bubble.file)
        try:
            if entry.uncertain and (known := await channel.find_sent(entry.reference)):
                await self._outbox.sent(entry, known)
                return
            provider_id = await channel.send(
                Sending(
                    entry.target,
                    bubble,
                    entry.reference,
                    _heard_at(entry, recipient),
                    file,
                )
            )
        except Held as held:
            await self._hold(channel, entry, recipient, str(held))
        except NotSent as failed:
            await self._not_sent(entry, failed)
        else:
            await self._outbox.sent(entry, provider_id, may_come_back=channel.refuses_late)

    async def _not_sent(self, entry: Claimed, failed: NotSent) -> None:
        extra = {"channel": entry.kind, "reference": entry.reference, "cause": str(failed)}
        if failed.for_good:
            log.error("a message was refused", extra=extra)
            await self._outbox.failed(entry, str(failed))
            return
        log.warning("a message waits", extra=extra)
        await self._outbox.retry(
            entry,
            str(failed),
            not_before=failed.not_before,
            uncertain=failed.uncertain,
            first=self._first_pause,
            longest=self._longest_pause,
        )

    async def _expand(self, channel: Channel, entry: Claimed, recipient: Recipient | None) -> Claimed | None:
        """Messages of the log as bubbles, in place of the entry; the first is still ours to send."""
        assert entry.conversation_id is not None
        seqs = set(entry.payload["seqs"])
        messages = [m for m in await self._store.messages(entry.conversation_id) if m.seq in seqs]
        skip = int(entry.payload.get("skip", 0))
        # The intro came just before: it counts.
        most = MOST_BUBBLES - 1 if min(seqs, default=0) == 3 and not skip else MOST_BUBBLES
        view = View(
            can=channel.can,
            easy_read=bool(recipient and recipient.notes.get("easy_read")),
            most=most,
            skip=skip,
            public_url=self._words.public_url,
        )
        view = replace(
            view, no_school_until=await self._no_school_until(entry.conversation_id, messages, view)
        )
        rest = None
        if self._words.public_url and needs_link(messages, view):
            rest = await crossing_address(self._recipients, self._words, entry.conversation_id)
        shown = present(messages, view, rest=rest)
        known = (recipient.notes.get("choices") or []) if recipient else []
        if not channel.can.buttons and shown.choices != known:
            await self._recipients.note(entry.conversation_id, choices=shown.choices or None)
        return await self._outbox.split(entry, [bubble.json() for bubble in shown.bubbles])

    async def _no_school_until(
        self, conversation_id: str, messages: Sequence[Message], view: View
    ) -> date | None:
        """The last day of the school holidays that it is now for this person, if they are sent to school."""
        now = [one for one in self._school_holidays() if one.first_day <= view.today <= one.last_day]
        if not now or not answer_sends_to_school(messages, view):
            return None
        area = (await self._store.get(conversation_id)).area if any(one.area for one in now) else None
        holiday = school_holiday_on(view.today, now, area)
        return holiday.last_day if holiday else None

    async def _hold(self, channel: Channel, entry: Claimed, recipient: Recipient | None, why: str) -> None:
        """Nothing may be sent now. The person is asked to write, once for each silence of theirs."""
        if recipient is None:
            await self._outbox.failed(entry, why)
            return
        try:
            await self._ask_to_write(channel, entry, recipient.conversation_id)
        except NotSent as failed:
            await self._not_sent(entry, NotSent(str(failed), not_before=failed.not_before))
            return
        await self._outbox.hold(entry, why, give_up_after=_HELD_FOR)
        # Who wrote in the meantime let go of what was held then; this was not yet.
        now = await self._recipients.get(recipient.conversation_id)
        if now is not None and now.heard_at > recipient.heard_at:
            await self._outbox.release(recipient.conversation_id, recipient.kind)

    async def _ask_to_write(self, channel: Channel, entry: Claimed, conversation_id: str) -> None:
        """Raises ``NotSent``, also while another does the same.

        What was refused late comes back beside what is being held already, perhaps in another gateway.
        """
        match await self._recipients.begin_asking(conversation_id, LEASE):
            case Asking.DONE:
                return
            case Asking.UNDER_WAY:
                raise NotSent("the person is being asked to write")
        try:
            if channel.asks_to_write:
                # A reference of its own: that the template has arrived says nothing of what waits behind it.
                await channel.ask_to_write(entry.target, new_id())
        except Held:
            log.error("no template may be sent", extra={"channel": channel.name})
        except NotSent:
            await self._recipients.not_asked(conversation_id)
            raise
        await self._recipients.asked(conversation_id)

    async def _file(self, entry: Claimed, bubble: Bubble) -> bytes | None:
        """The file that goes with a bubble; None when it is not there or cannot be made now."""
        if bubble.file is None:
            return None
        if "id" in bubble.file:
            assert entry.conversation_id is not None
            kept = await self._store.file(entry.conversation_id, bubble.file["id"])
            return kept.content if kept else None
        try:
            return await dates_file(self._records, dict(parse_qsl(urlsplit(bubble.file["url"]).query)))
        except Problem as problem:
            log.error("a file cannot be made", extra={"cause": str(problem.code)})
            return None

    def _without_file(self, bubble: Bubble, file: Json) -> Bubble:
        """What is said in place of a file: where it is, or that it is left out."""
        if "url" in file and self._words.public_url:
            return replace(bubble, text=f"{bubble.text}: {self._words.public_url}{file['url']}")
        return replace(bubble, text=voice.file_left_out(file["name"]))


def _heard_at(entry: Claimed, recipient: Recipient | None) -> datetime | None:
    """When the person last wrote; None once the provider said that this is too long ago."""
    if recipient is None:
        return entry.created_at
    return recipient.heard_at if may_be_written_to(recipient) else None
