"""A file that was stopped before it could run: Bob is asked whether he expected it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.story.graph_incident import malware_blocked
from tests.story.house import House, house, swap, words
from triage.incident import Band, Disposition, Incident, Status

OPTED_IN = {"contoso": swap('language = "en"', 'language = "en"\nauto_close = ["malicious_file"]')}


async def pressed(h: House, choice: str) -> Incident:
    await h.report(malware_blocked())
    await h.press("Bob Meyer", await h.card("Bob Meyer"), f"answer.q1.{choice}")
    return await h.incident("4712")


def band(incident: Incident) -> Band:
    assert incident.decision is not None
    return incident.decision.band


async def test_bob_is_told_that_it_was_stopped(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_blocked())

        card = await h.card("Bob Meyer")
        assert "We stopped it before it could run" in card.text
        assert "Were you expecting it?" in card.text
        assert (await h.incident("4712")).approvals == ()


async def test_expected_is_proposed_with_its_reasons_and_one_tap_closes(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        waiting = await pressed(h, "expected")
        soc = await h.soc()
        assert band(waiting) is Band.PROPOSE
        assert "Answer: I expected it" in soc.text
        assert "Stopped before execution" in soc.text
        await h.later(days=3)
        assert (await h.incident("4712")).closed is None, "nobody opted in"

        answer = await h.press("Mia Lindqvist", await h.soc(), "close")

        closed = (await h.incident("4712")).closed
        assert closed is not None
        assert closed.disposition is Disposition.EXPECTED
        assert closed.by_name == "Mia Lindqvist"
        assert {r.rule for r in closed.reasons} >= {
            "prior.malware_prevented",
            "sign.prevented",
            "answer.file_expected.expected",
        }
        assert "Closed" in words(answer)
        assert "It was expected" in "\n".join(await h.told("Bob Meyer"))
        assert any("CONTOSO-1 is closed" in said for said in await h.told("Contoso"))


async def test_expected_closes_by_itself_where_the_customer_opted_in(tmp_path: Path) -> None:
    async with house(tmp_path, OPTED_IN) as h:
        held = await pressed(h, "expected")
        assert (band(held), held.status) == (Band.CLOSE, Status.CLOSING)
        await h.later(minutes=29)
        assert (await h.incident("4712")).closed is None

        await h.later(minutes=1)

        closed = (await h.incident("4712")).closed
        assert closed is not None
        assert (closed.by, closed.disposition) == (None, Disposition.EXPECTED)


async def test_a_closing_that_is_held_is_stopped_by_an_objection(tmp_path: Path) -> None:
    async with house(tmp_path, OPTED_IN) as h:
        await pressed(h, "expected")

        await h.press("Mia Lindqvist", await h.soc(), "keep_open")
        await h.later(hours=3)

        assert (await h.incident("4712")).closed is None


async def test_bob_may_raise_during_the_hold(tmp_path: Path) -> None:
    async with house(tmp_path, OPTED_IN) as h:
        await pressed(h, "expected")

        await h.change("Bob Meyer", await h.card("Bob Meyer"), "q1.unexpected")
        await h.later(hours=3)

        incident = await h.incident("4712")
        assert (band(incident), incident.closed) == (Band.ANALYST, None)


async def test_unexpected_goes_to_an_analyst(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await pressed(h, "unexpected")

        assert band(incident) is Band.ANALYST
        assert incident.approvals == ()
        assert "close" not in (await h.soc()).actions
        assert "analyst decides" in (await h.soc()).text


async def test_an_analyst_who_says_how_closes_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await pressed(h, "unexpected")

        inputs = {"disposition": "falsePositive", "comment": "The vendor's own updater."}
        await h.press("Sam Okafor", await h.soc(), "close_as", inputs)

        closed = (await h.incident("4712")).closed
        assert closed is not None
        assert (closed.disposition, closed.by_name, closed.comment) == (
            Disposition.FALSE_POSITIVE,
            "Sam Okafor",
            "The vendor's own updater.",
        )
        assert "false alarm" in (await h.card("Bob Meyer")).text


async def test_nothing_closes_without_a_disposition(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await pressed(h, "unexpected")

        await h.press("Sam Okafor", await h.soc(), "close_as", {"comment": "hm"})
        await h.press("Sam Okafor", await h.soc(), "close_as", {"disposition": "whatever"})

        assert (await h.incident("4712")).closed is None


async def test_an_analyst_reopens_with_one_tap(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await pressed(h, "expected")
        await h.press("Mia Lindqvist", await h.soc(), "close")

        await h.press("Sam Okafor", await h.soc(), "reopen")

        incident = await h.incident("4712")
        assert (incident.closed, incident.reopened, incident.kept_open) == (None, 1, True)
        assert any("is open again" in said for said in await h.told("Contoso"))


async def test_reopened_by_day_for_bob_who_is_gone_it_asks_the_security_contact(
    tmp_path: Path,
) -> None:
    """The night held his question, so that nobody had tried to reach him."""
    async with house(tmp_path, {"contoso": quiet_for_an_hour()}) as h:
        h.accepts_trouble = True
        await h.app("Bob Meyer", "uninstall")
        await h.report(malware_blocked())
        close = {"disposition": "falsePositive", "comment": "Macro of our own."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", close)
        await h.later(hours=2)
        assert await h.told("Jon Park") == []

        await h.press("Mia Lindqvist", await h.soc(), "reopen")

        [asked] = await h.told("Jon Park")
        assert "help us to reach Bob Meyer" in asked


def quiet_for_an_hour() -> Callable[[str], str]:
    now = datetime.now(ZoneInfo("Europe/London"))
    start, end = (f"{now + timedelta(hours=h):%H:%M}" for h in (-1, 1))
    return swap('start = "00:00"\nend = "00:00"', f'start = "{start}"\nend = "{end}"')


async def test_new_evidence_reopens_a_closed_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await pressed(h, "expected")
        await h.press("Mia Lindqvist", await h.soc(), "close")
        more = malware_blocked()
        more["alerts"][0]["threatFamilyName"] = "Emotet"

        await h.report(more)

        incident = await h.incident("4712")
        assert (incident.closed, incident.reopened) == (None, 1)


async def test_the_source_s_own_closing_reopens_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await pressed(h, "expected")
        await h.press("Mia Lindqvist", await h.soc(), "close")

        await h.report(malware_blocked(status="resolved"))

        assert (await h.incident("4712")).status is Status.RESOLVED
