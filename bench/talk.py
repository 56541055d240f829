"""Chats that are held with what is measured: over Rasa's REST channel, or over the gateway's own API."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import numpy as np

#: Our own words; each is answered by an action, save the last. Short chats go through them in order.
QUESTIONS = (
    "how long is the wait for an assessment in derby",
    "what can we do while we wait",
    "who can refer my son",
    "what help is there at school in derbyshire",
    "thanks",
)

#: Those of them that run an action.
WITH_ACTION = QUESTIONS[:4]

_WHO = ("son", "daughter", "grandson", "foster child", "brother", "niece", "twin boys", "lad")
_DETAILS = (
    "loves trains",
    "hates the school bell",
    "is in a new class",
    "hardly sleeps",
    "has two sisters",
    "likes to swim",
    "will not eat at school",
    "gets the bus alone",
)
_chance = random.Random(0)


def in_own_words(question: str) -> str:
    """A question with something of somebody's own: nobody's very words are asked twice, and neither a
    process' memory of the last messages nor the database's is measured."""
    if question not in WITH_ACTION:
        return question
    return f"{question}, my {_chance.choice(_WHO)} is {_chance.randint(3, 17)} and {_chance.choice(_DETAILS)}"


#: Takes what was said; returns how long the answer took in seconds. Raises when there was none.
type Say = Callable[[str], Awaitable[float]]


class NoAnswer(RuntimeError):
    """An answer with an error's status, or an empty one."""


async def rest_chat(http: aiohttp.ClientSession, url: str) -> Say:
    """A new chat over ``/webhooks/rest/webhook``: Rasa's own channel, which the gateway has too."""
    sender = uuid.uuid4().hex

    async def say(text: str) -> float:
        begun = time.perf_counter()
        async with http.post(
            f"{url}/webhooks/rest/webhook", json={"sender": sender, "message": text}
        ) as response:
            replies = await response.json(content_type=None)
            if response.status != 200 or not replies:
                raise NoAnswer(f"{response.status}: {str(replies)[:200]}")
        return time.perf_counter() - begun

    return say


async def api_chat(http: aiohttp.ClientSession, url: str) -> Say:
    """A new chat over the gateway's API, as the page holds it."""
    async with http.post(f"{url}/api/v1/conversations", json={}) as response:
        if response.status != 201:
            raise NoAnswer(f"{response.status}: {(await response.text())[:200]}")
        chat = await response.json()
    headers = {"Authorization": f"Bearer {chat['token']}"}

    async def say(text: str) -> float:
        body = {"client_message_id": uuid.uuid4().hex, "text": text}
        begun = time.perf_counter()
        async with http.post(
            f"{url}/api/v1/conversations/{chat['id']}/messages", json=body, headers=headers
        ) as response:
            answer = await response.json(content_type=None)
            if response.status != 201 or not answer["replies"]:
                raise NoAnswer(f"{response.status}: {str(answer)[:200]}")
        return time.perf_counter() - begun

    return say


@dataclass
class Times:
    """What a number of turns took, in seconds."""

    seconds: list[float] = field(default_factory=list)
    errors: int = 0
    elapsed: float = 0.0

    def ms(self, percent: float) -> float:
        """A percentile in milliseconds; NaN without a turn."""
        return float(np.percentile(self.seconds, percent)) * 1000 if self.seconds else float("nan")

    @property
    def per_second(self) -> float:
        """Turns a second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    def add(self, other: Times) -> None:
        """Take in another round of the same."""
        self.seconds += other.seconds
        self.errors += other.errors
        self.elapsed += other.elapsed


def session() -> aiohttp.ClientSession:
    """A client with as many connections as there are chats."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60)
    )


async def closed_loop(
    open_chat: Callable[[], Awaitable[Say]], chats: int, seconds: float, questions: Sequence[str] = QUESTIONS
) -> Times:
    """So many people, each saying the next thing as soon as the last is answered, in chats of a few turns."""
    times = Times()
    end = time.perf_counter() + seconds

    async def person() -> None:
        while time.perf_counter() < end:
            say = await open_chat()
            for question in questions:
                try:
                    times.seconds.append(await say(in_own_words(question)))
                except (NoAnswer, aiohttp.ClientError, TimeoutError):
                    times.errors += 1
                if time.perf_counter() >= end:
                    break

    begun = time.perf_counter()
    await asyncio.gather(*(person() for _ in range(chats)))
    times.elapsed = time.perf_counter() - begun
    return times


async def paced(open_chat: Callable[[], Awaitable[Say]], chats: int, seconds: float, every: float) -> Times:
    """So many people, each of whom says something ``every`` so many seconds, spread evenly."""
    times = Times()
    says = [await open_chat() for _ in range(chats)]
    begun = time.perf_counter()

    async def person(number: int, say: Say) -> None:
        due = begun + every * number / chats
        turn = 0
        while due < begun + seconds:
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            try:
                times.seconds.append(await say(in_own_words(QUESTIONS[turn % len(QUESTIONS)])))
            except (NoAnswer, aiohttp.ClientError, TimeoutError):
                times.errors += 1
            due, turn = due + every, turn + 1

    await asyncio.gather(*(person(number, say) for number, say in enumerate(says)))
    times.elapsed = time.perf_counter() - begun
    return times
