"""The HTML of our own pages: plain, one thing a page, for a phone and a screen reader alike.

No script, nothing loaded from anywhere. Words come from `cards/sentences.py`; what comes from
outside is escaped once more for HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from aiohttp import web

from bot.links import ANSWER
from cards.wording import Reader, label, say
from triage.incident import Incident, Question
from triage.phrases import Phrase
from triage.playbooks import answers_in_person
from triage.surfaces.person import asked_after_sign_in

TOKEN, CHOICE = "token", "choice"

Form = Mapping[str, str]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
}
"""Forms go nowhere else. The address, which is a secret, is told to nobody else; to ourselves it is,
for without it a browser would not say where a form was sent from."""

_STYLE = """
:root{color-scheme:light dark;--text:#242424;--quiet:#4d4d4d;--page:#f5f5f5;--card:#fff;--line:#d1d1d1;--button:#4f52b2;--on:#fff}
@media(prefers-color-scheme:dark){:root{--text:#f5f5f5;--quiet:#c7c7c7;--page:#141414;--card:#242424;--line:#4d4d4d;--button:#4f52b2}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:0 auto;padding:1.5rem 1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem}
h1{font-size:1.25rem;line-height:1.3;margin:0 0 .75rem}
p{margin:0 0 .75rem}
form{display:grid;gap:.75rem;margin:1.25rem 0}
button,.go{font:inherit;font-weight:600;min-height:3rem;padding:.6rem 1rem;border:1px solid transparent;border-radius:.5rem;background:var(--button);color:var(--on);cursor:pointer;text-align:center;text-decoration:none;display:block}
button:focus-visible,.go:focus-visible{outline:3px solid var(--text);outline-offset:2px}
.quiet{color:var(--quiet);font-size:.9375rem}
.quiet:last-child,p:last-child{margin-bottom:0}
"""


@dataclass(frozen=True, slots=True)
class About:
    """What may be said before anybody has signed in."""

    sender: str
    code: str


def confirm(about: About, reader: Reader) -> web.Response:
    """Who asks, and why; a button, since looking changes nothing."""
    return _page(
        _title(about, reader),
        [
            _p(label("web.who", reader, sender=about.sender, code=about.code)),
            _p(label("web.why", reader)),
            _p(label("web.what", reader)),
            f'<form method="post"><button>{escape(label("web.start", reader))}</button></form>',
            _quiet(label("web.never", reader)),
            _quiet(label("web.unsure", reader)),
        ],
        reader,
    )


def going(about: About, url: str, reader: Reader) -> web.Response:
    """To Entra: by a page, since a form may not be sent on to another site (`form-action`)."""
    target = escape(url, quote=True)
    go = f'<p><a class="go" href="{target}">{escape(label("web.go", reader))}</a></p>'
    head = f'<meta http-equiv="refresh" content="0;url={target}">'
    body = [_p(label("web.going", reader)), go, _quiet(label("web.never", reader))]
    return _page(_title(about, reader), body, reader, head=head)


def asks(
    about: About, incident: Incident, question: Question, token: str, reader: Reader
) -> web.Response:
    """The one question, for whoever has just signed in."""
    happened, ask = (say(p, reader) for p in asked_after_sign_in(incident, question))
    answers = "".join(
        f'<button name="{CHOICE}" value="{escape(a.id, quote=True)}">'
        f"{escape(say(a.says(question.kind), reader))}</button>"
        for a in answers_in_person(question)
    )
    form = (
        f'<form method="post" action="{ANSWER}">'
        f'<input type="hidden" name="{TOKEN}" value="{escape(token, quote=True)}">{answers}</form>'
    )
    body = [
        _p(label("thanks.confirmed", reader)),
        _p(happened),
        form,
        _quiet(label("label.not_in_trouble", reader)),
        _quiet(label("label.case_code", reader, code=about.code)),
    ]
    return _page(ask, body, reader)


def said(about: About, says: Phrase, reader: Reader) -> web.Response:
    """The end of the way, for good or not: the same page, whatever it was."""
    body = [
        _p(say(says, reader)),
        _quiet(label("label.case_code", reader, code=about.code)),
        _quiet(label("web.close", reader)),
    ]
    return _page(about.sender, body, reader)


def gone(reader: Reader) -> web.Response:
    """The same for what never was, is over, and is another's."""
    return _page("Vouch", [_p(label("web.gone", reader))], reader, status=HTTPStatus.NOT_FOUND)


def foreign(reader: Reader) -> web.Response:
    return _page("Vouch", [_p(label("web.foreign", reader))], reader, status=HTTPStatus.FORBIDDEN)


def unavailable(about: About, reader: Reader) -> web.Response:
    again = f'<form method="post"><button>{escape(label("web.again", reader))}</button></form>'
    body = [_p(label("web.unavailable", reader)), again]
    return _page(about.sender, body, reader, status=HTTPStatus.SERVICE_UNAVAILABLE)


def busy(reader: Reader) -> web.Response:
    body = [_p(label("web.busy", reader))]
    return _page("Vouch", body, reader, status=HTTPStatus.SERVICE_UNAVAILABLE)


def _title(about: About, reader: Reader) -> str:
    return label("web.title", reader, sender=about.sender)


def _p(said: str) -> str:
    return f"<p>{escape(said)}</p>"


def _quiet(said: str) -> str:
    return f'<p class="quiet">{escape(said)}</p>'


def _page(
    title: str,
    body: list[str],
    reader: Reader,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    head: str = "",
) -> web.Response:
    language = str(reader.locale).replace("_", "-")
    html = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex">{head}<title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main><section><h1>{escape(title)}</h1>"
        f"{''.join(body)}</section></main></body></html>"
    )
    return web.Response(text=html, content_type="text/html", status=status, headers=HEADERS)
