"""People learn who asks them and what is kept of them, once, in their own language."""

from pathlib import Path

import pytest

from tests.story.graph_incident import malware_ran
from tests.story.house import House, house, swap


async def chat_texts(h: House, who: str) -> list[str]:
    return [m.text for m in await h.chat(who)]


async def test_the_first_card_comes_after_who_asks_and_why(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        first, card = await chat_texts(h, "Bob Meyer")
        assert first.startswith("I am Vouch. I ask for Contoso Security when ")
        assert len(first.split()) <= 60
        assert "Did you open it?" in card


async def test_nobody_is_introduced_to_us_twice(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.not_me")
        await h.later(days=1)
        await h.report(malware_ran(id_="4712"))

        texts = await chat_texts(h, "Bob Meyer")
        assert len([t for t in texts if "I am Vouch" in t]) == 1


@pytest.mark.parametrize(
    ("language", "says"), [("de", "Ich bin Vouch."), ("pt-BR", "Eu sou o Vouch.")]
)
async def test_the_introduction_is_in_the_persons_language(
    tmp_path: Path, language: str, says: str
) -> None:
    bob = 'upn = "bob@contoso.example"'
    changed = {"contoso": swap(bob, f'{bob}\nlanguage = "{language}"')}
    async with house(tmp_path, changed) as h:
        await h.report(malware_ran())

        assert (await chat_texts(h, "Bob Meyer"))[0].startswith(says)


async def test_who_has_not_installed_the_app_is_introduced_when_they_do(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        h.accepts_trouble = True
        await h.app("Bob Meyer", "uninstall")
        await h.report(malware_ran())
        assert await chat_texts(h, "Bob Meyer") == []

        await h.app("Bob Meyer", "install")

        first, card = await chat_texts(h, "Bob Meyer")
        assert first.startswith("I am Vouch.")
        assert "Did you open it?" in card


@pytest.mark.parametrize("asks", ["privacy", "Privacy?", "datenschutz", "LGPD", "my data"])
async def test_bob_asks_what_is_kept_of_him(tmp_path: Path, asks: str) -> None:
    changed = {
        "contoso": swap(
            "[service_desk]",
            '[privacy]\nretention_days = 90\ncontact = "dpo@contoso.example"\n\n[service_desk]',
        )
    }
    async with house(tmp_path, changed) as h:
        await h.report(malware_ran())

        await h.write("Bob Meyer", asks)

        told = (await h.told("Bob Meyer"))[-1]
        assert "90 days after a case is closed" in told
        assert "dpo@contoso" in told
        (question,) = (await h.incident("4711")).questions
        assert question.replies == ()
