"""Every card of every view in every language, and what can be asked of a card's JSON."""

from collections.abc import Iterator
from typing import Any

from cards import (
    analyst_thread,
    approval,
    choosing,
    confirm,
    customer_thread,
    digest,
    handover,
    manager,
    question,
    sending,
    task,
)
from cards.elements import Card
from cards.wording import Reader
from tests.cards import card_views as views
from triage.phrases import Moment

READERS = {
    "en": Reader("en-US", "Europe/Berlin"),
    "de": Reader("de-DE", "Europe/Berlin"),
    "pt": Reader("pt-BR", "America/Sao_Paulo"),
}


SIGN_IN_PAGE = "https://vouch.provider.example/confirm/0f1e2d3c4b5a69788796a5b4c3d2e1f0"
"""Our own page, as `bot/links.py` leads to it from the one card that offers a sign-in."""


def person_cards(reader: Reader) -> dict[str, Card]:
    return {
        name: question.render(view, views.HANDLE, reader, SIGN_IN_PAGE)
        for name, view in views.PERSON_CARDS.items()
    }


def managers(reader: Reader) -> dict[str, Card]:
    return {n: manager.render(v, views.HANDLE, reader) for n, v in views.MANAGER_CARDS.items()}


def customer_threads(reader: Reader) -> dict[str, Card]:
    shown = views.CUSTOMER_THREADS.items()
    return {n: customer_thread.render(v, views.HANDLE, reader) for n, v in shown}


def approvals(reader: Reader) -> dict[str, Card]:
    return {n: approval.render(v, views.HANDLE, reader) for n, v in views.APPROVAL_CARDS.items()}


def tasks(reader: Reader) -> dict[str, Card]:
    return {n: task.render(v, views.HANDLE, reader) for n, v in views.TASK_CARDS.items()}


def analyst_threads(reader: Reader) -> dict[str, Card]:
    shown = views.ANALYST_THREADS.items()
    return {n: analyst_thread.render(v, views.HANDLE, reader) for n, v in shown}


def digests(reader: Reader) -> dict[str, Card]:
    return {n: digest.render(v, reader) for n, v in views.DIGESTS.items()}


def handovers(reader: Reader) -> dict[str, Card]:
    return {n: handover.render(v, reader) for n, v in views.HANDOVERS.items()}


def previews(reader: Reader) -> dict[str, Card]:
    shown = views.PREVIEWS.items()
    return {n: sending.render(v, views.HANDLE, reader, reader) for n, v in shown}


def commanded(reader: Reader) -> dict[str, Card]:
    """What commands are answered with."""
    until = Moment(views.AT)
    return {
        "choice": choosing.choice(*views.CHOICE, views.HANDLE, reader),
        "list": choosing.listing(*views.LISTED, views.HANDLE, reader),
        "read_out": choosing.read_out(
            ["CONTOSO-42, High"], views.LISTED[2][0], views.HANDLE, reader
        ),
        "confirm": confirm.render(views.CONFIRMED, "merge 42 into 41", views.HANDLE, until, reader),
    }


def all_cards() -> dict[str, Card]:
    kinds = {
        "person": person_cards,
        "manager": managers,
        "customer": customer_threads,
        "approval": approvals,
        "task": tasks,
        "analyst": analyst_threads,
        "digest": digests,
        "handover": handovers,
        "sending": previews,
        "command": commanded,
    }
    return {
        f"{kind}.{name}.{language}": card
        for language, reader in READERS.items()
        for kind, render in kinds.items()
        for name, card in render(reader).items()
    }


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every element and action in a card; what stands in `data` and `fallback` is neither."""
    if isinstance(node, list):
        for item in node:
            yield from parts(item)
    if isinstance(node, dict):
        if "type" in node:
            yield node
        for key, value in node.items():
            if key not in ("data", "fallback", "msteams"):
                yield from parts(value)


def texts(card: Card) -> list[str]:
    """What can be read on a card, button labels included; a tappable part shows its own text."""
    found: list[str] = []
    for part in parts(card):
        found += [part["text"]] if part["type"] == "TextBlock" else []
        found += [action["title"] for action in part.get("actions", [])]
        found += [f"{f['title']} {f['value']}" for f in part.get("facts", [])]
    return found


def read_aloud(card: Card) -> str:
    return "\n".join(texts(card))


def actions(card: Card) -> list[dict[str, Any]]:
    return [part for part in parts(card) if part["type"].startswith("Action.")]


def buttons(card: Card) -> list[dict[str, Any]]:
    """Actions that stand on the card as buttons."""
    return [a for part in parts(card) if "actions" in part for a in part["actions"]]
