"""One deployment, many tenants: what belongs to one is not found, heard or said in another."""

import json
from pathlib import Path

from tests.story.activity import click, text
from tests.story.graph_incident import FABRIKAM, malware_ran, remote_tool, unfamiliar_sign_in
from tests.story.house import House, house, without_profile
from tests.story.test_remote_access import on_payroll

CONTOSO_ONLY = ("contoso", "bob", "carla", "jon park", "ines", "laptop-7", "invoice.docm", "meyer")


async def calls_to(h: House, tenant: str) -> int:
    return len([c for c in await h.calls() if c["tenant"] == tenant])


async def test_a_tenant_that_was_never_onboarded_is_acknowledged_and_nothing_is_done(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, {"fabrikam": without_profile}) as h:
        await h.write("Lee Chen", "hello bot")
        chat = (await h._api("POST", "/chats", {"user": "lee@fabrikam.example"}))["id"]
        said = await h.send(await text(h, "Lee Chen", chat, "are you there?"))

        assert said["status"] == 200
        assert await calls_to(h, FABRIKAM) == 0
        recorded = [payload for kind, payload in await h.desk() if kind == "unknown_tenant"]
        assert {r["tenant"] for r in recorded} == {FABRIKAM}
        assert {"Installed", "Texted"} <= {r["was"] for r in recorded}
        assert "hello bot" not in json.dumps(recorded)


async def test_a_click_from_a_tenant_that_was_never_onboarded_opens_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, {"fabrikam": without_profile}) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")

        answer = await h.send(await click(h, "Lee Chen", card, card.data("answer.q1.not_me")))
        await h.settle()

        assert answer["status"] == 200
        assert "Thank you" not in json.dumps(answer)
        assert (await h.incident("4711")).questions[0].replies == ()


async def test_nothing_of_contoso_is_ever_said_in_fabrikam_s_tenant(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(on_payroll(), "fabrikam")
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.write("Bob Meyer", "from our supplier")
        await h.report(unfamiliar_sign_in())
        await h.later(hours=3)
        inputs = {"disposition": "truePositive", "comment": "Cleaned."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        said = [json.dumps(s.activity).lower() for s in h.sent if s.tenant == FABRIKAM]
        assert said
        found = {word for word in CONTOSO_ONLY for words in said if word in words}
        assert found == set()


async def test_nothing_of_fabrikam_is_ever_said_in_contoso_s_tenant(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(remote_tool())
        await h.report(on_payroll(), "fabrikam")
        await h.press("Amira Haddad", await h.approval("Fabrikam"), "deny.p1")

        contoso = [json.dumps(s.activity).lower() for s in h.sent if s.tenant.startswith("7d1f")]
        for word in ("fabrikam", "payroll", "lee chen", "amira", "lee@"):
            assert not [words for words in contoso if word in words], word


async def test_the_same_source_id_at_two_customers_is_two_cases(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        mine = await h.report(malware_ran(id_="77"))
        theirs = await h.report(malware_ran(id_="77", tenant=FABRIKAM), "fabrikam")

        assert (mine, theirs) == ("CONTOSO-1", "FABRIKAM-1")
        assert (await h.incident("77", customer="fabrikam")).affected[0].person is None
        assert await h.told("Lee Chen") == []


async def test_one_customer_s_key_opens_nothing_of_another(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        status, _ = await h.post(malware_ran(), key=h.keys["fabrikam"]["defender"])

        assert status == 422
        await h.settle()
        assert await h.thread("Contoso") == []
        assert await h.thread("Fabrikam") == []


async def test_what_is_said_among_analysts_never_reaches_a_customer(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        inputs = {"disposition": "falsePositive", "comment": "secretly a red team"}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        outside = [s for s in h.sent if not s.conversation.startswith("19:nordwall")]
        assert "red team" not in json.dumps([s.activity for s in outside])
