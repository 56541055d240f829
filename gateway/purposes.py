"""Which fields of a letter a browser may fill in: WCAG 2.2, 1.3.5 (Identify Input Purpose)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: What these fields of a letter ask for, as HTML's ``autocomplete`` names it. They are about the writer. The
#: fields about a child have none: a browser would put the writer's own there.
_PURPOSES = {
    "your_name": "name",
    "your_contact": "street-address",  # "your address, email or phone": the first that it asks for
}

#: HTML does not allow these where only one line can be written.
_OF_SEVERAL_LINES = ("street-address",)


def with_purposes(cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cards as the page gets them: each field of a ``letter`` with its ``autocomplete``, or None."""
    return [
        {**card, "fields": [_with_purpose(field) for field in card.get("fields") or []]}
        if card.get("kind") == "letter"
        else card
        for card in cards
    ]


def _with_purpose(field: dict[str, Any]) -> dict[str, Any]:
    purpose = _PURPOSES.get(str(field.get("name")))
    if purpose in _OF_SEVERAL_LINES and not field.get("multiline"):
        purpose = None
    return {**field, "autocomplete": purpose}
