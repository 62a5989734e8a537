"""`approve` and `deny`: an analyst takes down what a contact of the customer decided on the phone.

No analyst decides for the customer. What may be taken down is what the case's card offers: where the
thread can ask, the customer decides there.
"""

from bot.replies import MOST_NAMED, AskFirst, Choose, Reply
from cards.choosing import Option
from cards.wording import Reader, say
from dialogs.commands import Decide, Word
from triage.customer import Analyst, Customer
from triage.events import ConsentRecorded
from triage.incident import ApprovalState, Incident
from triage.phrases import phrase
from triage.surfaces import analyst_thread
from triage.views import PhoneConsent


def consent(
    incident: Incident, customer: Customer, command: Decide, by: Analyst, reader: Reader
) -> Reply:
    offered = analyst_thread(incident, customer).consents
    if not offered:
        asked = any(a.state is ApprovalState.OPEN for a in incident.approvals)
        return [phrase("refused.decided_in_thread" if asked else "command.no_approval")]
    match [c for c in offered if _is_meant(c, command, reader)]:
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


def _is_meant(offered: PhoneConsent, command: Decide, reader: Reader) -> bool:
    names = {say(offered.asks, reader).lower(), say(offered.asks, Reader("en")).lower()}
    action = command.action.lower()
    of_action = action in names or any(set(action.split()) <= set(n.split()) for n in names)
    who = command.by.lower()
    of_person = who in ("", offered.upn.lower()) or set(who.split()) <= set(
        offered.name.lower().split()
    )
    return of_action and of_person


def _ask_first(incident: Incident, meant: PhoneConsent, command: Decide, by: Analyst) -> AskFirst:
    key = "confirm.says_yes" if command.approve else "confirm.says_no"
    said = phrase(key, name=incident.name, person=meant.name, action=meant.asks)
    number = phrase("confirm.by_phone", number=meant.number, source=meant.number_source)
    event = ConsentRecorded(meant.approval, meant.upn, command.approve, by.object_id, by.name)
    return AskFirst((said, number), event)
