"""From messages of the log to what a phone shows: a few short bubbles, one idea each, with few choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from conversations.files import is_file
from conversations.models import Json, Message, Role
from gateway import wording
from gateway.channels import voice
from gateway.channels.base import Bubble, Capabilities
from gateway.channels.school import sends_to_school
from knowledge.calendar_file import MEDIA_TYPE as CALENDAR

#: So many messages a turn, so that nobody has to read a wall of them.
MOST_BUBBLES = 3

#: More text than this does not go together with buttons in every channel.
_WITH_BUTTONS = 1000

_LONDON = ZoneInfo("Europe/London")

_SENTENCE_END = re.compile(r"(?<=[.!?…:])[\"')\]]*\s+|\n+")


@dataclass(frozen=True, slots=True)
class View:
    """How one person wants it, where and when."""

    can: Capabilities
    easy_read: bool = False
    most: int = MOST_BUBBLES
    skip: int = 0  # bubbles that were shown before "Show me more"
    public_url: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(_LONDON))
    no_school_until: date | None = None  # the last day of the school holidays where the person lives, if any

    @property
    def today(self) -> date:
        """The day it is in the UK."""
        return self.now.astimezone(_LONDON).date()


@dataclass(frozen=True, slots=True)
class Shown:
    """The bubbles, and for a channel without buttons the ids of its numbered choices."""

    bubbles: list[Bubble]
    choices: list[str]


def button_id(seq: int, index: int) -> str:
    """What comes back when a button is pressed; short enough for every channel."""
    return f"b:{seq}:{index}"


def more_id(seqs: Sequence[int], skip: int) -> str:
    """... when "Show me more" is pressed."""
    return f"m:{seqs[0]}:{seqs[-1]}:{skip}"


def answer_sends_to_school(messages: Sequence[Message], view: View) -> bool:
    """Whether an answer of the assistant tells the person to go to somebody at school.

    Never what an adviser says, a crisis reply, or what is said to somebody who waits for a person.
    """
    if _is_crisis(messages) or _is_waiting(messages):
        return False
    return any(
        message.role is Role.ASSISTANT and sends_to_school(_text(message, view)) for message in messages
    )


def needs_link(messages: Sequence[Message], view: View) -> bool:
    """Whether a channel of short answers needs a link to the rest of these messages, or to their files."""
    if not view.can.short_answers or _is_crisis(messages):
        return False
    # What can be done while waiting for a person is said in the channel itself, at night too.
    if _is_waiting(messages):
        return bool(_not_carried(messages, view))
    whole = "\n\n".join(_texts(messages, view))
    numbered = sum(len(choice["title"]) + 10 for choice in _choices(messages, view.can))
    holidays = len(_holidays(messages, view))
    return len(whole) + holidays + numbered > view.can.bubble or bool(_not_carried(messages, view))


def present(messages: Sequence[Message], view: View, *, rest: str | None = None) -> Shown:
    """The bubbles for messages that were logged together.

    ``rest`` is a link to the whole, for a channel of short answers. Crisis replies are never cut.
    """
    if not messages:
        return Shown([], [])
    choices = _choices(messages, view.can)
    if _is_crisis(messages):
        texts = [part for text in _texts(messages, view) for part in split(text, view.can.text)]
        return _with_choices(texts, choices, messages, view)
    holidays = _holidays(messages, view)
    if view.can.short_answers and rest is not None:
        whole = "\n\n".join(_texts(messages, view))
        tail = f"\n{voice.see_file(rest) if _not_carried(messages, view) else voice.see_rest(rest)}"
        tail = holidays + tail
        return Shown([Bubble(_cut(whole, view.can.bubble - len(tail)) + tail)], [])
    texts = _texts(messages, view)
    if view.can.short_answers:
        texts = ["\n\n".join(texts)]
    texts = [part for text in texts for part in split(text, view.can.bubble - _room(text, holidays, view))]
    shown = view.skip + view.most
    turn = _with_holidays(texts[view.skip : shown], holidays)
    if len(texts) > shown:
        seqs = [message.seq for message in messages]
        kept = choices if _is_waiting(messages) else _person(choices)
        choices = [{"title": voice.SHOW_MORE, "id": more_id(seqs, shown)}, *kept]
        return _with_choices(turn, choices, [], view)
    return _with_choices(turn, choices, messages, view)


def _holidays(messages: Sequence[Message], view: View) -> str:
    """What is added of the school holidays, on a line of its own; empty when there is nothing to say."""
    if view.no_school_until is None or not answer_sends_to_school(messages, view):
        return ""
    return f"\n{voice.school_holidays(view.no_school_until, easy_read=view.easy_read)}"


def _room(text: str, holidays: str, view: View) -> int:
    """Room for the line, so that nothing grows too long by it.

    Where bubbles are many it is kept all the year round: the parts that "Show me more" counts stay the same
    when a holiday begins or ends in between. A text message costs by its length: it is not cut for nothing.
    """
    longest = len(holidays) if view.can.short_answers else voice.LONGEST_SCHOOL_HOLIDAYS + 1
    return longest if sends_to_school(text) else 0


def _with_holidays(texts: list[str], holidays: str) -> list[str]:
    """The texts of a turn, with ``holidays`` added to the last of them that sends somebody to school."""
    last = max((n for n, text in enumerate(texts) if holidays and sends_to_school(text)), default=None)
    return [text + holidays if n == last else text for n, text in enumerate(texts)]


def split(text: str, longest: int) -> list[str]:
    """``text`` in parts of at most ``longest`` characters, cut between paragraphs, lines or sentences."""
    parts: list[str] = []
    left = text.strip()
    while len(left) > longest:
        part = _cut(left, longest)
        parts.append(part)
        left = left[len(part) :].strip()
    return [*parts, left] if left else parts


def _cut(text: str, longest: int) -> str:
    """The beginning of ``text`` that ends where a sentence does, or at least a word."""
    if len(text) <= longest:
        return text
    window = text[: longest + 1]
    paragraph = window.rfind("\n\n")
    if paragraph > longest // 2:
        return window[:paragraph].rstrip()
    ends = [found.start() for found in _SENTENCE_END.finditer(window)]
    if ends and ends[-1] > longest // 4:
        return window[: ends[-1]].rstrip()
    word = window.rfind(" ")
    return window[: word if word > 0 else longest].rstrip()


def _with_choices(texts: list[str], choices: list[Json], messages: Sequence[Message], view: View) -> Shown:
    bubbles = [Bubble(text) for text in texts]
    ids: list[str] = []
    if choices and bubbles and view.can.buttons:
        last = bubbles[-1]
        if len(last.text) > _WITH_BUTTONS:
            bubbles.append(Bubble("What do you want to do?", choices))
        else:
            bubbles[-1] = Bubble(last.text, choices)
    elif choices and bubbles:
        ids = [choice["id"] for choice in choices]
        lines = "\n".join(f"{n} {choice['title']}" for n, choice in enumerate(choices, start=1))
        lines = f"Reply with a number:\n{lines}"
        if len(bubbles[-1].text) + len(lines) + 1 <= view.can.text:
            bubbles[-1] = Bubble(f"{bubbles[-1].text}\n{lines}")
        else:
            bubbles.append(Bubble(lines))
    return Shown([*bubbles, *_files(messages, view)], ids)


def _choices(messages: Sequence[Message], can: Capabilities) -> list[Json]:
    """The buttons of all the messages, each once; a person can always be asked for."""
    found: dict[str, Json] = {}
    for message in messages:
        for index, button in enumerate(message.buttons):
            found.setdefault(
                button["payload"], {"title": button["title"], "id": button_id(message.seq, index)}
            )
    human = found.pop(wording.HUMAN_REQUEST, None)
    most = (can.buttons or 4) - (1 if human else 0)
    return [*list(found.values())[:most], *([human] if human else [])]


def _person(choices: list[Json]) -> list[Json]:
    return [choice for choice in choices if choice["title"] == wording.TALK_TO_A_PERSON["title"]]


def _is_crisis(messages: Sequence[Message]) -> bool:
    return any(card.get("kind") == "crisis" for message in messages for card in message.cards)


def _is_waiting(messages: Sequence[Message]) -> bool:
    return any(map(wording.is_waiting, messages))


def _texts(messages: Sequence[Message], view: View) -> list[str]:
    """What each message says, without those whose Easy Read form says nothing more."""
    return [text for message in messages if (text := _text(message, view).strip())]


def _text(message: Message, view: View) -> str:
    text = message.text
    if view.easy_read and message.easy_read is not None:
        text = message.easy_read
        for card in message.cards:
            if card.get("kind") == "crisis":
                missing = [
                    f"- {contact['name']}: {contact['phone']}"
                    for contact in card["contacts"]
                    if contact.get("phone") and str(contact["phone"]) not in text
                ]
                text = "\n".join([text, *missing])
    text = text.replace(wording.KEEP_PAGE_OPEN, voice.IN_THIS_CHAT)
    if message.role is Role.ADVISER:
        text = f"{message.author or 'Adviser'}: {text}"
    if wording.is_waiting(message) and is_night(view.now):
        text = f"{text}\n{voice.NIGHT}"
    return "\n".join([text, *_sources(message), *_links(message, view)])


def _sources(message: Message) -> list[str]:
    """Where an answer comes from, and how old it is: its first source, in a line."""
    if _is_crisis([message]) or not message.sources:
        return []
    source = message.sources[0]
    dated = source.get("as_of_said") or source.get("published")
    said = str(source.get("title") or source.get("publisher") or "")
    return [f"From: {said}{f' ({dated})' if dated else ''}"] if said else []


def _links(message: Message, view: View) -> list[str]:
    """Files that the channel cannot carry: where they are, or that there is one that is nowhere else."""
    lines = []
    for attachment in message.attachments:
        file = _file(attachment)
        if file is None or file["media_type"] in view.can.files:
            continue
        if "url" in file and view.public_url:
            lines.append(f"{attachment.get('title') or 'A file'}: {view.public_url}{file['url']}")
        elif "id" in file and not (view.public_url and view.can.short_answers):
            lines.append(voice.file_left_out(file["name"]))
    return lines


def _not_carried(messages: Sequence[Message], view: View) -> list[Json]:
    """Files kept here that the channel cannot carry: only whoever may read the chat may have them."""
    files = [_file(attachment) for message in messages for attachment in message.attachments]
    return [file for file in files if file and "id" in file and file["media_type"] not in view.can.files]


def _files(messages: Sequence[Message], view: View) -> list[Bubble]:
    return [
        Bubble(str(attachment.get("title") or "A file"), file=file)
        for message in messages
        for attachment in message.attachments
        if (file := _file(attachment)) and file["media_type"] in view.can.files
    ]


def _file(attachment: Json) -> Json | None:
    """A file as a bubble names it; None for an attachment that is none of ours."""
    if is_file(attachment):
        return {
            "id": attachment["id"],
            "name": attachment["title"],
            "media_type": attachment["media_type"],
        }
    if str(attachment.get("url", "")).startswith("/calendar.ics?"):
        return {"url": attachment["url"], "name": "dates.ics", "media_type": CALENDAR}
    return None


def is_night(now: datetime) -> bool:
    """Whether most people in England are asleep: 10 in the evening to 7 in the morning."""
    hour = now.astimezone(_LONDON).hour
    return hour >= 22 or hour < 7
