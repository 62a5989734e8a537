"""IT and application owners join a case by role: a task reaches them, and their answer is kept."""

import json
from pathlib import Path

from tests.story.graph_incident import alert, device, incident, malware_ran, user
from tests.story.house import House, Seen, house, swap, words
from tests.story.test_bridge import bridged, says
from tests.story.test_commands import MIA, asked_first, writes
from tests.story.test_erasure import kept
from triage.events import TaskAnswered, TaskGiven
from triage.incident import TaskState

BOB, GRETA, INES, JON = "Bob Meyer", "Greta Braun", "Ines Costa", "Jon Park"
_CARLA = '[[people]]\nupn = "carla@contoso.example"'
OWNER = {
    "contoso": swap(
        _CARLA,
        '[[contacts]]\nupn = "greta@contoso.example"\nname = "Greta Braun"\n'
        f'roles = ["application_owner"]\nowns = ["laptop-7*"]\n\n{_CARLA}',
    )
}
"""Greta answers for the laptop; she reads no thread."""


LONG = f"with its charger and {'all that belongs to it, ' * 8}at the front desk"
_ID = "0a2c76fd-8e57-4936-8c04-b671555cb454"
_OF_GRETA = alert(
    "Malware was prevented",
    "microsoftDefenderForEndpoint",
    user(_ID, "greta@contoso.example"),
    device("desktop-9.ad.contoso.example", "b" * 40),
    id_="da4798",
    category="Malware",
    severity="low",
)
_AS_GRETA = alert(
    "Unfamiliar sign-in properties",
    "azureAdIdentityProtection",
    user(_ID, "greta@contoso.example"),
    id_="ad4799",
)


async def task_cards(h: House, where: str, whose: str) -> list[Seen]:
    seen = await h.messages(where, whose)
    return [m for m in seen if m.card and any(a.startswith("task.") for a in m.actions)]


async def test_ines_gets_a_task_in_the_thread_and_says_it_is_done(tmp_path: Path) -> None:
    """Shown first, then sent; only IT answers; overdue, she is reminded by name, once."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await writes(h, MIA, "task @ines replace LAPTOP-7 by 2 days", in_thread=True)
        preview = await asked_first(h)
        assert "give Ines Costa of Contoso Security this task?" in preview.text
        assert await task_cards(h, "thread", "Contoso") == []

        assert "No day was named" not in preview.text
        assert "also tells ines@contoso[.]example: Malware: invoice.docm" in preview.text
        assert "Ines Costa gets the task" in words(await h.press(MIA, preview, "do_it"))
        (card,) = await task_cards(h, "thread", "Contoso")
        assert "Replace LAPTOP-7" in card.text
        assert "Malware: invoice.docm" in card.text
        entities = json.dumps((card.card or {})["msteams"])
        assert "ines@contoso.example" in entities
        assert "Ines Costa, by" in (await h.root()).text

        told = await h.press(JON, card, "task.t1.done")
        assert "Only Ines Costa" in words(told)
        await says(h, JON, "the spare one is at the front desk")
        await h.settle()
        assert "Jon Park (Contoso Security): the spare one is at the front desk" in await bridged(h)
        await h.later(days=3)
        reminders = [s for s in h.sent if "this was due now" in str(s.activity.get("text"))]
        assert len(reminders) == 1
        assert "<at>Ines Costa</at>" in reminders[0].activity["text"]

        assert "1: Ines Costa, Replace" in await writes(h, MIA, "task #1 withdraw 7")
        await h.press(INES, card, "task.t1.done")
        assert "no task that could" in await writes(h, MIA, "task #1 withdraw")

        assert f"Done by {INES}" in (await h.root()).text
        assert f"Done by {INES}" in (await h.soc()).text
        story = await writes(h, MIA, "show CONTOSO-1 story customer")
        assert f"{MIA} gave {INES} a task: Replace LAPTOP-7" in story
        assert f"{INES} did: Replace LAPTOP-7" in story
        kept = [e.event for e in await h.history("4711")]
        assert [type(e) for e in kept if isinstance(e, TaskGiven | TaskAnswered)].count(
            TaskGiven
        ) == 1


async def test_the_owner_who_reads_no_thread_is_written_to_and_cannot(tmp_path: Path) -> None:
    async with house(tmp_path, OWNER) as h:
        await h.report(malware_ran())
        more = {"what": "task", "about": f"owner hand the laptop in {LONG}"}
        await h.press(MIA, await h.soc(), "command", more)
        await h.press(MIA, await asked_first(h), "do_it")

        (card,) = await task_cards(h, "personal", GRETA)
        assert await task_cards(h, "thread", "Contoso") == []
        assert "Hand the laptop in" in card.text
        assert LONG in card.text
        assert any(
            "Contoso Security" in m.text for m in await h.messages("personal", GRETA) if not m.card
        )
        desk = await h.soc()
        await h.report(incident(_OF_GRETA, id_="4798", severity="low"))
        await h.press(GRETA, await h.card(GRETA), "answer.q1.not_me")
        assert all(q.answer for q in (await h.incident("4798")).questions)
        await h.write(GRETA, "Which desk is it?")
        heard = [
            m
            for m in await h.thread("Nordwall MXDR")
            if m.text.partition("chat): ")[2].startswith("Which desk is it?")
        ]
        assert [m.conversation for m in heard] == [desk.conversation]

        reason = {"words_cannot": "It stands in Porto."}
        await h.press(GRETA, card, "task.t1.cannot", reason)

        await writes(h, MIA, "send CONTOSO-1 to Greta: thank you", in_thread=True)
        assert "thank you" in (await asked_first(h)).text
        told = await writes(h, MIA, "send CONTOSO-1 to Greta: what is your password?")
        assert "We never ask anybody for a password" in told

        await h.write(GRETA, "It is back on Monday.")
        said = [m.text for m in await h.thread("Nordwall MXDR")]
        own_chat = "Greta Braun (Contoso Security, own chat): It is back on Monday."
        assert any(line.startswith(own_chat) for line in said)
        for whose in ("Nordwall MXDR", "Contoso"):
            roots = [m for m in await h.thread(whose) if m.card]
            assert any("It stands in Porto" in m.text for m in roots)
        task = (await h.incident("4711")).tasks[0]
        assert (task.state, task.answered_by) == (TaskState.CANNOT, GRETA)

        cases = (await kept(h, "greta@contoso.example"))["cases"]
        assert [t["why"] for of in cases for t in of["tasks"]] == ["It stands in Porto."]
        told = await writes(h, MIA, "task #1 withdraw")
        assert "Das ist nicht mehr nötig: Hand the laptop in" in told
        assert (await h.incident("4711")).tasks[0].state is TaskState.WITHDRAWN

        await h.report(incident(_AS_GRETA, id_="4799"))
        (hidden,) = [m for m in await h.messages("personal", GRETA) if m.id == card.id]
        assert "laptop" not in hidden.text
