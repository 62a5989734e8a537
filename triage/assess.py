"""Evidence and replies → score, band and reasons. Every term is a reason one can read.

Source: triage.md sections 1 to 5. Everything is added in log-odds of harm.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address, ip_network
from math import exp, log
from zoneinfo import ZoneInfo

from triage import assurance as levels
from triage.customer import Asset, AssetKind, Criticality, Customer, ExpectedFact
from triage.globs import fits_any
from triage.incident import (
    STANDS,
    Absence,
    Answered,
    Assurance,
    AwayBy,
    Band,
    Decision,
    Disposition,
    Incident,
    IncidentType,
    Proposal,
    Question,
    QuestionKind,
    Reason,
    Reply,
    Route,
    Standing,
)
from triage.phrases import phrase
from triage.playbooks import (
    PLAYBOOKS,
    QUESTIONS,
    Answer,
    Channel,
    QuestionSpec,
    books,
    is_about_accounts,
)
from triage.recognising import PRIORS, Detector, detector_of, type_of, was_prevented
from triage.report import (
    Alert,
    FileEvidence,
    IncidentReport,
    IpEvidence,
    ProcessEvidence,
    Product,
    Severity,
    SignInEvidence,
    Source,
    Verdict,
)

RULES = "2026-11.4"
"""Version of the weights and thresholds below and in `playbooks.py`; stored with every event."""

NAMED = 100
"""Characters of what a reason names, so that the state stays small with many reports."""

CONTAIN, ESCALATE, PROPOSE, CLOSE = 0.85, 0.50, 0.10, 0.02


def assess(incident: Incident, customer: Customer, now: datetime) -> Decision:
    """The score of an incident as it stands, with every reason and what follows from it."""
    reasons = (
        *_before_answers(incident, customer, now),
        *_from_answers(incident, incident.answered),
    )
    log_odds = _sum(reasons)
    band = _band(incident, customer, reasons)
    return Decision(
        at=now,
        log_odds=round(log_odds, 3),
        probability=round(probability(log_odds), 4),
        band=band,
        reasons=reasons,
        rules=RULES,
        profile=customer.version,
        proposal=_proposal(incident, band),
    )


def _before_answers(incident: Incident, customer: Customer, now: datetime) -> tuple[Reason, ...]:
    """What weighs the same whatever anybody answers."""
    return (
        *_from_sources(incident),
        *_from_absences(incident),
        *_from_profile(incident, customer, now),
    )


def _sum(reasons: tuple[Reason, ...]) -> float:
    return sum(r.weight for r in reasons)


def _band(incident: Incident, customer: Customer, reasons: tuple[Reason, ...]) -> Band:
    p = probability(_sum(reasons))
    spoken_for = _something_speaks_for_it(reasons)
    band = band_of(incident, customer, p, spoken_for=spoken_for)
    return Band.PROPOSE if band is Band.CLOSE and _on_a_word_alone(incident, reasons) else band


def _on_a_word_alone(incident: Incident, reasons: tuple[Reason, ...]) -> bool:
    """A reply alone never closes a case about an account (domain.md section 5): something that was
    seen, a cited fact, or an analyst who spoke with the person must stand beside it."""
    return (
        is_about_accounts(incident)
        and not any(r.weight < 0 and r.rule.startswith("sign.") for r in reasons)
        and not any(q.answer and q.answer.assurance is Assurance.L3 for q in incident.answered)
    )


def probability(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def log_odds(p: float) -> float:
    return log(p / (1 - p))


def band_of(incident: Incident, customer: Customer, p: float, *, spoken_for: bool) -> Band:
    """What a score asks for (triage.md section 4).

    - 0.85 and above: contain
    - 0.50 and above: escalate
    - at most 0.02, where this customer lets the type be closed: close after the hold
    - at most 0.10, with a question answered or a fact cited (`spoken_for`): propose to close
    - otherwise an analyst; always an analyst where the type is unknown or restricted
    """
    if p >= CONTAIN:
        return Band.CONTAIN
    if p >= ESCALATE:
        return Band.ESCALATE
    if incident.type in (IncidentType.UNKNOWN, IncidentType.RESTRICTED):
        return Band.ANALYST
    if p <= PROPOSE and spoken_for:
        return Band.CLOSE if p <= CLOSE and may_auto_close(incident, customer) else Band.PROPOSE
    return Band.ANALYST


def _something_speaks_for_it(reasons: tuple[Reason, ...]) -> bool:
    """A cited fact, or an answer that lowers: one floored at 0, or unverified, says nothing."""
    return any(
        r.rule == "sign.expected_fact" or (r.rule.startswith("answer.") and r.weight < 0)
        for r in reasons
    )


def may_auto_close(incident: Incident, customer: Customer) -> bool:
    """Whether the hold may close it without a person (triage.md section 4, last row).

    - the customer opted this type in, and every detector is one we know
    - severity at most medium
    - nobody affected is privileged, nothing affected is a server, tier-0 or a crown jewel
    - no account is tainted, no person has objected before, and everything affected is known
    """
    upns = [a.person.upn if a.person else a.account.upn for a in incident.affected]
    return (
        set(incident.types) <= customer.auto_close
        and f"prior.{Detector.UNKNOWN}" not in _telemetry_rules(incident)
        and incident.severity.rank <= Severity.MEDIUM.rank
        and not any(customer.is_privileged(upn) for upn in upns)
        and not any(_is_precious(customer.asset(d.name)) for d in incident.devices)
        and not incident.is_suspicious
        and not incident.kept_open
        and not incident.overflow
    )


def _is_precious(asset: Asset | None) -> bool:
    return asset is not None and (
        asset.kind is AssetKind.SERVER
        or asset.tier_0
        or asset.criticality is Criticality.CROWN_JEWEL
    )


def _proposal(incident: Incident, band: Band) -> Proposal | None:
    if band not in (Band.PROPOSE, Band.CLOSE):
        return None
    return Proposal(Disposition.EXPECTED, books(incident)[0].expected, None)


# --- what the sources show -----------------------------------------------------------------------


def read_report(report: IncidentReport, customer: Customer) -> tuple[Reason, ...]:
    """Prior and signs of one source's alerts (triage.md sections 1 and 2)."""
    reasons = [_prior(report)]
    reasons += _verdict(report)
    reasons += _execution(report)
    reasons += _persistence(report)
    reasons += _family(report)
    reasons += _sign_in(report, customer)
    return tuple(reasons)


def _prior(report: IncidentReport) -> Reason:
    classes = [detector_of(a, disrupted=report.disrupted) for a in report.alerts]
    detector = max(classes or [Detector.UNKNOWN], key=lambda d: PRIORS[d])
    titles = [
        a.title for a in report.alerts if detector_of(a, disrupted=report.disrupted) is detector
    ]
    return Reason(
        f"prior.{detector}",
        round(log_odds(PRIORS[detector]), 3),
        (titles[0] if titles else report.title)[:NAMED],
        phrase(f"reason.prior.{detector}"),
    )


def _verdict(report: IncidentReport) -> list[Reason]:
    """The gravest verdict counts; "no threats found" only where nothing else was found."""
    verdicts = {e.verdict for a in report.alerts for e in a.evidence}
    if Verdict.MALICIOUS in verdicts:
        return [_sign("verdict_malicious", 2.0, report)]
    if Verdict.SUSPICIOUS in verdicts:
        return [_sign("verdict_suspicious", 0.5, report)]
    if Verdict.CLEAN in verdicts:
        return [_sign("verdict_clean", -1.5, report)]
    return []


_STARTED_BY_HAND = frozenset(
    {
        "explorer.exe",
        "outlook.exe",
        "olk.exe",
        "chrome.exe",
        "msedge.exe",
        "firefox.exe",
        "ms-teams.exe",
        "teams.exe",
    }
)


def _execution(report: IncidentReport) -> list[Reason]:
    """Started by hand as the process tree shows, or stopped before it could run."""
    processes = [e for e in _evidence(report) if isinstance(e, ProcessEvidence)]
    by_hand = [p for p in processes if (p.parent_name or "").lower() in _STARTED_BY_HAND]
    ran = [p for p in by_hand if p.detection not in ("prevented", "blocked")]
    if ran:
        return [_sign("executed", 1.0, report, ran[0].name)]
    files = [a for a in report.alerts if any(isinstance(e, FileEvidence) for e in a.evidence)]
    if files and all(was_prevented(a) for a in files):
        return [_sign("prevented", -1.5, report)]
    return []


_PERSISTENCE = ("T1547", "T1053", "T1543", "T1136", "T1564.008", "T1114.003", "T1556.006", "T1098")


def _persistence(report: IncidentReport) -> list[Reason]:
    for alert in report.alerts:
        if any(t.startswith(_PERSISTENCE) for t in alert.techniques):
            return [_sign("persistence", 1.5, report, alert.title)]
    return []


def _family(report: IncidentReport) -> list[Reason]:
    families = [a.threat_family for a in report.alerts if a.threat_family]
    return [_sign("threat_family", 1.0, report, families[0])] if families else []


def _sign_in(report: IncidentReport, customer: Customer) -> list[Reason]:
    """What speaks for and against the sign-ins; several sign-ins must all be good to count."""
    sign_ins = [e for e in _evidence(report) if isinstance(e, SignInEvidence)]
    reasons = []
    if sign_ins and all(s.device_compliant for s in sign_ins):
        reasons.append(_sign("known_device", -1.5, report))
    if sign_ins and all(s.phishing_resistant for s in sign_ins):
        reasons.append(_sign("phishing_resistant", -1.5, report))
    if _is_known_egress(report, customer):
        reasons.append(_sign("known_egress", -1.5, report))
    if any(_is_anonymous(a) for a in report.alerts):
        reasons.append(_sign("anonymous_network", 1.0, report))
    return reasons


def _is_known_egress(report: IncidentReport, customer: Customer) -> bool:
    """Everything the report says of where somebody signed in from is the customer's own network."""
    found = [ip for alert in report.alerts for ip in _signed_in_from(alert)]
    own = bool(found) and all(_is_egress(ip, customer) for ip in found)
    return own and "sign.known_egress" not in withheld(report, customer)


def _signed_in_from(alert: Alert) -> list[str | None]:
    """By its sign-ins; where a source tells addresses alone, as Cloud Apps does, by those."""
    sign_ins = [e.ip for e in alert.evidence if isinstance(e, SignInEvidence)]
    if sign_ins or type_of(alert) is not IncidentType.UNFAMILIAR_SIGN_IN:
        return sign_ins
    return [e.address for e in alert.evidence if isinstance(e, IpEvidence)]


def _is_egress(ip: str | None, customer: Customer) -> bool:
    if ip is None:
        return False
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in ip_network(n, strict=False) for n in customer.egress)


def _is_anonymous(alert: Alert) -> bool:
    named = (alert.detector or "").lower() in ("anonymizedipaddress", "riskyipaddress")
    return named or "anonymous ip" in alert.title.lower()


def withheld(report: IncidentReport, customer: Customer) -> frozenset[str]:
    """Signs for somebody that this report speaks against, whichever report of the case makes them:
    each alert is judged by itself, and one that is known not to be good is enough.

    - a sign-in, or what was done in the cloud, from an address that is not the customer's own
    - a sign-in from an unknown device, or without phishing-resistant authentication
    """
    sign_ins = [e for e in _evidence(report) if isinstance(e, SignInEvidence)]
    elsewhere = (
        not _is_egress(ip, customer) for alert in report.alerts for ip in _acted_from(alert)
    )
    against = {
        "sign.known_egress": any(elsewhere),
        "sign.known_device": any(s.device_compliant is False for s in sign_ins),
        "sign.phishing_resistant": any(s.phishing_resistant is False for s in sign_ins),
    }
    return frozenset(sign for sign, speaks_against in against.items() if speaks_against)


def _acted_from(alert: Alert) -> list[str]:
    """Where the account was used from; an address on a machine's alert may be anybody's."""
    found = [e.ip for e in alert.evidence if isinstance(e, SignInEvidence) and e.ip]
    if alert.product in _CLOUDS or PLAYBOOKS[type_of(alert)].channel is Channel.TAINTED:
        found += [e.address for e in alert.evidence if isinstance(e, IpEvidence)]
    return found


_CLOUDS = (Product.ENTRA, Product.CLOUD_APPS)


def _evidence(report: IncidentReport) -> list[object]:
    return [e for a in report.alerts for e in a.evidence]


def _sign(name: str, weight: float, report: IncidentReport, detail: str | None = None) -> Reason:
    detail = detail[:NAMED] if detail else None
    evidence = detail or f"{report.source} {report.source_id}"
    return Reason(f"sign.{name}", weight, evidence, phrase(f"reason.sign.{name}", detail=detail))


# --- the score's three parts ---------------------------------------------------------------------


def _from_sources(incident: Incident) -> tuple[Reason, ...]:
    """The highest prior, each sign once, and every further product that alerts."""
    telemetry = _telemetry(incident)
    priors = [r for r in telemetry if r.rule.startswith("prior.")]
    signs: dict[str, Reason] = {}
    for reason in (r for r in telemetry if r.rule.startswith("sign.")):
        known = signs.get(reason.rule)
        if known is None or abs(reason.weight) > abs(known.weight):
            signs[reason.rule] = reason
    if {"sign.verdict_malicious", "sign.verdict_suspicious"} & set(signs):
        signs.pop("sign.verdict_clean", None)
    if "sign.verdict_malicious" in signs:
        signs.pop("sign.verdict_suspicious", None)
    if "sign.executed" in signs:
        signs.pop("sign.prevented", None)
    for sign in (name for ref in incident.refs for name in ref.withholds):
        signs.pop(sign, None)
    return (max(priors, key=lambda r: r.weight), *signs.values(), *_further_products(incident))


def _telemetry(incident: Incident) -> list[Reason]:
    """What the alerts say; beside Defender or Sentinel our own shape may raise and never lower."""
    return [
        reason
        for ref in incident.refs
        for reason in ref.telemetry
        if not (incident.is_microsofts and ref.source is Source.NATIVE and _calms(reason))
    ]


def _calms(reason: Reason) -> bool:
    """A prior sets where the score begins, and the highest counts."""
    return reason.weight < 0 and not reason.rule.startswith("prior.")


def _further_products(incident: Incident) -> tuple[Reason, ...]:
    products = list(dict.fromkeys(p for ref in incident.own_refs for p in ref.products))
    return tuple(
        Reason(
            f"sign.second_product.{product}",
            1.5,
            product,
            phrase("reason.sign.second_product", product=product),
        )
        for product in products[1:]
    )


def _from_absences(incident: Incident) -> tuple[Reason, ...]:
    """Somebody used a person's device while their automatic replies say away (triage.md section 2).

    - something was started by hand, on the device of the alert that names them
    - the schedule of the replies covers that time: of replies without one nobody knows since when
    - it raises and never lowers: whoever holds the account can set them
    """
    if "sign.executed" not in _telemetry_rules(incident):
        return ()
    at = incident.first_activity
    on_device = [a.person.object_id for a in incident.affected if a.person and a.device]
    for absence in incident.absences:
        if absence.object_id in on_device and at is not None and _says_away_at(absence, at):
            says = phrase("reason.sign.away")
            return (Reason("sign.away", 1.0, "automatic replies", says),)
    return ()


def _says_away_at(absence: Absence, at: datetime) -> bool:
    if absence.by is not AwayBy.AUTOMATIC_REPLIES or absence.since is None:
        return False
    return absence.since <= at and (absence.until is None or at < absence.until)


def _from_profile(incident: Incident, customer: Customer, now: datetime) -> tuple[Reason, ...]:
    fact = covering_fact(incident, customer, now)
    if fact is None:
        return ()
    says = phrase(
        "reason.sign.expected_fact",
        statement=fact.statement,
        approver=fact.approver,
        expires=fact.expires.isoformat(),
    )
    return (Reason("sign.expected_fact", -3.0, f"fact {fact.id}", says),)


def covering_fact(incident: Incident, customer: Customer, now: datetime) -> ExpectedFact | None:
    """The approved, unexpired fact that covers everything affected (triage.md section 2).

    Each kind of thing a fact names must cover all of that kind in the incident: one device, person
    or file outside it, and the fact does not apply.
    """
    today = now.astimezone(ZoneInfo(customer.zone)).date()
    devices = [d.name for d in incident.devices]
    people = [a.account.upn or a.account.label for a in incident.affected]
    files = [f.name for f in incident.files]
    for fact in customer.facts:
        if incident.overflow or incident.types != (fact.covers,) or fact.expires < today:
            continue  # a fact speaks of one kind of case: one that is more than that is not covered
        if (
            _covers(fact.devices, devices)
            and _covers(fact.people, people)
            and _covers(fact.files, files)
        ):
            return fact
    return None


def _covers(patterns: tuple[str, ...], things: list[str]) -> bool:
    return not patterns or (bool(things) and all(fits_any(t, patterns) for t in things))


def _from_answers(incident: Incident, answered: Iterable[Question]) -> tuple[Reason, ...]:
    """What the same person was asked twice, by card and by phone or in two cases, counts once."""
    standing: dict[tuple[str, QuestionKind, str | None], Question] = {}
    for question in answered:
        before = standing.get(question.topic)
        if before is None or outweighs(incident, question, before):
            standing[question.topic] = question
    reasons: list[Reason] = []
    for question in standing.values():
        term = _counts(question, incident)
        reasons += [_reason(question, term)] if term else []
    return tuple(reasons)


def outweighs(incident: Incident, one: Question, other: Question) -> bool:
    """Of two answers to the same question: the later one where we know who gave it, know it at
    least as well as of the other, and it may speak against harm; else the worse."""
    if one.answer is None or other.answer is None:
        return other.answer is None
    earlier, later = sorted((other.answer, one.answer), key=lambda reply: reply.at)
    known = later.assurance >= max(earlier.assurance, Assurance.L2) and not _is_void(
        incident, later
    )
    if known and _lowers(incident):
        return later is one.answer
    return answer_weight(incident, one) > answer_weight(incident, other)


def answer_weight(incident: Incident, question: Question) -> float:
    term = _counts(question, incident)
    return term.weight if term else 0.0


@dataclass(frozen=True, slots=True)
class _Term:
    """What an answer weighs, and why it is counted so; the sentence comes when it is shown."""

    answer: Answer
    rule: str
    weight: float
    how: str


def _term(question: Question, reply: Reply, incident: Incident) -> _Term | None:
    """One answer's weight: floored at 0 where tainted, void where telemetry contradicts it."""
    spec = QUESTIONS[question.kind]
    answer = spec.answer(reply.choice or "")
    if answer is None or answer.call or answer.spoken:
        return None
    void = _is_void(incident, reply)
    weight = weight_of(answer, incident, Assurance.L0 if void else reply.assurance)
    if not _lowers(incident):
        weight = max(0.0, weight)
    rule = f"answer.{question.kind}.{answer.id}"
    if reply.standing is Standing.TAINTED:
        return _Term(answer, rule, max(0.0, weight), "tainted")
    if void:
        return _Term(answer, rule, max(0.0, weight), "void")
    if weight < 0 and _contradicted(spec, incident):
        return _Term(answer, "answer.contradicted", 1.0, "contradicted")
    signed_in = reply.assurance is Assurance.L2
    return _Term(answer, rule, weight, "signed_in" if signed_in else "counted")


def _is_void(incident: Incident, reply: Reply) -> bool:
    """After a sign-in that proves nothing in this case, as far as is known today."""
    return reply.assurance is Assurance.L2 and levels.void(incident, reply.by, reply.at) is not None


def _counts(question: Question, incident: Incident) -> _Term | None:
    """What the answer that stands weighs. Where nothing speaks against harm, a correction takes
    nothing back either: what was once said stands."""
    if question.answer is None:
        return None
    if _lowers(incident):
        return _term(question, question.answer, incident)
    stood = [r for r in question.replies if r.choice and r.standing in STANDS]
    terms = [t for r in reversed(stood) if (t := _term(question, r, incident)) is not None]
    return max(terms, key=lambda term: term.weight, default=None)


def _lowers(incident: Incident) -> bool:
    return all(book.lowers for book in books(incident))


def _reason(question: Question, term: _Term) -> Reason:
    says = phrase(f"reason.answer.{term.how}", answer=term.answer.says(question.kind))
    return Reason(term.rule, term.weight, f"{question.person.name}, {question.id}", says)


def weight_of(answer: Answer, incident: Incident, assurance: Assurance) -> float:
    if answer.verified_weight is not None and assurance >= answer.least:
        return answer.verified_weight
    if answer.interactive_weight is not None and "sign.executed" in _telemetry_rules(incident):
        return answer.interactive_weight
    return answer.weight


def _contradicted(spec: QuestionSpec, incident: Incident) -> bool:
    return bool(_telemetry_rules(incident) & set(spec.contradicted_by))


def _telemetry_rules(incident: Incident) -> set[str]:
    return {r.rule for ref in incident.refs for r in ref.telemetry}


# --- what an answer would change -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Supposed:
    """An answer that may be given, and where the score would be if it were."""

    answer: Answer
    probability: float
    band: Band


def change_by(incident: Incident, question: Question, reply: Reply) -> float:
    """What a reply would do to the score, in log-odds, if it stood."""
    supposed = replace(question, replies=(*question.replies, reply))
    questions = tuple(supposed if q.id == question.id else q for q in incident.questions)
    after = incident.changed(questions=questions)
    change = _sum(_from_answers(after, after.answered))
    return round(change - _sum(_from_answers(incident, incident.answered)), 3)


def what_ifs(
    incident: Incident, customer: Customer, now: datetime, question: Question
) -> Iterator[Supposed]:
    """Every answer this question may get, and what it would make of the score."""
    before = _before_answers(incident, customer, now)
    return _supposing(incident, customer, now, question, before)


def _supposing(
    incident: Incident,
    customer: Customer,
    now: datetime,
    question: Question,
    before: tuple[Reason, ...],
) -> Iterator[Supposed]:
    others = tuple(q for q in incident.answered if q.topic != question.topic)
    same = () if _lowers(incident) else (q for q in incident.answered if q.topic == question.topic)
    least = max((answer_weight(incident, q) for q in same), default=None)
    reasons = (*before, *_from_answers(incident, others))
    weighs, spoken_for = _sum(reasons), _something_speaks_for_it(reasons)
    # What is not asked on a card is answered by phone.
    assurance = Assurance.L0 if question.route is Route.CARD else Assurance.L3
    who = question.person.object_id
    for answer in QUESTIONS[question.kind].answers:
        reply = Reply(who, now, Standing.COUNTED, answer.id, assurance=assurance)
        term = _term(question, reply, incident)
        if term is not None:
            weight = term.weight if least is None else max(least, term.weight)
            p = probability(weighs + weight)
            spoken = spoken_for or weight < 0
            band = band_of(incident, customer, p, spoken_for=spoken)
            yield Supposed(answer, round(p, 4), band)


def could_change(incident: Incident, customer: Customer, now: datetime, question: Question) -> bool:
    """Whether some answer, or some answer to its follow-up, leads to another band.

    A question none of whose answers changes the decision is not asked (triage.md section 4).
    """
    before = _before_answers(incident, customer, now)
    reasons = (*before, *_from_answers(incident, incident.answered))
    present = _band(incident, customer, reasons)
    for supposed in _supposing(incident, customer, now, question, before):
        answer = supposed.answer
        if answer.contains or supposed.band is not present:
            return True
        if answer.then and _follow_up_could_change(incident, customer, now, question, answer):
            return True
    return False


def _follow_up_could_change(
    incident: Incident, customer: Customer, now: datetime, question: Question, answer: Answer
) -> bool:
    if answer.then is None:
        return False
    reply = Reply(question.person.object_id, now, Standing.COUNTED, answer.id)
    first = replace(question, state=Answered(now), replies=(*question.replies, reply))
    then = replace(question, id=f"{question.id}+", kind=answer.then, replies=())
    others = tuple(q for q in incident.questions if q.id != question.id)
    return could_change(incident.changed(questions=(*others, first)), customer, now, then)
