"""`approve` and `deny`: an analyst takes down what a contact of the customer decided on the phone.

No analyst decides for the customer. What may be taken down is what the case's card offers: where the
thread can ask, the customer decides there.
"""

from collections.abc import Sequence

from bot.replies import MOST_NAMED, AskFirst, Choose, Reply
from cards.choosing import Option
from cards.wording import Reader, say
from dialogs.commands import Decide, Word
from triage.authority import decided_in_thread
from triage.customer import Analyst, Customer
from triage.events import ConsentRecorded
from triage.incident import ApprovalState, Incident
from triage.phrases import phrase
from triage.surfaces.analyst import analyst_thread
from triage.views import PhoneConsent


def consent(
    incident: Incident, customer: Customer, command: Decide, by: Analyst, reader: Reader
) -> Reply:
    offered = analyst_thread(incident, customer).consents
    if not offered:
        asked = any(a.state is ApprovalState.OPEN for a in incident.approvals)
        return [decided_in_thread(incident, customer) if asked else phrase("command.no_approval")]
    match _meant(offered, command, reader):
        case [one]:
            return _ask_first(incident, one, command, by)
        case found:
            word = Word.APPROVE if command.approve else Word.DENY
            options = tuple(
                Option(
                    phrase("choose.consent", person=c.name, asks=c.asks),
                    f"{word} {incident.name} {say(c.asks, reader)} by {c.upn}",
                )
                for c in (found or offered)[:MOST_NAMED]
            )
            return Choose(phrase("choose.consents"), options)


def _meant(
    offered: Sequence[PhoneConsent], command: Decide, reader: Reader
) -> Sequence[PhoneConsent]:
    """Those named so to the letter; else those whose names have every word. Without a word, all."""
    action, who = command.action.lower(), command.by.lower()
    theirs = [c for c in offered if who in (c.upn.lower(), c.name.lower())]
    theirs = theirs or [c for c in offered if set(who.split()) <= set(c.name.lower().split())]
    exact = [c for c in theirs if action in _names(c, reader)]
    return exact or [
        c for c in theirs if any(set(action.split()) <= set(n.split()) for n in _names(c, reader))
    ]


def _names(offered: PhoneConsent, reader: Reader) -> set[str]:
    return {say(offered.asks, reader).lower(), say(offered.asks, Reader("en")).lower()}


def _ask_first(incident: Incident, meant: PhoneConsent, command: Decide, by: Analyst) -> AskFirst:
    key = "confirm.says_yes" if command.approve else "confirm.says_no"
    said = phrase(key, name=incident.name, person=meant.name, action=meant.asks)
    number = phrase("confirm.by_phone", number=meant.number, source=meant.number_source)
    event = ConsentRecorded(meant.approval, meant.upn, command.approve, by.object_id, by.name)
    return AskFirst((said, number), event)
