"""Carla confirms by a fresh sign-in that it is her; others try to."""

import re
from pathlib import Path
from typing import Any

import pytest

from storage.engine import StoreBusyError
from tests.story.activity import click
from tests.story.browser import CROSS_SITE, Browser, Page
from tests.story.graph_incident import BOB, CARLA, CONTOSO, alert, unfamiliar_sign_in, user
from tests.story.house import PUBLIC_URL, House, house, swap, words
from triage.incident import Assurance, Incident, Verification, VerificationState

LOW = {"severity": "low"}


async def asked(h: House) -> str:
    """Carla has the neutral card; its link."""
    await h.report(unfamiliar_sign_in(**LOW))
    return await link_of(h)


async def link_of(h: House) -> str:
    card = await h.card("Carla Duarte")
    (link,) = re.findall(re.escape(PUBLIC_URL) + r"/confirm/[\w-]+", str(card.card))
    return str(link)


async def state(h: House) -> tuple[Incident, Verification]:
    incident = await h.incident("4713")
    (verification,) = incident.verifications
    return incident, verification


def odds(incident: Incident) -> float:
    assert incident.decision is not None
    return incident.decision.log_odds


async def events(h: House) -> int:
    return len(await h.history("4713"))


async def passed(h: House, browser: Browser) -> Page:
    page = await browser.sign_in(await browser.begin(await asked(h)), CARLA)
    assert page.choices == ["mine", "not_mine", "not_sure"], page.text
    return page


async def test_carla_confirms_and_her_answer_lowers(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        question = await passed(h, browser)
        before, _ = await state(h)

        end = await browser.submit(question, choice="mine")
        await h.settle()

        after, verification = await state(h)
        answer = after.questions[0].answer
        assert answer is not None
        assert (answer.choice, answer.assurance) == ("mine", Assurance.L2)
        assert round(odds(after) - odds(before), 2) == -3.0
        assert verification.state is VerificationState.PASSED
        assert "Thank you" in end.text
        desk = (await h.soc()).text
        assert "Known by: a fresh sign-in (L2)" in desk
        assert "fido, mfa" in desk
        assert (await h.card("Carla Duarte")).text.count("Confirm") == 0


async def test_not_me_after_a_sign_in_contains(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        question = await passed(h, browser)
        before, _ = await state(h)

        await browser.submit(question, choice="not_mine")

        after, _ = await state(h)
        assert odds(after) > odds(before)


async def test_before_the_sign_in_no_page_and_no_card_says_what_happened(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        await browser.begin(await asked(h))

        said = (await h.card("Carla Duarte")).text + browser.seen[0].text + browser.seen[1].text
        assert "Contoso Security" in said
        assert not re.search(r"unfamiliar|device|risk|revok|detect|session", said, re.IGNORECASE)


async def test_looking_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        link = await asked(h)
        before = await events(h)

        for method in ("GET", "HEAD", "GET"):
            assert (await Browser(h).open(link, method)).status == 200

        assert await events(h) == before
        for path in ("/signed-in", "/signed-in/answer"):
            assert (await Browser(h).open(PUBLIC_URL + path)).status == 405


async def test_a_form_on_another_site_begins_and_answers_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        link = await asked(h)
        browser = Browser(h)
        before = await events(h)

        page = await browser.submit(await browser.open(link), headers=CROSS_SITE)
        nameless = await browser.submit(await browser.open(link), headers={"X-Any": "1"})

        assert (page.status, nameless.status) == (403, 403)
        assert await events(h) == before
        question = await browser.sign_in(await browser.begin(link), CARLA)
        refused = await browser.submit(question, headers=CROSS_SITE, choice="mine")
        assert refused.status == 403
        assert (await state(h))[0].questions[0].answer is None


@pytest.mark.parametrize(
    ("who", "how", "why"),
    [
        (BOB, "passkey", "wrong_person"),
        (CARLA, "password", "weak"),
        (CARLA, "phone", "weak"),
        (CARLA, "no_context", "no_context"),
        (CARLA, "stale", "not_fresh"),
        (CARLA, "wrong_nonce", "forged"),
        (CARLA, "denied", "denied"),
    ],
)
async def test_what_falls_short_confirms_nothing(
    tmp_path: Path, who: str, how: str, why: str
) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        at = await browser.begin(await asked(h))
        before, _ = await state(h)

        page = await browser.sign_in(at, who, how)
        await h.settle()

        after, verification = await state(h)
        assert (verification.state, verification.why) == (VerificationState.FAILED, why)
        assert odds(after) == odds(before)
        assert after.questions[0].state.state == "open"
        assert page.choices == []
        assert why not in page.text
        assert "Not confirmed" in (await h.soc()).text


async def test_that_bob_signed_in_for_carla_is_told_to_the_analysts(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        await browser.sign_in(await browser.begin(await asked(h)), BOB)
        await h.settle()

        told = "\n".join(await h.told("Nordwall MXDR"))
        assert "somebody else signed in, bob@contoso" in told


async def test_somebody_of_another_tenant_confirms_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        mia = (await h.person("Mia Lindqvist"))["id"]
        browser = Browser(h)
        await browser.sign_in(await browser.begin(await asked(h)), mia)

        assert (await state(h))[1].why == "wrong_tenant"


async def test_what_came_back_once_is_good_for_nothing_more(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        question = await passed(h, browser)
        back = browser.seen[-2]
        before = await events(h)

        again = await browser.submit(back)
        assert again.status == 404
        assert await events(h) == before

        await browser.submit(question, choice="mine")
        twice = await browser.submit(question, choice="not_mine")

        assert twice.status == 404
        answer = (await state(h))[0].questions[0].answer
        assert answer is not None
        assert answer.choice == "mine"


class Full:
    """A writer that has room for so many, then for none, as under load."""

    def __init__(self, h: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self._write = h.vouch.store.write
        self._monkeypatch, self._h = monkeypatch, h

    def after(self, room: int) -> None:
        async def write(*args: Any, **kwargs: Any) -> Any:
            nonlocal room
            room -= 1
            if room < 0:
                raise StoreBusyError("full", 1.0)
            return await self._write(*args, **kwargs)

        self._monkeypatch.setattr(self._h.vouch.store, "write", write)


async def test_an_answer_for_which_there_was_no_room_is_pressed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        question = await passed(h, browser)
        await h.settle()

        with monkeypatch.context() as full:
            Full(h, full).after(0)
            assert (await browser.submit(question, choice="mine")).status == 503
        assert (await browser.submit(question, choice="mine")).status == 200

        answer = (await state(h))[0].questions[0].answer
        assert answer is not None
        assert answer.choice == "mine"


async def test_a_sign_in_whose_page_was_lost_is_begun_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        at = await browser.begin(await asked(h))
        await h.settle()
        with monkeypatch.context() as full:
            Full(h, full).after(2)  # the step is taken and the sign-in recorded
            lost = await browser.sign_in(at, CARLA)

        assert lost.status == 503
        assert (await state(h))[1].state is VerificationState.PASSED
        await h.settle()
        question = await browser.sign_in(await browser.begin(await link_of(h)), CARLA)
        await browser.submit(question, choice="mine")
        answer = (await state(h))[0].questions[0].answer
        assert answer is not None
        assert answer.assurance is Assurance.L2


async def test_a_code_of_one_sign_in_is_no_good_for_another(tmp_path: Path) -> None:
    """Without this sign-in's PKCE verifier a stolen code buys nothing."""
    async with house(tmp_path) as h:
        link = await asked(h)
        first, second = Browser(h), Browser(h)
        stolen = await first.submit(await first.begin(link), user=CARLA, how="passkey")
        mine = await second.submit(await second.begin(link), user=CARLA, how="passkey")

        page = await second.submit(mine, code=stolen.fields["code"])

        assert page.choices == []
        assert (await state(h))[1].why == "denied"


async def test_an_unknown_link_and_an_old_one_read_the_same(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        link = await asked(h)
        unknown = await Browser(h).open(f"{PUBLIC_URL}/confirm/no-such-link")
        await h.later(hours=30)

        old = await Browser(h).open(link)

        assert (old.status, unknown.status) == (404, 404)
        assert old.text == unknown.text
        h.accepts_trouble = True


async def test_a_card_s_own_handle_is_no_link(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        card = await h.card("Carla Duarte")
        handle = card.data("answer.q1.call_me")["handle"]

        assert (await Browser(h).open(f"{PUBLIC_URL}/confirm/{handle}")).status == 404
        link = (await link_of(h)).rsplit("/", 1)[1]
        forged = {**card.data("answer.q1.call_me"), "handle": link}
        answer = await h.send(await click(h, "Carla Duarte", card, forged))
        assert "no longer in use" in words(answer)
        assert (await state(h))[0].questions[0].replies == ()


async def test_where_entra_does_not_answer_the_attempt_ends_and_the_question_stays(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        link = await asked(h)
        await h.fault(kind="bad_gateway", path="openid-configuration", times=20)
        browser = Browser(h)

        page = await browser.submit(await browser.open(link))

        assert page.status == 503
        incident, verification = await state(h)
        assert verification.why == "unavailable"
        assert incident.questions[0].state.state == "open"


async def test_a_new_way_to_sign_in_voids_what_carla_confirmed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        await browser.submit(await passed(h, browser), choice="mine")
        lowered = odds((await state(h))[0])
        changed = alert(
            "Suspicious Sign In Followed by MFA Modification",
            "azureAdIdentityProtection",
            user(CARLA, "carla@contoso.example"),
            id_="mfa1",
            severity="low",
            mitreTechniques=["T1556.006"],
        )
        body = unfamiliar_sign_in(**LOW)
        await h.report(body | {"alerts": [*body["alerts"], changed]})

        incident, verification = await state(h)
        assert (verification.state, verification.why) == (
            VerificationState.VOID,
            "authenticators_changed",
        )
        assert odds(incident) > lowered + 2.9


async def test_without_a_context_carla_is_led_to_the_service_desk(tmp_path: Path) -> None:
    async with house(tmp_path, {"contoso": swap("probed = 2026-11-20", "")}) as h:
        await h.report(unfamiliar_sign_in(**LOW))

        card = await h.card("Carla Duarte")
        assert "confirm" not in str(card.card).lower()
        assert "call the service desk" in card.text


async def test_pages_are_framed_by_nobody_and_send_nowhere_else(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        page = await Browser(h).open(await asked(h))

        policy = page.headers["Content-Security-Policy"]
        assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= {
            part.strip() for part in policy.split(";")
        }
        assert page.headers["Cache-Control"] == "no-store"
        assert 'lang="en' in page.html
        assert "prefers-color-scheme" in page.html
        assert "<script" not in page.html


async def test_what_entra_is_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        browser = Browser(h)
        at = await browser.begin(await asked(h))

        fields: dict[str, Any] = at.fields
        assert fields["max_age"] == "0"
        assert fields["prompt"] == "login"
        assert fields["response_mode"] == "form_post"
        assert '"acrs": {"essential": true, "value": "c1"}' in fields["claims"]
        assert fields["login_hint"] == "carla@contoso.example"
        assert f"/{CONTOSO}/" in at.url


async def test_the_demo_s_bob_can_sign_in_from_his_card(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h._api("POST", "/scenarios/is-it-you/start", {})
        await h.settle()
        card = await h.card("Bob Meyer")
        (link,) = re.findall(re.escape(PUBLIC_URL) + r"/confirm/[\w-]+", str(card.card))

        page = await Browser(h).open(link)

        assert page.status == 200
        assert "confirm that it is you" in page.text
