"""A ``wait_chart`` card as SVG elements: worked out here once, placed by the page's template and its script.

Lengths across are percent and lengths down are em, so that bars fit any width and labels keep the size of the
text around them. There is no inline style: ``web/chat.css`` says how the classes look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

#: One SVG element: ``{"tag", "attributes", "text", "children"}``.
Shape = dict[str, Any]

_ROW_EM = 3.25
_LABEL_EM = 1.1  # where the label's letters stand
_BAR_EM = 1.55
_BAR_HEIGHT_EM = 1.1
#: The longest bar leaves room for its outline on both sides.
_FROM_PERCENT, _WIDE_PERCENT = 0.5, 99.0
#: So that a wait of no weeks is seen.
_LEAST_PERCENT = 0.5


class _Bar(BaseModel):
    model_config = ConfigDict(strict=False, allow_inf_nan=False)

    label: str
    said: str
    weeks: float = Field(ge=0)
    weeks_at_most: float = Field(ge=0)


class _Chart(BaseModel):
    title: str
    bars: list[_Bar] = Field(min_length=1, max_length=10)
    text_alternative: str


def with_drawings(cards: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Cards as the page gets them: each ``wait_chart`` with its ``drawing``; None when it holds no numbers.

    Args:
        cards: the cards of one message.
        name: different for each message of a page; the ids in the drawings begin with it.
    """
    return [
        {**card, "drawing": draw(card, f"{name}-{index}")} if card.get("kind") == "wait_chart" else card
        for index, card in enumerate(cards)
    ]


def draw(card: dict[str, Any], name: str) -> Shape | None:
    """The chart of a card; None when the card is not as it should be, since its text says the same.

    Args:
        card: with ``title``, ``bars`` (``label``, ``said``, ``weeks``, ``weeks_at_most``) and
            ``text_alternative``.
        name: what the ids in it begin with.
    """
    try:
        chart = _Chart.model_validate(card)
    except ValidationError:
        return None
    longest = max(*(bar.weeks_at_most for bar in chart.bars), *(bar.weeks for bar in chart.bars), 1.0)
    title, text = f"{name}-title", f"{name}-text"
    children = [
        _shape("title", {"id": title}, chart.title),
        _shape("desc", {"id": text}, chart.text_alternative),
    ]
    for row, bar in enumerate(chart.bars):
        children += _row(bar, row, longest)
    attributes = {
        "class": "chart__drawing",
        "role": "img",
        "aria-labelledby": title,
        "aria-describedby": text,
        "width": "100%",
        "height": f"{len(chart.bars) * _ROW_EM}em",
    }
    return _shape("svg", attributes, children=children)


def _row(bar: _Bar, row: int, longest: float) -> list[Shape]:
    top = row * _ROW_EM
    label = {"x": f"{_FROM_PERCENT}%", "y": f"{top + _LABEL_EM:g}em", "class": "chart__label"}
    kind = "so-far" if row == 0 else "reported"
    shapes = [
        _shape("text", label, f"{bar.label}: {bar.said}"),
        _rect(0.0, bar.weeks, longest, top, f"chart__bar chart__bar--{kind}"),
    ]
    if bar.weeks_at_most > bar.weeks:
        shapes.append(_rect(bar.weeks, bar.weeks_at_most, longest, top, "chart__bar chart__bar--maybe"))
    return shapes


def _rect(start: float, end: float, longest: float, top: float, classes: str) -> Shape:
    width = max(_WIDE_PERCENT * (end - start) / longest, _LEAST_PERCENT)
    return _shape(
        "rect",
        {
            "x": f"{_FROM_PERCENT + _WIDE_PERCENT * start / longest:.2f}%",
            "y": f"{top + _BAR_EM:g}em",
            "width": f"{width:.2f}%",
            "height": f"{_BAR_HEIGHT_EM}em",
            "class": classes,
        },
    )


def _shape(tag: str, attributes: dict[str, str], text: str = "", children: Sequence[Shape] = ()) -> Shape:
    return {"tag": tag, "attributes": attributes, "text": text, "children": list(children)}
