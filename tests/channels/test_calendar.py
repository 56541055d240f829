"""The dates of an answer as a calendar file: a document where the channel takes one, a link where not."""

from __future__ import annotations

import pytest
from icalendar import Calendar

from gateway.errors import Code, Problem
from gateway.keys import RECORDS
from gateway.settings import Settings
from tests.channels.conftest import OnTelegram, OnWhatsApp, World
from tests.gateway.test_letters_and_calendar import letters_url

__all__ = ["letters_url"]  # a fixture

_ADDRESS = "/calendar.ics?request-received=2026-03-03"
_OFFER = "Add these dates to your calendar"


@pytest.fixture
def settings(settings: Settings, letters_url: str) -> Settings:
    """The gateway's settings, with a knowledge store that has the rules of time limits."""
    return settings.model_copy(update={"knowledge_url": letters_url})


@pytest.fixture(autouse=True)
def an_answer_with_dates(world: World) -> None:
    world.bot.replies = [
        {
            "text": "They must answer by 14 April 2026.",
            "custom": {"attachments": [{"kind": "calendar", "url": _ADDRESS, "title": _OFFER}]},
        }
    ]


async def test_telegram_brings_the_dates_as_a_file(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("when must they answer")
    await on_telegram.hears(_OFFER)
    [(name, content)] = on_telegram.files()
    assert name == "dates.ics"
    days = {event.start.isoformat() for event in Calendar.from_ical(content).events}
    assert "2026-04-14" in days
    [document] = [m["document"] for m in world.telegram.shown(int(on_telegram.address)) if "document" in m]
    assert document["mime_type"] == "text/calendar"
    await world.settled()
    assert on_telegram.texts()[-2:] == ["They must answer by 14 April 2026.", _OFFER]


async def test_whatsapp_takes_no_calendar_so_there_is_a_link(world: World, on_whatsapp: OnWhatsApp) -> None:
    await on_whatsapp.says("when must they answer")
    await on_whatsapp.hears(f"{_OFFER}: https://helpline.example{_ADDRESS}")
    await world.settled()
    assert on_whatsapp.files() == []
    answer = await world.client.get(_ADDRESS)  # what the link leads to
    assert answer.content_type == "text/calendar"


async def test_dates_that_cannot_be_made_now_come_as_a_link(
    world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_build: object) -> None:
        raise Problem(Code.KNOWLEDGE_UNAVAILABLE)

    monkeypatch.setattr(world.app[RECORDS], "read", down)
    await on_telegram.says("when must they answer")
    await on_telegram.hears(f"{_OFFER}: https://helpline.example{_ADDRESS}")
    assert on_telegram.files() == []
