"""How well we know who answers (domain.md section 3), and when a fresh sign-in proves nothing.

    L0  a button in Teams: proves a session, which may be an intruder's
    L1  single sign-on in Teams: the same session; adds nothing against its thief, and is not offered
    L2  a fresh sign-in in a browser, bound to one question and one person
    L3  a voice: a call back to a number somebody vouches for, or the manager's word

What each level lets an answer weigh stands in `playbooks.py` (`verified_weight`, `least`).
"""

from datetime import datetime, timedelta

from triage.customer import Customer, StepUp, Strength
from triage.events import SignedIn
from triage.incident import Incident, IncidentType, Question
from triage.report import Product

SETTLED = timedelta(days=7)
"""How long authenticators must have stood unchanged before a sign-in with them proves a person."""

CLOCKS_DIFFER = timedelta(minutes=5)
EARLY = timedelta(minutes=1)
"""How long before this attempt began, by Entra's clock, a sign-in may have been and still be its own."""

PHISHING_RESISTANT = frozenset({"fido", "hwk", "x509"})
"""`amr` of security keys and passkeys, of keys bound to hardware, and of certificates. "rsa" is also
said of a phone's approval, which an intruder's page can relay."""

_CHANGES_AUTHENTICATORS = frozenset({IncidentType.NEW_MFA_METHOD, IncidentType.DEVICE_JOIN})
_ABOUT_A_DEVICE = frozenset(
    {
        IncidentType.MALICIOUS_FILE,
        IncidentType.SCRIPT,
        IncidentType.REMOTE_TOOL,
        IncidentType.USB_DEVICE,
        IncidentType.SOFTWARE,
        IncidentType.LOST_DEVICE,
        IncidentType.RANSOMWARE,
    }
)


def void(incident: Incident, person: str, at: datetime) -> str | None:
    """Why a sign-in of this person, at this time, proves nothing in this case: a code with a
    sentence; None where it does.

    - a session was stolen, so a sign-in may have been relayed
    - the account is suspect by more than this case's own low alert
    - ways to sign in were added within seven days: the new one may be the intruder's
    - a device of the case is suspect, and the sign-in may come from it
    """
    kinds = set(incident.types)
    if IncidentType.STOLEN_SESSION in kinds:
        return "stolen_session"
    if incident.is_tainted(person):
        return "account_suspect"
    if kinds & _CHANGES_AUTHENTICATORS and _latest_activity(incident) > at - SETTLED:
        return "authenticators_changed"
    if kinds & _ABOUT_A_DEVICE or any(Product.ENDPOINT in ref.products for ref in incident.refs):
        return "device_suspect"
    return None


def _latest_activity(incident: Incident) -> datetime:
    return max((a.at for a in incident.alerts if a.at), default=incident.received)


def falls_short(
    sign_in: SignedIn,
    asked: Question,
    customer: Customer,
    step_up: StepUp,
    *,
    begun: datetime,
    now: datetime,
) -> str | None:
    """Why a sign-in does not confirm the person: a code with a sentence; None where it does.

    - it was made in the customer's tenant
    - by the very person who is asked
    - after the question was asked and this attempt was begun: an older one is not enough, also
      where its code was kept back
    - Entra says that the customer's policy for this context was satisfied
    - and with which factors: phishing-resistant, or at least more than one
    """
    if sign_in.tenant_id.lower() != customer.tenant_id.lower():
        return "wrong_tenant"
    if sign_in.object_id.lower() != asked.person.object_id.lower():
        return "wrong_person"
    earliest = max(asked.asked_at, begun - EARLY).replace(microsecond=0)  # Entra counts seconds
    if sign_in.at is None or not earliest <= sign_in.at <= now + CLOCKS_DIFFER:
        return "not_fresh"
    if step_up.authentication_context not in sign_in.contexts:
        return "no_context"
    return None if _is_strong(sign_in.methods, step_up.strength) else "weak"


def _is_strong(methods: tuple[str, ...], strength: Strength) -> bool:
    match strength:
        case Strength.PHISHING_RESISTANT:
            return bool(PHISHING_RESISTANT & set(methods))
        case Strength.MFA:
            return "mfa" in methods or bool(PHISHING_RESISTANT & set(methods))
