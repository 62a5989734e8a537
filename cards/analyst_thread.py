"""The root card of an incident in the analysts' channel: internal, dense, one look a case."""

import re
from dataclasses import dataclass, replace

from cards import commanding, sending
from cards.clicks import Click, Unreadable, button
from cards.elements import (
    Card,
    CardTooLargeError,
    Column,
    Container,
    Fact,
    FactSet,
    OpenUrl,
    ShowCard,
    TextBlock,
    ToggleVisibility,
)
from cards.forms import form, in_words, one_of
from cards.layout import (
    HEADLINE,
    actions_rows,
    buttons,
    case_banner,
    clock_facts,
    fixed,
    footer,
    heading,
    lines,
    rest,
    row,
    section,
    small,
    text,
    whole,
    wide,
)
from cards.reaching import teams_links
from cards.text import outside
from cards.wording import (
    Reader,
    clock,
    day_and_clock,
    decimal,
    label,
    local_day,
    name_of,
    percent,
    say,
    signed,
)
from triage.incident import Band, CallOutcome, Clearance, Disposition, Reason, Status
from triage.phrases import Moment, Phrase
from triage.priority import Priority
from triage.views import (
    AnalystCall,
    AnalystQuestion,
    AnalystThread,
    Button,
    Containable,
    PhoneConsent,
    ProposalView,
    Suspicion,
    WhatIf,
)

DISPOSITION, COMMENT = "disposition", "comment"
PART, PROOF, CONSENT = "part", "proof", "consent"
MAX_COMMENT = 500
MOST_QUESTIONS = 4
MOST_CALLS = 2
MOST_CALLEES = 4
MOST_TASKS = 3
MOST_LINES = 7
MOST_PARTS = 6
MOST_CHOICES = 6
MOST_BUTTONS = 6
MOST_FACTS, LONGEST_FACT = 2, 200
MOST_REASONS = 8
MOST_ENTRIES = 8

_BAND_COLOR = {
    Band.CONTAIN: "attention",
    Band.ESCALATE: "warning",
    Band.ANALYST: "accent",
    Band.PROPOSE: "good",
    Band.CLOSE: "good",
}


@dataclass(frozen=True, slots=True)
class CloseAs:
    """What an analyst chose and wrote under "Close as…"."""

    disposition: Disposition
    comment: str


def read_close_as(click: Click) -> CloseAs | Unreadable:
    disposition = next((d for d in Disposition if d == click.inputs.get(DISPOSITION)), None)
    comment = click.inputs.get(COMMENT, "").strip()
    if disposition is None:
        return Unreadable("no disposition of ours")
    if not comment:
        return Unreadable("no comment")
    return CloseAs(disposition, comment[:MAX_COMMENT])


@dataclass(frozen=True, slots=True)
class Clear:
    """What an analyst says was done for a suspect account, and by what proof."""

    person: str
    part: Clearance
    proof: str


def read_clear(click: Click) -> Clear | Unreadable:
    person, _, named = click.inputs.get(PART, "").rpartition(":")
    part = next((c for c in Clearance if c == named), None)
    proof = click.inputs.get(PROOF, "").strip()
    if part is None or not person:
        return Unreadable("no part of ours")
    if not proof:
        return Unreadable("no proof")
    return Clear(person, part, proof[:MAX_COMMENT])


@dataclass(frozen=True, slots=True)
class Decided:
    """What an analyst says that a contact decided on the phone."""

    approval: str
    contact: str
    approve: bool


def read_consent(click: Click) -> Decided | Unreadable:
    approval, _, rest_ = click.inputs.get(CONSENT, "").partition(":")
    verdict, _, contact = rest_.partition(":")
    if not approval or not contact or verdict not in (Button.APPROVE, Button.DENY):
        return Unreadable("no decision of ours")
    return Decided(approval, contact, verdict == Button.APPROVE)


def render(view: AnalystThread, handle: str, reader: Reader) -> Card:
    """What would be too large for Teams goes without the past, and then without the evidence: `show`
    and the portal have both."""
    for less in (view, replace(view, timeline=())):
        try:
            return _whole(less, handle, reader)
        except CardTooLargeError:
            continue
    return _whole(replace(view, timeline=(), evidence=()), handle, reader)


def _whole(view: AnalystThread, handle: str, reader: Reader) -> Card:
    return whole(
        [
            case_banner(view.severity, view.name, view.status, reader),
            heading(say(view.headline, reader, HEADLINE), size="large"),
            small(f"{outside(view.customer)} · {outside(view.title)}", spacing="none"),
            _score(view, reader),
            small(_priority(view.priority, reader), spacing="none"),
            _next(view, reader),
            *buttons(_commands(view, handle, reader), spacing="medium"),
            *buttons(_beside(view, handle, reader), spacing="small"),
            *section(label("label.outcome", reader), lines(view.outcome, reader), style="good"),
            *_proposal(view.proposal, reader),
            *_calls(view, handle, reader),
            *_callees(view, handle, reader),
            *_suspicions(view.suspicions, handle, reader),
            *_by_phone(view, handle, reader),
            *section(label("label.clocks", reader), clock_facts(view.clocks, reader)),
            *section(label("label.facts", reader), lines(view.facts, reader)),
            *section(label("label.tasks", reader), lines(view.tasks, reader, MOST_TASKS)),
            *section(label("label.context", reader), lines(view.context, reader, MOST_LINES)),
            *section(label("label.remembered", reader), _remembered(view.remembered, reader)),
            *section(label("label.evidence", reader), lines(view.evidence, reader, MOST_LINES)),
            *section(label("label.reasons", reader), _reasons(view.reasons, reader)),
            *section(label("label.questions", reader), _questions(view.questions, reader)),
            *section(label("label.actions", reader), _actions(view, handle, reader)),
            *_timeline(view, reader),
            footer(view.code, reader),
        ],
        summary=summary(view, reader),
        speak=_spoken(view, reader),
    )


def summary(view: AnalystThread, reader: Reader) -> str:
    headline = say(view.headline, reader, HEADLINE)
    return f"{_score_said(view, reader)}. {outside(view.name)}: {headline}"


def _spoken(view: AnalystThread, reader: Reader) -> str:
    return f"{summary(view, reader)} {label('label.next_action', reader)}: {say(view.next_action, reader)}"


def _score_said(view: AnalystThread, reader: Reader) -> str:
    return f"{percent(view.probability, reader)}, {name_of('band', view.band, reader)}"


# --- what the case is ----------------------------------------------------------------------------


def _score(view: AnalystThread, reader: Reader) -> object:
    number = TextBlock(
        percent(view.probability, reader), size="extraLarge", weight="bolder", wrap=False
    )
    band = TextBlock(
        name_of("band", view.band, reader), weight="bolder", color=_BAND_COLOR[view.band]
    )
    return row(fixed(number), wide(band, vertical_content_alignment="center"), spacing="medium")


def _priority(ranked: Priority, reader: Reader) -> str:
    """P1: high impact (4.0) × probability (67%) × crown jewel (2.0)."""
    terms = [
        f"{say(f.says, reader)} ({percent(f.times, reader)})"
        if f.says.key == "factor.probability"
        else f"{say(f.says, reader)} ({decimal(f.times, reader)})"
        for f in ranked.factors
    ]
    return f"{ranked.level}: {' × '.join(terms)}"


_OVER = (Status.RESOLVED, Status.MERGED)
"""Nobody's turn: that nobody owns it is nothing to tell of."""


def _next(view: AnalystThread, reader: Reader) -> Container:
    facts = [Fact(title=label("label.next_action", reader), value=say(view.next_action, reader))]
    if view.due is not None:
        facts.append(Fact(title=label("label.due", reader), value=day_and_clock(view.due, reader)))
    if view.owner or view.status not in _OVER:
        owner = outside(view.owner) if view.owner else label("label.nobody", reader)
        owner = say(view.assigned, reader) if view.assigned else owner
        facts.append(Fact(title=label("label.owner", reader), value=owner))
    return Container(items=[FactSet(facts=facts)], style="emphasis", spacing="medium")


def _proposal(proposal: ProposalView | None, reader: Reader) -> list[object]:
    if proposal is None:
        return []
    shown: list[object] = [text(_proposed(proposal, reader), weight="bolder")]
    if proposal.recommendation is not None:
        shown.append(text(say(proposal.recommendation, reader)))
    if proposal.closes_at is not None:
        closes = label("label.closes_at", reader, at=Moment(proposal.closes_at))
        shown.append(text(closes))
    return section(label("label.proposal", reader), shown, style="accent")


def _proposed(proposal: ProposalView, reader: Reader) -> str:
    disposition = name_of("disposition", proposal.disposition, reader)
    return f"{disposition}, {name_of('determination', proposal.determination, reader)}"


def _remembered(facts: tuple[Phrase, ...], reader: Reader) -> list[object]:
    """The latest ones; `remember` lists all."""
    shown: list[object] = [text(say(fact, reader, LONGEST_FACT)) for fact in facts[:MOST_FACTS]]
    return [*shown, *rest(len(facts), reader, MOST_FACTS)]


def _reasons(reasons: tuple[Reason, ...], reader: Reader) -> list[object]:
    """The weightiest first: signed weight, what it says, the rule and what it was seen in."""
    weighty = sorted(reasons, key=lambda r: -abs(r.weight))
    return [
        *(_reason_row(reason, reader) for reason in weighty[:MOST_REASONS]),
        *rest(len(reasons), reader, MOST_REASONS),
    ]


def _reason_row(reason: Reason, reader: Reader) -> object:
    weight = TextBlock(
        signed(reason.weight, reader), weight="bolder", font_type="monospace", wrap=False
    )
    source = f"{outside(reason.rule, 60)} · {outside(reason.evidence, 80)}"
    return row(
        Column(items=[weight], width="56px"),
        wide(TextBlock(say(reason.says, reader)), small(source, spacing="none")),
        spacing="small",
    )


def _questions(questions: tuple[AnalystQuestion, ...], reader: Reader) -> list[object]:
    shown = [_question(question, reader) for question in questions[:MOST_QUESTIONS]]
    return [*shown, *rest(len(questions), reader, MOST_QUESTIONS)]


def _question(question: AnalystQuestion, reader: Reader) -> Container:
    asked = f"{outside(question.person)}: {say(question.asks, reader)}"
    return Container(
        items=[
            TextBlock(asked),
            small(say(question.state, reader), spacing="none"),
            *(small(say(line, reader), spacing="none") for line in question.checked),
            *_what_ifs(question.what_ifs, reader),
        ],
        spacing="small",
    )


def _what_ifs(what_ifs: tuple[WhatIf, ...], reader: Reader) -> list[object]:
    """What each answer would make of the score; nothing where nothing is open."""
    facts = [
        Fact(
            title=percent(what_if.probability, reader),
            value=f"{say(what_if.choice, reader)}: {name_of('band', what_if.band, reader)}",
        )
        for what_if in what_ifs[:MOST_CHOICES]
    ]
    return [FactSet(facts=facts, spacing="small")] if facts else []


# --- what an analyst can do ----------------------------------------------------------------------


def _calls(view: AnalystThread, handle: str, reader: Reader) -> list[object]:
    """The most urgent ones; a call recorded makes room for the next."""
    urgent = sorted(view.calls, key=lambda call: call.due)[:MOST_CALLS]
    shown = [part for call in urgent for part in _call(call, handle, reader)]
    return shown + rest(len(view.calls), reader, MOST_CALLS)


def _call(call: AnalystCall, handle: str, reader: Reader) -> list[object]:
    title = label("label.call", reader, person=call.person, at=Moment(call.due))
    shown: list[object] = [
        text(_number(call, reader), weight="bolder"),
        text(say(call.script, reader)),
        small(label("label.record", reader)),
        *buttons(
            [
                button(
                    say(choice.says, reader),
                    handle,
                    Button.RECORD_CALL,
                    on=call.question,
                    choice=choice.id,
                )
                for choice in call.choices[:MOST_CHOICES]
            ],
            spacing="small",
        ),
    ]
    return section(title, shown, style="warning")


def _callees(view: AnalystThread, handle: str, reader: Reader) -> list[object]:
    """Whom to reach in Teams, and how it went, one tap each; hidden until asked for."""
    if not view.callees:
        return []
    shown: list[object] = []
    for callee in view.callees[:MOST_CALLEES]:
        went = [
            button(
                label(f"call_outcome.{outcome}", reader),
                handle,
                Button.CALL_HELD,
                on=callee.upn,
                choice=outcome,
            )
            for outcome in CallOutcome
        ]
        shown += [
            text(outside(callee.name), weight="bolder"),
            *buttons([*teams_links(callee, view.name, reader), *went], spacing="small"),
        ]
    toggle = ToggleVisibility(title=label("button.reach", reader), target_elements=["callees"])
    return [
        *buttons([toggle], spacing="medium"),
        Container(id="callees", is_visible=False, items=shown, spacing="small"),
    ]


def _number(call: AnalystCall, reader: Reader) -> str:
    """Only a number somebody vouches for: one from the incident may be the attacker's."""
    if call.number is None or call.number_source is None:
        return label("label.no_number", reader)
    return label("label.number", reader, number=call.number, source=call.number_source)


def _by_phone(view: AnalystThread, handle: str, reader: Reader) -> list[object]:
    """Whom of the customer to phone, and what they decide there."""
    record = [_consent(view.consents, handle, reader)] if view.consents else []
    shown = [*lines(view.by_phone, reader), *buttons(record, spacing="small")]
    return section(label("label.by_phone", reader), shown, style="warning")


def _consent(consents: tuple[PhoneConsent, ...], handle: str, reader: Reader) -> ShowCard:
    choices = [
        (
            label(
                f"label.consent_{verdict}",
                reader,
                person=c.name,
                asks=c.asks,
                number=c.number,
                source=c.number_source,
            ),
            f"{c.approval}:{verdict}:{c.upn}",
        )
        for c in consents[:MOST_PARTS]
        for verdict in (Button.APPROVE, Button.DENY)
    ]
    record = button(
        label("button.record", reader), handle, Button.RECORD_CONSENT, takes_inputs=True
    )
    chosen = one_of(CONSENT, "label.consent", choices, reader, missing="label.consent_missing")
    return form(label("button.consent", reader), [chosen], record)


def _suspicions(suspicions: tuple[Suspicion, ...], handle: str, reader: Reader) -> list[object]:
    """Each account, part by part with its time; what is missing can be taken down."""
    shown = [line for s in suspicions[:MOST_CALLS] for line in lines(s.says, reader)]
    missing = [(s, part) for s in suspicions for part in s.missing]
    record = buttons([_clear(missing, handle, reader)], spacing="small") if missing else []
    return section(
        label("label.suspicion", reader),
        [*shown, *rest(len(suspicions), reader, MOST_CALLS), *record] if suspicions else [],
        style="warning",
    )


def _clear(missing: list[tuple[Suspicion, Clearance]], handle: str, reader: Reader) -> ShowCard:
    choices = [
        (f"{outside(s.name)}: {name_of('clearance', part, reader)}", f"{s.person}:{part}")
        for s, part in missing[:MOST_PARTS]
    ]
    done = one_of(
        PART, "label.what_was_done", choices, reader, missing="label.what_was_done_missing"
    )
    proof = in_words(
        PROOF, "label.proof", MAX_COMMENT, reader, missing="label.proof_missing", lines=False
    )
    record = button(label("button.record", reader), handle, Button.CLEAR, takes_inputs=True)
    return form(label("button.clear", reader), [done, proof], record)


def _actions(view: AnalystThread, handle: str, reader: Reader) -> list[object]:
    """What is under way or done, and what can be asked for or undone."""
    pressable = [_containable(c, handle, reader) for c in view.containable[:MOST_BUTTONS]]
    return [
        *actions_rows(view.actions, reader),
        *buttons(pressable, spacing="small"),
        *rest(len(view.containable), reader, MOST_BUTTONS),
    ]


def _containable(containable: Containable, handle: str, reader: Reader) -> object:
    pressed = Button.UNDO if containable.undo else Button.CONTAIN
    title = say(containable.says, reader)
    if containable.undo:
        title = label("button.undo", reader, action=containable.says)
    return button(title, handle, pressed, on=containable.action)


def _timeline(view: AnalystThread, reader: Reader) -> list[object]:
    """Hidden until asked for: the card tells the present, the thread the past."""
    if not view.timeline:
        return []
    shown: list[object] = []
    day = None
    for at, says in view.timeline[-MOST_ENTRIES:]:
        same = local_day(at, reader) == day
        day = local_day(at, reader)
        when = clock(at, reader) if same else day_and_clock(at, reader)
        shown.append(small(f"{when} · {say(says, reader)}"))
    toggle = ToggleVisibility(title=label("button.timeline", reader), target_elements=["timeline"])
    return [
        *buttons([toggle], spacing="medium"),
        Container(id="timeline", is_visible=False, items=shown, spacing="small"),
    ]


def _commands(view: AnalystThread, handle: str, reader: Reader) -> list[object]:
    shown: list[object] = []
    for pressed in view.buttons:
        title = label(f"button.{pressed}", reader)
        if pressed is Button.CLOSE_AS:
            shown.append(_close_as(title, handle, reader))
        elif pressed is Button.DRAFT:
            shown.append(sending.written(title, handle, reader, view.hearers))
        elif pressed is not Button.COMMAND:
            shown.append(button(title, handle, pressed))
    return shown


def _beside(view: AnalystThread, handle: str, reader: Reader) -> list[object]:
    """What is wanted less often, in a row of its own: Teams shows six buttons in one."""
    more: list[object] = []
    if Button.COMMAND in view.buttons:
        title = label(f"button.{Button.COMMAND}", reader)
        more.append(commanding.more(title, handle, reader))
    return more + _portal(view, reader)


def _close_as(title: str, handle: str, reader: Reader) -> ShowCard:
    choices = [(name_of("disposition", d, reader), d.value) for d in Disposition]
    disposition = one_of(
        DISPOSITION, "label.disposition", choices, reader, missing="label.disposition_missing"
    )
    comment = in_words(
        COMMENT, "label.comment", MAX_COMMENT, reader, missing="label.comment_missing"
    )
    close = button(label("button.close_now", reader), handle, Button.CLOSE_AS, takes_inputs=True)
    return form(title, [disposition, comment], close)


_DIGITS = re.compile(r"[0-9]{1,20}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _portal(view: AnalystThread, reader: Reader) -> list[object]:
    """Built from two ids that can be nothing else."""
    tenant, incident = view.portal or ("", "")
    if not (_GUID.fullmatch(tenant) and _DIGITS.fullmatch(incident)):
        return []
    url = f"https://security.microsoft.com/incidents/{incident}?tid={tenant.lower()}"
    return [OpenUrl(title=label("button.portal", reader), url=url)]
