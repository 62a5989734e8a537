"""What reaches us through an account that may be in an attacker's hands, and what goes there."""

import json
from pathlib import Path

from tests.story.graph_incident import CARLA, malware_blocked, unfamiliar_sign_in
from tests.story.house import House, house
from tests.story.test_suspect_account import carla_reads
from triage.actions import ActionKind
from triage.incident import Incident

KNOWN_ONLY_TO_US = (
    "4713",
    "unfamiliar",
    "sign-in",
    "revok",
    "session",
    "disable",
    "attacker",
    "stolen",
)
"""What would tell an intruder that he was seen."""


def log_odds(incident: Incident) -> float:
    assert incident.decision is not None
    return incident.decision.log_odds


async def said_to(h: House, who: str) -> str:
    """Everything that ever stood in somebody's chat, edited away or not."""
    chats = {m.conversation for m in await h.chat(who)}
    return json.dumps([s.activity for s in h.sent if s.conversation in chats]).lower()


async def test_the_thief_s_it_was_me_lowers_nothing_and_closes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        before = log_odds(await h.incident("4713"))

        await h.write("Carla Duarte", "It was me, all fine. Please close this.")
        await h.later(hours=4)

        incident = await h.incident("4713")
        assert log_odds(incident) >= before
        assert (incident.closed, incident.closing) == (None, None)


async def test_a_yes_silences_no_later_alert(tmp_path: Path) -> None:
    """In securitybot any "yes", verified or not, muted that alert title for 21 hours."""
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        first = log_odds(await h.incident("4713"))
        await h.write("Carla Duarte", "It was me.")
        mia = {"disposition": "expected", "comment": "She said so."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", mia)
        await h.later(hours=2)

        await h.report(unfamiliar_sign_in(id_="4720"))

        again = await h.incident("4720")
        assert log_odds(again) >= first
        assert ActionKind.REVOKE_SESSIONS in {a.kind for a in again.actions}
        assert [c.number for c in again.calls] == ["+44 20 7946 0133"]


async def test_an_intruder_learns_nothing_in_the_chat_he_has_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        for words in ("it was me", "status?", "what do you know?", "verify", "help"):
            await h.write("Carla Duarte", words)
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")
        await h.later(hours=2)
        mia = {"disposition": "truePositive", "comment": "Session stolen."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", mia)

        told = await said_to(h, "Carla Duarte")
        assert told
        assert [word for word in KNOWN_ONLY_TO_US if word in told] == []


async def test_an_intruder_learns_nothing_in_a_thread_he_reads(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())

        told = json.dumps([s.activity for s in h.sent if "contoso" in s.conversation]).lower()
        assert told != "[]"
        assert "carla" not in told
        assert [word for word in KNOWN_ONLY_TO_US if word in told] == []


async def test_an_account_stolen_meanwhile_is_asked_no_more_through_its_card(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        body = malware_blocked()
        account = body["alerts"][0]["evidence"][0]["userAccount"]
        account |= {"azureAdUserId": CARLA, "userPrincipalName": "carla@contoso.example"}
        await h.report(body)
        card = await h.card("Carla Duarte")
        assert "answer.q1.expected" in card.actions

        await h.report(unfamiliar_sign_in())

        assert "answer.q1.expected" not in (await h.card("Carla Duarte")).actions
        before = log_odds(await h.incident("4712"))
        await h.press("Carla Duarte", card, "answer.q1.expected")
        assert log_odds(await h.incident("4712")) >= before, (
            "from her own hand it would have lowered"
        )
