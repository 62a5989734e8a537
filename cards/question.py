"""The card in a person's chat: who asks, what happened, what is asked, and how to check us."""

from cards.clicks import button
from cards.elements import Card, Container, Execute, OpenUrl, TextBlock
from cards.layout import buttons, fixed, heading, row, small, whole, wide
from cards.text import outside
from cards.wording import Reader, label, say
from triage.incident import QuestionKind
from triage.phrases import Phrase
from triage.views import Button, PersonCard

MOST_BUTTONS = 4
MOST_ASKED = 500
MOST_CHARACTERS = 60
"""Of any one text from outside: whoever names a file must not be able to tell a story with it."""


def render(view: PersonCard, handle: str, reader: Reader, link: str | None = None) -> Card:
    """`link` leads to our own page for the fresh sign-in that the view offers."""
    said = [_say(p, reader) for p in view.says]
    choices = [_say(c.says, reader) for c in view.choices]
    return whole(
        [
            _header(view, reader),
            *_status(view, reader),
            *map(_sentence, view.says, said),
            *_calming(view, reader),
            *_choices(view, choices, handle, _sign_in(view, link, reader)),
            *_more(view, handle, reader),
            *_check_us(view, reader),
        ],
        summary=_summary(view, said),
        speak=_spoken(view, said, choices, reader),
    )


def summary(view: PersonCard, reader: Reader) -> str:
    """What the lock screen shows: who asks, what happened, and the question."""
    return _summary(view, [_say(p, reader) for p in view.says])


def _summary(view: PersonCard, said: list[str]) -> str:
    return f"{outside(view.sender, MOST_CHARACTERS)}: {' '.join(said[:2])}"


def _spoken(view: PersonCard, said: list[str], choices: list[str], reader: Reader) -> str:
    spoken = [_summary(view, said), *said[2:]]
    if view.stage == "asking":
        spoken.append(label("label.not_in_trouble", reader))
    return " ".join([*spoken, *(f"{choice}." for choice in choices)])


def _say(sentence: Phrase, reader: Reader) -> str:
    """An analyst's question is said whole; it has been read through before it was sent."""
    asked = sentence.key == "ask.in_words"
    return say(sentence, reader, MOST_ASKED if asked else MOST_CHARACTERS)


def _asks(sentence: Phrase) -> bool:
    return sentence.key.startswith(("ask.", "follow."))


def _header(view: PersonCard, reader: Reader) -> Container:
    code = small(label("label.case_code", reader, code=view.code), wrap=False, spacing="none")
    return Container(
        items=[row(wide(heading(outside(view.sender, MOST_CHARACTERS))), fixed(code))],
        style="emphasis",
        bleed=True,
    )


def _status(view: PersonCard, reader: Reader) -> list[object]:
    return [small(label("label.changing", reader), spacing="medium")] if view.changing else []


def _sentence(sentence: Phrase, said: str) -> TextBlock:
    if _asks(sentence):
        return TextBlock(said, weight="bolder", size="medium", spacing="medium")
    return TextBlock(said, spacing="medium")


def _calming(view: PersonCard, reader: Reader) -> list[object]:
    if view.stage != "asking":
        return []
    calm = label("label.not_in_trouble", reader)
    if view.kind in _ABOUT_A_DEVICE:
        calm = f"{calm} {label('label.from_phone', reader)}"
    return [TextBlock(calm, spacing="small")]


_ABOUT_A_DEVICE = (QuestionKind.FILE_OPENED, QuestionKind.FILE_AFTERMATH, QuestionKind.SCRIPT_RUN)
"""What is asked about may be watching: the answer should come from elsewhere."""


def _sign_in(view: PersonCard, link: str | None, reader: Reader) -> list[object]:
    """The one link a person's card ever carries: to our own page, and only where it is asked for."""
    if view.verification is None or link is None:
        return []
    return [OpenUrl(title=label("button.sign_in", reader), url=link)]


def _choices(view: PersonCard, titles: list[str], handle: str, first: list[object]) -> list[object]:
    offered = list(zip(view.choices, titles, strict=True))[: MOST_BUTTONS - len(first)]
    return buttons(
        first
        + [
            button(title, handle, Button.ANSWER, on=view.question, choice=choice.id)
            for choice, title in offered
        ],
        spacing="medium",
    )


def _more(view: PersonCard, handle: str, reader: Reader) -> list[object]:
    """Buttons where nothing is asked; a quiet line under the choices of a follow-up."""
    title = label("button.change", reader)
    change = [button(title, handle, Button.CHANGE, on=view.change)] if view.change else []
    if view.stage == "asking":
        return [_quiet(each, title) for each in change]
    talk = [button(label("button.talk", reader), handle, Button.TALK)] if view.talk else []
    return buttons([*change, *talk], spacing="medium")


def _quiet(action: Execute, title: str) -> Container:
    return Container(
        items=[TextBlock(title, color="accent", size="small")],
        select_action=action,
        spacing="small",
    )


def _check_us(view: PersonCard, reader: Reader) -> list[object]:
    """How to find out that we are real, outside this chat. No number: a forger would give his."""
    if view.stage == "over":
        return []
    unsure = "label.unsure_desk" if view.service_desk else "label.unsure_app"
    says = label(unsure, reader, code=view.code)
    if view.stage == "asking":
        says = f"{label('label.never_passwords', reader)} {says}"
    return [small(says, separator=True, spacing="large")]
