"""One view of every kind and variant, as triage would build it, for the tests of cards and dialogs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cards.choosing import Option, Row
from cards.sending import Preview, Written
from tests.cards.kind_cards import kind_cards
from triage.incident import (
    ActionState,
    ApprovalState,
    Band,
    Disposition,
    QuestionKind,
    Reason,
    Status,
    TaskAnswer,
    TaskState,
)
from triage.phrases import phrase
from triage.playbooks import QUESTIONS
from triage.priority import Factor, Level, Priority
from triage.report import Product, Severity
from triage.views import (
    AnalystCall,
    AnalystQuestion,
    AnalystThread,
    ApprovalCard,
    Button,
    CaseLine,
    Choice,
    Containable,
    CustomerThread,
    Digest,
    DigestLine,
    Handover,
    ManagerCard,
    PersonCard,
    ProposalView,
    ShownClock,
    TaskCard,
    ThreadAction,
    WhatIf,
)

AT = datetime(2026, 11, 24, 9, 2, tzinfo=UTC)
HANDLE = "h_3b7f2c1a9d4e4f0b8a6c5d2e1f0a9b8c"


def minutes(count: int) -> datetime:
    return AT + timedelta(minutes=count)


def choices(kind: QuestionKind) -> tuple[Choice, ...]:
    return tuple(Choice(a.id, a.says(kind)) for a in QUESTIONS[kind].answers)


_HAPPENED = phrase("happened.file_opened", file="invoice.docm", device="LAPTOP-7", at=AT)

ASKING = PersonCard(
    person="bob",
    given_name="Bob",
    language="en",
    zone="Europe/Berlin",
    sender="Contoso Security",
    code="7KQ2",
    service_desk="+49 30 5550100",
    stage="asking",
    says=(_HAPPENED, phrase("ask.file_opened")),
    question="q1",
    kind=QuestionKind.FILE_OPENED,
    choices=choices(QuestionKind.FILE_OPENED),
)
FOLLOW_UP = replace(
    ASKING,
    says=(phrase("thanks.short"), phrase("ask.file_aftermath")),
    question="q2",
    kind=QuestionKind.FILE_AFTERMATH,
    choices=choices(QuestionKind.FILE_AFTERMATH),
    change="q1",
    talk=True,
)
FOLLOW_UP_TALKING = replace(FOLLOW_UP, says=(*FOLLOW_UP.says, phrase("card.talking")), talk=False)
BLOCKED = replace(
    ASKING,
    says=(
        phrase("happened.file_expected", file="invoice.docm", device="LAPTOP-7", at=AT),
        phrase("ask.file_expected"),
    ),
    kind=QuestionKind.FILE_EXPECTED,
    choices=choices(QuestionKind.FILE_EXPECTED),
)
UNNAMED = replace(
    ASKING,
    says=(
        phrase(
            "happened.file_expected",
            file=phrase("label.a_file"),
            device=phrase("label.your_device"),
            at=AT,
        ),
        phrase("ask.file_expected"),
    ),
    kind=QuestionKind.FILE_EXPECTED,
    choices=choices(QuestionKind.FILE_EXPECTED),
    service_desk=None,
)
CHANGING = replace(ASKING, changing=True)
THANKS = replace(
    ASKING,
    stage="thanks",
    says=(phrase("thanks.counted"), phrase("notice.isolate_device", target="LAPTOP-7")),
    question=None,
    kind=None,
    choices=(),
    change="q1",
    talk=True,
)
TALKING = replace(THANKS, says=(*THANKS.says, phrase("card.talking")), talk=False)
NEUTRAL = replace(
    ASKING,
    stage="neutral",
    says=(phrase("card.neutral"),),
    kind=None,
    choices=(Choice("call_me", phrase("choice.file_opened.call_me")),),
)
GUARDED = replace(
    NEUTRAL,
    stage="guarded",
    says=(phrase("thanks.received"), phrase("card.guarded")),
    question=None,
    choices=(Choice("call_me", phrase("choice.guarded.call_me")),),
)
OVER = replace(
    THANKS, stage="over", says=(phrase("over.helped.truePositive"), phrase("over.remembered_more"))
)

PERSON_CARDS = {
    "asking": ASKING,
    "blocked": BLOCKED,
    "unnamed": UNNAMED,
    "follow_up": FOLLOW_UP,
    "follow_up_talking": FOLLOW_UP_TALKING,
    "changing": CHANGING,
    "thanks": THANKS,
    "talking": TALKING,
    "neutral": NEUTRAL,
    "neutral_sign_in": replace(NEUTRAL, says=(phrase("card.neutral_sign_in"),), verification="v1"),
    "guarded": GUARDED,
    "over": OVER,
    "in_words": replace(
        ASKING,
        says=(
            phrase("happened.in_words"),
            phrase("ask.in_words", words="Who gave you the USB stick, and where is it now?"),
            phrase("card.write_answer"),
        ),
        kind=QuestionKind.FREE,
        choices=choices(QuestionKind.FREE)[1:],
    ),
} | kind_cards()

MANAGER = ManagerCard(
    person="dan",
    language="en",
    zone="Europe/Berlin",
    sender="Contoso Security",
    code="7KQ2",
    asked="Bob",
    question="q1",
    says=(phrase("reach.manager", person="Bob Meyer", until=minutes(20)),),
    happened=_HAPPENED,
    ask=phrase("ask.file_opened"),
    choices=choices(QuestionKind.FILE_OPENED)[:3],
)
MANAGER_CARDS = {
    "asking": MANAGER,
    "away": replace(
        MANAGER,
        says=(
            phrase(
                "reach.manager_away",
                person="Bob Meyer",
                why=phrase("away.automatic_replies"),
                until=minutes(20),
            ),
        ),
    ),
    "over": replace(
        MANAGER, question=None, says=(phrase("manager.over"),), happened=None, ask=None, choices=()
    ),
}

_ISOLATE = phrase("action.isolate_device", target="LAPTOP-7")
_SCAN = phrase("action.scan_device", target="LAPTOP-7")
_HEADLINE = phrase(
    "headline.malicious_file",
    title="Malware",
    person="Bob Meyer",
    device="LAPTOP-7",
    file="invoice.docm",
    at=AT,
)
_TASK = phrase("task.said", text="Replace LAPTOP-7")
_RECOMMENDATION = phrase(
    "recommend.owned",
    what=phrase("recommend.office_child_processes"),
    owner="Ines Wolf",
    by_date=minutes(60 * 24 * 21),
)


def action(
    id_: str, state: ActionState, after: int | None = 8, *, rehearsed: bool = False
) -> ThreadAction:
    says = {"a1": _SCAN, "a2": _ISOLATE}.get(
        id_, phrase("action.quarantine_file", target="invoice.docm")
    )
    at = None if after is None else minutes(after)
    return ThreadAction(id=id_, says=says, state=state, at=at, rehearsed=rehearsed)


def shown_clock(promise: str, stands: str, **said: int | datetime) -> ShownClock:
    return ShownClock(promise=phrase(promise), stands=phrase(f"stands.{stands}", **said))


CUSTOMER_ASKING = CustomerThread(
    name="CONTOSO-42",
    code="7KQ2",
    severity=Severity.HIGH,
    status=Status.WAITING,
    headline=_HEADLINE,
    placeholder=False,
    known=(phrase("known.already_quarantined", target="invoice.docm"),),
    doing=(phrase("doing.asking", person="Bob Meyer"),),
    turn=phrase("turn.person", person="Bob Meyer"),
    needed=phrase("needed.nothing"),
    until=minutes(23),
    actions=(action("a1", ActionState.ORDERED),),
    clocks=(
        shown_clock("promised.acknowledge", "ticking", due=minutes(18)),
        shown_clock("promised.contact", "kept", minutes=1),
        shown_clock("promised.contain", "paused"),
    ),
)
CUSTOMER_APPROVAL = replace(
    CUSTOMER_ASKING,
    known=(
        phrase("known.already_quarantined", target="invoice.docm"),
        phrase(
            "known.said", person="Bob Meyer", answer=phrase("choice.file_aftermath.enabled_content")
        ),
    ),
    doing=(phrase("doing.owned", analyst="Ana Lima"),),
    turn=phrase("turn.customer", customer="Contoso Security"),
    needed=phrase("needed.approval", action=_ISOLATE),
)
CUSTOMER_CONTAINED = replace(
    CUSTOMER_APPROVAL,
    status=Status.CONTAINED,
    turn=phrase("turn.analysts"),
    needed=phrase("needed.nothing"),
    until=None,
    actions=(
        action("a1", ActionState.DONE, 4, rehearsed=True),
        action("a2", ActionState.DONE, 10, rehearsed=True),
        action("a3", ActionState.FAILED, 11),
        action("a4", ActionState.ALREADY_DONE, None),
    ),
)
CUSTOMER_CLOSING = replace(
    CUSTOMER_ASKING,
    severity=Severity.MEDIUM,
    status=Status.CLOSING,
    doing=(),
    turn=phrase("turn.analysts"),
    until=minutes(40),
    actions=(),
    outcome=(
        phrase(
            "outcome.closing",
            disposition=phrase("verdict.informationalExpectedActivity"),
            until=minutes(40),
        ),
    ),
    buttons=(Button.KEEP_OPEN,),
)
CUSTOMER_CLOSED = replace(
    CUSTOMER_CONTAINED,
    status=Status.RESOLVED,
    doing=(),
    turn=phrase("turn.nobody"),
    outcome=(
        phrase("outcome.closed", disposition=phrase("determination.malware")),
        phrase("outcome.took", minutes=73),
        phrase("outcome.contained", minutes=10),
    ),
    clocks=(
        shown_clock("promised.acknowledge", "late", minutes=12, due=minutes(18)),
        shown_clock("promised.contact", "kept", minutes=1),
        shown_clock("promised.contain", "kept", minutes=8),
    ),
    recommendation=_RECOMMENDATION,
    buttons=(Button.ACCEPT, Button.DISCUSS),
)
CUSTOMER_ACCEPTED = replace(CUSTOMER_CLOSED, recommendation_accepted_by="Jon Berg", buttons=())
CUSTOMER_PLACEHOLDER = CustomerThread(
    name="CONTOSO-43",
    code="9FXT",
    severity=Severity.HIGH,
    status=Status.CONTAINING,
    headline=phrase("headline.placeholder"),
    placeholder=True,
    known=(),
    doing=(),
    turn=phrase("turn.analysts"),
    needed=phrase("needed.told_otherwise"),
    until=None,
)

CUSTOMER_THREADS = {
    "asking": CUSTOMER_ASKING,
    "approval": CUSTOMER_APPROVAL,
    "contained": CUSTOMER_CONTAINED,
    "closing": CUSTOMER_CLOSING,
    "closed": CUSTOMER_CLOSED,
    "accepted": CUSTOMER_ACCEPTED,
    "placeholder": CUSTOMER_PLACEHOLDER,
    "low": replace(CUSTOMER_ASKING, severity=Severity.LOW),
    "informational": replace(CUSTOMER_ASKING, severity=Severity.INFORMATIONAL),
}

APPROVAL_OPEN = ApprovalCard(
    approval="p1",
    name="CONTOSO-42",
    asks=_ISOLATE,
    consequence=phrase("consequence.isolate_device", target="LAPTOP-7"),
    on_silence=phrase("silence.act", rule=4, due=minutes(81)),
    due=minutes(81),
    state=ApprovalState.OPEN,
    outcome=None,
    because=(
        _HEADLINE,
        phrase("known.said", person="Bob Meyer", answer=phrase("choice.file_opened.opened")),
    ),
    mention=(("jon@contoso.example", "Jon Berg"), ("ines@contoso.example", "Ines Wolf")),
    asked_by=phrase("asked_by.score"),
)
APPROVAL_CARDS = {
    "open": APPROVAL_OPEN,
    "handed_over": replace(APPROVAL_OPEN, on_silence=phrase("silence.hand_over"), mention=()),
    "second_person": replace(
        APPROVAL_OPEN,
        on_silence=phrase("silence.hand_over"),
        mention=(("ines@contoso.example", "Ines Wolf"),),
        asked_by=phrase("asked_by.analyst", by="Mia Lindqvist"),
        signed=phrase("signed.some", count=1, needs=2, by="Jon Berg"),
    ),
} | {
    state.value: replace(
        APPROVAL_OPEN,
        state=state,
        outcome=phrase(f"approval.{state}", by="Jon Berg", at=minutes(75)),
    )
    for state in ApprovalState
    if state is not ApprovalState.OPEN
}

REASONS = (
    Reason("prior.malware_ran", 0.201, "Malware executed", phrase("reason.prior.malware_ran")),
    Reason(
        "sign.verdict_malicious",
        2.0,
        "defender 917",
        phrase("reason.sign.verdict_malicious"),
    ),
    Reason("sign.executed", 1.0, "powershell.exe", phrase("reason.sign.executed")),
    Reason("sign.known_egress", -1.5, "defender 917", phrase("reason.sign.known_egress")),
    Reason(
        "answer.file_opened.opened",
        1.0,
        "Bob Meyer, q1",
        phrase("reason.answer.counted", answer=phrase("choice.file_opened.opened")),
    ),
)
_WHAT_IFS = tuple(
    WhatIf(choice=c.says, probability=p, band=b)
    for c, p, b in zip(
        choices(QuestionKind.FILE_AFTERMATH),
        (0.86, 0.98, 0.62, 0.73),
        (Band.CONTAIN, Band.CONTAIN, Band.ESCALATE, Band.ESCALATE),
        strict=True,
    )
)

ANALYST_WAITING = AnalystThread(
    name="CONTOSO-42",
    customer="Contoso",
    code="7KQ2",
    title="Multi-stage incident involving Execution on one endpoint",
    severity=Severity.HIGH,
    status=Status.WAITING,
    priority=Priority(
        Level.P1,
        3.72,
        (
            Factor(4.0, phrase("factor.harm", severity="high")),
            Factor(0.62, phrase("factor.probability")),
            Factor(1.5, phrase("factor.privileged")),
        ),
    ),
    probability=0.62,
    band=Band.ESCALATE,
    reasons=REASONS,
    next_action=phrase("next.answer", person="Bob Meyer"),
    due=minutes(23),
    headline=_HEADLINE,
    facts=(phrase("known.already_quarantined", target="invoice.docm"),),
    context=(
        phrase(
            "known.asset_workstation",
            device="LAPTOP-7",
            purpose="accounting",
            criticality=phrase("criticality.normal"),
        ),
        phrase("known.vip", person="Bob Meyer"),
        phrase("context.consent", consent=phrase("consent.collaborate")),
        phrase("context.rule", rule=4, action=_ISOLATE, consent=phrase("consent.authorize")),
        phrase("context.clock_off", clock="10:02", zone="Europe/Berlin", begins=minutes(60)),
        phrase(
            "context.contact",
            person="Jon Park",
            role="approver",
            reach=phrase("label.number", number="+49 30 5550111", source="onboarding call"),
        ),
    ),
    tasks=(phrase("task.stands_open", person="Ines Wolf", what=_TASK, due=minutes(60 * 24 * 3)),),
    questions=(
        AnalystQuestion(
            id="q1",
            asks=phrase("label.question.file_opened"),
            person="Bob Meyer",
            state=phrase("question.answered", answer=phrase("choice.file_opened.opened")),
        ),
        AnalystQuestion(
            id="q2",
            asks=phrase("label.question.file_aftermath"),
            person="Bob Meyer",
            state=phrase("question.open", due=minutes(23)),
            what_ifs=_WHAT_IFS,
        ),
    ),
    clocks=(
        shown_clock("promise.acknowledge", "soon", due=minutes(18)),
        shown_clock("promise.contact", "kept", minutes=1),
        shown_clock("promise.contain", "paused"),
        shown_clock("promise.resolve", "ticking", due=minutes(2880)),
    ),
    actions=(action("a1", ActionState.ORDERED),),
    containable=(Containable(action="a2", says=_ISOLATE, undo=False),),
    portal=("72f988bf-86f1-41af-91ab-2d7cd011db47", "917"),
    evidence=(
        phrase("seen.alert", at=AT, title="Malware executed", product=Product.ENDPOINT),
        phrase("seen.file", name="invoice.docm", hash="2" * 64),
        phrase("seen.process", name="powershell.exe", parent="explorer.exe", command=None),
        phrase("seen.sign_in", app="Outlook", device=None, ip="203.0.113.7", country="DE"),
    ),
    timeline=(
        (minutes(-600), phrase("timeline.received", source="defender")),
        (minutes(0), phrase("timeline.asked", person="Bob Meyer")),
        (
            minutes(2),
            phrase(
                "timeline.reply_counted",
                person="Bob Meyer",
                answer=phrase("choice.file_opened.opened"),
            ),
        ),
    ),
    remembered=(
        phrase(
            "known.remembered",
            number=3,
            fact="The office in Manila works at night",
            by="Mia Lindqvist",
            case="CONTOSO-40",
            until="2027-03-01",
        ),
    ),
    buttons=(Button.TAKE, Button.CLOSE_AS, Button.COMMAND),
)
ANALYST_CALL = replace(
    ANALYST_WAITING,
    title="Unfamiliar sign-in properties",
    probability=0.94,
    band=Band.CONTAIN,
    headline=phrase("headline.unfamiliar_sign_in", person="Carla Diaz", at=minutes(-80)),
    next_action=phrase("next.call", person="Carla Diaz"),
    questions=(),
    owner="Ana Lima",
    calls=(
        AnalystCall(
            question="q1",
            person="Carla Diaz",
            number="+49 30 5550123",
            number_source="HR record of 2026-03",
            script=phrase("script.sign_in_mine", person="Carla"),
            due=minutes(15),
            choices=choices(QuestionKind.SIGN_IN_MINE),
        ),
        AnalystCall(
            question="q2",
            person="Bob Meyer",
            number=None,
            number_source=None,
            script=phrase("script.remote_tool_asked_by", person="Bob"),
            due=minutes(15),
            choices=choices(QuestionKind.REMOTE_TOOL_ASKED_BY),
        ),
    ),
    buttons=(Button.CLOSE_AS,),
)
ANALYST_PROPOSED = replace(
    ANALYST_WAITING,
    severity=Severity.LOW,
    status=Status.CLOSING,
    probability=0.012,
    band=Band.CLOSE,
    next_action=phrase("next.closing"),
    questions=(),
    actions=(),
    proposal=ProposalView(
        disposition=Disposition.EXPECTED,
        determination="confirmedActivity",
        recommendation=None,
        closes_at=minutes(30),
    ),
    buttons=(Button.TAKE, Button.CLOSE, Button.KEEP_OPEN, Button.CLOSE_AS),
)
ANALYST_CLOSED = replace(
    ANALYST_WAITING,
    status=Status.RESOLVED,
    probability=0.96,
    band=Band.CONTAIN,
    next_action=phrase("next.nothing"),
    due=None,
    owner="Ana Lima",
    actions=(action("a1", ActionState.DONE), action("a2", ActionState.DONE, 10, rehearsed=True)),
    containable=(Containable(action="a2", says=_ISOLATE, undo=True),),
    clocks=(
        shown_clock("promise.acknowledge", "missed_before", due=minutes(-600)),
        shown_clock("promise.acknowledge", "missed", due=minutes(18)),
        shown_clock("promise.contact", "kept", minutes=1),
        shown_clock("promise.contain", "idle"),
    ),
    outcome=CUSTOMER_CLOSED.outcome,
    buttons=(Button.REOPEN,),
)
TASK_OPEN = TaskCard(
    task="t1",
    name="CONTOSO-42",
    code="7KQ2",
    person=None,
    language=None,
    zone=None,
    sender="Contoso Security",
    owner=("ines@contoso.com", "Ines Wolf"),
    what=_TASK,
    because=(_HEADLINE, phrase("asked_by.analyst", by="Mia Lindqvist")),
    about="LAPTOP-7",
    due=minutes(60 * 24 * 3),
    state=TaskState.OPEN,
    outcome=(),
    choices=(TaskAnswer.DONE, TaskAnswer.CANNOT, TaskAnswer.DISCUSS),
)
TASK_CARDS = {
    "open": TASK_OPEN,
    "direct": replace(TASK_OPEN, person="ines", language="en", zone="Europe/Berlin"),
    "suggested": replace(
        TASK_OPEN,
        what=phrase("recommend.office_child_processes"),
        because=(_HEADLINE, phrase("task.recommended")),
        state=TaskState.SUGGESTED,
        choices=(TaskAnswer.ACCEPT, TaskAnswer.CANNOT, TaskAnswer.DISCUSS),
    ),
    "done": replace(
        TASK_OPEN,
        state=TaskState.DONE,
        outcome=(phrase("task.done", by="Ines Wolf", at=minutes(90)),),
        choices=(TaskAnswer.CANNOT,),
    ),
    "cannot": replace(
        TASK_OPEN,
        state=TaskState.CANNOT,
        outcome=(phrase("task.cannot", by="Ines Wolf", at=minutes(90), why="It is in Porto."),),
        choices=(TaskAnswer.DONE, TaskAnswer.DISCUSS),
    ),
    "hidden": replace(
        TASK_OPEN,
        what=phrase("asks.hidden"),
        because=(),
        about=None,
        state=TaskState.WITHDRAWN,
        outcome=(phrase("needed.told_otherwise"),),
        choices=(),
        hidden=True,
    ),
}

ANALYST_THREADS = {
    "waiting": ANALYST_WAITING,
    "call": ANALYST_CALL,
    "proposed": ANALYST_PROPOSED,
    "closed": ANALYST_CLOSED,
    "assigned": replace(
        ANALYST_WAITING,
        owner=None,
        assigned=phrase("assigned.least", analyst="Mia Lindqvist", count=2, until=AT),
    ),
    "no_portal": replace(ANALYST_WAITING, portal=None, due=None, timeline=()),
}

_LINE = DigestLine(
    name="CONTOSO-40",
    severity=Severity.LOW,
    status=Status.WAITING,
    headline=_HEADLINE,
    outcome=None,
    has_thread=True,
)
DIGESTS = {
    "day": Digest(
        at=AT,
        lines=(
            _LINE,
            replace(
                _LINE,
                name="CONTOSO-41",
                status=Status.RESOLVED,
                outcome=phrase("verdict.falsePositive"),
                has_thread=False,
            ),
        ),
    ),
    "long": Digest(at=AT, lines=(_LINE,) * 60),
}

_HANDED = CaseLine(
    name="CONTOSO-42",
    severity=Severity.HIGH,
    customer="Contoso Security",
    headline=_HEADLINE,
    waits=phrase("waits.approval", customer="Contoso Security", until=AT),
    whose="Sam Okafor",
)
HANDOVERS = {
    "evening": Handover(
        analyst="Mia Lindqvist",
        at=AT,
        lines=(
            _HANDED,
            replace(
                _HANDED,
                name="CONTOSO-43",
                waits=phrase("waits.person", person="Bob Meyer", until=AT),
            ),
        ),
        mention=(("sam@nordwall.example", "Sam Okafor"),),
    ),
    "nobody": Handover(
        analyst="Mia Lindqvist",
        at=AT,
        lines=(replace(_HANDED, waits=phrase("waits.analyst"), whose=phrase("label.nobody")),) * 60,
    ),
}

_SHOWS = Option("CONTOSO-42", "show CONTOSO-42", "incidents page 2")
_LISTED = (
    _HANDED,
    replace(_HANDED, waits=phrase("waits.analyst"), whose=phrase("list.given", to="Sam Okafor")),
    replace(_HANDED, headline=phrase("list.hidden"), waits=phrase("status.waiting")),
)
LISTED = (
    phrase("list.count", first=11, last=13, count=31),
    tuple(Row(case, _SHOWS) for case in _LISTED),
    (
        Option(phrase("button.page_before"), "incidents page 1"),
        Option(phrase("button.page_after"), "incidents page 3"),
    ),
)
CHOICE = (phrase("choose.case"), (_SHOWS, Option("FABRIKAM-42", "show FABRIKAM-42")))
CONFIRMED = (
    phrase("confirm.merge", name="CONTOSO-42", into="CONTOSO-41"),
    phrase("confirm.merge_then", into="CONTOSO-41"),
)

PREVIEWS = {
    "thread": Preview(
        phrase(
            "say.from_provider", by="Mia Lindqvist", provider="Nordwall MXDR", text="Keep it on."
        ),
        Written("Keep it on.", None),
        None,
        "f:1",
        "Contoso Security",
        "CONTOSO-42",
    ),
    "person": Preview(
        phrase(
            "say.from_provider", by="Mia Lindqvist", provider="Nordwall MXDR", text="Keep it on."
        ),
        Written("Keep it on.", "8f14e45f-ceea-4e7a-9b1d-2f3c4d5e6f70"),
        "Bob Meyer",
        "f:1",
        "Contoso Security",
        "CONTOSO-42",
    ),
}
