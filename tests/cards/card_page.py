"""A browser page that draws cards with Microsoft's own renderer, and tells what a reader sees."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from cards.elements import Card

PAGE = Path(__file__).parent / "card_page.html"
VENDOR = Path(__file__).parents[2] / "simulator/page/vendor"
RENDERER = [VENDOR / "adaptivecards.min.js", VENDOR / "markdown-it.umd.min.js"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium"),
]


@contextmanager
def card_page(width: int = 2100) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_content(PAGE.read_text(encoding="utf-8"))
        for script in RENDERER:
            page.add_script_tag(path=script)
        yield page
        browser.close()


def complaints(page: Page, cards: Mapping[str, Card], width: int) -> list[str]:
    """What the renderer did not understand, or could not fit."""
    found: list[str] = page.evaluate("([cards, width]) => show(cards, width)", [cards, width])
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A card as it is drawn."""

    events: list[str]
    """What the renderer complained of."""
    elements: list[str]
    """Every HTML element, in order."""
    links: list[str]
    images: list[str]
    text: str
    """Every piece of text on a line of its own."""
    reordered: list[tuple[str, str]]
    """Text before and after each place where reading jumps back to the left."""
    height: int
    fits: bool


def look(page: Page, cards: Mapping[str, Card], width: int = 320) -> dict[str, Seen]:
    """Each card as a reader sees it, sent as Teams would send it: as JSON."""
    wire = json.dumps(cards)
    found: dict[str, Any] = page.evaluate(
        "([wire, width]) => look(JSON.parse(wire), width)", [wire, width]
    )
    return {
        name: Seen(**seen | {"reordered": [(a, b) for a, b in seen["reordered"]]})
        for name, seen in found.items()
    }
