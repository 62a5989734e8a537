"""The purpose notice: what Vouch keeps of people and why, for a customer to show, and in the chat."""

from cards.wording import Reader, label, say
from triage.customer import Customer
from triage.phrases import Phrase, phrase

PARTS = ("purpose", "data", "readers", "retention", "rights", "no_ranking")


def in_short(customer: Customer) -> Phrase:
    """What somebody is told who asks in their chat."""
    return phrase(
        "privacy.short",
        sender=customer.name,
        days=customer.privacy.retention_days,
        contact=_contact(customer),
    )


def in_full(customer: Customer, language: str) -> list[str]:
    """The notice a customer can show its people, line by line."""
    reader = Reader(language, customer.zone)
    args: dict[str, str | int | Phrase] = {
        "sender": customer.name,
        "days": customer.privacy.retention_days,
        "contact": _contact(customer),
    }
    title = label("privacy.title", reader)
    return [title, *(say(phrase(f"privacy.{part}", **args), reader) for part in PARTS)]


def _contact(customer: Customer) -> str | Phrase:
    return customer.privacy.contact or phrase("privacy.service_desk")
