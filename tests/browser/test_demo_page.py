"""The demo as a newcomer meets it: one command, one page, three views, in a real browser."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.story.hostile_incident import storm
from tests.story.nursery import Nursery, nursery

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 30
CHROMIUM = shutil.which("chromium")
FAINT = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
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


@pytest.fixture(scope="module")
def cradle() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


@contextmanager
def demo(cradle: Nursery, data: Path) -> Iterator[dict[str, str]]:
    """`vouch demo` for scripts; the addresses of both. It must end cleanly when told to."""
    log = data / "demo.log"
    options = "--no-browser", "--port", "0", "--simulator-port", "0", "--data", str(data)
    pid = cradle.demo(options, log)
    yield _said(log)
    assert cradle.stop(pid) == 0


def _said(log: Path) -> dict[str, str]:
    """The line with both addresses, once it is written."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if log.exists() and "\n" in (written := log.read_text(encoding="utf-8")):
            said: dict[str, str] = json.loads(written.partition("\n")[0])
            return said
        time.sleep(0.02)
    raise AssertionError(f"the demo did not start: {log.read_text(encoding='utf-8')}")


@pytest.fixture
def addresses(cradle: Nursery, tmp_path: Path) -> Iterator[dict[str, str]]:
    with demo(cradle, tmp_path) as ready:
        yield ready


@pytest.fixture
def page(browser: Browser, addresses: dict[str, str]) -> Iterator[Page]:
    """The page at desktop width; whatever its script or its cards complain of is a failure."""
    faults: list[str] = []
    opened = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(addresses["simulator"])
    expect(opened.get_by_test_id("clock-time")).to_have_text(re.compile(r"\d\d:\d\d"))
    yield opened
    assert opened.evaluate("window.vouchParseEvents") == []
    assert faults == []
    opened.close()


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def _shots(page: Page, name: str, pane: str, shown: Locator) -> None:
    """For human eyes alone: on a phone, a tablet and a desk, by day and by night."""
    if not SHOTS:
        return
    for width, height in ((320, 700), (800, 1100), (1440, 1000)):
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)
            tab = page.get_by_test_id(f"tab-{pane}")
            if tab.is_visible():
                tab.click()
            shown.scroll_into_view_if_needed()
            page.wait_for_timeout(400)
            page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png")
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.emulate_media(color_scheme="light")


def panes(page: Page) -> tuple[Locator, Locator, Locator]:
    """The customer's channel, the person's chat and the analysts' channel."""
    customer, person, analyst = (
        page.get_by_test_id(f"pane-{pane}") for pane in ("customer", "person", "analyst")
    )
    return customer, person, analyst


def test_bob_jon_and_mia_play_late_quarantine(page: Page) -> None:
    customer, chat, analysts = panes(page)
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
    expect(chat.get_by_text("Thank you, received.", exact=True)).to_be_visible()
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


def _writes(pane: Locator, words: str) -> None:
    """In the newest thread, to Vouch."""
    thread = pane.get_by_test_id("thread").first
    thread.get_by_role("button", name="@Vouch").click()
    thread.get_by_test_id("reply").fill(words)
    thread.get_by_test_id("reply").press("Enter")


def _acts_as(page: Page, who: str) -> None:
    select = page.get_by_test_id("acting-customer")
    label = select.locator("option", has_text=who).first.text_content()
    select.select_option(label=label)


def test_a_whole_case_with_bob_jon_ines_and_mia(page: Page) -> None:
    """Bob answers, Jon approves, Mia takes it, writes to the customer, gives Ines a task and closes."""
    customer, chat, analysts = panes(page)
    page.get_by_test_id("scenario-late-quarantine").click()
    chat.get_by_role("button", name="I opened it", exact=True).click()
    chat.get_by_role("button", name="I enabled content", exact=True).click()
    customer.get_by_role("button", name="Approve", exact=True).click()
    expect(chat.get_by_text("LAPTOP-7 goes offline now", exact=False).first).to_be_visible()

    analysts.get_by_role("button", name="Take", exact=True).click()
    expect(customer.get_by_text("Mia Lindqvist is working on it").first).to_be_visible()
    analysts.get_by_role("button", name="Send to customer…", exact=True).click()
    analysts.get_by_label("Your words to the customer").fill("One device, three emails removed.")
    analysts.get_by_role("button", name="Preview", exact=True).click()
    analysts.locator(".card").get_by_role("button", name="Send", exact=True).click()
    expect(customer.get_by_text("three emails removed", exact=False).first).to_be_visible()

    _writes(analysts, "task @ines replace LAPTOP-7 by friday")
    expect(analysts.get_by_text("under your name: Replace LAPTOP-7").first).to_be_visible()
    do_it = analysts.get_by_role("button", name="Do it", exact=True)
    _shots(page, "task-preview", "analyst", do_it)
    do_it.click()
    task = customer.get_by_role("button", name="Done", exact=True)
    expect(task).to_be_visible()
    _shots(page, "task-asked", "customer", task)
    _acts_as(page, "Ines Costa")
    task.click()
    done = analysts.get_by_text("Done by Ines Costa", exact=False).first
    expect(done).to_be_visible()
    _shots(page, "task-done", "analyst", done)

    analysts.get_by_role("button", name="Close as proposed", exact=True).click()
    closed = chat.get_by_text("It was malware", exact=False).last
    expect(closed).to_be_visible()
    _shots(page, "case-closed", "person", closed)
    accept = customer.get_by_role("button", name="I will do it", exact=True)
    _shots(page, "case-recommended", "customer", accept)
    accept.click()
    expect(customer.get_by_text("Accepted by Ines Costa").first).to_be_visible()


# --- the other scenarios -------------------------------------------------------------------------


def test_a_privileged_breach_locks_the_account_and_asks_for_the_machine(page: Page) -> None:
    customer, _, analysts = panes(page)
    page.get_by_test_id("scenario-privileged-breach").click()
    expect(analysts.get_by_text("Call Ines Costa", exact=False).first).to_be_visible()

    page.get_by_test_id("step-credential-theft").click()

    expect(customer.get_by_text("Isolate ADMIN-WS-2?", exact=True)).to_be_visible()
    expect(customer.get_by_text("Disable the account", exact=False).first).to_be_visible()
    expect(customer.get_by_test_id("thread")).to_have_count(1)
    expect(analysts.get_by_test_id("thread")).to_have_count(1)
    _shot(page, "privileged-breach")

    customer.get_by_role("button", name="Approve", exact=True).click()
    expect(customer.get_by_text("Jon Park approved", exact=False).first).to_be_visible()


def test_paulo_taps_wrong_and_corrects_himself(page: Page) -> None:
    customer, chat, analysts = panes(page)
    page.get_by_test_id("scenario-oops").click()
    chat.get_by_role("button", name="Eu esperava", exact=True).click()
    analysts.get_by_role("button", name="Close as proposed", exact=True).click()
    expect(customer.get_by_text("CONTOSO-1 is closed", exact=False).first).to_be_visible()

    chat.get_by_role("button", name="Mudar minha resposta", exact=True).click()
    chat.get_by_role("button", name="Não esperava", exact=True).click()

    expect(customer.get_by_text("Reopened", exact=True)).to_be_visible()
    expect(customer.get_by_text("CONTOSO-1 is open again", exact=False).first).to_be_visible()
    _shot(page, "oops")


def test_bob_gave_the_code_away(page: Page) -> None:
    customer, chat, analysts = panes(page)
    page.get_by_test_id("scenario-is-this-phishing").click()

    chat.get_by_role("button", name="I shared something", exact=True).click()

    expect(customer.get_by_text("Revoke the sessions of Bob Meyer").first).to_be_visible()
    expect(chat.get_by_text("Thank you, received.", exact=True)).to_be_visible()
    expect(chat.get_by_role("button", name="Change my answer")).to_have_count(0)
    page.get_by_test_id("step-code-used").click()
    expect(customer.get_by_text("Disable the account Bob Meyer").first).to_be_visible()
    expect(analysts.get_by_text("99%", exact=True)).to_be_visible()
    expect(customer.get_by_test_id("thread")).to_have_count(1)
    _shot(page, "is-this-phishing")


def _next_until(page: Page, lead: str) -> None:
    """From one deadline to the next: reminders and clocks that warn come between."""
    clock, ahead = page.get_by_test_id("clock-next"), page.get_by_test_id("clock-lead")
    for _ in range(8):
        clock.click()
        expect(clock).to_have_attribute("aria-busy", "false")
        expect(ahead).to_contain_text("min")
        if ahead.text_content() == lead:
            break
    expect(ahead).to_have_text(lead)


def test_forty_alerts_the_clock_and_a_closure_that_is_undone(page: Page) -> None:
    customer, _, analysts = panes(page)
    page.get_by_test_id("scenario-forty-alerts").click()
    expect(customer.get_by_test_id("thread")).to_have_count(2)
    expect(analysts.get_by_test_id("thread")).to_have_count(5)
    expect(customer.get_by_text("Isolate KIOSK-3?", exact=True)).to_be_visible()

    _next_until(page, "(+13 min)")
    expect(customer.get_by_text("Nobody answered by", exact=False).first).to_be_visible()
    page.get_by_test_id("clock-30").click()
    expect(page.get_by_test_id("clock-lead")).to_have_text("(+43 min)")
    expect(customer.get_by_text("CONTOSO-2 is closed", exact=False).first).to_be_visible()
    _shot(page, "forty-alerts")

    analysts.get_by_role("button", name="Reopen", exact=True).click()
    expect(customer.get_by_text("CONTOSO-2 is open again", exact=False).first).to_be_visible()

    digest = customer.get_by_text("Incidents of the day", exact=False).first
    for _ in range(24):
        page.get_by_test_id("clock-60").click()
        expect(page.get_by_test_id("clock-60")).to_have_attribute("aria-busy", "false")
        if digest.count():
            break
    expect(digest).to_be_attached()
    _shot(page, "forty-alerts-digest")


# --- the page itself -----------------------------------------------------------------------------


def test_a_newcomer_is_told_how_this_works_until_they_begin(page: Page) -> None:
    told = page.get_by_test_id("help")
    expect(told).to_be_visible()
    expect(told.get_by_role("heading", name="Whom you play")).to_be_visible()
    _shot(page, "help")

    page.get_by_test_id("scenario-late-quarantine").click()
    expect(told).to_be_hidden()
    page.reload()
    expect(page.get_by_test_id("how-to-play")).to_be_visible()
    expect(told).to_be_hidden()
    page.get_by_test_id("help-toggle").click()
    expect(told).to_be_focused()
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    expect(page.get_by_test_id("help-toggle")).to_be_focused()


def test_the_theme_follows_the_system_until_another_is_chosen(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light

    page.get_by_role("button", name="Switch to the light theme").click()
    assert page.evaluate(ground) == light
    page.reload()
    assert page.evaluate(ground) == light


def test_text_can_be_read_in_both_themes(page: Page) -> None:
    page.get_by_test_id("scenario-forty-alerts").click()
    page.get_by_test_id("scenario-late-quarantine").click()
    expect(panes(page)[0].get_by_test_id("thread")).to_have_count(3)
    expect(panes(page)[2].get_by_test_id("thread")).to_have_count(6)
    page.get_by_test_id("help-toggle").click()
    page.get_by_test_id("drawer-toggle").click()

    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("document.querySelectorAll('.pending').length === 0")
        page.wait_for_timeout(500)  # colours change over a moment
        assert page.evaluate(FAINT) == [], theme


def test_the_page_is_played_by_keyboard_alone(page: Page) -> None:
    customer, chat, _ = panes(page)
    page.keyboard.press("s")
    expect(page.get_by_test_id("scenario-late-quarantine")).to_be_focused()
    page.keyboard.press("Enter")
    answer = chat.get_by_role("button", name="I opened it", exact=True)
    expect(answer).to_be_visible()

    page.keyboard.press("p")
    expect(chat.get_by_role("region", name="Personal chat: messages")).to_be_focused()
    _tab_to(page, answer)
    assert page.evaluate("getComputedStyle(document.activeElement).boxShadow") != "none"
    page.keyboard.press("Enter")
    expect(chat.get_by_role("button", name="I enabled content", exact=True)).to_be_visible()

    page.keyboard.press("c")
    expect(customer.get_by_role("region", name="Customer channel: messages")).to_be_focused()
    page.keyboard.press("b")
    expect(page.get_by_test_id("drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("drawer")).to_be_hidden()


def _tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("no Tab leads there")


def test_tab_goes_through_the_whole_page_and_out_of_it(page: Page) -> None:
    page.get_by_test_id("scenario-forty-alerts").click()
    expect(panes(page)[0].get_by_text("Isolate KIOSK-3?", exact=True)).to_be_visible()
    page.reload()
    expect(panes(page)[0].get_by_text("Isolate KIOSK-3?", exact=True)).to_be_visible()
    seen: list[str] = []
    for _ in range(300):
        page.keyboard.press("Tab")
        at: str = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if at.startswith("<body"):
            break
        seen.append(at)
    assert len(seen) < 300, "somewhere Tab is caught"
    assert 'class="skip"' in seen[0]
    for place in ("composer-customer", "composer-person", "composer-analyst"):
        assert any(place in one for one in seen), place


def test_keys_can_be_switched_off_and_typing_is_no_key(page: Page) -> None:
    box = page.get_by_test_id("composer-person")
    box.click()
    page.keyboard.type("bat")
    expect(box).to_have_value("bat")
    expect(page.get_by_test_id("drawer")).to_be_hidden()

    page.get_by_test_id("keys").uncheck()
    page.get_by_test_id("help-close").click()
    page.keyboard.press("b")
    expect(page.get_by_test_id("drawer")).to_be_hidden()


def test_a_long_word_stays_in_its_card_on_a_phone_and_nothing_covers_what_one_reads(
    page: Page,
) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.get_by_test_id("scenario-late-quarantine").click()
    page.get_by_test_id("tab-person").click()
    _, chat, _ = panes(page)
    expect(chat.get_by_role("button", name="I opened it", exact=True)).to_be_visible()

    chat.get_by_test_id("composer-person").fill("W" * 200)
    page.keyboard.press("Enter")
    expect(chat.get_by_text("W" * 200)).to_be_visible()

    for pane in ("person", "customer", "analyst"):
        page.get_by_test_id(f"tab-{pane}").click()
        assert page.evaluate(WIDER_WITH_LONG_WORDS, "W" * 120) == [], pane
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    covered = """[...document.querySelectorAll('.pill:not([hidden])')].some((pill) => {
        const [one, other] = [pill, pill.previousElementSibling].map((n) => n.getBoundingClientRect());
        return one.height > 0 && one.top < other.bottom;
    })"""
    assert not page.evaluate(covered)
    _shot(page, "phone-long-words")


@pytest.mark.parametrize("width", [375, 1440])
def test_hostile_alerts_are_text_in_every_view_and_fit(
    page: Page, addresses: dict[str, str], tmp_path: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 2800})
    page.get_by_test_id("help-close").click()
    _report(addresses["vouch"], tmp_path, storm(40))

    for pane in ("customer", "person", "analyst"):
        if width < 600:
            page.get_by_test_id(f"tab-{pane}").click()
        shown = page.get_by_test_id(f"pane-{pane}")
        expect(shown.get_by_text("(pay)(hxxps://evil[.]example)").first).to_be_visible()
        _shot(page, f"hostile-{pane}-{width}")
        assert shown.locator(".card").evaluate_all(MARKUP_IN_CARDS) == [], pane
        assert page.evaluate(BEYOND_THE_EDGE, pane) == [], pane
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def _report(vouch: str, data: Path, body: dict[str, Any]) -> None:
    keys = json.loads((data / "intake-keys.json").read_text(encoding="utf-8"))
    asked = Request(
        f"{vouch}/api/incidents/defender",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {keys['contoso']['defender']}"},
    )
    with urlopen(asked, timeout=30) as answer:
        assert answer.status == 201


MARKUP_IN_CARDS = """(cards) => cards.flatMap((card) =>
    [...card.querySelectorAll('a, img, b, strong, i, em, code, s, h1, h2, h3, li, hr, .mention')]
        .map((one) => one.outerHTML.slice(0, 120)))"""

BEYOND_THE_EDGE = """(name) => {
    const pane = document.querySelector(`[data-testid="pane-${name}"]`);
    const edge = pane.getBoundingClientRect().right + 1;
    return [...pane.querySelectorAll('.card *')]
        .filter((one) => one.getBoundingClientRect().width > 1 && one.getBoundingClientRect().right > edge)
        .map((one) => one.outerHTML.slice(0, 120));
}"""

WIDER_WITH_LONG_WORDS = """(word) => {
    const pane = document.querySelector('.pane.current');
    const lengthened = [...pane.querySelectorAll('.card p, .card .ac-pushButton')].filter((one) => {
        const text = [...one.childNodes].find((n) => n.nodeType === Node.TEXT_NODE);
        if (text) text.textContent = word;
        return text;
    });
    if (!lengthened.length) return ['no card'];
    const edge = pane.getBoundingClientRect().right + 1;
    return [...pane.querySelectorAll('.scroller *')]
        .filter((one) => one.getBoundingClientRect().width > 1 && one.getBoundingClientRect().right > edge)
        .map((one) => one.outerHTML.slice(0, 120));
}"""


# --- the on-call phone ---------------------------------------------------------------------------

ROUTING_KEY = "0123456789abcdef0123456789abcdef"


@contextmanager
def simulator(data: Path) -> Iterator[dict[str, Any]]:
    """The simulated Teams by itself, with a pager that a test rings; where it is."""
    keys = data / "pager.json"
    keys.write_text(json.dumps({"routing_key": ROUTING_KEY}))
    command = [sys.executable, "-m", "simulator", "--bot-url=http://127.0.0.1:9", "--app-id=a"]
    command += ["--app-secret=s", f"--data={data}", f"--pager={keys}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def _rings(ready: dict[str, Any], alarm: str, action: str, summary: str) -> None:
    event = {
        "routing_key": ROUTING_KEY,
        "event_action": action,
        "dedup_key": alarm,
        "payload": {"summary": summary, "source": "Contoso Security", "severity": "critical"},
    }
    request = Request(f"{ready['api']}/pagerduty/v2/enqueue", json.dumps(event).encode())
    with urlopen(request, context=ssl.create_default_context(cafile=ready["ca"])) as answer:
        assert answer.status == 202


def test_the_on_call_phone_shows_what_rang_and_whether_it_still_does(
    browser: Browser, tmp_path: Path
) -> None:
    take = "CONTOSO-42 (High): nobody has taken it. Take it by 03:20."
    with simulator(tmp_path) as ready:
        page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="light")
        page.goto(ready["page"])
        phone = page.get_by_test_id("pager")
        expect(page.get_by_test_id("connection")).to_have_text("Live")
        expect(phone).to_be_hidden()

        _rings(ready, "one", "trigger", take)
        _rings(ready, "one", "trigger", take)
        _rings(ready, "two", "trigger", "<b>FABRIKAM-7</b> (High): a call is overdue.")
        expect(phone.get_by_test_id("alarm")).to_have_count(2)
        expect(phone.get_by_text(take, exact=True)).to_be_visible()
        expect(phone.get_by_text("<b>FABRIKAM-7</b> (High)", exact=False)).to_be_visible()
        expect(phone.get_by_role("heading")).to_have_text("The on-call phone is ringing")
        expect(page.locator("#announcer")).to_contain_text(f"On-call phone, ringing: {take}")
        assert page.evaluate(FAINT) == []
        _shot(page, "pager-ringing")

        _rings(ready, "one", "acknowledge", take)
        _rings(ready, "two", "resolve", "over")
        expect(phone.get_by_text("Somebody is at work", exact=True)).to_be_visible()
        expect(phone.get_by_text("Over", exact=True)).to_be_visible()
        expect(phone.get_by_role("heading")).to_have_text("The on-call phone rang")

        page.set_viewport_size({"width": 390, "height": 844})
        _rings(ready, "three", "trigger", f"CONTOSO-43 (High): {'W' * 100}")
        expect(phone.get_by_test_id("alarm")).to_have_count(3)
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        _shot(page, "pager-phone")
        page.get_by_test_id("theme-toggle").click()
        assert page.evaluate(FAINT) == []
        page.close()
