"""The customer's profile: who its people are, what its machines mean, and what it allows us to do.

One validated TOML file per customer becomes one `Customer`; every later setting lives here. The
file is read by `storage/profiles.py`; the numbers in `triage.md` are the defaults.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from triage.actions import ActionKind
from triage.globs import fits, fits_any
from triage.report import Severity


def is_guest(upn: str) -> bool:
    """Whether Entra made this name for somebody of another organisation."""
    return "#ext#" in upn.lower()


class Role(StrEnum):
    """What a contact may be asked for. A customer's security team answers as SECURITY."""

    SECURITY = "security"
    APPROVER = "approver"
    IT = "it"
    MANAGER = "manager"
    APPLICATION_OWNER = "application_owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    upn: str
    name: str
    roles: frozenset[Role]
    phone: str | None = None
    phone_source: str | None = None
    """Where the number comes from ("HR record of 2026-03"): a number without one is not called."""
    delegate: str | None = None
    """The UPN of whoever stands in."""
    owns: tuple[str, ...] = ()
    """What they answer for: apps, by name or app id, and devices, each also as a glob."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What the customer says of one of its people, beyond the Teams roster."""

    upn: str
    vip: bool = False
    privileged: bool = False
    tier_0: bool = False
    """Whoever holds this account holds the directory: more care than for any privileged one."""
    break_glass: bool = False
    teams_admin: bool = False
    """Administers Teams: can make themselves a member of any team, and read its threads."""
    language: str | None = None
    phone: str | None = None
    phone_source: str | None = None
    manager: str | None = None


class Criticality(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CROWN_JEWEL = "crown_jewel"


class AssetKind(StrEnum):
    WORKSTATION = "workstation"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    name: str
    """The device name, or a glob: `PAYROLL-*`. Case does not matter."""
    kind: AssetKind = AssetKind.WORKSTATION
    criticality: Criticality = Criticality.NORMAL
    protected: bool = False
    """Never touched automatically (a domain controller, a production line)."""
    tier_0: bool = False
    """Identities hang on it (a directory server, a synchronisation host): one tier more care."""
    exposed: bool = False
    """Reachable from the internet."""
    purpose: str | None = None


class Consent(StrEnum):
    """What lets us act: the modes of the field's rules of engagement (domain.md section 4; decision
    page 11)."""

    NOTIFY = "notify"
    """We touch nothing: the customer is told what to do, and does it."""
    COLLABORATE = "collaborate"
    """We ask first; where nobody of theirs can be reached in time we may be allowed to act."""
    AUTHORIZE = "authorize"
    """We act at once, and tell afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    number: int
    """The customer's own number for it; cards cite it."""
    action: ActionKind
    consent: Consent
    act_if_unreachable: bool = False
    """Under COLLABORATE: we act where nobody answers an approval in time."""
    minutes: int = 15
    """How long an approval stays open."""
    privileged: bool = False
    """For privileged, non-break-glass accounts, and before a general rule for them; with AUTHORIZE
    it names them for automatic lockout (triage.md section 6)."""
    approvers: tuple[str, ...] = ()
    """The UPNs of those contacts who alone may approve it; without them, every approver may."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How many targets a kind of response action may reach in any hour, over all of a customer's
    incidents: whoever feeds us false alarms must not switch off a company through us."""

    revoke_sessions: int = 30
    disable_account: int = 10
    reset_password: int = 10
    remove_mfa_method: int = 10
    disable_inbox_rule: int = 30
    disable_app: int = 3
    disable_device: int = 5
    scan_device: int = 60
    isolate_device: int = 5
    collect_package: int = 20
    quarantine_file: int = 20
    block_url: int = 20
    delete_mail: int = 30

    def of(self, action: ActionKind) -> int:
        cap: int = getattr(self, action.value)
        return cap


@dataclass(frozen=True, slots=True)
class Stop:
    """All response actions of a customer stand still, until they are allowed again."""

    at: datetime
    why: str
    by: str | None
    """The operator who pulled the kill switch; None where the circuit breaker opened by itself."""
    everywhere: bool = False
    """Pulled for all customers at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFact:
    """Something the customer knows to be fine, approved and expiring; cited when it counts."""

    id: str
    statement: str
    covers: str
    """The incident type it speaks of: `remote_tool`, `unfamiliar_sign_in`, ..."""
    devices: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    approver: str
    expires: date


@dataclass(frozen=True, slots=True)
class ServiceDesk:
    phone: str
    phone_source: str


@dataclass(frozen=True, slots=True)
class WorkingHours:
    days: frozenset[int]
    """Monday is 0."""
    start: time
    end: time
    """Not after `start`, it is the next day's: a night shift, which is of the day it begins on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """Days off. Working hours that begin on one are free to their end."""

    country: str | None = None
    """ISO 3166-1, two letters: its public holidays."""
    subdivision: str | None = None
    """Those of this part of it too, as ISO 3166-2 calls it without the country: "BY"."""
    extra: tuple[date, ...] = ()
    """Days off beside the public ones."""
    working: tuple[date, ...] = ()
    """Worked after all, whatever the weekday and whatever else is said here."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When somebody works; `triage/worktime.py` reckons with it."""

    zone: str
    hours: WorkingHours | None = None
    """Without them, every hour of every day is worked."""
    holidays: Holidays = Holidays()


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When people are left alone unless it is urgent, by their own clock, on every day."""

    start: time = time(20)
    end: time = time(7)
    """Equal to `start`, there are none."""


class Due(StrEnum):
    """A target that is not a number of minutes."""

    NEXT_WORKDAY = "next_workday"
    NONE = "none"
    """Not promised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is promised, each in minutes around the clock. From when on, and what pauses it, stands
    in `triage/clocks.py`."""

    acknowledge: int | Due
    """An analyst has taken it."""
    contact: int | Due
    """The first person has been reached."""
    contain: int | Due
    """The last containment that is asked for is done."""
    resolve: int | Due
    """It is closed."""


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """By priority (domain.md section 6): high is P1 and P2, medium P3, low P4."""

    high: Targets = Targets(acknowledge=10, contact=15, contain=30, resolve=Due.NONE)
    medium: Targets = Targets(acknowledge=30, contact=60, contain=240, resolve=Due.NONE)
    low: Targets = Targets(
        acknowledge=240, contact=Due.NEXT_WORKDAY, contain=Due.NONE, resolve=Due.NONE
    )


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Minutes a question stays open, by priority (domain.md section 5, user fatigue): high is P1
    and P2, medium P3, low P4."""

    high: int = 15
    medium: int = 120
    low: int = 480


class Strength(StrEnum):
    """What a fresh sign-in must have been made with."""

    MFA = "mfa"
    PHISHING_RESISTANT = "phishing_resistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """How the customer's tenant demands a fresh, strong sign-in (domain.md section 3, L2)."""

    authentication_context: str
    """The id of the authentication context that a Conditional Access policy of theirs protects."""
    strength: Strength = Strength.PHISHING_RESISTANT
    probed: date | None = None
    """When a sign-in that does not satisfy the policy was last seen to be refused. Entra grants a
    context that no policy protects to everybody; without this, nothing is offered."""


class Tells(StrEnum):
    """How the customer's channel hears of an incident."""

    THREAD = "thread"
    DIGEST = "digest"
    """A line in the day's digest; a thread after all where something is needed."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Threads:
    """By severity (experience.md, the customer's thread); the default is a thread."""

    high: Tells = Tells.THREAD
    medium: Tells = Tells.THREAD
    low: Tells = Tells.THREAD
    informational: Tells = Tells.THREAD
    digest_at: time = time(8)
    """When the day's digest is posted, by the customer's clock."""

    def of(self, severity: Severity) -> Tells:
        tells: Tells = getattr(self, severity.value)
        return tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """How long people's data is kept, and whom they ask about it."""

    retention_days: int = 365
    """After a case is closed; then what was said in it, and by whom, is erased."""
    contact: str | None = None
    """Whoever answers for data protection, as people reach them: an address, a name and number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    id: str
    version: int
    name: str
    """Who signs the cards: "Contoso Security"."""
    prefix: str
    """Incidents are called CONTOSO-42."""
    tenant_id: str
    team_id: str | None = None
    """The channel of the incidents, and its team: until one is bound by a code."""
    channel_id: str | None = None
    zone: str = "UTC"
    language: str = "en"
    hours: WorkingHours | None = None
    holidays: Holidays = Holidays()
    quiet: QuietHours = QuietHours()
    service_desk: ServiceDesk | None = None
    deadlines: Deadlines = Deadlines()
    sla: ServiceLevels = ServiceLevels()
    question_budget: int = 3
    """Cards a person gets in a day, urgent ones aside (domain.md section 5, user fatigue)."""
    bundle_minutes: int = 10
    """How long a second question that is not urgent may wait to join others."""
    look_for_absence: bool = False
    """Whether we may read automatic replies and presence of whoever is asked, or is to help."""
    step_up: StepUp | None = None
    """Without it, whoever's account is suspect is led to the service desk only."""
    threads: Threads = Threads()
    privacy: Privacy = Privacy()
    contacts: tuple[Contact, ...] = ()
    people: tuple[PersonFacts, ...] = ()
    privileged_names: tuple[str, ...] = ()
    """Naming conventions of privileged accounts, as globs over the UPN: `adm-*`."""
    assets: tuple[Asset, ...] = ()
    consent: Consent = Consent.COLLABORATE
    """Where no rule speaks of an action."""
    act_if_unreachable: bool = False
    """The same: under COLLABORATE, for tiers A and B, where nobody answers in time."""
    rules: tuple[StandingRule, ...] = ()
    caps: Caps = Caps()
    breaker: int = 5
    """So many response actions that failed, or went over a cap, within an hour open the circuit
    breaker: nothing more is done until an analyst allows it."""
    shadow: bool = False
    """We decide, and show analysts what would happen; nobody else hears of it, and nothing is done."""
    pilot: tuple[str, ...] = ()
    """The UPNs of those who alone are written to; without them, everybody may be."""
    stopped: Stop | None = None
    """Not written in a profile: the kill switch or the breaker, as it is at this moment. What is
    decided must not depend on it; it is looked at when an action is carried out."""
    facts: tuple[ExpectedFact, ...] = ()
    egress: tuple[str, ...] = ()
    """Networks (CIDR) this customer's own people come from."""
    auto_close: frozenset[str] = frozenset()
    """Incident types this customer lets us close after the hold (triage.md section 4)."""

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.zone, self.hours, self.holidays)

    def contact(self, upn: str) -> Contact | None:
        return next((c for c in self.contacts if c.upn.lower() == upn.lower()), None)

    def with_role(self, *roles: Role) -> tuple[Contact, ...]:
        return tuple(c for c in self.contacts if c.roles & set(roles))

    def facts_about(self, upn: str | None) -> PersonFacts | None:
        return next((p for p in self.people if upn and p.upn.lower() == upn.lower()), None)

    def administers_teams(self, upn: str) -> bool:
        facts = self.facts_about(upn)
        return bool(facts and facts.teams_admin)

    def is_privileged(self, upn: str | None) -> bool:
        if upn is None:
            return False
        facts = self.facts_about(upn)
        named = facts is not None and (facts.privileged or facts.tier_0)
        return named or fits_any(upn, self.privileged_names)

    def may_write_to(self, upn: str | None) -> bool:
        """Whether somebody is in the pilot group, where there is one."""
        return not self.pilot or (upn or "").lower() in {p.lower() for p in self.pilot}

    def asset(self, device: str | None) -> Asset | None:
        """The first asset whose name or glob fits the device."""
        if device is None:
            return None
        return next((a for a in self.assets if fits(device, a.name)), None)

    def rule_for(self, action: ActionKind, *, privileged: bool = False) -> StandingRule | None:
        """The rule that speaks most exactly of the action: of a privileged account the one that
        names such accounts, of any other the general one; else the only one there is."""
        of_action = [r for r in self.rules if r.action is action]
        exact = (r for r in of_action if r.privileged is privileged)
        return next(exact, of_action[0] if of_action else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    object_id: str
    name: str
    upn: str
    customers: tuple[str, ...] = ()
    """The ids of those whose cases go to this analyst first, while on duty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """When some of the analysts are on duty, week by week; `triage/duty.py` reckons with it."""

    name: str
    zone: str
    days: frozenset[int]
    """Monday is 0."""
    start: time
    end: time
    """Not after `start`, it is the next day's: a night shift, which is of the day it begins on."""
    analysts: tuple[str, ...]
    """UPNs of the roster; an analyst may have several shifts."""

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.zone, WorkingHours(self.days, self.start, self.end))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The provider's own tenant: where analysts work, and who they are."""

    id: str
    version: int
    name: str
    tenant_id: str
    team_id: str | None = None
    channel_id: str | None = None
    zone: str = "UTC"
    language: str = "en"
    analysts: tuple[Analyst, ...] = ()
    shifts: tuple[Shift, ...] = ()
    """Without them nobody is assigned a case: everybody sees it, and whoever takes it has it."""

    def analyst(self, object_id: str) -> Analyst | None:
        return next((a for a in self.analysts if a.object_id.lower() == object_id.lower()), None)
