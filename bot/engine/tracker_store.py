"""What the bot remembers of a conversation: as much as the dialogue needs, and no more.

Rasa keeps every event of a conversation and reads all of them at every turn, so that a turn late in a chat
costs ten times one at its beginning. Here a conversation is one row: the slots, the form that is being
filled in, and the last turns. The record of what was said is the gateway's log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterable, List, Optional, Text, TypeVar

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    ConversationPaused,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import ConnectionException
from sqlalchemy.exc import DBAPIError

from bot.engine.memory import Memory

logger = logging.getLogger(__name__)

#: Turns that are kept whole. Rules look back one turn, a correction two; the rest is slots and the form.
TURNS = 4

#: So many times the turns are kept at most, however many of them were taken back.
_MOST = 3

_DEFAULT_URL = "sqlite:///var/bot.sqlite3"

#: Threads and connections for a database that is reached over a network.
_CONNECTIONS = 8

_PURGE_EVERY_SECONDS = 3600

#: What is kept of Rasa's reading of an earlier message: the rest is read by actions in its own turn only.
_KEPT_OF_A_READING = ("text", "intent", "entities", "message_id", "metadata")

Result = TypeVar("Result")


class BoundedTrackerStore(TrackerStore):
    """One row a conversation, of bounded size, in SQLite or PostgreSQL. Nothing blocks the event loop."""

    def __init__(
        self,
        domain: Optional[Domain],
        host: Optional[Text] = None,
        event_broker: Optional[EventBroker] = None,
        turns: int = TURNS,
        **kwargs: Any,
    ) -> None:
        """Opens the database.

        Args:
            domain: the model's domain; Rasa sets it again when a model is loaded.
            host: SQLAlchemy URL (Rasa's name for ``url`` in endpoints.yml); else HELPLINE_TRACKER_URL.
            event_broker: where new events are sent as well.
            turns: how many turns are kept whole.

        Raises:
            ConnectionException: the database cannot be opened. Rasa then does not start.
        """
        super().__init__(domain, event_broker, **kwargs)
        self._turns = turns
        self._kept_seconds = float(os.environ.get("HELPLINE_RETENTION_DAYS") or 30) * 24 * 3600
        try:
            self._memory = Memory(
                host or os.environ.get("HELPLINE_TRACKER_URL") or _DEFAULT_URL, _CONNECTIONS
            )
        except DBAPIError as error:
            # The driver's own words only: the statement and its values stay out of the log.
            raise ConnectionException(f"Cannot open the bot's memory: {error.orig}") from error
        self._threads = ThreadPoolExecutor(1 if self._memory.is_sqlite else _CONNECTIONS, "bot-memory")
        threading.Thread(target=self._purge_for_ever, name="bot-memory-purge", daemon=True).start()

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores what is needed of a conversation; a conversation without events is forgotten for good."""
        await self.stream_events(tracker)
        if tracker.events:
            state = json.dumps({"events": self.needed(tracker)}, separators=(",", ":"))
            await self._in_thread(lambda: self._memory.write(tracker.sender_id, state))
        else:
            await self._in_thread(lambda: self._memory.erase(tracker.sender_id))

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        """The conversation as far as it is kept, or None."""
        state = await self._in_thread(lambda: self._memory.read(sender_id))
        if state is None:
            return None
        events = json.loads(state)["events"]
        tracker = DialogueStateTracker.from_dict(
            sender_id, events, self.domain.slots, max_event_history=self.max_event_history
        )
        tracker.stored_events = len(tracker.events)  # type: ignore[attr-defined]
        return tracker

    async def keys(self) -> Iterable[Text]:
        """The conversations that something is known of."""
        return await self._in_thread(self._memory.keys)

    async def stream_events(self, tracker: DialogueStateTracker) -> None:
        """Sends to the broker what is new since the conversation was read."""
        if self.event_broker is not None:
            new = list(tracker.events)[getattr(tracker, "stored_events", 0) :]
            await self._stream_new_events(self.event_broker, new, tracker.sender_id)

    def needed(self, tracker: DialogueStateTracker) -> List[Dict[Text, Any]]:
        """The events to keep: the last session's, its earlier turns folded into what they led to."""
        events = _last_session(list(tracker.events))
        cut = self._cut(tracker, events)
        if cut:
            events = self._folded(tracker.sender_id, events[:cut]) + events[cut:]
        # What the bot said is in the gateway's log, and no policy reads it.
        return [_as_dict(event) for event in events if not isinstance(event, BotUttered)]

    def _cut(self, tracker: DialogueStateTracker, events: List[Event]) -> int:
        """Where the turns begin that are kept whole; 0: all of them are."""
        said = [index for index, event in enumerate(events) if isinstance(event, UserUttered)]
        if len(said) <= self._turns:
            return 0
        # Turns that were taken back do not count, but they do not pile up either.
        counted = {id(event) for event in tracker.applied_events() if isinstance(event, UserUttered)}
        standing = [index for index in said if id(events[index]) in counted]
        latest = standing[-self._turns] if len(standing) > self._turns else 0
        return max(latest, said[-_MOST * self._turns] if len(said) > _MOST * self._turns else 0)

    def _folded(self, sender_id: Text, events: List[Event]) -> List[Event]:
        """Few events that lead to the same slots, form and last action as many."""
        before = DialogueStateTracker.from_events(sender_id, events, self.domain.slots)
        fresh = {slot.name: slot.initial_value for slot in self.domain.slots}
        folded: List[Event] = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted()]
        folded += [
            SlotSet(name, slot.value) for name, slot in before.slots.items() if slot.value != fresh.get(name)
        ]
        if before.active_loop_name:
            # A form remembers the message that began it.
            began = before.active_loop.trigger_message or {}
            folded += [
                ActionExecuted(ACTION_LISTEN_NAME),
                UserUttered(began.get("text"), began.get("intent"), began.get("entities"), began),
                ActionExecuted(before.active_loop_name),
                ActiveLoop(before.active_loop_name),
            ]
        if before.is_paused():
            folded.append(ConversationPaused())
        folded.append(ActionExecuted(before.latest_action_name or ACTION_LISTEN_NAME))
        for event in folded:
            event.timestamp = events[-1].timestamp
        return folded

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _purge_for_ever(self) -> None:
        """Nothing is remembered for longer than a chat is kept, also while nobody writes."""
        while True:
            try:
                deleted = self._memory.purge(time.time() - self._kept_seconds)
                if deleted:
                    logger.info(f"{deleted} old conversations forgotten.")
            except DBAPIError as error:
                logger.error(f"Cannot forget old conversations: {type(error.orig).__name__}")
            time.sleep(_PURGE_EVERY_SECONDS)


def _last_session(events: List[Event]) -> List[Event]:
    """The events from the last start of a session on, as Rasa's own stores give them back."""
    for index in range(len(events) - 1, 0, -1):
        event = events[index]
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_SESSION_START_NAME:
            return events[index:]
    return events


def _as_dict(event: Event) -> Dict[Text, Any]:
    stored = event.as_dict()
    if isinstance(event, UserUttered):
        reading = stored.get("parse_data") or {}
        stored["parse_data"] = {key: reading[key] for key in _KEPT_OF_A_READING if key in reading}
    return stored
