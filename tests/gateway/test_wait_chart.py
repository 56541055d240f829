"""The chart of a wait: the same facts as its text, readable by everybody, on any screen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.async_api import Page, expect

from gateway.wait_chart import draw, with_drawings
from tests.gateway.conftest import StandInBot
from tests.gateway.test_page import browser, needs_browser, page, say, violations

__all__ = ["browser", "page"]  # fixtures of the page's own tests

type Client = TestClient[web.Request, web.Application]

CARD: dict[str, Any] = {
    "kind": "wait_chart",
    "title": "The wait so far and the reported waits",
    "bars": [
        {"label": "So far", "said": "77 to 81 weeks", "weeks": 77, "weeks_at_most": 81, "as_of": None},
        {"label": "Average", "said": "33 weeks", "weeks": 33, "weeks_at_most": 33, "as_of": "2022-12"},
        {"label": "Longest", "said": "53 weeks", "weeks": 53, "weeks_at_most": 53, "as_of": "2022-12"},
    ],
    "caption": "Reported waits: December 2022. This does not tell when your turn is.",
    "text_alternative": "Wait so far: 77 to 81 weeks. Average wait, December 2022: 33 weeks.",
}
LABELS = ["So far: 77 to 81 weeks", "Average: 33 weeks", "Longest: 53 weeks"]


@pytest.fixture
def charted(bot: StandInBot) -> StandInBot:
    """The bot answers with a chart."""
    bot.replies = [
        {"text": "The referral was in May 2025."},
        {"custom": {"cards": [CARD], "topic": "wait_time"}},
    ]
    return bot


# -- the geometry ----------------------------------------------------------------------------------


def bars(drawing: dict[str, Any]) -> list[dict[str, str]]:
    return [shape["attributes"] for shape in drawing["children"] if shape["tag"] == "rect"]


def percent(value: str) -> float:
    return float(value.removesuffix("%"))


WEEKS = st.floats(0, 5000, allow_nan=False)


@settings(deadline=None)  # that a busy machine is slow is no fault of the chart
@given(st.lists(st.tuples(WEEKS, WEEKS), min_size=1, max_size=5))
def test_bars_are_as_long_as_their_weeks_and_never_leave_the_picture(
    weeks: list[tuple[float, float]],
) -> None:
    card = {
        **CARD,
        "bars": [
            {"label": "x", "said": "y", "weeks": min(pair), "weeks_at_most": max(pair)} for pair in weeks
        ],
    }
    drawing = draw(card, "a")
    assert drawing is not None

    drawn = bars(drawing)
    for bar in drawn:
        assert percent(bar["x"]) >= 0
        assert percent(bar["width"]) > 0
        assert percent(bar["x"]) + percent(bar["width"]) <= 101
    whole = [bar for bar in drawn if "maybe" not in bar["class"]]
    longest = max(1.0, *(max(pair) for pair in weeks))
    for (least, _), bar in zip([(min(pair), 0) for pair in weeks], whole, strict=True):
        assert percent(bar["width"]) == pytest.approx(99 * least / longest, abs=0.51)


@pytest.mark.parametrize(
    "broken",
    [
        {"bars": []},
        {"bars": None},
        {"bars": [{"label": "So far", "said": "x", "weeks": "many", "weeks_at_most": 3}]},
        {"bars": [{"label": "So far", "said": "x", "weeks": -1, "weeks_at_most": 3}]},
        {"bars": [{"label": "So far", "said": "x", "weeks": float("nan"), "weeks_at_most": 3}]},
        {"bars": [{"label": "So far", "said": "x", "weeks": float("inf"), "weeks_at_most": 3}]},
        {"text_alternative": None},
    ],
)
def test_a_card_without_proper_numbers_is_not_drawn(broken: dict[str, Any]) -> None:
    assert draw({**CARD, **broken}, "a") is None


def test_only_our_own_drawing_reaches_the_page() -> None:
    forged = {"tag": "script", "attributes": {}, "text": "alert(1)", "children": []}
    [bad, other] = with_drawings(
        [{"kind": "wait_chart", "drawing": forged}, {"kind": "service", "title": "x"}], "chart-1"
    )

    assert bad["drawing"] is None
    assert other == {"kind": "service", "title": "x"}


def test_two_charts_of_a_page_share_no_id() -> None:
    drawn = [*with_drawings([CARD, CARD], "chart-1"), *with_drawings([CARD], "chart-2")]

    ids = [shape["attributes"]["id"] for card in drawn for shape in card["drawing"]["children"][:2]]
    assert len(set(ids)) == len(ids) == 6


# -- on the page -----------------------------------------------------------------------------------


async def chart_of(page: Page) -> Any:
    await say(page, "I was referred in May 2025")
    chart = page.locator("figure.chart")
    await expect(chart).to_be_visible()
    return chart


@needs_browser
async def test_the_chart_has_a_name_a_description_and_labels(page: Page, charted: StandInBot) -> None:
    chart = await chart_of(page)

    drawing = chart.get_by_role("img", name=CARD["title"])
    await expect(drawing).to_have_accessible_description(CARD["text_alternative"])
    assert await chart.locator("text").all_text_contents() == LABELS
    await expect(chart.locator("figcaption")).to_have_text(CARD["caption"])


@needs_browser
async def test_axe_finds_nothing_wrong_with_it(page: Page, charted: StandInBot) -> None:
    await chart_of(page)

    assert await violations(page) == []


@needs_browser
@pytest.mark.parametrize("width", [320, 1280])
async def test_nothing_is_cut_off_and_bars_keep_their_order(
    page: Page, charted: StandInBot, width: int
) -> None:
    # 320 px is also what a window of 1280 px is at 400%.
    await page.set_viewport_size({"width": width, "height": 800})
    chart = await chart_of(page)

    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = await chart.locator("svg").bounding_box()
    assert box is not None
    for shape in await chart.locator("svg text, svg rect").all():
        own = await shape.bounding_box()
        assert own is not None
        assert own["x"] >= box["x"] - 1
        assert own["x"] + own["width"] <= box["x"] + box["width"] + 1
        assert own["y"] + own["height"] <= box["y"] + box["height"] + 1
    widths = {}
    for name, place in (("so far", 0), ("average", 2), ("longest", 3)):
        own = await chart.locator("rect").nth(place).bounding_box()
        assert own is not None
        widths[name] = own["width"]
    assert widths["average"] < widths["longest"] < widths["so far"]


@needs_browser
async def test_it_does_not_depend_on_colour(page: Page, charted: StandInBot) -> None:
    await page.emulate_media(forced_colors="active")
    chart = await chart_of(page)

    colours = await chart.locator("rect").evaluate_all(
        "bars => bars.map(bar => [getComputedStyle(bar).fill, getComputedStyle(bar).stroke])"
    )
    ground = await page.locator(".card").first.evaluate("card => getComputedStyle(card).backgroundColor")
    assert all(stroke != ground for _, stroke in colours)
    assert await chart.locator("text").first.evaluate("text => getComputedStyle(text).fill") != ground


async def test_without_javascript_the_same_chart_stands_on_the_page(
    client: Client, charted: StandInBot
) -> None:
    answer = await (await client.post("/", data={"text": "I was referred in May 2025"})).text()

    assert "<figure" in answer
    assert re.search(r'<svg[^>]* role="img"', answer)
    for label in LABELS:
        assert f">{label}</text>" in answer
    assert f"<figcaption>{CARD['caption']}</figcaption>" in answer
    assert "style=" not in answer


async def test_markup_in_a_label_stays_text(client: Client, bot: StandInBot) -> None:
    bars = [{**CARD["bars"][0], "label": "<script>alert(1)</script>"}]
    bot.replies = [{"text": "x"}, {"custom": {"cards": [{**CARD, "bars": bars}]}}]
    answer = await (await client.post("/", data={"text": "hello"})).text()

    assert "<script>alert(1)" not in answer
    assert "&lt;script&gt;alert(1)" in answer


async def test_a_client_of_the_rest_channel_gets_the_data(client: Client, charted: StandInBot) -> None:
    response = await client.post("/webhooks/rest/webhook", json={"sender": "s", "message": "hello"})
    [card] = [card for reply in await response.json() for card in reply.get("custom", {}).get("cards", [])]

    assert card == CARD
