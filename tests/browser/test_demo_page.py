"""The demo as a newcomer meets it: one command, one page, three views, in a real browser."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
SHOTS = os.environ.get("VOUCH_SHOTS")
"""A folder: keeps what the page looked like, for human eyes."""

pytestmark = pytest.mark.browser

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("needs Chromium: apt-get install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "CI needs Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@contextmanager
def demo(data: Path) -> Iterator[str]:
    """`vouch demo` for scripts; the address of the page. It must end cleanly when told to."""
    command = [sys.executable, "-m", "bot", "demo", "--no-browser"]
    command += ["--port", "0", "--simulator-port", "0", "--data", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield ready["simulator"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page at desktop width; whatever its script or its cards complain of is a failure."""
    faults: list[str] = []
    with demo(tmp_path) as address:
        opened = browser.new_page(viewport={"width": 1440, "height": 1000})
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.goto(address)
        yield opened
        assert opened.evaluate("window.vouchParseEvents") == []
        assert faults == []
        opened.close()


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def test_bob_jon_and_mia_play_late_quarantine(page: Page) -> None:
    customer, chat, analysts = (
        page.get_by_test_id(f"pane-{pane}") for pane in ("customer", "person", "analyst")
    )
    page.get_by_test_id("scenario-late-quarantine").click()

    expect(chat.get_by_text("Did you open it?", exact=True)).to_be_visible()
    expect(customer.get_by_text("Nothing needed from you.")).to_be_visible()
    expect(analysts.get_by_text("66%", exact=True)).to_be_visible()
    _shot(page, "late-quarantine-asked")

    chat.get_by_role("button", name="I opened it", exact=True).click()
    expect(analysts.get_by_text("84%", exact=True)).to_be_visible()
    chat.get_by_role("button", name="I enabled content", exact=True).click()
    expect(analysts.get_by_text("93%", exact=True)).to_be_visible()
    expect(customer.get_by_text("Your turn, Contoso Security")).to_be_visible()
    _shot(page, "late-quarantine")

    customer.get_by_role("button", name="Approve", exact=True).click()
    expect(chat.get_by_text("LAPTOP-7 goes offline now", exact=False).first).to_be_visible()
    expect(customer.get_by_text("Jon Park approved", exact=False).first).to_be_visible()

    analysts.get_by_role("button", name="Close as proposed", exact=True).click()
    expect(chat.get_by_text("It was malware", exact=False).first).to_be_visible()
    expect(customer.get_by_role("button", name="Accept", exact=True)).to_be_visible()
    expect(analysts.get_by_role("button", name="Reopen", exact=True)).to_be_visible()
    _shot(page, "late-quarantine-closed")

    customer.get_by_role("button", name="Accept", exact=True).click()
    expect(customer.get_by_text("Accepted by Jon Park")).to_be_visible()


def test_the_thief_gets_nothing_and_the_phone_wins(page: Page) -> None:
    page.get_by_test_id("scenario-the-thief-answers").click()
    analysts = page.get_by_test_id("pane-analyst")
    expect(analysts.get_by_text("Call Carla Duarte", exact=False).first).to_be_visible()

    page.get_by_test_id("step-it-was-me").click()
    chat = page.get_by_test_id("pane-person")
    expect(chat.get_by_text("Thank you, received.")).to_be_visible()
    page.get_by_test_id("step-mail-rule").click()
    expect(analysts.get_by_text("97%", exact=True)).to_be_visible()
    _shot(page, "the-thief-answers")


def test_one_alert_means_two_things(page: Page) -> None:
    page.get_by_test_id("scenario-same-alert-two-customers").click()
    analysts = page.get_by_test_id("pane-analyst")

    expect(analysts.get_by_text("FABRIKAM-1", exact=False).first).to_be_visible()
    expect(analysts.get_by_role("button", name="Close as proposed", exact=True)).to_be_visible()
    expect(page.get_by_text("IT installs AnyDesk by script", exact=False).first).to_be_visible()
    _shot(page, "same-alert-two-customers")


def test_bob_answers_on_his_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_test_id("scenario-late-quarantine").click()
    page.get_by_test_id("tab-person").click()
    chat = page.get_by_test_id("pane-person")

    expect(chat.get_by_role("button", name="I opened it", exact=True)).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not overflow
    _shot(page, "phone")
