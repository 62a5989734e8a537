"""Two cases of ours turn out to be one: the source redirects one to the other, or mirrors it.

The one that is merged asks, approves and does nothing any more; the other takes over what people
said there, whose account came under suspicion, and what was done. Source: domain.md section 5,
correlation.
"""

from dataclasses import replace

from triage import asking, containing, paging
from triage.authority import is_thread_guarded
from triage.draft import Draft
from triage.events import Absorbed, MergedInto
from triage.incident import ActionState, Incident, Merged
from triage.phrases import phrase
from triage.playbooks import gravest_first


def handed_on(incident: Incident) -> Absorbed:
    """What a case that is merged hands on; its questions are named after it."""
    return Absorbed(
        name=incident.name,
        questions=tuple(
            q if q in incident.heard else replace(q, id=f"{incident.name}/{q.id}")
            for q in incident.answered
        ),
        actions=tuple(a for a in incident.actions if a.state in _SETTLED),
        taints=incident.taints,
        types=incident.types,
        owner=incident.owner,
        owner_name=incident.owner_name,
        handed_over=incident.handed_over,
        kept_open=incident.kept_open,
    )


_SETTLED = (ActionState.DONE, ActionState.UNDONE)


def merge(draft: Draft, event: MergedInto) -> None:
    """The case ends here, and says where it goes on."""
    asking.withdraw_all(draft)
    containing.withdraw_approvals(draft)
    paging.taken(draft)
    draft.set(merged=Merged(draft.now, event.into, event.name), closing=None, handed_over=None)
    says = phrase("timeline.merged", name=event.name)
    draft.note(says)
    draft.tell_analysts("merged", says)
    if not is_thread_guarded(draft.incident, draft.customer):
        told = phrase("say.merged", name=draft.incident.name, into=event.name)
        draft.tell_customer("merged", told)


def absorb(draft: Draft, event: Absorbed) -> None:
    """Suspicion and answers count on, what was done is not done again, and whoever worked on the
    other case, or was to look at it, keeps it. A closing that is held begins anew."""
    says = phrase("timeline.absorbed", name=event.name)
    draft.note(says)
    draft.tell_analysts(f"absorbed:{event.name}", says)
    draft.set(
        types=gravest_first((*draft.incident.types, *event.types)),
        closing=None,
        kept_open=draft.incident.kept_open or event.kept_open,
    )
    asking.hear(draft, event.questions, event.taints)
    containing.take_over(draft, event.actions)
    if draft.incident.handed_over is None and event.handed_over is not None:
        draft.hand_over(event.handed_over)
    if draft.incident.owner is None and event.owner is not None:
        draft.set(owner=event.owner, owner_name=event.owner_name)
