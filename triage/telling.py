"""How the customer hears of a case: a thread of its own, a line in the day's digest, or both.

Source: experience.md, the customer's security team; the profile's `threads` says which.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from triage.customer import Customer, Provider, Tells
from triage.draft import Draft
from triage.incident import Band, Incident
from triage.phrases import Phrase, phrase


def tell(draft: Draft) -> None:
    """Decide on the thread, and see that today's digest will be posted where one is wanted."""
    if not draft.incident.threaded and needs_thread(draft.incident, draft.customer):
        draft.set(threaded=True)
    if draft.customer.threads.of(draft.incident.severity) is not Tells.THREAD:
        draft.post_digest(*digest_window(draft.customer, draft.incident.received))


def from_provider(by_name: str, provider: Provider, text: str) -> Phrase:
    """An analyst's words as the customer's people read them: whose they are stands before them."""
    return phrase("say.from_provider", by=by_name, provider=provider.name, text=text)


def needs_thread(incident: Incident, customer: Customer) -> bool:
    """The policy says thread, or somebody of the customer is needed, or it is grave after all."""
    grave = incident.decision is not None and incident.decision.band in (
        Band.CONTAIN,
        Band.ESCALATE,
    )
    asked = bool(incident.approvals) or any(a.advised for a in incident.actions)
    asked = asked or any(t.in_thread for t in incident.tasks)
    return customer.threads.of(incident.severity) is not Tells.DIGEST or asked or grave


def digest_window(customer: Customer, within: datetime) -> tuple[datetime, datetime]:
    """From digest to digest around a moment, by the customer's clock: 23 or 25 hours where the
    clocks change. What came in after the first and not after the second is told by the second."""
    zone = ZoneInfo(customer.zone)
    day = within.astimezone(zone).date()
    today = datetime.combine(day, customer.threads.digest_at, zone)
    if within <= today:
        before, at = today - timedelta(days=1), today
    else:
        before, at = today, today + timedelta(days=1)
    return before.astimezone(UTC), at.astimezone(UTC)
