"""Decisions as scripts: given a customer, this arrives, these effects follow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from triage import assigning
from triage.actions import ActionKind
from triage.customer import (
    Analyst,
    Consent,
    Contact,
    Customer,
    ExpectedFact,
    PersonFacts,
    Provider,
    Role,
    ServiceDesk,
    StandingRule,
)
from triage.decide import Accepted, AlreadyAnswered, Refused, Verdict, decide
from triage.draft import Known
from triage.duty import Duty
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD, Contain, Effect, Say, Wake
from triage.events import (
    ActionDone,
    ActionFailed,
    Answered,
    ApprovalAnswered,
    CallRecorded,
    CloseOrdered,
    Event,
    Facts,
    Match,
    NewIncident,
    Reported,
    Woke,
)
from triage.extract import accounts
from triage.incident import (
    ActionState,
    Approval,
    Band,
    Incident,
    IncidentType,
    Person,
    Question,
    ResponseAction,
    Status,
)
from triage.phrases import Phrase
from triage.report import (
    Account,
    Alert,
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IncidentReport,
    ProcessEvidence,
    Product,
    Remediation,
    Severity,
    SignInEvidence,
    Source,
    UserEvidence,
)
from triage.report import (
    Verdict as Finding,
)
from triage.surfaces import surfaces
from triage.views import (
    AnalystThread,
    ApprovalCard,
    CustomerThread,
    ManagerCard,
    PersonCard,
    SourceStatus,
    View,
)

TEN_PAST_TEN = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)
TENANT = "0a0a0a0a-1111-2222-3333-444444444444"


# --- people --------------------------------------------------------------------------------------


def person(name: str, *, reads_thread: bool = False) -> Person:
    given = name.split(maxsplit=1)[0]
    upn = f"{given.lower()}@contoso.com"
    return Person(f"oid-{given.lower()}", name, given, upn, reads_thread=reads_thread)


BOB = person("Bob Baker")
CARLA = person("Carla Chen")
DAN = person("Dan Diaz")
EVE = person("Eve Ek")
JON = person("Jon Jansen", reads_thread=True)
INES = person("Ines Ito", reads_thread=True)
STRANGER = person("Stan Stranger")
PEOPLE = (BOB, CARLA, DAN, EVE, JON, INES)

ANNA = Analyst(object_id="oid-anna", name="Anna", upn="anna@provider.example")
ABE = Analyst(object_id="oid-abe", name="Abe", upn="abe@provider.example")
PROVIDER = Provider(
    id="provider",
    version=1,
    name="Provider",
    tenant_id="0b0b0b0b-1111-2222-3333-444444444444",
    team_id="team",
    channel_id="channel",
    analysts=(ANNA, ABE),
)

APPROVER = Contact(upn=JON.upn, name=JON.name, roles=frozenset({Role.APPROVER}))
IT = Contact(upn=INES.upn, name=INES.name, roles=frozenset({Role.IT}))
CONTOSO = Customer(
    id="contoso",
    version=7,
    name="Contoso Security",
    prefix="CONTOSO",
    tenant_id=TENANT,
    team_id="team-contoso",
    channel_id="channel-contoso",
    service_desk=ServiceDesk("+49 30 1234", "contract of 2026-01"),
    contacts=(APPROVER, IT),
    people=(
        PersonFacts(upn=CARLA.upn, phone="+49 30 5678", phone_source="HR record of 2026-03"),
        PersonFacts(upn="root@contoso.com", break_glass=True, privileged=True),
    ),
)
BOBS_PHONE = PersonFacts(upn=BOB.upn, phone="+49 30 8765", phone_source="HR record of 2026-03")
"""With it, what Bob says on the phone is known to be his word (L3)."""


def rule(
    action: ActionKind,
    consent: Consent = Consent.COLLABORATE,
    *,
    act_if_unreachable: bool = False,
    number: int = 4,
    privileged: bool = False,
    approvers: tuple[str, ...] = (),
) -> StandingRule:
    return StandingRule(
        number=number,
        action=action,
        consent=consent,
        act_if_unreachable=act_if_unreachable,
        minutes=13,
        privileged=privileged,
        approvers=approvers,
    )


AUTOMATIC = tuple(rule(kind, Consent.AUTHORIZE) for kind in ActionKind)
"""Rules of a customer who lets us do everything at once."""


def contoso(**changes: Any) -> Customer:
    return replace(CONTOSO, **changes)


def expected(covers: IncidentType, expires: date = date(2026, 12, 31), **names: Any) -> Customer:
    fact = ExpectedFact(
        id="f1",
        statement="Ines tests the supplier's tools",
        covers=covers,
        approver=JON.name,
        expires=expires,
        **names,
    )
    return contoso(facts=(fact,))


# --- what sources tell ---------------------------------------------------------------------------

LAPTOP = DeviceEvidence(device_id="d" * 40, name="LAPTOP-7")
INVOICE = FileEvidence(
    name="invoice.docm", sha1="1" * 40, sha256="2" * 64, verdict=Finding.MALICIOUS
)
POWERSHELL = ProcessEvidence(name="powershell.exe", parent_name="explorer.exe")
AT_TWO = TEN_PAST_TEN - timedelta(minutes=8)


def user(who: Person | Account) -> UserEvidence:
    if isinstance(who, Account):
        return UserEvidence(account=who)
    return UserEvidence(account=Account(object_id=who.object_id, upn=who.upn))


def alert(
    title: str,
    product: Product = Product.ENDPOINT,
    severity: Severity = Severity.HIGH,
    *evidence: Evidence,
    **more: Any,
) -> Alert:
    return Alert(
        id=f"alert of {title}",
        title=title,
        product=product,
        severity=severity,
        first_activity=AT_TWO,
        evidence=evidence,
        **more,
    )


def report(*alerts: Alert, source_id: str = "1", **more: Any) -> IncidentReport:
    """With the digest of what it says, as sources seal it."""
    told = IncidentReport(
        source=Source.DEFENDER,
        source_id=source_id,
        title=alerts[0].title if alerts else "Nothing",
        severity=max((a.severity for a in alerts), key=lambda s: s.rank, default=Severity.LOW),
        created=AT_TWO,
        alerts=alerts,
        tenant_id=TENANT,
        **{"updated": AT_TWO, "digest": "", **more},
    )
    said = replace(told, updated=AT_TWO, digest="")
    return replace(told, digest=told.digest or sha256(repr(said).encode()).hexdigest())


def malware_ran(*people: Person, by_hand: bool = False, **more: Any) -> IncidentReport:
    """Quarantined late; Bob's, unless told otherwise."""
    seen: list[Evidence] = [user(p) for p in people or (BOB,)]
    file = replace(INVOICE, remediation=Remediation.REMEDIATED)
    seen += [LAPTOP, file, *([POWERSHELL] if by_hand else [])]
    return report(
        alert("'Emotet' malware was detected", Product.ENDPOINT, Severity.HIGH, *seen), **more
    )


def malware_blocked(
    *people: Person, severity: Severity = Severity.MEDIUM, **more: Any
) -> IncidentReport:
    """Stopped before it ran, without a verdict."""
    file = replace(INVOICE, verdict=Finding.UNKNOWN, detection="prevented")
    seen: list[Evidence] = [*map(user, people or (BOB,)), LAPTOP, file]
    return report(alert("Malware was prevented", Product.ENDPOINT, severity, *seen), **more)


def sign_in(
    who: Person = CARLA,
    severity: Severity = Severity.HIGH,
    *,
    compliant: bool | None = None,
    ip: str | None = None,
    techniques: tuple[str, ...] = (),
    **more: Any,
) -> IncidentReport:
    account = Account(object_id=who.object_id, upn=who.upn)
    seen = SignInEvidence(account=account, app="Outlook", ip=ip, device_compliant=compliant)
    told = alert(
        "Unfamiliar sign-in properties",
        Product.ENTRA,
        severity,
        seen,
        detector="unfamiliarFeatures",
        techniques=techniques,
    )
    return report(told, **{"source_id": "2", **more})


def remote_tool(who: Person = BOB, device: DeviceEvidence = LAPTOP, **more: Any) -> IncidentReport:
    told = alert(
        "AnyDesk was started", Product.ENDPOINT, Severity.MEDIUM, user(who), device,
        techniques=("T1219",),
    )  # fmt: skip
    return report(told, **{"source_id": "3", **more})


def leak(who: Person = BOB, **more: Any) -> IncidentReport:
    """A data-loss alert, which is restricted."""
    told = alert(
        "Card numbers were copied to a personal cloud", Product.DLP, Severity.HIGH, user(who)
    )
    return report(told, **{"source_id": "4", **more})


def mystery(who: Person = BOB, severity: Severity = Severity.LOW) -> IncidentReport:
    """Something no playbook knows."""
    return report(alert("Odd beacon", Product.CLOUD, severity, user(who), LAPTOP), source_id="5")


def later(told: IncidentReport, *, minutes: int = 5, **changes: Any) -> IncidentReport:
    """A newer revision of the same report."""
    changes = {"updated": told.updated + timedelta(minutes=minutes), **changes}
    return replace(told, digest=sha256(repr(changes).encode()).hexdigest(), **changes)


# --- the script ----------------------------------------------------------------------------------


@dataclass
class Case:
    """One incident from its first report on. Every step returns the case, so that a test reads as
    the story it tells; what the latest step ordered stands in `ordered`."""

    customer: Customer = CONTOSO
    roster: tuple[Person, ...] = PEOPLE
    at_risk: frozenset[str] = frozenset()
    """Who has an identity incident open elsewhere, from now on."""
    concerned: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()
    goes_on: bool = True
    unmergeable: Literal["over", "own", "room"] | None = None
    """As `Facts` has them, from now on."""
    provider: Provider = PROVIDER
    duty: Duty | None = None
    """Who is on duty, for what is woken to ask it."""
    by_upn: Mapping[str, Person] = field(default_factory=dict)
    """Contacts the roster knows: `Facts.helpers`."""
    now: datetime = TEN_PAST_TEN
    current: Incident | None = None
    verdict: Verdict = field(default_factory=Accepted)
    ordered: tuple[Effect, ...] = ()
    ever: list[Effect] = field(default_factory=list)
    log: list[tuple[Event, Known, datetime]] = field(default_factory=list)

    # --- what happens ---

    def happens(self, event: Event, *, after: float = 0) -> "Case":
        """The event arrives, `after` minutes later."""
        self.now += timedelta(minutes=after)
        known = Known(self.customer, self.provider, self._facts(event))
        self.log.append((event, known, self.now))
        decided = decide(self.current, event, known, self.now)
        self.current, self.ordered, self.verdict = (
            decided.incident,
            decided.effects,
            decided.verdict,
        )
        self.ever += decided.effects
        return self

    def _facts(self, event: Event) -> Facts:
        new = NewIncident("i-1", "CONTOSO-42", "7KQ2") if self.current is None else None
        matches = (
            {a.key: self._match(a) for a in accounts(event.report)}
            if isinstance(event, Reported)
            else {}
        )
        return Facts(
            new=new,
            matches=matches,
            at_risk=self.at_risk,
            concerned=self.concerned,
            unseen=self.unseen,
            goes_on=self.goes_on,
            unmergeable=self.unmergeable,
            helpers=self.by_upn,
            readers=self.readers,
            duty=self.duty if _asks_duty(event) else None,
        )

    def _match(self, account: Account) -> Match:
        found = [p for p in self.roster if p.object_id == account.object_id or p.upn == account.upn]
        if len(found) > 1:
            return Match(None, "ambiguous")
        return Match(found[0]) if found else Match(None, "no_match")

    def reported(self, told: IncidentReport, *, after: float = 0) -> "Case":
        return self.happens(Reported(told), after=after)

    def answers(
        self, choice: str, *, on: str = "q1", by: Person | None = None, after: float = 1
    ) -> "Case":
        return self.happens(Answered(on, self._asked(on, by), choice), after=after)

    def writes(self, text: str, *, on: str = "q1", after: float = 1) -> "Case":
        """Words while a question is open."""
        return self.happens(Answered(on, self._asked(on), None, text), after=after)

    def _asked(self, on: str, by: Person | None = None) -> str:
        return by.object_id if by else self.question(on).person.object_id

    def says_on_the_phone(self, choice: str, *, on: str = "q1", after: float = 1) -> "Case":
        return self.happens(CallRecorded(on, ANNA.object_id, ANNA.name, choice), after=after)

    def approves(self, by: Person = JON, *, on: str = "p1", after: float = 1) -> "Case":
        return self.happens(ApprovalAnswered(on, by.object_id, by.upn, by.name, True), after=after)

    def denies(self, by: Person = JON, *, on: str = "p1", after: float = 1) -> "Case":
        return self.happens(ApprovalAnswered(on, by.object_id, by.upn, by.name, False), after=after)

    def done(self, *actions: str, after: float = 1) -> "Case":
        """Containment reports success; of everything that is ordered, unless named."""
        names = actions or tuple(a.id for a in self.state.actions if a.state is ActionState.ORDERED)
        for name in names:
            self.happens(ActionDone(name, rehearsed=False), after=after)
        return self

    def fails(self, action: str, why: str = "device offline", after: float = 1) -> "Case":
        return self.happens(ActionFailed(action, why), after=after)

    def closes(self, **how: Any) -> "Case":
        return self.happens(
            CloseOrdered(ANNA.object_id, ANNA.name, **how),
            after=1,
        )

    def wakes(self, name: str, *, after: float = 0) -> "Case":
        return self.happens(Woke(name), after=after)

    def until_due(self, prefix: str) -> "Case":
        """Time passes until the last deadline of that kind, and its wake arrives."""
        wake = [w for w in self.wakes_ordered if w.name.startswith(prefix)][-1]
        self.now = max(self.now, wake.at)
        return self.happens(Woke(wake.name))

    # --- what holds ---

    @property
    def state(self) -> Incident:
        assert self.current is not None
        return self.current

    @property
    def wakes_ordered(self) -> list[Wake]:
        return [e for e in self.ever if isinstance(e, Wake)]

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def band(self) -> Band:
        assert self.state.decision is not None
        return self.state.decision.band

    @property
    def score(self) -> float:
        assert self.state.decision is not None
        return self.state.decision.probability

    @property
    def log_odds(self) -> float:
        assert self.state.decision is not None
        return self.state.decision.log_odds

    @property
    def rules(self) -> set[str]:
        assert self.state.decision is not None
        return {r.rule for r in self.state.decision.reasons}

    def question(self, which: str = "q1") -> Question:
        found = self.state.question(which)
        assert found is not None, f"no question {which}"
        return found

    def approval(self, which: str = "p1") -> Approval:
        found = self.state.approval(which)
        assert found is not None, f"no approval {which}"
        return found

    def action(self, kind: ActionKind) -> ResponseAction:
        return next(a for a in self.state.actions if a.kind is kind)

    def contained(self) -> set[ActionKind]:
        """What the latest step ordered to be done."""
        return {e.does for e in self.ordered if isinstance(e, Contain) and not e.undo}

    def ever_contained(self) -> set[ActionKind]:
        return {e.does for e in self.ever if isinstance(e, Contain) and not e.undo}

    def told(self, place: str) -> list[str]:
        """The sentences the latest step said somewhere, by key."""
        return [e.says.key for e in self.ordered if isinstance(e, Say) and e.place == place]

    def noted(self) -> list[str]:
        return [e.says.key for e in self.state.timeline]

    @property
    def open_questions(self) -> list[Question]:
        return [q for q in self.state.questions if q.state.state == "open"]

    @property
    def open_calls(self) -> list[str]:
        return [c.person.name for c in self.state.calls if c.done_at is None]

    # --- what is shown ---

    def views(self) -> Mapping[str, View]:
        return surfaces(self.state, self.customer)

    def card(self, who: Person) -> PersonCard:
        view = self.views()[f"person:{who.object_id}"]
        assert isinstance(view, PersonCard)
        return view

    def manager_card(self, who: Person, on: str = "q1") -> ManagerCard:
        view = self.views()[f"manager:{who.object_id}:{on}"]
        assert isinstance(view, ManagerCard)
        return view

    def thread(self) -> CustomerThread:
        view = self.views()[CUSTOMER_THREAD]
        assert isinstance(view, CustomerThread)
        return view

    def approval_card(self, which: str = "p1") -> ApprovalCard:
        view = self.views()[f"approval:{which}"]
        assert isinstance(view, ApprovalCard)
        return view

    def source(self, name: str = "defender:1") -> SourceStatus:
        view = self.views()[f"source:{name}"]
        assert isinstance(view, SourceStatus)
        return view

    def desk(self) -> AnalystThread:
        view = self.views()[ANALYST_THREAD]
        assert isinstance(view, AnalystThread)
        return view


def _asks_duty(event: Event) -> bool:
    return isinstance(event, Woke) and event.name.partition(":")[0] in assigning.WAKES


def accepted(verdict: Verdict) -> bool:
    return isinstance(verdict, Accepted)


def refusal(verdict: Verdict) -> str:
    assert isinstance(verdict, Refused), verdict
    return verdict.says.key


def already(verdict: Verdict) -> str:
    assert isinstance(verdict, AlreadyAnswered), verdict
    return verdict.says.key


def keys(phrases: Iterable[Phrase]) -> list[str]:
    return [p.key for p in phrases]
