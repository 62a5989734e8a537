"""What both threads of a case tell: the customer's and the analysts'."""

from collections.abc import Callable
from typing import assert_never

from triage import clocks
from triage.actions import LOOKING
from triage.containing import describe, left_out
from triage.customer import Customer
from triage.incident import (
    ActionState,
    Clock,
    Closed,
    Incident,
    Kept,
    Paused,
    Promise,
    Proposal,
    Question,
    ResponseAction,
    Spared,
    Ticking,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import QUESTIONS, books, books_about
from triage.verdicts import verdict
from triage.views import ShownClock, ThreadAction


def headline(incident: Incident) -> Phrase:
    """What happened to whom, for people who work on it."""
    leading, concerned = books(incident)[0], (*incident.affected, *incident.joined)
    about = (a for a in concerned if leading in books_about(incident, a))
    people = [a.person.name if a.person else a.account.label for a in about]
    sign_in = incident.sign_ins[-1] if incident.sign_ins else None
    return phrase(
        f"headline.{incident.type}",
        title=incident.title,
        person=people[0] if people else phrase("label.nobody_known"),
        device=incident.devices[0].name if incident.devices else phrase("label.unknown_device"),
        file=incident.files[0].name if incident.files else phrase("label.a_file"),
        at=(sign_in.at if sign_in else None) or incident.first_activity or incident.received,
    )


MOST_SEEN = 3


def more_alerts(incident: Incident) -> tuple[Phrase, ...]:
    left = incident.alert_count - len(incident.alerts[-MOST_SEEN:])
    return (phrase("seen.more_alerts", count=left),) if left > 0 else ()


def machines_left_out(incident: Incident) -> tuple[Phrase, ...]:
    """What the cards, or our actions, do not cover, where it is not why a person must look."""
    lines = [phrase("seen.overflow")] if incident.overflow else []
    why = phrase("why.targets_left_out")
    if left_out(incident) and not incident.is_over and incident.handed_over != why:
        lines.append(why)
    return tuple(lines)


def already_done(incident: Incident) -> tuple[Phrase, ...]:
    return tuple(phrase(f"known.already_{d.kind}", target=d.target) for d in incident.already_done)


def what_was_said(incident: Incident) -> tuple[Phrase, ...]:
    """What people answered, and where no answer came; free text stays with the analysts."""
    return tuple(_said_by(q) for q in incident.questions if q.answer or q.state.state == "silent")


def _said_by(question: Question) -> Phrase:
    reply = question.answer
    answer = QUESTIONS[question.kind].answer(reply.choice or "") if reply else None
    if reply is None or answer is None:
        return phrase("known.silent", person=question.person.name)
    if reply.attester is not None:
        said = answer.says(question.kind)
        who = question.person.name
        return phrase("known.said_to_manager", person=who, answer=said, by=reply.attester)
    key = "known.said_by_phone" if reply.recorded_by else "known.said"
    return phrase(key, person=question.person.name, answer=answer.says(question.kind))


def visible(actions: tuple[ResponseAction, ...]) -> tuple[ResponseAction, ...]:
    """Proposals are the analyst's; what was decided is everybody's."""
    return tuple(a for a in actions if a.state is not ActionState.PROPOSED)


def shown_action(action: ResponseAction) -> ThreadAction:
    return ThreadAction(
        id=action.id,
        says=describe(action),
        state=action.state,
        at=action.at,
        rehearsed=action.rehearsed,
    )


def shown_clocks(incident: Incident, customer: Customer, *, plain: bool) -> tuple[ShownClock, ...]:
    """What is promised, in the order it is usually kept; what was missed before the case was
    reopened comes first."""
    before = [c for c in incident.clocks if c.missed and c.generation < incident.reopened]
    now = [c for p in Promise if (c := clocks.current(incident, p)) is not None]
    return tuple(
        ShownClock(
            promise=phrase(f"promised.{c.promise}" if plain else f"promise.{c.promise}"),
            stands=stands,
        )
        for c in (*before[-MOST_SEEN:], *now)
        if (stands := _stands(incident, customer, c)) is not None
    )


def _stands(incident: Incident, customer: Customer, clock: Clock) -> Phrase | None:
    """Nothing where nothing is promised, or the case was over first."""
    if clock.due is None:
        return None
    if clock.missed and clock.generation < incident.reopened:
        return phrase("stands.missed_before", due=clock.due)
    match clock.state:
        case Kept(at):
            took = max(1, round(clocks.elapsed(clock, at).total_seconds() / 60))
            key = "stands.late" if clock.missed else "stands.kept"
            return phrase(key, minutes=took, due=clock.due)
        case _ if clock.missed:
            return phrase("stands.missed", due=clock.due)
        case Spared():
            return None
        case Paused():
            waits = clocks.waits_for_customer(incident, customer, clock.promise)
            return phrase("stands.paused" if waits else "stands.idle")
        case Ticking():
            return phrase("stands.soon" if clock.warned else "stands.ticking", due=clock.due)
        case _:
            assert_never(clock.state)


EFFECTIVE = (ActionState.DONE, ActionState.ALREADY_DONE)


def outcome(
    incident: Incident, called: Callable[[Proposal | Closed], Phrase] = verdict
) -> tuple[Phrase, ...]:
    """What it was, as its readers call it, and how long it took; how it will close, while that is
    held; else nothing."""
    if incident.closing is not None:
        says = called(incident.closing.proposal)
        return (phrase("outcome.closing", disposition=says, until=incident.closing.until),)
    closed = incident.closed
    if closed is None:
        return ()
    minutes = max(1, round((closed.at - incident.received).total_seconds() / 60))
    lines = [
        phrase("outcome.closed", disposition=called(closed)),
        phrase("outcome.took", minutes=minutes),
    ]
    stopping = [a for a in incident.actions if a.kind not in LOOKING]
    contained = [a.at for a in stopping if a.state is ActionState.DONE and a.at]
    if contained and all(a.state in EFFECTIVE for a in stopping):
        within = max(1, round((max(contained) - incident.received).total_seconds() / 60))
        lines.append(phrase("outcome.contained", minutes=within))
    return tuple(lines)


def goes_on(incident: Incident) -> Phrase | None:
    """Where the case goes on, if it is part of another one."""
    return phrase("outcome.merged", name=incident.merged.name) if incident.merged else None
