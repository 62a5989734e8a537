"""`send`: an analyst's words to the customer's thread, or to the chat of somebody concerned, shown as
they will be read before they go.

    send we have it under control        to the customer's thread of the case
    send to Bob: please leave it on      to Bob's own chat
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.replies import MOST_NAMED
from cards.sending import MAX_WORDS, Preview, Written
from dialogs.commands import Send
from triage.authority import hearers, may_send
from triage.customer import Analyst, Customer, Provider
from triage.events import SentToCustomer
from triage.incident import Incident
from triage.phrases import Phrase, phrase
from triage.telling import from_provider


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be said, and how it will look."""

    event: SentToCustomer
    preview: Preview


def order(
    command: Send,
    incident: Incident,
    customer: Customer,
    provider: Provider,
    by: Analyst,
) -> Order | Phrase:
    """What `send` means in this case; why it cannot be sent, where it cannot."""
    hear = dict(hearers(incident, customer))
    people = {p.object_id: p.name for p in incident.people} | hear
    written = _addressed(command, people, hear.values())
    if isinstance(written, Phrase):
        return written
    event = SentToCustomer("", written.words, by.object_id, by.name, written.to)
    refused = may_send(incident, customer, provider, event)
    if refused is not None:
        return refused
    says = from_provider(by.name, provider, written.words)
    to = people.get(written.to or "")
    return Order(
        event,
        Preview(says, written, to, "", customer.name, incident.name),
    )


THREAD = ("the customer", "customer", "kunde", "den kunden", "cliente", "o cliente")
"""What the customer's thread is called after "to"."""


def _addressed(command: Send, people: Mapping[str, str], hear: Iterable[str]) -> Written | Phrase:
    written: Written | Phrase = Written(command.text, None)
    if command.addressed:
        written = _parted(command.text, people, hear)
    if isinstance(written, Phrase):
        return written
    if not written.words:
        return phrase("refused.say_what")
    if len(written.words) > MAX_WORDS:
        return phrase("refused.too_long", most=MAX_WORDS)
    return written


def _parted(text: str, people: Mapping[str, str], hear: Iterable[str]) -> Written | Phrase:
    """To whom, and what: the longest name that the text begins with."""
    named: dict[str, list[str | None]] = {name: [None] for name in THREAD}
    for object_id, name in people.items():
        for called in {name.lower(), name.lower().partition(" ")[0]}:
            named.setdefault(called, []).append(object_id)
    begins = [name for name in named if _begins(text.lower(), name)]
    if not begins:
        name = text.partition(":" if ":" in text else " ")[0]
        return phrase("command.nobody_hears", written=name, people=", ".join([*hear][:MOST_NAMED]))
    name = max(begins, key=len)
    match named[name]:
        case [one]:
            return Written(text[len(name) :].strip(" :,"), one)
        case several:
            names = ", ".join(people[each] for each in several if each)
            return phrase("command.several_people", written=name, names=names)


def _begins(text: str, name: str) -> bool:
    return bool(name) and text.startswith(name) and text[len(name) : len(name) + 1] in ("", *" :,")
