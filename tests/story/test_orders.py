"""Mia has people asked, merges, remembers, and takes down consent: by message and from the card."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.demo import PROVIDER_TENANT
from tests.story.graph_incident import alert, incident, malware_ran, unfamiliar_sign_in, user
from tests.story.house import House, Seen, house, words
from tests.story.test_commands import MIA, PROVIDER, asked_first, offered, said, writes
from tests.story.test_remote_access import on_payroll
from tests.story.test_suspect_account import action, carla_reads
from triage.actions import ActionKind
from triage.incident import ActionState, QuestionKind, Status

PAULO = "Paulo Ramos"


async def more(h: House, what: str, about: str) -> Seen:
    """A command from the card of the newest case; what the thread then shows."""
    await h.press(MIA, await h.soc(), "command", {"what": what, "about": about})
    return (await h.thread(PROVIDER))[-1]


async def test_paulo_is_asked_in_mias_words_and_answers_in_his_own(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        refused = await more(h, "ask", "Paulo what is your password?")
        assert "We never ask anybody for a password" in refused.text
        await more(h, "ask", "Paulo who gave Bob the USB stick?")
        card = await asked_first(h)
        assert "ask Paulo Ramos?" in card.text
        assert '"who gave Bob the USB stick?"' in card.text
        assert "in the customer's name" in card.text
        assert await h.chat(PAULO) == []

        await h.press(MIA, card, "do_it")

        asked = await h.card(PAULO)
        assert "Contoso Security" in asked.text
        assert "who gave Bob the USB stick?" in asked.text
        assert "Escreva sua resposta aqui" in asked.text
        assert MIA not in asked.text
        await h.later(hours=2)
        before = await h.incident("4711")
        assert before.questions[-1].state.state == "silent"
        await h.write(PAULO, "his **neighbour** did")
        incident = await h.incident("4711")
        (question,) = [q for q in incident.questions if q.person.name == PAULO]
        assert question.state.state == "answered"
        relayed = "Paulo Ramos (Contoso Security, own chat): his "
        assert any(m.text.startswith(relayed) for m in await h.thread(PROVIDER))
        assert incident.decision is not None
        assert before.decision is not None
        assert incident.decision.log_odds == before.decision.log_odds
        assert "Um analista" in (await h.card(PAULO)).text


async def test_bob_is_asked_a_question_of_the_card_and_it_is_tapped(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        await writes(h, MIA, "ask CONTOSO-1 Bob")
        card = await offered(h)
        assert card.text.startswith("What is Bob Meyer to be asked?\nOpened the file?")
        pressed = await h.press(MIA, card, "run.1")
        assert "Bob Meyer has been asked this already" in words(pressed)
        await writes(h, MIA, "ask CONTOSO-1 Bob")
        again = await offered(h)
        assert "ask Bob Meyer?" in words(await h.press(MIA, again, "run.2"))
        await h.press(MIA, again, "do_it")
        asked = [q.kind for q in (await h.incident("4711")).questions]
        assert asked == [QuestionKind.FILE_OPENED, QuestionKind.FILE_AFTERMATH]
        told = await writes(h, MIA, "ask CONTOSO-1 Zaphod opened file")
        assert "Nobody of this customer is called Zaphod" in told
        told = await writes(h, MIA, "ask CONTOSO-1 Paulo opened file")
        assert "Paulo Ramos is not concerned by this case" in told


async def test_what_is_remembered_stands_on_later_cases_until_it_is_forgotten(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        told = await writes(h, MIA, "remember the office in Manila works at night", in_thread=True)
        assert told.startswith("Kept as number 1 of Contoso Security, until ")
        assert "weighs nothing" in told
        assert "(1) The office in Manila works at night. Mia Lindqvist, CONTOSO-1" in (
            await h.soc()
        ).text.replace("the office", "The office")

        for word, most in (("remember", 200), ("note", 500)):
            told = await writes(h, MIA, f"{word} {'x' * 600}", in_thread=True)
            assert told == f"Too long: at most {most} characters. Nothing was kept."

        await h.report(on_payroll(), "fabrikam")
        assert "Manila" not in (await h.soc()).text
        await h.report(unfamiliar_sign_in())
        assert "Manila" in (await h.soc()).text
        assert "Manila" in await writes(h, MIA, "show CONTOSO-2")
        assert "Manila" in await writes(h, MIA, "remember CONTOSO-2")
        said = [s for s in h.sent if "Manila" in str(s.activity)]
        assert {s.tenant for s in said} == {PROVIDER_TENANT}, "it stays with the analysts"

        assert await writes(h, MIA, "forget CONTOSO-2 1") == "Number 1 is forgotten."
        assert "Manila" not in (await h.soc()).text
        assert "Nothing is remembered" in await writes(h, MIA, "remember CONTOSO-1")
        kept = [(kind, fact) for kind, fact in await h.desk("contoso") if kind == "remembered"]
        assert kept[0][1]["fact"] == "the office in Manila works at night"


async def test_two_cases_become_one_and_both_say_so(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(unfamiliar_sign_in())
        await h.report(on_payroll(), "fabrikam")
        assert "no case of the same customer" in await writes(h, MIA, "merge 2 into FABRIKAM-1")
        assert "is this case itself" in await writes(h, MIA, "merge 2 into 2")
        mia = user((await h.person(MIA))["id"], "mia@nordwall.example")
        hers = alert("Odd beacon", "microsoftDefenderForCloudApps", mia, id_="u1")
        await h.report(incident(hers, id_="4719"))
        own = await writes(h, MIA, "merge 2 into 3")
        assert own == "CONTOSO-3 is about your own account: another analyst must do this."
        await writes(h, MIA, "merge 2 into 1")
        card = await asked_first(h)
        assert "Merge CONTOSO-2 into CONTOSO-1?" in card.text
        assert "cannot be undone" in card.text

        await h.press(MIA, card, "do_it")

        assert (await h.by_name("CONTOSO-2")).status is Status.MERGED
        assert (await h.incident("4713")).name == "CONTOSO-1"
        told = await h.told(PROVIDER)
        assert any("Merged into CONTOSO-1 by Mia Lindqvist" in t for t in told)
        assert any("CONTOSO-2 became part of this case" in t for t in told)
        assert "goes on there" in await writes(h, MIA, "reopen CONTOSO-2")
        assert "CONTOSO-2 is over" in await writes(h, MIA, "merge CONTOSO-1 into 2")


async def test_what_jon_said_on_the_phone_is_taken_down_by_message(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())
        await h.press(MIA, await h.soc(), "record_call.q1.not_mine")
        await said(h, MIA, "approve CONTOSO-1 disable by Jon")
        await h.settle()
        card = await asked_first(h)
        assert "Jon Park said yes on the phone to: Disable" in card.text
        assert "Called on +" in card.text

        await h.press(MIA, card, "do_it")

        assert action(await h.incident("4713"), ActionKind.DISABLE_ACCOUNT) is ActionState.DONE
        assert "No approval is open" in await writes(h, MIA, "deny CONTOSO-1 disable by Jon")


async def test_what_would_do_something_else_than_was_shown_is_shown_anew(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        soon = (h.clock.now() + timedelta(minutes=5)).astimezone(ZoneInfo("Europe/London"))
        await writes(h, MIA, f"task @ines replace LAPTOP-7 by {soon:%H:%M}", in_thread=True)
        card = await asked_first(h)
        await h.later(minutes=6)

        again = await h.press(MIA, card, "do_it")

        assert "changed since it was shown" in words(again)
        assert (await h.incident("4711")).tasks == ()
        assert "Ines Costa gets the task" in words(await h.press(MIA, card, "do_it"))
        (task,) = (await h.incident("4711")).tasks
        assert task.due - h.clock.now() > timedelta(hours=23)
