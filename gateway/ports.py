"""What the turn needs from the safety check and the crisis cards, and nothing more."""

from __future__ import annotations

from typing import Any, Protocol


class Assessment(Protocol):
    """What the safety check found in a text."""

    @property
    def level(self) -> str:
        """ "crisis", "distress" or "safe"."""

    @property
    def danger(self) -> str | None:
        """The crisis topic, when there is one."""

    @property
    def reason(self) -> str:
        """What fired, for advisers and for tuning."""

    @property
    def score(self) -> float:
        """How sure it is, 0 to 1; 1 is a rule's certainty."""


class Safety(Protocol):
    """``gateway.safety.check.SafetyCheck``."""

    def assess(self, text: str) -> Assessment:
        """Read ``text``; quick, and in need of nothing but memory."""


class CrisisReply(Protocol):
    """What to say and show in a crisis."""

    @property
    def text(self) -> str:
        """Everything, numbers included."""

    @property
    def easy_read(self) -> str:
        """The same in Easy Read."""

    @property
    def contacts(self) -> list[dict[str, Any]]:
        """Name, phone, phone_note, text, url, hours, says."""

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Where the contacts come from."""


class Crisis(Protocol):
    """``knowledge.crisis.CrisisCards``: all crisis replies, held in memory."""

    def reply(self, danger: str, area: str | None, age: int | None, young: bool) -> CrisisReply:
        """The reply to one danger, fit for this area and age. Raises ``KeyError`` when there is none."""

    def refresh(self, knowledge_url: str) -> bool:
        """Take what the store holds now, if it changed; never raises. Whether anything was taken."""
