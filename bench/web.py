"""How quickly the chat is there in a browser: `python -m bench.web http://127.0.0.1:8080` (needs Chromium).

Requests, bytes as sent, and the time until it can be used, as it is and with a processor four times as slow.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
from dataclasses import dataclass

from playwright.async_api import Browser, CDPSession, Page, async_playwright

#: Each figure is the median of so many fresh visits.
VISITS = 5


@dataclass
class Visit:
    """What one visit took: requests, bytes over the wire, and milliseconds until it could be used."""

    requests: int = 0
    size: int = 0
    usable: float = 0.0


async def _count(page: Page, visit: Visit) -> CDPSession:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")

    def finished(event: dict[str, float]) -> None:
        visit.requests += 1
        visit.size += int(event["encodedDataLength"])

    devtools.on("Network.loadingFinished", finished)
    return devtools


async def _visit(browser: Browser, base: str, what: str, slower: int) -> Visit:
    """One visit with an empty cache. ``what``: "page", "launcher" or "opened"."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page, visit = await context.new_page(), Visit()
    devtools = await _count(page, visit)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    clock = asyncio.get_running_loop().time
    began = clock()
    await page.goto(base + ("/" if what == "page" else "/demo"), wait_until="commit")
    launcher = page.locator("#launcher")
    if what != "page":
        await launcher.wait_for(state="visible")
    if what == "opened":
        visit.requests = visit.size = 0
        began = clock()
        await launcher.click()
    if what != "launcher":
        await page.locator("helpline-chat #text").wait_for(state="visible")
    visit.usable = (clock() - began) * 1000
    await page.wait_for_load_state("networkidle")
    await context.close()
    return visit


async def measure(base: str) -> None:
    """Print the table."""
    chromium = shutil.which("chromium") or sys.exit("needs Chromium")
    print("| | requests | KB sent | usable, ms | usable, ms, processor 4x slower |")
    print("|---|---|---|---|---|")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for what, name in (
            ("page", "the page of its own"),
            ("launcher", "a council's page, until the button is there"),
            ("opened", "pressing the button, until one can type"),
        ):
            await _visit(browser, base, what, 1)  # the first visit warms the browser up
            usual = [await _visit(browser, base, what, 1) for _ in range(VISITS)]
            slow = [await _visit(browser, base, what, 4) for _ in range(VISITS)]
            print(
                f"| {name} | {usual[0].requests} | {usual[0].size / 1024:.1f} "
                f"| {statistics.median(v.usable for v in usual):.0f} "
                f"| {statistics.median(v.usable for v in slow):.0f} |"
            )
        await browser.close()


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1].rstrip("/")))
