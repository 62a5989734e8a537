"""Teams fails in every way it fails: what is said is said once, and a person knows the rest."""

from pathlib import Path

from storage import effects, incidents
from tests.story.graph_incident import BOB, malware_ran
from tests.story.house import House, house
from triage.effects import Say
from triage.incident import Unreachable
from triage.phrases import phrase


async def cards_of_bob(h: House) -> int:
    return len([m for m in await h.chat("Bob Meyer") if m.card])


async def test_throttled_it_waits_as_long_as_asked_and_says_it_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.fault(kind="throttle", times=50, retryAfter=30)
        await h.report(malware_ran())
        assert await h.thread() == []
        struck = len(await h.calls())
        await h.later(seconds=29)
        assert len(await h.calls()) == struck, "nobody asks again before the time"

        await h._api("DELETE", "/faults")
        await h.later(seconds=2)

        assert len(await h.conversations("Contoso")) == 1
        assert len(await h.conversations("Nordwall MXDR")) == 1
        assert await cards_of_bob(h) == 1


async def test_throttled_for_hours_it_never_gives_up(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.fault(kind="throttle", times=10_000, retryAfter=600)
        await h.report(malware_ran())
        await h.later(hours=3)
        await h._api("DELETE", "/faults")
        await h.fault(kind="bad_gateway", times=6)

        await h.later(minutes=15)

        assert len(await h.conversations("Contoso")) == 1
        assert await cards_of_bob(h) == 1
        assert await h.stuck() == []


async def test_a_bad_gateway_is_tried_again(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.fault(kind="bad_gateway", times=6)
        await h.report(malware_ran())

        await h.later(minutes=5)

        assert len(await h.conversations("Contoso")) == 1
        assert len(await h.conversations("Nordwall MXDR")) == 1
        assert await cards_of_bob(h) == 1


async def test_a_bad_gateway_for_good_ends_with_a_person_who_knows(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        contoso = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
        await h.fault(kind="bad_gateway", times=10_000, tenant=contoso)
        await h.report(malware_ran())

        await h.later(hours=2)

        h.accepts_trouble = True
        case = await h.incident("4711")
        assert isinstance(case.questions[0].state, Unreachable)
        assert [c.person.name for c in case.calls] == ["Bob Meyer"]
        assert "+44 20 7946 0144" in (await h.soc()).text
        told = "\n".join(await h.told("Nordwall MXDR"))
        assert "did not reach the customer's thread" in told


async def known_chat(h: House) -> str:
    """Bob's chat, in which he has been told already who asks."""
    told = Say(
        f"introduced:person:{BOB}", f"person:{BOB}", phrase("hello.introduction", sender="C")
    )
    await h.vouch.store.write(
        "contoso", lambda tx: effects.order(tx, incidents.desk("contoso"), [told], h.clock.now())
    )
    await h.settle()
    return str((await h._api("POST", "/chats", {"user": BOB}))["id"])


async def test_a_lost_answer_repeats_at_most_one_message(tmp_path: Path) -> None:
    """The call was carried out and its answer never came: it cannot be told from one that was not.
    Teams offers nothing to look it up by, so the message may stand there twice, and no more."""
    async with house(tmp_path) as h:
        chat = await known_chat(h)
        await h.fault(kind="lost_answer", times=1, conversation=chat, method="POST")
        await h.report(malware_ran())

        await h.later(minutes=1)

        assert await cards_of_bob(h) == 2
        assert len(await h.conversations("Contoso")) == 1
        newest = await h.card("Bob Meyer")
        await h.press("Bob Meyer", newest, "answer.q1.opened")
        assert "enable content" in (await h.card("Bob Meyer")).text
        assert await cards_of_bob(h) == 2


async def test_the_card_that_stands_there_twice_answers_too(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        chat = await known_chat(h)
        await h.fault(kind="lost_answer", times=1, conversation=chat, method="POST")
        await h.report(malware_ran())
        await h.later(minutes=1)

        oldest = next(m for m in await h.chat("Bob Meyer") if m.card)
        await h.press("Bob Meyer", oldest, "answer.q1.opened")

        assert (await h.incident("4711")).questions[0].answer is not None


async def test_a_lost_answer_to_an_edit_repeats_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.fault(kind="lost_answer", times=2, method="PUT")

        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.later(minutes=1)

        assert await cards_of_bob(h) == 1
        assert "enable content" in (await h.card("Bob Meyer")).text
        assert len(await h.conversations("Contoso")) == 1


async def test_bob_has_blocked_the_bot_and_an_analyst_calls_with_the_reason(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.app("Bob Meyer", "block")

        await h.report(malware_ran())

        h.accepts_trouble = True
        case = await h.incident("4711")
        assert isinstance(case.questions[0].state, Unreachable)
        assert any("Bob Meyer does not answer" in said for said in await h.told("Jon Park"))
        await h.later(minutes=5)
        case = await h.incident("4711")
        assert [c.number for c in case.calls] == ["+44 20 7946 0144"]
        assert "has blocked the bot" in (await h.soc()).text
        assert len(await h.conversations("Contoso")) == 1


async def test_without_the_app_bob_is_called_and_gets_his_card_when_he_installs_it(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.app("Bob Meyer", "uninstall")
        await h.report(malware_ran())
        await h.later(minutes=5)
        case = await h.incident("4711")
        assert [c.person.name for c in case.calls] == ["Bob Meyer"]
        assert "the app is not installed for this person" in (await h.soc()).text
        assert [s.status for s in await h.stuck()] == ["blocked"]

        await h.app("Bob Meyer", "install")

        assert await h.stuck() == []
        card = await h.card("Bob Meyer")
        assert "Did you open it?" in card.text
        assert "Your answer helps" not in card.text
        await h.press("Bob Meyer", card, "answer.q1.opened")
        assert (await h.incident("4711")).questions[0].answer is not None


async def test_a_case_that_was_over_before_bob_installs_the_app_does_not_thank_him(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.app("Bob Meyer", "uninstall")
        await h.report(malware_ran())
        inputs = {"disposition": "falsePositive", "comment": "Ours."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        await h.app("Bob Meyer", "install")

        assert "Your answer helps" not in "\n".join(m.text for m in await h.chat("Bob Meyer"))


async def test_the_team_without_the_app_gets_its_thread_when_it_is_installed(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        team = "/teams/19:contoso-security@thread.tacv2"
        await h._api("POST", f"{team}/uninstall", {})
        await h.report(malware_ran())
        assert await h.thread() == []
        assert "blocked" in {s.status for s in await h.stuck()}
        told = "\n".join(await h.told("Nordwall MXDR"))
        assert "did not reach the customer's thread" in told

        await h._api("POST", f"{team}/install", {})
        await h.settle()

        assert len(await h.conversations("Contoso")) == 1
        assert await h.stuck() == []


async def test_a_root_that_was_deleted_is_posted_anew_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.delete(await h.root())

        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.not_me")
        await h.press("Jon Park", await h.approval(), "approve.p1")

        assert len(await h.conversations("Contoso")) == 1
        assert "Bob Meyer says: I did not" in (await h.root()).text
        assert (await h.incident("4711")).approvals[0].by_name == "Jon Park"


async def test_a_card_that_was_deleted_is_posted_anew_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")
        await h.press("Bob Meyer", card, "answer.q1.opened")
        await h.delete(await h.card("Bob Meyer"))
        assert await cards_of_bob(h) == 0

        inputs = {"disposition": "falsePositive", "comment": "Ours."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        assert await cards_of_bob(h) == 1
        assert "false alarm" in (await h.card("Bob Meyer")).text


async def test_a_deleted_analyst_root_is_posted_anew_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.delete(await h.soc())

        await h.write("Bob Meyer", "I am not sure what this was")
        await h.press("Mia Lindqvist", await h.soc(), "take")

        assert len(await h.conversations("Nordwall MXDR")) == 1
        assert "Mia Lindqvist" in (await h.soc()).text


async def test_slow_teams_holds_nobody_up(tmp_path: Path) -> None:
    """Bob's answer is acknowledged before anything is done about it."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")
        await h.fault(kind="bad_gateway", times=10_000)

        answer = await h.press_only("Bob Meyer", card, "answer.q1.opened")

        assert answer["status"] == 200
        assert answer["body"]["statusCode"] == 200
        await h._api("DELETE", "/faults")
        await h.settle()
