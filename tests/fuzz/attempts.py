"""One request of the fuzz, drawn by Hypothesis: a real report or activity, changed here and there, with
a credential that is good or bad, to a route that there is or is not."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from hypothesis import strategies as st

from paging.webhook import secret_of
from sources.openapi import GRAPH, MDE, NATIVE, ROWS, TRIGGER, XDR
from tests.signing import signature_headers
from tests.sources.any_json import ANY_JSON

Json = dict[str, Any]
Draw = Callable[..., Any]

REPORTS: dict[str, list[Any]] = {
    "defender": [GRAPH, XDR, MDE, [GRAPH, XDR], {"value": [GRAPH, MDE]}],
    "sentinel": [TRIGGER, TRIGGER["object"], ROWS, {"body": TRIGGER}],
    "native": [NATIVE, [NATIVE]],
}


@dataclass(frozen=True, slots=True, repr=False)
class World:
    """What an attempt is made of; handed from the server's process to the sender's as JSON."""

    url: str
    metrics_url: str
    database: str
    activities: list[Json]
    """As Teams would send them now: clicks on cards that stand, words, comings and goings."""
    tokens: dict[str, str]
    """Of the Bot Connector, by tenant."""
    forged: list[str]
    """Tokens that open nothing at the door of Teams."""
    keys: dict[str, str]
    """Contoso's bearer keys by source; its other sources have none."""
    secret: str
    """What Fabrikam's native source signs with."""
    identity: str
    """The token of Fabrikam's playbook."""
    now: str


@dataclass(frozen=True, slots=True)
class Attempt:
    route: str
    method: str
    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    trusted: bool
    """Whether it carries a credential that is good for its route."""


Kind = Literal[
    "messages", "defender", "sentinel", "native", "signed", "identity", "page", "elsewhere"
]
KINDS: tuple[Kind, ...] = (
    "messages",
    "messages",
    "messages",
    "messages",
    "defender",
    "sentinel",
    "native",
    "signed",
    "identity",
    "page",
    "elsewhere",
)
ELSEWHERE = (
    "/",
    "/healthz",
    "/readyz",
    "/api/openapi.json",
    "/api/messages",
    "/api/messages/",
    "/api/incidents/defender",
    "/api/incidents/splunk",
    "/api/incidents/%00",
    "/api/incidents/",
    "/api/incidents/native?customer=%27;--",
    "/confirm/no-link",
    "/confirm/%00",
    "/signed-in",
    "/signed-in/answer",
    "/metrics",
    "/..%2f..%2fetc/passwd",
    "//evil.example/",
)
PAGES = ("/confirm/no-link", "/confirm/%00", "/signed-in", "/signed-in/answer")
FORMS = (
    b"state=abc&code=def",
    b"state=abc&error=access_denied&error_description=%00%ff",
    b"token=abc&choice=opened",
    b'--x\r\nContent-Disposition: form-data; name="state"\r\n\r\nabc\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="state"; filename="a"\r\n\r\nabc\r\n--x--\r\n',
)
FORM_TYPES = (
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json",
)
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    1e308,
    "",
    "\0",
    "\ud800",
    "x" * 5000,
    "<at>Vouch</at>",
    "{{7*7}}",
    "'; DROP TABLE event;--",
    "9999-12-31T23:59:59-14:00",
    [],
    {},
    [[]],
    {"a": {"b": []}},
)


def attempts(world: World) -> st.SearchStrategy[Attempt]:
    return _attempt(world)


@st.composite
def _attempt(draw: Draw, world: World) -> Attempt:
    kind: Kind = draw(st.sampled_from(KINDS))
    if kind == "elsewhere":
        return _elsewhere(draw, world)
    if kind == "page":
        return _page(draw)
    if kind == "messages":
        original = draw(st.sampled_from(world.activities))
        path, route = "/api/messages", "/api/messages"
    else:
        source = {"signed": "native", "identity": "sentinel"}.get(kind, kind)
        original = draw(st.sampled_from(REPORTS[source]))
        path, route = f"/api/incidents/{source}", f"/api/incidents/{source} {kind}"
        if kind == "signed":
            path += "?customer=fabrikam"
    body = _body(draw, original)
    trusted = draw(st.integers(0, 9)) < 8
    headers = _good(world, kind, original, body) if trusted else _bad(draw, world, kind, body)
    return Attempt(route, "POST", path, *_wrapped(draw, body, headers), trusted=trusted)


def _elsewhere(draw: Draw, world: World) -> Attempt:
    """Any method at any address, with somebody's good credential or none; trusted by nobody."""
    path = draw(st.sampled_from(ELSEWHERE))
    method = draw(st.sampled_from(METHODS))
    shown = draw(st.sampled_from(["", *world.tokens.values(), *world.keys.values()]))
    headers = {"Authorization": f"Bearer {shown}"} if shown else {}
    body = _body(draw, draw(st.sampled_from(world.activities)))
    if method == "POST" and path.startswith(("/api/messages", "/api/incidents/defender")):
        headers = {}
    return Attempt(path.partition("?")[0], method, path, body, headers, trusted=False)


def _page(draw: Draw) -> Attempt:
    """A form of our own pages, by somebody who has no link."""
    path = draw(st.sampled_from(PAGES))
    headers = {"Content-Type": draw(st.sampled_from(FORM_TYPES))}
    if draw(st.integers(0, 9)) == 0:
        headers["Content-Encoding"] = "gzip"
    body = _bytes_changed(draw, draw(st.sampled_from(FORMS)))
    return Attempt(path, "POST", path, body, headers, trusted=False)


# --- bodies --------------------------------------------------------------------------------------


def _body(draw: Draw, original: Any) -> bytes:
    told = deepcopy(original)
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2, 2, 3, 5)))):
        told = _changed(draw, told)
    return _bytes_changed(draw, json.dumps(told).encode())


def _bytes_changed(draw: Draw, written: bytes) -> bytes:
    """As they are, nearly always."""
    match draw(st.integers(0, 39)):
        case 0:
            return written[: int(draw(st.integers(0, len(written))))]
        case 1:
            at = draw(st.integers(0, len(written)))
            return written[:at] + bytes(draw(st.binary(max_size=8))) + written[at:]
        case 2:
            levels = draw(st.sampled_from((60, 70, 900, 20_000)))
            return bytes(b"[" * levels + written + b"]" * levels)
        case 3:
            return bytes(draw(st.binary(max_size=200)))
    return written


def _changed(draw: Draw, told: Any) -> Any:
    """One place of it is something else, or missing, or there twice."""
    places = list(_places(told))
    if not places:
        return deepcopy(draw(st.sampled_from(ODD)))
    holder, name = draw(st.sampled_from(places))
    match draw(st.integers(0, 5)):
        case 0:
            del holder[name]
        case 1:
            holder[name] = draw(ANY_JSON)
        case 2:
            other, key = draw(st.sampled_from(places))
            holder[name] = deepcopy(other[key]) if key in _keys(other) else None
        case 3:
            holder[name] = [holder[name], deepcopy(holder[name])]
        case _:
            holder[name] = deepcopy(draw(st.sampled_from(ODD)))
    return told


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(told: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(told, dict | list):
        return
    inside = told.items() if isinstance(told, dict) else enumerate(told)
    for name, value in inside:
        yield told, name
        if isinstance(value, dict | list):
            yield from _places(value)


# --- credentials ---------------------------------------------------------------------------------


def _good(world: World, kind: Kind, original: Any, body: bytes) -> dict[str, str]:
    match kind:
        case "messages":
            return {"Authorization": f"Bearer {world.tokens[_tenant(original)]}"}
        case "signed":
            return _signed(world, body)
        case "identity":
            return {"Authorization": f"Bearer {world.identity}"}
    return {"Authorization": f"Bearer {world.keys[kind]}"}


def _bad(draw: Draw, world: World, kind: Kind, body: bytes) -> dict[str, str]:
    if kind == "signed":
        headers = _signed(world, body)
        spoilt = draw(st.sampled_from([*headers]))
        return headers | {spoilt: draw(st.sampled_from(("", "0", "v1,AAAA", "v1,", "msg.1")))}
    others = [*world.forged, "", "a.b.c", "vk_" + "x" * 43]
    others += [*world.keys.values(), world.identity] if kind == "messages" else []
    others += [*world.tokens.values()] if kind != "messages" else []
    others += [world.keys["native"]] if kind not in {"messages", "native"} else []
    shown = draw(st.sampled_from(others))
    return {"Authorization": draw(st.sampled_from(("Bearer ", "bearer ", "Basic "))) + shown}


def _signed(world: World, body: bytes) -> dict[str, str]:
    at = datetime.fromisoformat(world.now)
    id_ = f"msg_{sha256(body).hexdigest()[:16]}"
    return dict(signature_headers(secret_of(world.secret), id_, at, body))


def _tenant(activity: Json) -> str:
    return str(activity["conversation"]["tenantId"])


def _wrapped(
    draw: Draw, body: bytes, headers: Mapping[str, str]
) -> tuple[bytes, Mapping[str, str]]:
    """As it travels: nearly always as it is."""
    match draw(st.integers(0, 59)):
        case 0:
            return body, {**headers, "Content-Encoding": "gzip"}
        case 1:
            return body, {**headers, "Content-Type": "text/plain; charset=utf-16"}
        case 2 if "webhook-id" not in headers:
            return gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
    return body, {**headers, "Content-Type": "application/json"}
