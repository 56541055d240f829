"""How messages are put into a channel's bubbles, by day and by night."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conversations.models import Message, Role
from gateway.channels import voice
from gateway.channels.presenting import View, needs_link, present
from gateway.channels.sms import Sms

DAY, NIGHT = datetime(2026, 11, 27, 14, tzinfo=UTC), datetime(2026, 11, 27, 23, 30, tzinfo=UTC)


def nobody_here(text: str) -> Message:
    """What is said to somebody who waits while no adviser is on duty."""
    buttons = [{"title": "I no longer need a person", "payload": "/stop_waiting"}]
    return Message(
        seq=5,
        role=Role.SYSTEM,
        text=text,
        buttons=buttons,
        cards=[],
        sources=[],
        attachments=[],
        meta={"kind": "nobody_here"},
    )


@pytest.mark.parametrize("length", [12, 60])  # 60: more than the bubbles of a turn
@pytest.mark.parametrize("now", [DAY, NIGHT])
def test_who_waits_by_text_can_always_stop_waiting(now: datetime, length: int) -> None:
    waiting = nobody_here("Nobody is here to answer right now. " * length)
    view = View(can=Sms.can, now=now, public_url="https://helpline.example")

    assert not needs_link([waiting], view)
    shown = present([waiting], view)

    assert "I no longer need a person" in shown.bubbles[-1].text
    if length == 12:
        assert any(voice.NIGHT in bubble.text for bubble in shown.bubbles) is (now == NIGHT)
