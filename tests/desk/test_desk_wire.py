"""How chats are put into words for advisers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conversations.casework import LastWord
from conversations.models import DeliveryState, Message, Role
from desk.names import Names, Titles
from desk.settings import DeskSettings
from desk.wire import arrival_in_words, delivery_in_words, message_json, waited

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=-5), "less than a minute"),  # another machine's clock may be ahead
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=2, minutes=5), "2 hours 5 minutes"),
        (timedelta(days=3, hours=2), "3 days"),
    ],
)
def test_a_wait_in_words(ago: timedelta, words: str) -> None:
    assert waited(NOW - ago, NOW) == words


def message(**fields: object) -> Message:
    standard = {
        "seq": 1,
        "role": Role.ASSISTANT,
        "author": None,
        "text": "x",
        "buttons": [],
        "cards": [],
        "sources": [],
        "attachments": [],
        "meta": {},
        "created_at": NOW,
    }
    return Message(**(standard | fields))


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (None, ""),
        (LastWord(NOW, arrived=False), ""),  # on its way
        (LastWord(NOW - timedelta(seconds=1), arrived=True), "Your last message is on their page."),
        (
            LastWord(NOW - timedelta(seconds=6), arrived=False),
            "Your last message is not on their page yet. It comes when their connection or page is back.",
        ),
    ],
)
def test_whether_a_message_arrived_on_a_page(last: LastWord | None, words: str) -> None:
    assert arrival_in_words(last, NOW) == words


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({}, ""),
        ({DeliveryState.READ: 2, DeliveryState.DELIVERED: 1}, "All messages were delivered to their phone."),
        ({DeliveryState.SENT: 1, DeliveryState.READ: 1}, "All messages were sent to their phone."),
        ({DeliveryState.PENDING: 1, DeliveryState.READ: 1}, "1 message still to be sent to their phone."),
        (
            {DeliveryState.FAILED: 2, DeliveryState.PENDING: 1},
            "2 messages could not be delivered to their phone.",
        ),
    ],
)
def test_whether_messages_arrived_on_a_phone(states: dict[DeliveryState, int], words: str) -> None:
    assert delivery_in_words(states) == words


def test_times_are_those_of_london() -> None:
    assert message_json(message(), Titles())["time"] == "13:00"


def test_a_card_of_a_kind_we_do_not_know_is_still_shown_in_words() -> None:
    card = {
        "kind": "new",
        "id": "7",
        "title": "Steps",
        "open_now": True,
        "nothing": None,
        "empty": [],
        "steps": [{"title": "Ask", "text": "the school"}, {"title": "Wait", "text": ""}],
        "caveat": "May have changed",
    }
    [shown] = message_json(message(cards=[card]), Titles())["cards"]
    assert shown == {
        "title": "Steps",
        "lines": [
            {"label": "Steps", "text": "Ask, the school; Wait"},
            {"label": "Please note", "text": "May have changed"},
        ],
    }


def test_a_chart_is_shown_as_what_it_says() -> None:
    said = "Wait so far: 79 weeks. Average wait, December 2022: 33 weeks."
    card = {
        "kind": "wait_chart",
        "id": "derby-city-child",
        "title": "The wait so far",
        "bars": [{"label": "So far", "said": "79 weeks", "weeks": 79, "weeks_at_most": 79, "as_of": None}],
        "caption": "Reported waits: December 2022.",
        "text_alternative": said,
    }

    [shown] = message_json(message(cards=[card]), Titles())["cards"]

    assert shown == {"title": "The wait so far", "lines": [{"label": "What the chart shows", "text": said}]}


def test_only_addresses_of_the_web_become_links() -> None:
    sources = [{"title": "A", "url": "javascript:alert(1)"}, {"title": "B", "url": "https://example.org"}]
    shown = message_json(message(sources=sources), Titles())["sources"]
    assert [source["url"] for source in shown] == ["", "https://example.org"]


async def test_names_come_from_the_store(settings: DeskSettings) -> None:
    names = Names(settings.knowledge_url)
    titles = await names.titles()
    names.close()
    assert titles.area("derby-city") == "Derby"
    assert titles.topic("wait_time") == "How long the wait is"
    assert titles.topic("not_in_the_store") == "not in the store"


async def test_without_the_store_a_name_is_made_of_its_id(tmp_path: object) -> None:
    names = Names(f"sqlite:///{tmp_path}/empty.sqlite3")
    titles = await names.titles()
    names.close()
    assert titles.area("derby-city") == "derby city"


@pytest.mark.parametrize(
    ("media_type", "shown"),
    [
        ("image/png", "picture"),
        ("application/pdf", ""),
        ("audio/ogg", "sound"),
        ("audio/aac", "sound"),
        ("audio/amr", ""),  # plays in no browser: a player that does nothing is worse than none
    ],
)
def test_a_file_is_shown_in_place_where_browsers_can(media_type: str, shown: str) -> None:
    file = {"kind": "file", "id": "f", "title": "it", "media_type": media_type, "size_said": "1 KB"}
    [told] = message_json(message(attachments=[file]), Titles())["files"]
    assert told == {"id": "f", "name": "it", "size": "1 KB", "shown": shown}
