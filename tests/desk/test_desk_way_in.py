"""The pages before somebody is signed in, in a real Chromium and in every window: they let everybody in."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from conversations.models import DeskRole
from conversations.store import Store
from desk.settings import DeskSettings
from tests.desk.conftest import PASSWORD, new_adviser
from tests.desk.test_desk_browser import CHROMIUM, context, problems_of

__all__ = ["context"]  # a fixture

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM} (apt-get install chromium)"
)


@pytest.fixture
def settings(settings: DeskSettings) -> DeskSettings:
    """A desk of a council with a sign-in service of its own, which is down."""
    return settings.model_copy(
        update={
            "oidc_issuer": "http://127.0.0.1:1",
            "oidc_client_id": "helpline",
            "oidc_roles": {"Helpline.Adviser": DeskRole.ADVISER},
            "oidc_name": "Derbyshire account",
        }
    )


async def typed(page: Page, **words: str) -> None:
    """Fill in the form by its labels and send it from the keyboard."""
    for label, text in words.items():
        await page.get_by_label(label.replace("_", " "), exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_signing_in_with_every_mistake_has_no_violation_in_any_window(
    context: BrowserContext, store: Store
) -> None:
    await new_adviser(store, "Sam Surname")
    page = await context.new_page()
    problems = await problems_of(page, "/desk/sign-in")
    problems += await problems_of(page, "/desk/sign-in?done=password")
    await page.goto("/desk/sign-in")
    await typed(page, Your_name="", Password="")
    await expect(page.get_by_role("alert").get_by_role("link", name="Enter your name.")).to_be_visible()
    problems += await problems_of(page)
    await typed(page, Your_name="Sam Surname", Password="wrong")
    await expect(page).to_have_title("Error: Sign in - Advisers' desk")
    problems += await problems_of(page)
    assert problems == []
    await typed(page, Your_name="Sam Surname", Password=PASSWORD)
    await expect(page.get_by_role("heading", name="Queue")).to_be_visible()


async def test_choosing_a_password_with_every_mistake_has_no_violation_in_any_window(
    context: BrowserContext, store: Store
) -> None:
    _, link = await store.add_adviser("Kim Newcomer")
    page = await context.new_page()
    problems = await problems_of(page, "/desk/password")
    problems += await problems_of(page, "/desk/password?link=used")
    problems += await problems_of(page, f"/desk/password?link={link}")
    await typed(page, New_password="short", The_same_password_again="short")
    await expect(page).to_have_title("Error: Choose your password - Advisers' desk")
    problems += await problems_of(page)
    await typed(page, New_password=PASSWORD, The_same_password_again=PASSWORD)
    await expect(page.get_by_text("Your password is set.")).to_be_visible()
    problems += await problems_of(page)
    assert problems == []


async def test_whoever_comes_back_from_elsewhere_without_getting_in_is_told_how_to_go_on(
    context: BrowserContext,
) -> None:
    page = await context.new_page()
    await page.goto("/desk/sign-in")
    await page.get_by_role("button", name="Sign in with Derbyshire account").click()
    await expect(page.get_by_role("heading", name="does not answer just now")).to_be_visible()
    problems = await problems_of(page)
    problems += await problems_of(page, "/desk/sign-in/elsewhere/back?error=access_denied")
    problems += await problems_of(page, "/desk/sign-in/elsewhere/back?state=x&code=y")
    await expect(page.get_by_role("button", name="Try again with Derbyshire account")).to_be_visible()
    await page.get_by_role("link", name="Sign in with a password of this desk").click()
    await expect(page.get_by_role("heading", name="Sign in to the desk")).to_be_visible()
    assert problems == []
