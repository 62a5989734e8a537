"""The cards in Microsoft's own renderer, at the width of a desktop and of a phone.

VOUCH_SHOTS=some/folder pytest tests/cards/test_cards_browser.py keeps pictures to look at.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.cards import test_cards_render as rendered
from tests.cards.card_page import card_page, complaints, needs_browser
from tests.cards.cards_at_hand import READERS, all_cards

pytestmark = needs_browser


@pytest.fixture
def page() -> Iterator[Page]:
    with card_page() as page:
        yield page


@pytest.mark.parametrize("width", [480, 320])
@pytest.mark.parametrize("language", list(READERS))
def test_the_renderer_understands_every_card_and_it_fits(
    page: Page, language: str, width: int
) -> None:
    cards = {name: card for name, card in all_cards().items() if name.endswith(language)}
    found = complaints(page, cards, width)
    if folder := os.environ.get("VOUCH_SHOTS"):
        page.screenshot(path=f"{folder}/{language}_{width}.png", full_page=True)

    assert found == []


def test_hostile_cards_are_drawn_as_text_and_fit(page: Page) -> None:
    cards = {str(n): card for n, card in enumerate(rendered.largest_cards(READERS["en"]))}

    assert complaints(page, cards, 320) == []


def test_closing_asks_for_what_it_was_and_why(page: Page) -> None:
    complaints(page, {"case": all_cards()["analyst.waiting.en"]}, 480)
    page.get_by_role("button", name="Close as…").click()
    page.get_by_role("button", name="Close the case").click()

    assert page.locator("p", has_text="Choose what it was.").is_visible()
    assert page.get_by_text("Say why: the reason goes into the record.").is_visible()


def test_the_timeline_opens_on_demand(page: Page) -> None:
    complaints(page, {"case": all_cards()["analyst.waiting.en"]}, 480)
    line = page.get_by_text("Received from Defender XDR")

    assert not line.is_visible()
    page.get_by_role("button", name="Show what happened so far").click()
    assert line.is_visible()
