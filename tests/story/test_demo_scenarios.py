"""The demo's scenarios, played over the simulator's own API as the page plays them."""

from datetime import timedelta
from pathlib import Path

from storage import incidents
from tests.story.house import House, Json, house
from triage.actions import ActionKind
from triage.incident import ActionState, Band, ByRule, Incident, IncidentType


async def played(answer: Json) -> None:
    assert answer["done"]
    assert all(done["status"] in (200, 201) for done in answer["done"]), answer


async def test_every_scenario_and_every_step_of_it_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        for scenario in await h._api("GET", "/scenarios"):
            await played(await h._api("POST", f"/scenarios/{scenario['id']}/start", {}))
            await h.settle()
            for step in scenario["steps"]:
                path = f"/scenarios/{scenario['id']}/steps/{step['id']}"
                await played(await h._api("POST", path, {}))
                await h.settle()
        await h.later(hours=3)

        assert len(await h.conversations("Contoso")) >= 3
        assert len(await h.conversations("Fabrikam")) >= 1


async def test_the_same_alert_is_benign_here_and_an_incident_there(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await played(await h._api("POST", "/scenarios/same-alert-two-customers/start", {}))
        await h.settle()

        soc = [m.text for m in await h.thread("Nordwall MXDR") if m.card]
        here = next(text for text in soc if "CONTOSO-1" in text)
        there = next(text for text in soc if "FABRIKAM-1" in text)
        assert "propose closing" in here
        assert "propose closing" not in there


async def play(h: House, scenario: str, *steps: str) -> None:
    """Starts a scenario and plays steps of it, each with what follows."""
    await played(await h._api("POST", f"/scenarios/{scenario}/start", {}))
    await h.settle()
    for step in steps:
        await played(await h._api("POST", f"/scenarios/{scenario}/steps/{step}", {}))
        await h.settle()


async def every_incident(h: House) -> dict[str, Incident]:
    """Contoso's, by name."""
    since = h.clock.now() - timedelta(days=2)
    found = await h.vouch.store.read(
        "contoso", lambda tx: incidents.received_between(tx, since, h.clock.now(), 99)
    )
    return {incident.name: incident for incident in found}


def states(incident: Incident) -> dict[ActionKind, ActionState]:
    return {a.kind: a.state for a in incident.actions}


async def test_a_privileged_breach_is_one_incident_with_lockout_and_escalation(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await play(h, "privileged-breach")
        sign_in = (await every_incident(h))["CONTOSO-1"]
        assert states(sign_in)[ActionKind.REVOKE_SESSIONS] is ActionState.DONE
        assert states(sign_in)[ActionKind.DISABLE_ACCOUNT] is ActionState.PROPOSED

        await played(
            await h._api("POST", "/scenarios/privileged-breach/steps/credential-theft", {})
        )
        await h.settle()

        known = await every_incident(h)
        assert list(known) == ["CONTOSO-1"], "what shares the account is one incident"
        breach = known["CONTOSO-1"]
        assert breach.decision
        assert breach.decision.band is Band.CONTAIN
        assert len(breach.refs) == 2
        lockout = next(a for a in breach.actions if a.kind is ActionKind.DISABLE_ACCOUNT)
        assert (lockout.state, lockout.basis) == (ActionState.DONE, ByRule(3))
        assert breach.handed_over is not None
        assert "Isolate ADMIN-WS-2?" in (await h.approval()).text
        assert not await h.chat("Ines Costa (admin)"), "a suspect account is not asked"


async def test_paulo_s_correction_reopens_what_mia_closed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await play(h, "oops", "wrong-tap", "mia-closes")
        closed = (await every_incident(h))["CONTOSO-1"]
        assert closed.closed
        assert closed.closed.by_name == "Mia Lindqvist"
        assert "Caso encerrado" in (await h.card("Paulo Ramos")).text

        await played(await h._api("POST", "/scenarios/oops/steps/correction", {}))
        await h.settle()

        reopened = (await every_incident(h))["CONTOSO-1"]
        assert (reopened.closed, reopened.reopened) == (None, 1)
        assert "Mudar minha resposta" in (await h.card("Paulo Ramos")).text


async def test_bob_s_report_becomes_an_incident_and_his_answer_containment(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await play(h, "is-this-phishing")
        asked = (await every_incident(h))["CONTOSO-1"]
        assert asked.types == (IncidentType.HELPDESK_CALL,)
        assert asked.actions == ()

        bob = await h.person("Bob Meyer")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.gave")

        gave = (await every_incident(h))["CONTOSO-1"]
        assert states(gave) == {ActionKind.REVOKE_SESSIONS: ActionState.DONE}
        assert gave.is_tainted(bob["id"])
        assert (await h.card("Bob Meyer")).actions == ["answer.call_me"], "no more is asked"

        await played(await h._api("POST", "/scenarios/is-this-phishing/steps/code-used", {}))
        await h.settle()
        used = await every_incident(h)
        assert list(used) == ["CONTOSO-1"]
        assert states(used["CONTOSO-1"])[ActionKind.DISABLE_ACCOUNT] is ActionState.DONE


async def test_forty_alerts_become_two_threads_and_one_digest(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await play(h, "forty-alerts")

        storm = await every_incident(h)
        assert sum(r.alert_count for i in storm.values() for r in i.refs) == 40
        assert sum(len(i.refs) for i in storm.values()) == 8
        threaded = [i for i in storm.values() if i.threaded]
        assert sorted(i.devices[0].name for i in threaded) == ["KIOSK-3", "LAPTOP-12"]
        assert len(await h.conversations("Contoso")) == 2

        await h.later(hours=25)

        digests = [m.text for m in await h.thread() if "Incidents of the day" in m.text]
        assert len(digests) == 1
        quiet = {i.name for i in storm.values() if not i.threaded}
        assert len(quiet) == 3
        assert all(name in digests[0] for name in quiet)
        assert all(i.name not in digests[0] for i in threaded)


async def test_a_closure_of_the_storm_is_undone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await play(h, "forty-alerts")
        await h.later(minutes=45)
        kiosk = next(i for i in (await every_incident(h)).values() if i.closed)
        assert kiosk.devices[0].name == "KIOSK-3"
        assert kiosk.closed
        assert kiosk.closed.by is None, "nobody objected during the hold"

        soc = next(m for m in await h.thread("Nordwall MXDR") if "reopen" in m.actions)
        await h.press("Mia Lindqvist", soc, "reopen")

        again = (await every_incident(h))[kiosk.name]
        assert (again.closed, again.reopened) == (None, 1)
