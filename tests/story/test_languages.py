"""Each person reads their own language and clock."""

from pathlib import Path

from tests.story.graph_incident import malware_ran, user
from tests.story.house import house


async def test_paulo_is_asked_in_portuguese(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        paulo = await h.person("Paulo Ramos")
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(paulo["id"], paulo["upn"])
        await h.report(body)

        card = await h.card("Paulo Ramos")
        assert "Você abriu?" in card.text
        assert "You are not in trouble" not in card.text

        await h.press("Paulo Ramos", card, "answer.q1.not_me")

        assert "Paulo Ramos says: I did not" in (await h.root()).text
