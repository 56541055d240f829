"""One turn: from what a person sends to what they are answered, whatever the channel.

    accept (idempotent) -> log -> safety check (the message, then the burst that it ends) -> who has the chat
    -> our own buttons -> considered replies -> bot -> log the replies (ownership checked again)
    -> wake whoever listens

Turns of one conversation run one at a time, in the order in which their messages were logged, also when
several gateways have them (``line.py``). Only a crisis reply waits for nobody: it is logged as soon as the
safety check has read the message, and advisers are told after that. Where danger is only likely and an
everyday thing is asked, the answer follows after both.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from conversations.errors import OwnershipChanged, StoreFailed, StoreUnavailable
from conversations.log import Accepted, Draft, Person
from conversations.models import Conversation, Json, Message, Owner, Priority, Role
from conversations.reasons import ASKED
from conversations.store import Store
from gateway import considered, person_wording, wording
from gateway.aside import is_answered_at_once, is_certain, question_beside
from gateway.bodies import TooLarge
from gateway.bot_client import BotClient, BotFailed, BotReply
from gateway.burst import Joined, assess_joined, burst_of
from gateway.call_back import CallBackTalk
from gateway.crisis import crisis_message, emergency_lines
from gateway.elsewhere import Elsewhere
from gateway.errors import Code, Problem, as_problem
from gateway.handoff import (
    answer_offer,
    ask_for_person,
    ask_whether_a_person,
    asks_for_person,
    is_yes_to_a_person,
    mark_urgent,
    offer_person,
    offered_because,
    summary_of,
)
from gateway.line import Line
from gateway.metrics import Metrics
from gateway.ports import Assessment, Crisis, Safety
from gateway.rating import rate

log = logging.getLogger(__name__)

#: After the warm line was said, it is not said again within this many messages.
_DISTRESS_PAUSE = 10

#: A crisis reply waits so long for the notice that advisers were told; then it goes out without.
_ESCALATION_SECONDS = 2

#: It waits so long to learn whether something was asked beside the danger; then it goes out without that.
_QUESTION_SECONDS = 1

#: Whoever waits for all replies to a message gets a crisis reply after so long without the answer under it,
#: which is logged when it is there.
_ANSWER_SECONDS = 4

#: In the ``meta`` of what is said after a crisis reply: the number of the message that both are for.
_AFTER_CRISIS = "after_crisis"


#: In the ``meta`` of a message: the kinds of what was sent where its text only stands for that, in our words.
STANDS_FOR = "stands_for"

#: In the ``meta`` of a message: the drafts that were prepared for it.
_ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person sent. A button has its ``payload``, and ``text`` is then its title."""

    text: str
    payload: str | None = None
    client_message_id: str | None = None
    meta: Json = field(default_factory=dict)  # what else is kept with the message
    #: Said in place of an answer, unless the message speaks of danger or an adviser has the chat.
    answer: Sequence[Draft] | None = None

    def to_keep(self) -> Json:
        """The ``meta`` of the message in the log: with it the turn can be begun again after this process."""
        kept = dict(self.meta)
        if self.payload:
            kept["payload"] = self.payload
        if self.answer is not None:
            kept[_ANSWER] = [asdict(draft) for draft in self.answer]
        return kept

    @classmethod
    def kept(cls, message: Message) -> Said:
        """What ``to_keep`` was kept of, from the log."""
        drafts = message.meta.get(_ANSWER)
        answer = None if drafts is None else [Draft(**{**one, "role": Role(one["role"])}) for one in drafts]
        return cls(message.text, message.meta.get("payload"), meta=message.meta, answer=answer)


@dataclass(frozen=True, slots=True)
class Answered:
    """A logged message and what was answered to it, in order (nothing while an adviser has the chat)."""

    message: Message
    replies: list[Message]


@dataclass(frozen=True, slots=True)
class Begun:
    """A logged message whose turn is under way or over. ``replies`` waits for what is answered to it."""

    message: Message
    replies: Callable[[], Awaitable[list[Message]]]


@dataclass(frozen=True, slots=True)
class _Danger:
    """A danger that was seen: its crisis topic, what saw it, and whether the answer to a question follows."""

    topic: str
    reason: str
    answered: bool = False


@dataclass(slots=True)
class _Turn:
    """A turn under way. The steps fill in ``drafts``; the last one to act names the ``outcome``."""

    conversation: Conversation
    history: list[Message]  # the last messages, up to and with the one that is answered
    said: Said
    seq: int
    distressed: bool = False
    drafts: list[Draft] = field(default_factory=list)
    over_adviser: bool = False  # must be said even while an adviser has the chat
    danger: _Danger | None = None  # what advisers have to be told of once the replies are logged
    question: str | None = None  # what is answered after that
    outcome: str = ""


#: A turn reads so many of the last messages; only a hand-over reads all.
_RECENT = 20

#: Threads of the safety check alone: what blocks the common ones (a store that hangs, passwords, names of
#: hosts) never keeps a message of danger waiting. Reading is work for the processor, so more of them than it
#: has cores bring nothing by themselves; four more let short messages pass long ones.
_CHECKS_AT_ONCE = (os.cpu_count() or 1) + 4

#: For turns that need not wait until others leave the bot.
_ROOM_FOR_ALL = nullcontext()


class Turns:
    """Takes turns. One instance a gateway."""

    def __init__(
        self,
        *,
        store: Store,
        bot: BotClient,
        safety: Safety,
        crisis: Crisis,
        elsewhere: Elsewhere,
        call_backs: CallBackTalk,
        metrics: Metrics,
        max_message_chars: int,
        call_back_after: timedelta,
        longest_turn: timedelta,
        aside: Callable[[Conversation, str], Draft | None] = lambda _conversation, _text: None,
    ) -> None:
        """``call_back_after``: how long somebody waits for a person before a call back is offered instead.

        ``longest_turn``: another gateway's turn that began longer ago is waited for no more.
        ``aside`` answers what a channel answers by itself, such as who sees what is written there."""
        self._store = store
        self._bot = bot
        self._safety = safety
        self._crisis = crisis
        self._elsewhere = elsewhere
        self._call_backs = call_backs
        self._metrics = metrics
        self._max_message_chars = max_message_chars
        self._call_back_after = call_back_after
        self._aside = aside
        self.line = Line(store, longest_turn)
        self._checks = ThreadPoolExecutor(_CHECKS_AT_ONCE, thread_name_prefix="safety")
        self._accepting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._running: dict[tuple[str, int], asyncio.Task[list[Message]]] = {}
        self._answering: dict[asyncio.Task[list[Message]], str] = {}  # under crisis replies, by chat
        self._telling: set[asyncio.Task[list[Message]]] = set()
        self._steps = (
            self._distress,
            self._with_adviser,
            self._answered_beforehand,
            self._own_button,
            self._call_back,
            self._consent,
            self._rating,
            self._switched_off,
            self._considered,
            self._ask_bot,
        )

    async def button(self, conversation_id: str, payload: str) -> str | None:
        """The title of the button with this ``payload`` if it was offered in the conversation, else None.

        A payload is a command as Rasa's are ("/wait_time"), or a question in its own words.
        """
        offered = {wording.HUMAN_REQUEST: str(wording.TALK_TO_A_PERSON["title"])}
        for message in await self._store.messages(conversation_id):
            offered.update({button["payload"]: button["title"] for button in message.buttons})
        return offered.get(payload)

    async def say(self, conversation: Conversation, said: Said) -> Answered:
        """Log what was said, take the turn and return what was answered.

        A repeat of the same ``client_message_id`` returns the same message and replies, waiting for them if
        the first is still under way. A caller who goes away does not stop the turn.
        Raises ``Problem`` (``NOT_SAVED``: nothing was done, and a crisis reply rides along if one is needed),
        ``MessageConflict`` or ``NotFound``.
        """
        begun = await self.begin(conversation, said)
        try:
            return Answered(begun.message, await begun.replies())
        except StoreUnavailable as error:
            raise await self._not_saved(error, conversation, said) from error

    async def begin(self, conversation: Conversation, said: Said) -> Begun:
        """Log what was said and begin the turn, without waiting for its end. Raises as ``say`` does."""
        accepting = self._accepting.setdefault(conversation.id, asyncio.Lock())
        try:
            async with accepting:
                said, logged = await self._kept_apart(conversation, said)
                accepted = await self._store.append_user(
                    conversation.id,
                    said.client_message_id,
                    logged,
                    meta=said.to_keep(),
                )
                seq = accepted.message.seq
                task = self._running.get((conversation.id, seq))
                if task is None and accepted.is_answered:
                    return Begun(accepted.message, partial(self._replies, conversation.id, accepted))
                if task is None:
                    # Begun before the next message is accepted, so that turns queue in the order of the log.
                    task = self._queue(conversation.id, seq, said)
            return Begun(accepted.message, partial(_end_of, task))
        except StoreUnavailable as error:
            raise await self._not_saved(error, conversation, said) from error

    async def tell_of(self, alert: Message) -> None:
        """Tell advisers of a danger whose alert is in the log, because a process ended before it did."""
        conversation = await self._store.get(alert.conversation_id)
        turn = _Turn(conversation, [], Said(""), alert.reply_to or alert.seq)
        await self._escalate(turn, _Danger(str(alert.meta["danger"]), str(alert.meta["reason"])))

    async def take_up(self, message: Message, room: AbstractAsyncContextManager[Any]) -> Begun:
        """Begin again the turn of a logged message, which never ended because a process did.

        What is said from now on waits behind it; it itself waits for ``room`` before it goes to the bot, but
        a crisis reply waits for neither.
        """
        conversation_id = message.conversation_id
        accepting = self._accepting.setdefault(conversation_id, asyncio.Lock())
        async with accepting:
            task = self._running.get((conversation_id, message.seq)) or self._queue(
                conversation_id, message.seq, Said.kept(message), room
            )
        return Begun(message, partial(_end_of, task))

    async def _kept_apart(self, conversation: Conversation, said: Said) -> tuple[Said, str]:
        """What the log holds in place of a contact or a name; words of danger go in as they are."""
        if said.payload is not None or STANDS_FOR in said.meta:
            return said, said.text
        apart = await self._call_backs.kept_apart(conversation, said.text)
        if apart is None:
            return said, said.text
        assessment = await self._assess(said)
        if assessment is not None and assessment.level != "safe":
            return said, said.text
        said = replace(said, meta={**said.meta, "kept_apart": apart})
        return said, person_wording.KEPT_APART[apart]

    def _queue(
        self,
        conversation_id: str,
        seq: int,
        said: Said,
        room: AbstractAsyncContextManager[Any] = _ROOM_FOR_ALL,
    ) -> asyncio.Task[list[Message]]:
        earlier = self._before(conversation_id, seq)
        earlier += [answer for answer, chat in self._answering.items() if chat == conversation_id]
        turn = self._take(earlier, conversation_id, seq, said, room)
        return self._start((conversation_id, seq), self._or_let_go(conversation_id, seq, turn))

    def _before(self, conversation_id: str, seq: int) -> list[asyncio.Task[list[Message]]]:
        """The turns of this process that come before that of message ``seq``."""
        return [turn for (chat, n), turn in self._running.items() if chat == conversation_id and n < seq]

    async def _or_let_go(
        self, conversation_id: str, seq: int, turn: Coroutine[Any, Any, list[Message]]
    ) -> list[Message]:
        """The turn's end; when it fails, other gateways wait for it no longer."""
        try:
            return await turn
        except Exception:
            with suppress(StoreFailed):
                await self._store.let_go(conversation_id, seq)
            raise

    @asynccontextmanager
    async def never_without_help(self, words: Callable[[], Awaitable[str]]) -> AsyncGenerator[None]:
        """For a door on the way to ``say``: a crisis reply rides along when what was sent is not taken.

        ``words`` tells what the person wrote; it is asked only then, and may raise ``Problem`` when it cannot
        be read. Raises ``Problem`` in place of any other error, also of one that nobody expected; one that is
        ``TOO_LARGE`` holds the crisis reply when the part that was read speaks of danger.
        """
        try:
            yield
        except Exception as error:  # whatever it is, it may have kept words of danger from being answered
            problem = as_problem(error)
            if "crisis" not in problem.document:
                shown = await self.help_now(await _what_was_read(error, words))
                problem.document.update({"crisis": shown} if shown else {})
            raise problem from error

    async def help_now(self, text: str, conversation: Conversation | None = None) -> Json | None:
        """The crisis reply if ``text`` speaks of danger, for an answer that logs nothing; else None."""
        assessment = await self._assess(Said(text))
        if assessment is None or assessment.level != "crisis":
            return None
        reply = crisis_message(self._crisis, assessment.danger, conversation, text)
        self._metrics.crisis_replies.labels(str(reply.topic)).inc()
        return {
            "text": reply.text,
            "easy_read": reply.easy_read,
            "cards": list(reply.cards),
            "topic": reply.topic,
        }

    async def drain(self) -> None:
        """Wait for the turns under way; each is bounded by the bot's time-out.

        What waits for another gateway's turn is left to whoever takes it up.
        """
        self.line.leave()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await asyncio.gather(*self._answering)
        await asyncio.gather(*self._telling)

    def close(self) -> None:
        """Give the threads back; nothing can be said any more."""
        self._checks.shutdown(wait=False, cancel_futures=True)

    def _start(
        self, key: tuple[str, int], turn: Coroutine[Any, Any, list[Message]]
    ) -> asyncio.Task[list[Message]]:
        task = asyncio.create_task(turn)
        self._running[key] = task

        def done(finished: asyncio.Task[list[Message]]) -> None:
            del self._running[key]
            _is_looked_at(finished)

        task.add_done_callback(done)
        return task

    async def _take(
        self,
        earlier: list[asyncio.Task[list[Message]]],
        conversation_id: str,
        seq: int,
        said: Said,
        room: AbstractAsyncContextManager[Any],
    ) -> list[Message]:
        started = time.perf_counter()
        wants_answer = said.payload == wording.ANSWER_QUESTION
        if said.payload == wording.TRY_AGAIN:
            # What is tried again is checked again.
            said = _last_said(await self._until(conversation_id, seq)) or said
        elif wants_answer:
            asked = _last_said(await self._until(conversation_id, seq))
            said = Said(await self._question_beside(asked) or asked.text) if asked else said
        # Both at once, on a core each; danger in the message by itself does not wait for the other.
        recent = asyncio.create_task(self._recent(conversation_id, seq))
        recent.add_done_callback(_is_looked_at)
        try:
            assessment = await self._assess(said)
        except BaseException:
            recent.cancel()
            raise
        distressed = assessment is not None and assessment.level != "safe"
        if wants_answer and assessment is not None and not is_certain(assessment):
            # These very words had the crisis reply, for their likeness alone: now they get their answer.
            assessment = None
        told, history = said.text, list[Message]()
        if assessment is None or assessment.level != "crisis":
            history, joined = await recent
            if joined is not None:
                assessment, told = joined, joined.text
        else:
            recent.cancel()
        if assessment is not None and assessment.level == "crisis":
            turn = await self._crisis_turn(conversation_id, seq, said, told, assessment)
            messages = await self._log(turn)
        else:
            if earlier:
                await asyncio.wait(earlier)
            if await self.line.others_first(conversation_id, seq, history):
                if taken_up := self._before(conversation_id, seq):
                    await asyncio.wait(taken_up)
                replies = await self._store.replies_to(conversation_id, seq)
                if replies is not None:  # another gateway had this very message
                    accepted = Accepted(history[-1], replies, is_new=False, is_answered=True)
                    return await self._replies(conversation_id, accepted)
            async with self.line.acting(conversation_id), room:
                started = time.perf_counter()
                turn = _Turn(
                    conversation=await self._store.get(conversation_id),
                    history=history,
                    said=said,
                    seq=seq,
                    distressed=distressed,
                )
                await self._take_steps(turn)
                messages = await self._log(turn)
        if turn.danger is not None:
            messages += await self._tell_advisers(turn, turn.danger)
        self._count(conversation_id, turn, started)
        if turn.question is not None:
            answer = self._answer_too(conversation_id, seq, turn.question, earlier, room)
            messages += await self._answered_too(conversation_id, answer)
        return [message for message in messages if not message.private]

    def _count(self, conversation_id: str, turn: _Turn, started: float) -> None:
        seconds = time.perf_counter() - started
        self._metrics.turns.labels(turn.outcome).inc()
        self._metrics.turn_seconds.observe(seconds)
        log.info(
            "turn",
            extra={"conversation": conversation_id, "outcome": turn.outcome, "ms": round(seconds * 1000)},
        )

    async def _take_steps(self, turn: _Turn) -> None:
        for step in self._steps:
            await step(turn)
            if turn.outcome:
                break

    async def _answered_too(
        self, conversation_id: str, answer: Coroutine[Any, Any, list[Message]]
    ) -> list[Message]:
        """The ``answer`` under a crisis reply; nothing yet if it takes long."""
        answering = asyncio.create_task(answer)
        self._answering[answering] = conversation_id
        answering.add_done_callback(self._answering.pop)
        done, _ = await asyncio.wait({answering}, timeout=_ANSWER_SECONDS)
        return answering.result() if done else []

    async def _answer_too(
        self,
        conversation_id: str,
        seq: int,
        question: str,
        earlier: list[asyncio.Task[list[Message]]],
        room: AbstractAsyncContextManager[Any],
    ) -> list[Message]:
        """Answer ``question`` under the crisis reply to message ``seq``.

        Never fails: the crisis reply is in the log by now, and nothing here may lose it.
        """
        try:
            if earlier:
                await asyncio.wait(earlier)
            async with self.line.acting(conversation_id), room:
                started = time.perf_counter()
                # With the crisis reply: what is decided by what was said last is decided by that.
                history = await self._store.messages(conversation_id, last=_RECENT)
                turn = _Turn(
                    conversation=await self._store.get(conversation_id),
                    history=history,
                    said=Said(question),
                    seq=history[-1].seq,
                )
                await self._take_steps(turn)
                messages = await self._store.append_assistant(
                    conversation_id,
                    [replace(draft, meta={**draft.meta, _AFTER_CRISIS: seq}) for draft in turn.drafts],
                    unless_owned_by_adviser=not turn.over_adviser,
                )
            if turn.danger is not None:
                messages += await self._tell_advisers(turn, turn.danger)
            self._count(conversation_id, turn, started)
            return messages
        except Exception:
            told = {"conversation": conversation_id}
            log.exception("question under a crisis reply not answered", extra=told)
            return []

    async def _whole_history(self, turn: _Turn) -> list[Message]:
        """All messages up to and with the one that is answered: few turns need them, and they grow."""
        return await self._until(turn.conversation.id, turn.seq)

    async def _until(self, conversation_id: str, seq: int) -> list[Message]:
        return await self._store.messages(conversation_id, until=seq)

    async def _log(self, turn: _Turn) -> list[Message]:
        return await self._store.append_assistant(
            turn.conversation.id,
            turn.drafts,
            reply_to=turn.seq,
            unless_owned_by_adviser=not turn.over_adviser,
        )

    async def _replies(self, conversation_id: str, accepted: Accepted) -> list[Message]:
        """What was answered to a message whose turn is over, with what was told after a crisis reply."""
        if not any(card.get("kind") == "crisis" for reply in accepted.replies for card in reply.cards):
            return accepted.replies
        after = [
            message
            for message in await self._store.messages(conversation_id)
            if message.meta.get(_AFTER_CRISIS) == accepted.message.seq
        ]
        return [*accepted.replies, *after]

    async def _crisis_turn(
        self, conversation_id: str, seq: int, said: Said, told: str, assessment: Assessment
    ) -> _Turn:
        """Whatever else goes on, a message that speaks of danger gets the crisis reply, first and at once.

        ``told`` is what speaks of it: the message, or several that were sent line by line.
        """
        conversation = await self._store.get(conversation_id)
        reply = crisis_message(self._crisis, assessment.danger, conversation, told)
        question = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUESTION_SECONDS):
                question = await self._question_beside(said)
        answered = question is not None and is_answered_at_once(question, assessment.score)
        # An adviser answers what is asked of them, and whoever brought the message may have done so.
        answered &= conversation.owner is not Owner.ADVISER and said.answer is None
        if answered:
            reply = wording.before_the_answer(reply)
        elif question is not None:
            reply = replace(reply, buttons=(*reply.buttons, wording.ANSWER_MY_QUESTION))
        danger = _Danger(str(reply.topic), assessment.reason, answered)
        self._metrics.crisis_replies.labels(danger.topic).inc()
        return _Turn(
            conversation=conversation,
            history=[],
            said=said,
            seq=seq,
            drafts=[reply, wording.alert(danger.topic, danger.reason)],
            over_adviser=True,
            danger=danger,
            question=question if answered else None,
            outcome="crisis",
        )

    async def _question_beside(self, said: Said) -> str | None:
        """What a message asks besides its danger; a fault of the check costs the question, not the reply."""
        try:
            return await self._in_thread(partial(question_beside, said.text, self._safety.assess))
        except Exception:
            log.exception("question beside a danger not looked for")
            return None

    # -- the steps, in order ------------------------------------------------------------------------

    async def _distress(self, turn: _Turn) -> None:
        """One warm line before the answer."""
        if turn.distressed and not _distress_was_said(turn.history):
            turn.drafts.append(wording.distress())

    async def _with_adviser(self, turn: _Turn) -> None:
        """A person has the chat: the message is logged and theirs to answer."""
        if turn.conversation.owner is Owner.ADVISER:
            turn.drafts = []
            turn.outcome = "with_adviser"
            if "kept_apart" in turn.said.meta:  # the adviser came while it was on its way
                turn.drafts, turn.over_adviser = [person_wording.say_again()], True

    async def _answered_beforehand(self, turn: _Turn) -> None:
        """Whoever brought the message knows what is to be said, or that nothing is.

        A contact or a name that the log does not hold goes where it is kept all the same.
        """
        if turn.said.answer is not None and "kept_apart" not in turn.said.meta:
            turn.drafts.extend(turn.said.answer)
            turn.outcome = "answered_beforehand"

    async def _own_button(self, turn: _Turn) -> None:
        """The buttons that the gateway itself acts on."""
        if turn.said.payload == wording.STOP_WAITING:
            try:
                await self._store.withdraw(turn.conversation.id, who="user")
                turn.drafts.append(wording.stopped_waiting())
            except OwnershipChanged:
                turn.drafts.append(wording.not_waiting())
            turn.outcome = "stopped_waiting"
        elif turn.said.payload == wording.TRY_AGAIN:  # with something to try again it is that by now
            turn.drafts.append(wording.nothing_to_try_again())
            turn.outcome = "nothing_to_try_again"

    async def _call_back(self, turn: _Turn) -> None:
        """The questions of a call back, while they are open."""
        said = turn.said
        replies = await self._call_backs.answer(
            turn.conversation, turn.history, said.text, said.payload, said.meta.get("kept_apart")
        )
        if replies is not None:
            turn.drafts.extend(replies)
            turn.outcome = "call_back"

    async def _consent(self, turn: _Turn) -> None:
        """A yes or a no to being passed on."""
        said = turn.said
        # An offer may be older than the last messages when its button is pressed.
        history = turn.history if said.payload is None else await self._whole_history(turn)
        replies = await answer_offer(
            self._store,
            self._elsewhere,
            turn.conversation,
            history,
            said.text,
            said.payload,
            call_back_after=self._call_back_after,
        )
        if replies is not None:
            turn.drafts.extend(replies)
            turn.outcome = "handoff"
        elif said.payload is None and is_yes_to_a_person(turn.history, said.text):
            turn.said = replace(said, payload=wording.HUMAN_REQUEST)  # as if the button had been pressed

    async def _rating(self, turn: _Turn) -> None:
        """How talking to a person was; a comment is what is typed right after it was asked for."""
        reply = await rate(self._store, turn.conversation.id, turn.history, turn.said.text, turn.said.payload)
        if reply is not None:
            turn.drafts.append(reply)
            turn.outcome = "rating"

    async def _switched_off(self, turn: _Turn) -> None:
        """The assistant is off: the human contacts, and a person can be asked for all the same."""
        if await self._store.is_assistant_on():
            return
        if self._wants_person(turn):
            await self._hand_off_without_bot(turn)
            return
        places = await self._elsewhere.near(turn.conversation.area)
        turn.drafts.append(
            person_wording.assistant_off([place.name for place in places], [place.card for place in places])
        )
        turn.outcome = "switched_off"

    async def _considered(self, turn: _Turn) -> None:
        """Text that is no question for the bot."""
        if turn.said.payload is not None:
            return
        aside = self._aside(turn.conversation, turn.said.text)
        if aside is not None:
            turn.drafts.append(aside)
            turn.outcome = "aside"
            return
        reading = considered.read(turn.said.text, self._max_message_chars)
        if reading.reply is not None:
            reply = reading.reply
            if reading.kind == "other_language":
                # We cannot tell whether it speaks of danger, so the emergency numbers always go with it.
                lines = emergency_lines(self._crisis, turn.conversation.area, young=turn.conversation.young)
                reply = replace(reply, text=f"{reply.text}\n{lines}")
            turn.drafts.append(reply)
            turn.outcome = reading.kind

    async def _ask_bot(self, turn: _Turn) -> None:
        """The dialogue model answers, or an honest line says that it could not."""
        said, conversation = turn.said, turn.conversation
        text = said.payload or considered.read(said.text, self._max_message_chars).text
        person = {"area": conversation.area, "age": conversation.age, "young": conversation.young}
        self._store.events.typing(conversation.id)
        try:
            # What a button says of somebody is not what the person told (actions/context.py).
            pressed = {"pressed": True} if said.payload else {}
            reply = await self._bot.ask(conversation.id, text, person | pressed)
        except BotFailed as error:
            self._metrics.bot_failures.labels(error.kind).inc()
            log.warning("bot failed", extra={"conversation": conversation.id, "kind": error.kind})
            await self._without_bot(turn)
            return
        turn.drafts.extend(reply.messages)
        turn.outcome = "answered"
        if question := await self._whether_a_person(turn):
            turn.drafts.append(question)
        if reminder := await self._call_backs.waits(conversation):
            turn.drafts.append(reminder)
        await self._remember(conversation, reply)
        await self._act_on(turn, reply)

    async def _whether_a_person(self, turn: _Turn) -> Draft | None:
        """The question whether a person is wanted, when the bot's answer ends by falling short of one."""
        because = turn.drafts[-1].meta.get("falls_short") if turn.drafts else None
        if because is None or any(draft.meta.get("offers_person") for draft in turn.drafts):
            return None
        return await ask_whether_a_person(
            self._store, turn.conversation, await self._whole_history(turn), because=str(because)
        )

    # -- what the steps share -----------------------------------------------------------------------

    async def _without_bot(self, turn: _Turn) -> None:
        """Asking for a person works while the bot is down; for everything else there is the honest line."""
        if not self._wants_person(turn):
            turn.drafts.append(wording.no_answer())
            turn.outcome = "bot_failed"
            return
        await self._hand_off_without_bot(turn)

    def _wants_person(self, turn: _Turn) -> bool:
        return turn.said.payload == wording.HUMAN_REQUEST or asks_for_person(turn.said.text)

    async def _hand_off_without_bot(self, turn: _Turn) -> None:
        summary = summary_of(turn.conversation, await self._whole_history(turn))
        turn.drafts.append(await self._person(turn, ASKED, Priority.NORMAL, summary, who="user"))
        turn.outcome = "handoff"

    async def _act_on(self, turn: _Turn, reply: BotReply) -> None:
        """What the bot's answer asks of the gateway: a person, or urgency."""
        danger = next(
            (d.topic for d in reply.messages if any(c.get("kind") == "crisis" for c in d.cards)), None
        )
        if danger is not None:
            turn.outcome = "crisis"
            turn.over_adviser = True
            self._metrics.crisis_replies.labels(danger).inc()
            turn.drafts.append(wording.alert(danger, "dialogue model"))
            turn.danger = _Danger(danger, "dialogue model")
        elif reply.handoff is not None:
            handoff = reply.handoff
            summary = {**summary_of(turn.conversation, await self._whole_history(turn)), **handoff.summary}
            turn.drafts.append(
                await self._person(turn, handoff.reason, handoff.priority, summary, who="assistant")
            )
            turn.outcome = "handoff"

    async def _person(
        self, turn: _Turn, reason: str, priority: Priority, summary: Json, *, who: str
    ) -> Draft:
        if reason == ASKED:
            reason = offered_because(turn.history) or reason
        history = await self._whole_history(turn)
        if any(card.get("kind") == "crisis" for message in history for card in message.cards):
            # Danger was spoken of in this chat: it does not become ordinary again, and nobody is asked first.
            return await ask_for_person(
                self._store,
                self._elsewhere,
                turn.conversation,
                reason=reason,
                priority=Priority.CRISIS,
                summary=summary,
                who=who,
                call_back_after=self._call_back_after,
            )
        return await offer_person(
            self._store,
            self._elsewhere,
            turn.conversation,
            reason=reason,
            priority=priority,
            summary=summary,
            who=who,
            call_back_after=self._call_back_after,
        )

    async def _tell_advisers(self, turn: _Turn, danger: _Danger) -> list[Message]:
        """Queue the chat as a crisis and tell the person, without holding back the reply for long."""
        telling = asyncio.create_task(self._escalate(turn, danger))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        done, _ = await asyncio.wait({telling}, timeout=_ESCALATION_SECONDS)
        return telling.result() if done else []

    async def _escalate(self, turn: _Turn, danger: _Danger) -> list[Message]:
        """Never fails: the crisis reply is in the log by now, and nothing here may lose it."""
        conversation_id = turn.conversation.id
        try:
            notice = await mark_urgent(
                self._store,
                turn.conversation,
                danger=danger.topic,
                reason=danger.reason,
                summary=summary_of(turn.conversation, await self._whole_history(turn)),
                answered=danger.answered,
            )
            if notice is None:
                return []
            notice = replace(notice, meta={**notice.meta, _AFTER_CRISIS: turn.seq})
            return await self._store.append_assistant(
                conversation_id, [notice], unless_owned_by_adviser=False
            )
        except Exception:
            log.exception("advisers not told of a crisis", extra={"conversation": conversation_id})
            return []

    async def _remember(self, conversation: Conversation, reply: BotReply) -> None:
        """Keep what the actions know of the person, for a later crisis reply."""
        area, age, young = (reply.person.get(key) for key in ("area", "age", "young"))
        learned: Person = {}
        if isinstance(area, str) and area != conversation.area:
            learned["area"] = area
        if isinstance(age, int) and age != conversation.age:
            learned["age"] = age
        if isinstance(young, bool) and young is not conversation.young:
            learned["young"] = young
        if learned:
            await self._store.set_person(conversation.id, **learned)

    async def _assess(self, said: Said) -> Assessment | None:
        """What the safety check finds in a person's own words; a button's words are ours."""
        if said.payload is not None:
            return None
        found = await self._safely(partial(self._safety.assess, said.text))
        words = considered.without_markup(said.text)
        if found is not None and found.level == "crisis" and not is_certain(found) and words != said.text:
            # What no person wrote to be read is like anything.
            return await self._safely(partial(self._safety.assess, words))
        return found

    async def _assess_burst(self, history: list[Message]) -> Joined | None:
        """The danger that a message tells of only together with those shortly before it, if any."""
        return await self._safely(partial(assess_joined, burst_of(history), self._safety.assess))

    async def _recent(self, conversation_id: str, seq: int) -> tuple[list[Message], Joined | None]:
        """The last messages up to ``seq``, and the danger that they tell of together."""
        history = await self._store.messages(conversation_id, until=seq, last=_RECENT)
        return history, await self._assess_burst(history)

    async def _safely[Found](self, check: Callable[[], Found | None]) -> Found | None:
        """What the safety check finds, off the event loop; None when it fails."""
        try:
            return await self._in_thread(check)
        except Exception:
            # A fault of the check must not cost the person their answer; it is counted, to be alarmed on.
            self._metrics.safety_failures.inc()
            log.exception("safety check failed")
            return None

    async def _in_thread[Found](self, check: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._checks, check)

    async def _not_saved(
        self, error: StoreUnavailable, conversation: Conversation | None, said: Said
    ) -> Problem:
        """The answer when the log cannot be written: try again, and the crisis reply if it is needed now."""
        log.error("message not saved", extra={"cause": str(error)})
        # A button's words are ours.
        shown = None if said.payload is not None else await self.help_now(said.text, conversation)
        return Problem(Code.NOT_SAVED, extra={"crisis": shown} if shown else None)


async def _what_was_read(refusal: Exception, words: Callable[[], Awaitable[str]]) -> str:
    """What a person wrote in a message that is refused, as far as it could be read."""
    try:
        return refusal.begins if isinstance(refusal, TooLarge) else await words()
    except TooLarge as error:
        return error.begins
    except Problem:
        return ""


async def _end_of(task: asyncio.Task[list[Message]]) -> list[Message]:
    return await asyncio.shield(task)


def _is_looked_at(task: asyncio.Task[Any]) -> None:
    """Whoever waits for a task gets its error; where nobody does, none is logged as forgotten."""
    if not task.cancelled():
        task.exception()


def _distress_was_said(history: list[Message]) -> bool:
    return any(message.meta.get("kind") == "distress" for message in history[-_DISTRESS_PAUSE:])


#: Pressing one of these says nothing of its own.
_OWN_PAYLOADS = (wording.TRY_AGAIN, wording.STOP_WAITING, wording.ANSWER_QUESTION)


def _last_said(history: list[Message]) -> Said | None:
    """The person's last message that was not itself one of the gateway's buttons, nor a file."""
    for message in reversed(history):
        payload = message.meta.get("payload")
        is_a_file = STANDS_FOR in message.meta or "media" in message.meta
        if message.role is Role.USER and payload not in _OWN_PAYLOADS and not is_a_file:
            return Said(message.text, payload)
    return None
