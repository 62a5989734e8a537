"""Bob can find out whether a card, or a caller, is genuine; a forger's code becomes an alarm."""

from pathlib import Path
from urllib.parse import quote

from bot.verifying import MOST_WRONG
from tests.story.graph_incident import BOB, malware_ran, unfamiliar_sign_in
from tests.story.house import House, house

ANALYST, PROVIDER = "Mia Lindqvist", "Nordwall MXDR"
DESK = "+44 20 7946 0100"


async def says_in_thread(h: House, who: str, words: str, tenant: str = "Contoso") -> str:
    """Somebody mentions us in the newest thread of a tenant; what we answer."""
    user = await h.person(who)
    root = await h.root(tenant)
    place = quote(root.conversation, safe="")
    before = len(await h.told(tenant))
    body = {"from": user["id"], "text": words, "mentionBot": True}
    await h._api("POST", f"/conversations/{place}/messages", body)
    await h.settle()
    return (await h.told(tenant))[before]


async def asks(h: House, who: str, words: str) -> str:
    """Somebody writes to us in their own chat; what we answer."""
    await h.write(who, words)
    return (await h.told(who))[-1]


async def test_bob_checks_his_card_and_learns_who_asked_and_when(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        code = (await h.incident("4711")).code
        assert f"Case {code}" in (await h.card("Bob Meyer")).text

        for words in (f"verify {code}", f"Verify: {' '.join(code.lower())}", f"prüfe Code {code}"):
            told = await asks(h, "Bob Meyer", words)
            assert told.startswith("Yes, this is genuine. Contoso Security asked you on ")

        log = await h.history("4711")
        assert [e.event.kind for e in log if e.actor] == []
        assert "unknown_code" not in {kind for kind, _ in await h.desk("contoso")}


async def test_a_code_that_is_not_for_him_is_not_confirmed_and_alarms_the_analysts(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        code = (await h.incident("4711")).code
        for who, wrong in (("Bob Meyer", "ZZZ9"), ("Carla Duarte", code)):
            told = await asks(h, who, f"verify {wrong}")

            assert told.startswith("We do not know this code.")
            assert DESK in told
            assert "CONTOSO" not in told
            kind, payload = (await h.desk("contoso"))[-1]
            assert (kind, payload["code"]) == ("unknown_code", wrong)
            shown = (await h.told(PROVIDER))[-1]
            assert who in shown
            assert wrong in shown


async def test_whoever_guesses_is_told_nothing_more_for_an_hour(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.later(minutes=60 - h.clock.now().minute)  # one alarm an hour, by the clock
        await h.report(malware_ran())
        code = (await h.incident("4711")).code
        for number in range(MOST_WRONG):
            await asks(h, "Bob Meyer", f"verify ZZZ{number}")
            await h.later(minutes=1)  # nobody types faster than Teams lets us answer

        assert "too many" in await asks(h, "Bob Meyer", f"verify {code}")
        alarms = [said for said in await h.told(PROVIDER) if "not ours" in said]
        assert len(alarms) == 1

        await h.later(minutes=61)
        assert "genuine" in await asks(h, "Bob Meyer", f"verify {code}")


async def test_a_suspect_account_learns_no_more_than_yes(tmp_path: Path) -> None:
    """Carla is phoned: her account may be in an attacker's hands, and so may this chat."""
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        (found,) = [i for i in [await h.by_name("CONTOSO-1")] if i.questions]

        told = await asks(h, "Carla Duarte", f"verify {found.code}")

        assert told == "Yes. This is from your security team."


async def test_the_security_team_confirms_a_code_in_its_channel(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        code = (await h.incident("4711")).code

        told = await says_in_thread(h, "Jon Park", f"verify {code}")
        assert told.startswith("Yes. This code is ours: CONTOSO-1, opened ")

        told = await says_in_thread(h, "Jon Park", "verify ZZZ9")
        assert DESK in told
        assert "Jon Park" in (await h.told(PROVIDER))[-1]


async def test_analysts_confirm_codes_of_every_customer(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        code = (await h.incident("4711")).code

        told = await says_in_thread(h, ANALYST, f"verify {code}", PROVIDER)
        assert told.startswith("Yes. This code is ours: CONTOSO-1, opened ")

        told = await says_in_thread(h, ANALYST, "verify ZZZ9", PROVIDER)
        assert told == "No case of any customer has the code ZZZ9."


async def test_a_code_of_one_customer_is_unknown_at_another(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        code = (await h.incident("4711")).code
        fabrikam = [t for t in await h._api("GET", "/tenants") if t["name"] == "Fabrikam"]

        told = await asks(h, fabrikam[0]["users"][0]["name"], f"verify {code}")

        assert told.startswith("We do not know this code.")


async def test_an_open_question_is_not_answered_by_checking(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        await asks(h, "Bob Meyer", "verify ZZZ9")

        (question,) = (await h.incident("4711")).questions
        assert (question.person.object_id, question.replies) == (BOB, ())
