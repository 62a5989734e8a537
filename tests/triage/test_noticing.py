"""Whoever is cut off hears of it by a way that still works."""

from dataclasses import replace

import pytest

from tests.triage.triage_script import (
    BOB,
    CARLA,
    EVE,
    JON,
    Case,
    contoso,
    leak,
    malware_ran,
    rule,
    sign_in,
)
from triage.actions import ActionKind
from triage.customer import Consent, Customer, PersonFacts
from triage.decide import decide
from triage.draft import Known
from triage.effects import ANALYST_THREAD, Say
from triage.events import ActionDone
from triage.incident import ActionState, Incident, Person

DISABLE, ISOLATE = ActionKind.DISABLE_ACCOUNT, ActionKind.ISOLATE_DEVICE


def at_once(kind: ActionKind, who: Person) -> Customer:
    facts = PersonFacts(
        upn=who.upn, phone="+49 30 1", phone_source="HR record of 2026-03", manager=EVE.upn
    )
    return contoso(rules=(rule(kind, Consent.AUTHORIZE),), people=(facts,))


def done(case: Case, kind: ActionKind) -> list[Say]:
    """What is said when it is reported done, with Eve known as the manager."""
    action = case.action(kind)
    assert action.state is ActionState.ORDERED, action
    known = case.log[-1][1]
    facts = replace(known.facts, new=None, helpers={EVE.upn: EVE}, at_risk=case.at_risk)
    decided = decide(
        case.state,
        ActionDone(action.id, rehearsed=False),
        Known(known.customer, known.provider, facts),
        case.now,
    )
    return [e for e in decided.effects if isinstance(e, Say)]


def locked_out() -> Case:
    case = Case(at_once(DISABLE, CARLA)).reported(sign_in())
    return case.says_on_the_phone("not_mine")


def isolated(who: Person = BOB) -> Case:
    return Case(at_once(ISOLATE, who)).reported(malware_ran(who, by_hand=True))


def test_who_is_locked_out_hears_it_on_the_phone_and_by_their_manager() -> None:
    said = done(locked_out(), DISABLE)

    assert {(s.place, s.says.key) for s in said} == {
        (ANALYST_THREAD, "say.notify_by_phone"),
        (f"person:{EVE.object_id}", "contained.account"),
    }
    call = next(s.says for s in said if s.place == ANALYST_THREAD)
    assert call.args["number"] == "+49 30 1"


def test_whose_device_goes_offline_hears_it_in_their_own_chat_and_their_manager_does() -> None:
    case = isolated()
    before = case.told(f"person:{BOB.object_id}")
    said = done(case, ISOLATE)

    assert before == ["notice.isolating"], "whoever has a card is told first"
    assert [(s.place, s.says.key) for s in said] == [
        (f"person:{EVE.object_id}", "contained.device")
    ]


def test_nothing_is_told_through_an_account_under_suspicion() -> None:
    case = isolated()
    case.at_risk = frozenset({BOB.object_id})
    case.reported(malware_ran(BOB, source_id="9"))

    said = done(case, ISOLATE)

    assert f"person:{BOB.object_id}" not in {s.place for s in said}
    assert "say.notify_by_phone" in {s.says.key for s in said}


def test_a_manager_who_is_concerned_or_suspect_is_told_nothing() -> None:
    affected = Case(at_once(ISOLATE, BOB)).reported(malware_ran(BOB, EVE, by_hand=True))
    suspect = isolated()
    suspect.at_risk = frozenset({EVE.object_id})

    for case in (affected, suspect):
        assert "contained.device" not in {s.says.key for s in done(case, ISOLATE)}


def test_in_shadow_mode_nobody_is_cut_off_and_nobody_told() -> None:
    case = locked_out()
    case.customer = replace(case.customer, shadow=True)
    case.log[-1] = (case.log[-1][0], replace(case.log[-1][1], customer=case.customer), case.now)

    assert done(case, DISABLE) == []


@pytest.mark.parametrize("who", [BOB, JON])
def test_a_restricted_case_is_told_to_nobody(who: Person) -> None:
    case = Case(at_once(DISABLE, who)).reported(leak(who))

    assert all(a.state is not ActionState.ORDERED for a in case.state.actions)


def test_guests_hear_of_no_containment_neither_as_whoever_is_cut_off_nor_as_managers() -> None:
    case = isolated()
    as_guest = case.state.changed(
        affected=tuple(
            replace(a, person=replace(a.person, outside=True)) if a.person else a
            for a in case.state.affected
        )
    )
    action = case.action(ISOLATE)
    known = case.log[-1][1]

    def told(state: Incident, manager: Person) -> list[str]:
        facts = replace(known.facts, new=None, helpers={EVE.upn: manager})
        now_known = Known(known.customer, known.provider, facts)
        decided = decide(state, ActionDone(action.id, rehearsed=False), now_known, case.now)
        return [e.place for e in decided.effects if isinstance(e, Say)]

    manager = f"person:{EVE.object_id}"
    assert manager in told(case.state, EVE)
    assert manager not in told(case.state, replace(EVE, outside=True))
    assert told(as_guest, EVE) == []
