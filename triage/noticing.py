"""Notice of containment: who is cut off hears of it, and their manager, by a way that still works.

    isolated device       Teams on the phone still works: their own chat
    disabled, reset       Teams does not work for that account: their manager's chat, and an analyst
                          calls them
    suspect account       nothing through it, whatever was done: an analyst calls

Source: issue 5, authority; triage.md section 6, isolation. A restricted case is told to nobody.
"""

from triage.actions import ActionKind, TargetKind
from triage.draft import Draft
from triage.incident import IncidentType, Person, ResponseAction
from triage.phrases import phrase

LOCKS_OUT = frozenset({ActionKind.DISABLE_ACCOUNT, ActionKind.RESET_PASSWORD})
CUTS_OFF = LOCKS_OUT | {ActionKind.ISOLATE_DEVICE}


def notify(draft: Draft, action: ResponseAction) -> None:
    """Tell of what was just done; in shadow mode nobody was cut off."""
    if action.kind not in CUTS_OFF or draft.customer.shadow:
        return
    if draft.incident.type is IncidentType.RESTRICTED:
        return
    for person in _hit(draft, action):
        suspect = draft.incident.is_tainted(person.object_id)
        if action.kind in LOCKS_OUT or suspect:
            _have_them_called(draft, action, person)
        elif not _has_card(draft, person):  # whoever has one was told before it was cut off
            says = phrase("notice.isolating", device=action.target.label)
            draft.tell_person(person.object_id, f"isolated:{action.id}", says)
        _tell_manager(draft, action, person)


def _hit(draft: Draft, action: ResponseAction) -> tuple[Person, ...]:
    """Whose account it is, or who works at the device; guests are written to by nobody."""
    known = {
        a.person.object_id: (a.person, a.device)
        for a in draft.incident.affected
        if a.person and not a.person.outside
    }
    if action.target.kind is TargetKind.ACCOUNT:
        return tuple(p for p, _ in known.values() if p.object_id == action.target.id)
    return tuple(p for p, device in known.values() if device in (None, action.target.label))


def _has_card(draft: Draft, person: Person) -> bool:
    return any(
        q.person.object_id == person.object_id and q.was_sent for q in draft.incident.questions
    )


def _have_them_called(draft: Draft, action: ResponseAction, person: Person) -> None:
    facts = draft.customer.facts_about(person.upn)
    number = facts.phone if facts and facts.phone_source else None
    key = "say.notify_by_phone" if number else "say.notify_without_number"
    says = phrase(
        key,
        person=person.name,
        action=phrase(f"action.{action.kind}", target=action.target.label),
        number=number,
        source=facts.phone_source if facts else None,
    )
    draft.note(says)
    draft.tell_analysts(f"notify:{action.id}:{person.object_id}", says)


def _tell_manager(draft: Draft, action: ResponseAction, person: Person) -> None:
    """Whoever the profile names, unless they are concerned themselves."""
    facts = draft.customer.facts_about(person.upn)
    named = (facts.manager or "").lower() if facts else ""
    manager = draft.known.facts.helpers.get(named)
    if manager is None or manager.outside or draft.incident.affects(manager.object_id, manager.upn):
        return
    if draft.incident.is_tainted(manager.object_id) or (
        manager.object_id in draft.known.facts.at_risk
    ):
        return
    which = "account" if action.kind in LOCKS_OUT else "device"
    says = phrase(
        f"contained.{which}",
        sender=draft.customer.name,
        person=person.name,
        device=action.target.label,
    )
    draft.tell_person(manager.object_id, f"contained:{action.id}:{person.object_id}", says)
    draft.note(phrase("timeline.manager_told", helper=manager.name, person=person.name))
