"""Cases in which nobody is asked: restricted, of unknown type, or about nobody we know."""

from pathlib import Path

from tests.story.graph_incident import (
    BOB,
    CARLA,
    Json,
    alert,
    device,
    file,
    incident,
    malware_ran,
    user,
)
from tests.story.house import House, house
from triage.incident import Band, Incident, IncidentType


def dlp() -> Json:
    return incident(
        alert(
            "DLP policy match: salary list sent to a private mailbox",
            "dataLossPrevention",
            user(BOB, "bob@contoso.example"),
            file("salaries-2026.xlsx"),
            device("laptop-7.ad.contoso.example"),
            id_="dlp1",
        ),
        id_="4730",
        description="Bob Meyer sent a salary list.",
    )


def unheard_of() -> Json:
    return incident(
        alert(
            "Frobnication of a mezzanine",
            "microsoftDefenderForCloud",
            user(BOB, "bob@contoso.example"),
            id_="x1",
        ),
        id_="4731",
        severity="medium",
    )


async def customer_saw(h: House) -> str:
    return "\n".join(str(s.activity) for s in h.sent if s.conversation.startswith("19:contoso"))


def band(case: Incident) -> Band:
    assert case.decision is not None
    return case.decision.band


async def test_a_restricted_case_asks_nobody_and_names_nobody(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(dlp())
        await h.later(days=2)

        case = await h.incident("4730")
        assert case.type is IncidentType.RESTRICTED
        assert (case.questions, case.approvals, case.actions) == ((), (), ())
        assert not await h.chat("Bob Meyer")
        seen = await customer_saw(h)
        assert "A case is being worked on" in seen
        for secret in ("Bob", "bob@", "salar", "DLP", "LAPTOP-7"):
            assert secret not in seen
        assert case.closed is None


async def test_a_restricted_case_is_closed_by_an_analyst_and_still_names_nobody(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(dlp())
        inputs = {"disposition": "truePositive", "comment": "Handed to the named lead."}

        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)
        await h.press("Mia Lindqvist", await h.soc(), "reopen")

        assert (await h.incident("4730")).reopened == 1
        seen = await customer_saw(h)
        assert not any(secret in seen for secret in ("Bob", "salar", "named lead"))
        assert not await h.chat("Bob Meyer")


async def test_a_case_that_turns_out_to_be_restricted_asks_no_more(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        assert "answer.q1.opened" in (await h.card("Bob Meyer")).actions

        await h.report(dlp())

        case = await h.incident("4711")
        assert case.type is IncidentType.RESTRICTED
        assert case.id == (await h.incident("4730")).id
        assert [q.state.state for q in case.questions] == ["withdrawn"]
        assert not [a for a in (await h.card("Bob Meyer")).actions if a.startswith("answer")]
        root = await h.root()
        assert "Bob" not in root.text
        assert "invoice" not in root.text


async def test_an_unknown_type_goes_to_an_analyst_and_is_never_guessed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unheard_of())
        await h.later(days=2)

        case = await h.incident("4731")
        assert (case.type, band(case)) == (IncidentType.UNKNOWN, Band.ANALYST)
        assert (case.questions, case.closed) == ((), None)
        assert "never guessed" in (await h.soc()).text
        assert "Frobnication of a mezzanine" in (await h.root()).text
        assert not await h.chat("Bob Meyer")


async def test_somebody_nobody_knows_is_not_guessed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(None, "bobby@contoso.example")
        await h.report(body)

        case = await h.incident("4711")
        assert (case.questions, case.affected[0].why_not) == ((), "no_match")
        assert "matches nobody of the customer" in (await h.soc()).text
        assert not await h.chat("Bob Meyer")
        assert case.handed_over is not None


async def test_two_people_behind_one_account_are_not_guessed(tmp_path: Path) -> None:
    """Carla's object id, Bob's UPN: an id nobody knows would do as well."""
    async with house(tmp_path) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(
            "00000000-0000-4000-8000-000000000000", "bob@contoso.example"
        )
        await h.report(body)

        case = await h.incident("4711")
        assert (case.questions, case.affected[0].why_not) == ((), "ambiguous")
        assert "matches more than one person" in (await h.soc()).text
        assert not await h.chat("Bob Meyer")


async def test_more_people_than_may_be_asked_are_an_analyst_s(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        others = ("Carla Duarte", "Paulo Ramos", "Greta Braun")
        known = [await h.person(name) for name in others]
        body["alerts"][0]["evidence"] += [user(p["id"], p["upn"]) for p in known]
        await h.report(body)

        case = await h.incident("4711")
        assert len(case.questions) == 3
        assert any(e.says.key == "why.many_people" for e in case.timeline)
        assert CARLA in {q.person.object_id for q in case.questions}
