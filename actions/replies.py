"""Building a reply: bubbles of plain text, each with its Easy Read form, buttons, cards and sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from knowledge.dates import say_date, today
from knowledge.models import Record
from knowledge.sources import sources_of

#: A button: what it says, and the Rasa message it stands for.
Button = dict[str, str]


def button(title: str, payload: str) -> Button:
    """A button that says what it does."""
    return {"title": title, "payload": payload}


TALK_TO_A_PERSON = button("Talk to a person", "/human_request")

_OVERDUE_EASY_READ = "This may be old.\nCheck it before you use it."


def _overdue(records: Iterable[Record]) -> str | None:
    """What is said with records whose review is due; None when there is none."""
    passed = [record.review_by for record in records if record.review_by < today()]
    if not passed:
        return None
    return (
        f"We meant to check this again by {say_date(min(passed))} and have not yet. "
        "Please check it before you rely on it."
    )


#: So much of the answer to a second question in one message; a button brings the rest.
_MOST_ALSO = 3
_MOST_CARDS_ALSO = 1


@dataclass
class Bubble:
    """One message of the assistant."""

    text: str
    topic: str | None = None
    easy_read: str | None = None
    cards: list[dict[str, Any]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)


class Reply:
    """What the assistant says in one turn."""

    def __init__(self, topic: str | None, easy_read: bool = False) -> None:
        self.topic = topic
        self._easy_read = easy_read
        self._bubbles: list[Bubble] = []
        self._buttons: list[Button] = []
        self._person_because: str | None = None
        self._falls_short: str | None = None
        #: The store is silent, and the reply says so.
        self.nothing_known = False
        #: Ids of the records that the reply rests on.
        self.shown: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._bubbles)

    def cards(self, kind: str) -> int:
        """How many cards of a kind the reply shows so far."""
        return sum(card["kind"] == kind for bubble in self._bubbles for card in bubble.cards)

    def say(
        self,
        text: str,
        easy_read: str | None = None,
        records: Iterable[Record] = (),
        cards: Sequence[dict[str, Any]] = (),
        superseded: Sequence[Record] = (),
    ) -> None:
        """Add what the store says; a blank line in the text starts a new bubble.

        Args:
            text: plain text.
            easy_read: the same in Easy Read.
            records: what the text rests on; their sources go with its last bubble.
            cards: shown under its last bubble.
            superseded: what the text rests on too, as what was true then: that needs no new review.
        """
        records = list(records)
        overdue = _overdue(records)
        if overdue and easy_read:
            easy_read = f"{easy_read}\n{_OVERDUE_EASY_READ}"
        if self._easy_read and easy_read:
            text, overdue = easy_read, None
        parts = [part.strip() for part in text.split("\n\n") if part.strip()]
        if overdue:
            parts.append(overdue)
        bubbles = [Bubble(part, self.topic) for part in parts]
        if easy_read:
            # The whole Easy Read form stands with the first bubble, as the two forms are not cut alike. An
            # empty one with the others tells that nothing of theirs is left to say.
            bubbles[0].easy_read = easy_read
            for bubble in bubbles[1:]:
                bubble.easy_read = ""
        bubbles[-1].cards.extend(cards)
        bubbles[-1].sources.extend(sources_of([*records, *superseded]))
        self._bubbles.extend(bubbles)
        self.shown.extend(record.id for record in [*records, *superseded])

    def also(self, other: Reply, lead: str) -> None:
        """Add the answer to a further question: its first bubbles, with what belongs to them.

        Args:
            lead: said before it, to tell which question it answers.
        """
        kept = other._bubbles[:_MOST_ALSO]
        if not kept:
            return
        self._bubbles.append(Bubble(lead, other.topic))
        for left_out in other._bubbles[_MOST_ALSO:]:
            # Its source stands behind what was kept too; a card is the part of an answer that is looked for.
            kept[-1].sources.extend(source for source in left_out.sources if source not in kept[-1].sources)
            kept[-1].cards.extend(left_out.cards[: max(0, _MOST_CARDS_ALSO - len(kept[-1].cards))])
            kept[-1].attachments.extend(left_out.attachments)
        self._bubbles.extend(kept)
        self.shown.extend(other.shown)
        self._falls_short = self._falls_short or other._falls_short

    def attach(self, kind: str, url: str, title: str) -> None:
        """Add something to open or keep to the last bubble.

        Args:
            kind: "calendar", ...
            url: where the gateway serves it, from its own root: "/calendar.ics?...".
            title: what a link calls it.
        """
        self._bubbles[-1].attachments.append({"kind": kind, "url": url, "title": title})

    def show(self, text: str, records: Iterable[Record], card: dict[str, Any]) -> None:
        """Add one bubble that is not cut at its blank lines: a card, and the same in text."""
        records = list(records)
        self._bubbles.append(Bubble(text, self.topic, cards=[card], sources=sources_of(records)))
        if overdue := _overdue(records):
            self._bubbles.append(Bubble(overdue, self.topic, _OVERDUE_EASY_READ))
        self.shown.extend(record.id for record in records)

    def offer(self, *buttons: Button) -> None:
        """Add buttons under the last bubble, each once."""
        self._buttons.extend(new for new in buttons if new not in self._buttons)

    def offer_person(self, because: str) -> None:
        """Offer a person, as the words of the reply do: a yes to it is as good as the button.

        Args:
            because: why, as advisers and the figures are told it (``conversations/reasons.py``).
        """
        self._person_because = because
        self.offer(TALK_TO_A_PERSON)

    def falls_short(self, because: str) -> None:
        """Note that it may not be enough: the gateway, which knows who is here, may ask about a person.

        Args:
            because: why, as in ``offer_person``.
        """
        self._falls_short = because

    def send(self, dispatcher: CollectingDispatcher, person: dict[str, Any]) -> None:
        """Hand the reply to Rasa: after each text one custom entry that belongs to it.

        Args:
            person: what is known of the person; the gateway keeps it for a crisis reply.
        """
        for position, bubble in enumerate(self._bubbles):
            last = position == len(self._bubbles) - 1
            dispatcher.utter_message(
                text=bubble.text,
                buttons=self._buttons if last else None,
                json_message={
                    "topic": bubble.topic,
                    "easy_read": bubble.easy_read,
                    "cards": bubble.cards,
                    "sources": bubble.sources,
                    "attachments": bubble.attachments,
                    "person": person,
                    "offers_person": self._person_because if last else None,
                    "falls_short": self._falls_short if last else None,
                },
            )
