"""The offer to confirm oneself by a fresh sign-in before answering: made, taken up, and its end.

    offered ─the page's button─▶ started ─▶ passed ─an answer on the page─▶ a reply of level L2
       ▲                            │
       └──── once more ── failed ◀──┤         void: it proves nothing in this case (any more)
                                    └─▶       expired: the question's time is over

Whoever passed and whose answer never came may begin once more.
Nothing but the answer after it weighs anything: that somebody failed, declined or signed in as
somebody else confirms nothing, ends no question, and keeps nobody from calling.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from triage import assurance
from triage.draft import Draft
from triage.events import SignedIn
from triage.incident import (
    Assurance,
    Incident,
    Open,
    Question,
    Route,
    Verification,
    VerificationState,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import takes_sign_in

MOST_TRIES = 5
ANSWER_WITHIN = timedelta(minutes=10)
"""After signing in: then somebody else may sit there."""

_USABLE = (VerificationState.OFFERED, VerificationState.STARTED, VerificationState.FAILED)
_ALARMING = ("wrong_person", "wrong_tenant", "forged")
"""Failures that an honest person's mistake explains worst."""


def offer(draft: Draft, question: Question) -> None:
    """Where a neutral question was sent, and the answer after a sign-in could do more.

    - the customer's tenant demands a strong sign-in for a context, and that was tried
    - we have a page to lead to
    - a sign-in would prove something in this case
    """
    step_up = draft.customer.step_up
    able = step_up is not None and step_up.probed is not None and draft.known.facts.pages
    if not able or question.route is not Route.NEUTRAL or not takes_sign_in(question.kind):
        return
    if not isinstance(question.state, Open):
        return
    why = assurance.void(draft.incident, question.person.object_id, draft.now)
    if why is not None:
        draft.note(phrase("timeline.verify_not_offered", person=question.person.name, why=why))
        return
    offered = Verification(
        id=f"v{len(draft.incident.verifications) + 1}",
        question=question.id,
        person=question.person.object_id,
        state=VerificationState.OFFERED,
        at=draft.now,
        due=question.state.due,
    )
    draft.put_verification(offered)
    draft.wake(f"verify:{offered.id}", offered.due)


def may_start(incident: Incident, verification: Verification | None, now: datetime) -> bool:
    """Whether somebody may (still) sign in for it."""
    return (
        verification is not None and now < verification.due and is_offered(incident, verification)
    )


def is_offered(incident: Incident, verification: Verification) -> bool:
    """Whether the card still leads to it: also after a sign-in whose answer never came."""
    usable = verification.state in _USABLE or _lacks_answer(incident, verification)
    return usable and verification.tries < MOST_TRIES and not incident.is_over


def _lacks_answer(incident: Incident, verification: Verification) -> bool:
    question = incident.question(verification.question)
    if question is None or verification.state is not VerificationState.PASSED:
        return False
    answered = any(reply.assurance is Assurance.L2 for reply in question.replies)
    return isinstance(question.state, Open) and not answered


def start(draft: Draft, verification: Verification) -> None:
    if verification.tries == 0:
        draft.note(phrase("timeline.verify_started", person=_name(draft, verification)))
    draft.put_verification(
        replace(
            verification,
            state=VerificationState.STARTED,
            at=draft.now,
            tries=verification.tries + 1,
            why=None,
        )
    )


def judge(draft: Draft, verification: Verification, sign_in: SignedIn) -> VerificationState:
    """What a sign-in that was begun has come to."""
    question, step_up = draft.incident.question(verification.question), draft.customer.step_up
    if question is None or step_up is None:
        return fail(draft, verification, "no_context")
    why = assurance.falls_short(
        sign_in, question, draft.customer, step_up, begun=verification.at, now=draft.now
    )
    if why is not None:
        return fail(draft, verification, why, sign_in.username)
    tried = replace(verification, signed_in_at=sign_in.at, methods=sign_in.methods)
    void = assurance.void(draft.incident, verification.person, draft.now)
    if void is not None:
        return _annul(draft, tried, void)
    passed = replace(tried, state=VerificationState.PASSED, at=draft.now, why=None)
    draft.put_verification(passed)
    draft.note(
        phrase(
            "timeline.verify_passed",
            person=question.person.name,
            methods=", ".join(sign_in.methods),
        )
    )
    return passed.state


def fail(
    draft: Draft, verification: Verification, why: str, username: str | None = None
) -> VerificationState:
    """It confirms nothing, and analysts see why; that somebody else signed in, they are told."""
    failed = replace(verification, state=VerificationState.FAILED, at=draft.now, why=why)
    draft.put_verification(failed)
    name = _name(draft, verification)
    draft.note(phrase("timeline.verify_failed", person=name, why=why, username=username))
    if why in _ALARMING:
        alarm = phrase("why.verify_failed", person=name, why=why, username=username)
        draft.hand_over(alarm)
        draft.tell_analysts(f"verify:{verification.id}:{verification.tries}", alarm)
    return failed.state


def why_not_answer(draft: Draft, question: Question, verification_id: str) -> Phrase | None:
    """Why an answer on the page does not count as one after a sign-in; None where it does."""
    verification = draft.incident.verification(verification_id)
    if verification is None or verification.question != question.id:
        return phrase("refused.verification_over")
    passed = verification.state is VerificationState.PASSED
    if not passed or draft.now >= verification.at + ANSWER_WITHIN:
        return phrase("refused.verification_over")
    return None


def settle(draft: Draft) -> None:
    """What came to light ends an offer, as does the end of its question; a sign-in that was passed
    before loses what it proved."""
    for verification in draft.incident.verifications:
        question = draft.incident.question(verification.question)
        if verification.state in (VerificationState.VOID, VerificationState.EXPIRED):
            continue
        why = assurance.void(draft.incident, verification.person, verification.at)
        if why is not None and not draft.incident.is_over:
            _annul(draft, verification, why)
        elif verification.state in _USABLE and (
            draft.incident.is_over or question is None or not isinstance(question.state, Open)
        ):
            _expire(draft, verification)


def overdue(draft: Draft, verification_id: str) -> None:
    verification = draft.incident.verification(verification_id)
    if verification is None or verification.state not in _USABLE or draft.now < verification.due:
        return
    if verification.state is VerificationState.STARTED:
        draft.note(phrase("timeline.verify_expired", person=_name(draft, verification)))
    _expire(draft, verification)


def _expire(draft: Draft, verification: Verification) -> None:
    draft.put_verification(replace(verification, state=VerificationState.EXPIRED, at=draft.now))


def _annul(draft: Draft, verification: Verification, why: str) -> VerificationState:
    void = replace(verification, state=VerificationState.VOID, at=draft.now, why=why)
    draft.put_verification(void)
    draft.note(phrase("timeline.verify_void", person=_name(draft, verification), why=why))
    return void.state


def _name(draft: Draft, verification: Verification) -> str:
    question = draft.incident.question(verification.question)
    return question.person.name if question else verification.person
