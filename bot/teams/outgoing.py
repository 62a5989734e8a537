"""A Message as Teams wants it: activity JSON, small enough and with nothing live in its text."""

import json
from html import escape
from typing import Any

from dialogs.messenger import GaveUpError, Mention, Message

CARD = "application/vnd.microsoft.card.adaptive"
LARGEST = 80 * 1024
"""Bytes as UTF-16. Teams refuses from about 100 KB on and advises to stay below 80."""


def activity_of(message: Message) -> dict[str, Any]:
    """One card or one text: Teams splits an activity holding both, and gives no id for it."""
    if (message.card is None) == (message.text is None):
        raise GaveUpError(GaveUpError.OTHER, "a message is either a card or a text")
    activity: dict[str, Any] = {"type": "message"}
    if message.card is not None:
        activity["attachments"] = [{"contentType": CARD, "content": message.card}]
    if message.text is not None:
        activity |= _words(message.text, message.mentions)
    if message.summary:
        activity["summary"] = message.summary
    return activity


def encoded(body: dict[str, Any]) -> bytes:
    """As JSON; half a surrogate pair, which UTF-8 cannot carry, becomes a question mark."""
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GaveUpError(GaveUpError.OTHER, f"not JSON: {error}") from error
    if len(text.encode("utf-16-le", "surrogatepass")) > LARGEST:
        raise GaveUpError(GaveUpError.TOO_LARGE, "over 80 KB as UTF-16")
    return text.encode(errors="replace")


def _words(text: str, mentions: tuple[Mention, ...]) -> dict[str, Any]:
    """Text stays text: no Markdown, no links. Only mentions need markup, and get nothing else."""
    if not mentions:
        return {"text": text, "textFormat": "plain"}
    marked = escape(text, quote=False)
    for mention in mentions:
        marked = marked.replace(escape(_tag(mention.name), quote=False), _safe_tag(mention.name))
    return {
        "text": marked.replace("\n", "<br/>"),
        "textFormat": "xml",
        "entities": [_entity(mention) for mention in mentions],
    }


def _entity(mention: Mention) -> dict[str, Any]:
    """`text` must stand in the message letter for letter, or Teams refuses the message."""
    return {
        "type": "mention",
        "text": _safe_tag(mention.name),
        "mentioned": {"id": mention.mri, "name": mention.name},
    }


def _tag(name: str) -> str:
    return f"<at>{name}</at>"


def _safe_tag(name: str) -> str:
    return _tag(escape(name, quote=False))
