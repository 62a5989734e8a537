"""A whole house for a story: Vouch and the simulated Teams in one process, over real HTTP.

Time stands still until a story moves it, and due work runs when a story says so: nothing sleeps.
People act through the simulator's control API; what they see is read from there too.
"""

import asyncio
import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col

from bot.app import Vouch, running
from bot.clock import ManualClock
from bot.demo import PROFILES, PROVIDER_TENANT
from bot.settings import Settings
from bot.setup import add_intake_key, add_profile
from simulator.keys import SigningKey, new_key
from simulator.pager import PagerKeys
from simulator.server import DEMO_WORLD, Simulator, SimulatorConfig
from simulator.world import Chat, Conversation, Message, Sender, Thread
from storage import across, incidents
from storage.engine import Store, Tx
from storage.tables import EventRow, IncidentRow
from tests.databases import ON_POSTGRES, url
from tests.story.record import check_records
from triage.incident import Incident
from triage.report import Source

APP_ID, APP_SECRET = "3f0c8a52-1d5e-4b7a-9f26-8e1b7c4d9a60", "a-secret-of-the-tests"

PUBLIC_URL = "https://vouch.example"
"""Where browsers reach Vouch, as cards and Entra are told; a story goes there by `House.browse`."""

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "whsec_dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIG9yIHNvLi4="

os.environ["SSL_CERT_FILE"] = os.devnull
"""A story trusts its own simulator; reading the system's authorities takes longer than the story."""

Json = dict[str, Any]

TENANTS = ("Contoso", "Fabrikam", "Nordwall MXDR")

Changed = Mapping[str, Callable[[str], str]]
"""By profile ("contoso") or "world": what a story has otherwise than the demo."""


def swap(old: str, new: str) -> Callable[[str], str]:
    """A change of a text that must be there to be changed."""

    def swapped(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return swapped


def without_shifts(text: str) -> str:
    """Nobody is assigned a case: a story is the same whatever the time of day."""
    return text.partition("[[shifts]]")[0]


def without_profile(_: str) -> str:
    """Nobody of that name is onboarded."""
    return ""


ALSO_INES = {"contoso": swap('roles = ["it"]', 'roles = ["it", "approver"]')}
"""Contoso has a second approver."""


@cache
def _signing_keys() -> Iterator[SigningKey]:
    """Making RSA keys is slow; a handful serves all stories."""
    return itertools.cycle([new_key() for _ in range(4)])


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot's, as somebody sees it."""

    conversation: str
    id: str
    activity: Json
    edits: int

    @property
    def card(self) -> Json | None:
        for attachment in self.activity.get("attachments") or []:
            content: Json = attachment["content"]
            return content
        return None

    @property
    def text(self) -> str:
        """All the words on it, the message's own or the card's."""
        if self.card is None:
            return str(self.activity.get("text", ""))
        return "\n".join(_words(self.card))

    @property
    def actions(self) -> list[str]:
        return [a["id"] for a in _actions(self.card) if "id" in a]

    def data(self, action: str) -> Json:
        """What a button would send."""
        found: Json = next(a["data"] for a in _actions(self.card) if a.get("id") == action)
        return found


def words(answer: Json) -> str:
    """What the bot answered to a click, as the person reads it: a sentence or a card."""
    value = answer["body"]["value"]
    return value if isinstance(value, str) else "\n".join(_words(value))


def card_of(answer: Json) -> Seen:
    """The card that answered a click."""
    assert answer["body"]["type"] == "application/vnd.microsoft.card.adaptive", answer
    return Seen("", "", {"attachments": [{"content": answer["body"]["value"]}]}, 0)


def seen_in(conversation: Conversation) -> list[Seen]:
    """What the bot has said in a conversation of the simulated world."""
    return [
        Seen(conversation.id, m.id, m.activity, m.edits)
        for m in conversation.messages.values()
        if m.sender.kind == "bot" and not m.deleted
    ]


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as the bot sent it, first or as an edit."""

    tenant: str
    conversation: str
    activity: Json
    edit: bool


class House:
    def __init__(
        self,
        vouch: Vouch,
        clock: ManualClock,
        control: aiohttp.ClientSession,
        keys: "Keys",
        sim: Simulator,
    ) -> None:
        self.vouch = vouch
        self.clock = clock
        self.control = control
        self.keys = keys
        self.sim = sim
        self.sent = listen(sim)
        self.accepts_trouble = False
        """Whether effects may be stuck when the story ends."""

    # --- time ---

    async def settle(self) -> None:
        """Everything that is due now is done, and said."""
        await self.vouch.answers.ended()
        await self.vouch.dispatcher.drain(self.clock.now(), self.clock.move_to)

    async def later(self, **delta: float) -> None:
        """Let time pass, with everything that falls due on the way."""
        until = self.clock.now() + timedelta(**delta)
        await self.vouch.dispatcher.drain(until, self.clock.move_to)

    # --- incidents in ---

    async def post(
        self, body: Any, customer: str = "contoso", source: str = "defender", key: str | None = None
    ) -> tuple[int, Json]:
        """Post to the intake as the source would; status and answer."""
        headers = {"Authorization": f"Bearer {key or self.keys[customer].get(source, 'none')}"}
        data = body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
        url = f"{self.vouch.url}/api/incidents/{source}"
        async with self.control.post(url, data=BytesIO(data), headers=headers) as response:
            return response.status, await response.json()

    async def report(self, body: Any, customer: str = "contoso", source: str = "defender") -> str:
        """Post one incident that is taken, settle, and say what it is called."""
        status, answer = await self.post(body, customer, source)
        assert status in (200, 201), answer
        await self.settle()
        return str(answer["results"][0]["incident"])

    # --- people act ---

    async def _api(self, method: str, path: str, body: Any = None) -> Any:
        async with self.control.request(method, f"/api{path}", json=body) as response:
            return await response.json()

    async def person(self, name: str) -> Json:
        for tenant in await self._api("GET", "/tenants"):
            for user in tenant["users"]:
                if user["name"] == name:
                    found: Json = user
                    return found
        raise LookupError(f"nobody is called {name}")

    async def press(
        self, who: str, on: Seen, action: str, inputs: Json | None = None, how: str = "execute"
    ) -> Json:
        """Press a button; the bot's answer. What follows from it is done."""
        answer = await self.press_only(who, on, action, inputs, how)
        await self.settle()
        return answer

    async def press_only(
        self, who: str, on: Seen, action: str, inputs: Json | None = None, how: str = "execute"
    ) -> Json:
        user = await self.person(who)
        place = f"/conversations/{quote(on.conversation, safe='')}/messages/{on.id}/click"
        body = {"user": user["id"], "action": action, "inputs": inputs or {}, "as": how}
        answer: Json = await self._api("POST", place, body)
        return answer

    async def change(self, who: str, on: Seen, choice: str) -> Json:
        """Change one's answer: ask for the question again, and press another button on it."""
        await self.press(who, on, "Change my answer")
        return await self.press(who, on, f"answer.{choice}")

    async def write(self, who: str, text: str) -> None:
        """Write to the bot in one's own chat."""
        user = await self.person(who)
        chat = await self._api("POST", "/chats", {"user": user["id"]})
        place = f"/conversations/{quote(chat['id'], safe='')}/messages"
        told = await self._api("POST", place, {"from": user["id"], "text": text})
        assert told["status"] == 200, told
        await self.settle()

    async def send(self, activity: Json) -> Json:
        """Hand the bot an activity as it is, with an honest token."""
        answer: Json = await self._api("POST", "/activities", {"activity": activity})
        return answer

    # --- what people see ---

    async def messages(self, kind: str, whose: str) -> list[Seen]:
        """What the bot has said in a person's chat ("personal", their name), or in the threads of
        a tenant ("thread", its name), oldest first."""
        state = await self._api("GET", "/state")
        tenants = {t["id"]: t for t in state["tenants"]}
        found = []
        for conversation in state["conversations"]:
            tenant = tenants[conversation["tenant"]]
            users = {u["id"]: u["name"] for u in tenant["users"]}
            owner = users.get(conversation.get("user")) if kind == "personal" else tenant["name"]
            if conversation["kind"] == kind and owner == whose:
                found += [
                    Seen(conversation["id"], m["id"], m["activity"], m["edits"])
                    for m in conversation["messages"]
                    if m["from"]["kind"] == "bot" and not m["deleted"]
                ]
        return found

    async def chat(self, name: str) -> list[Seen]:
        return await self.messages("personal", name)

    async def card(self, name: str) -> Seen:
        """The latest card in somebody's chat."""
        return [m for m in await self.chat(name) if m.card][-1]

    async def thread(self, tenant: str = "Contoso") -> list[Seen]:
        return await self.messages("thread", tenant)

    async def root(self, tenant: str = "Contoso") -> Seen:
        """The root card of the newest thread."""
        threads = await self.thread(tenant)
        newest = [m for m in threads if m.card][-1].conversation
        return next(m for m in threads if m.conversation == newest and m.card)

    async def approval(self, tenant: str = "Contoso") -> Seen:
        """The newest approval card."""
        root = await self.root(tenant)
        cards = [m for m in await self.thread(tenant) if m.card]
        return [m for m in cards if m.conversation == root.conversation and m.id != root.id][-1]

    async def soc(self) -> Seen:
        """The root card of the newest thread of the analysts."""
        return await self.root("Nordwall MXDR")

    async def told(self, whose: str) -> list[str]:
        """The sentences said in a chat or in a tenant's threads, without the cards."""
        kind = "thread" if whose in TENANTS else "personal"
        return [m.text for m in await self.messages(kind, whose) if not m.card]

    async def conversations(self, tenant: str) -> list[str]:
        """The threads of a tenant that hold a card of ours, oldest first."""
        cards = [m for m in await self.thread(tenant) if m.card]
        return list(dict.fromkeys(m.conversation for m in cards))

    async def calls(self, since: int = 0) -> list[Json]:
        """What the bot asked of Teams."""
        found = await self._api("GET", f"/requests?since={since}")
        return [c for c in found if "/emea/" in c["path"]]

    # --- what is recorded ---

    async def incident(
        self, source_id: str, customer: str = "contoso", source: Source = Source.DEFENDER
    ) -> Incident:
        """The record of what the source calls by this id."""

        def load(tx: Tx) -> Incident | None:
            found = incidents.find_by_ref(tx, source, source_id)
            return incidents.load(tx, found) if found else None

        known = await self.vouch.store.read(customer, load)
        assert known is not None, source_id
        return known

    async def by_name(self, name: str, customer: str = "contoso") -> Incident:
        """The record of what we call by this name, also once it is merged."""

        def load(tx: Tx) -> Incident | None:
            found = select(col(IncidentRow.id)).where(col(IncidentRow.name) == name)
            return incidents.load(tx, tx.session.scalars(found).one())

        known = await self.vouch.store.read(customer, load)
        assert known is not None
        return known

    async def history(self, source_id: str, **of: Any) -> list[incidents.StoredEvent]:
        incident = await self.incident(source_id, **of)
        return await self.vouch.store.read(
            incident.customer, lambda tx: incidents.history(tx, incident.id)
        )

    async def desk(self, customer: str = "nordwall") -> list[tuple[str, Json]]:
        """What was recorded at a desk: kind and payload."""
        stream = incidents.desk(customer)
        rows = await self.vouch.store.read(
            customer,
            lambda tx: [
                (row.kind, json.loads(row.payload or "null"))
                for row in tx.session.scalars(select(EventRow).order_by(col(EventRow.seq)))
                if row.stream == stream
            ],
        )
        return list(rows)

    async def stuck(self) -> list[across.Stuck]:
        """Effects that failed, wait for an installation, or were left in the middle."""
        found = await self.vouch.store.read_across(
            lambda tx: across.stuck(tx, self.clock.now(), timedelta(minutes=-2))
        )
        return [
            effect
            for effect in found
            if effect.kind not in {"wake", "keep_retention", "change_shift"}
        ]

    # --- trouble ---

    async def fault(self, **fault: Any) -> None:
        await self._api("POST", "/faults", fault)

    async def app(self, who: str, change: str) -> None:
        """ "install", "uninstall", "block" or "unblock" the app for one person."""
        user = await self.person(who)
        await self._api("POST", f"/users/{user['id']}/{change}", {})
        await self.settle()

    async def delete(self, message: Seen) -> None:
        """Somebody with the right to do so deletes a message of the bot's."""
        conversation = self.sim.world.conversations[message.conversation]
        self.sim.world.delete(conversation, conversation.messages[message.id])


@asynccontextmanager
async def house(tmp_path: Path, changed: Changed | None = None) -> AsyncIterator[House]:
    """Contoso, Fabrikam and the provider onboarded, the app installed everywhere.

    When a story ends well, what always holds is looked at: the log replays into the state, no
    effect is stuck, and no sentence that was said is missing.
    """
    changed = changed or {}
    keys = await onboard(tmp_path / "vouch.sqlite3", changed)
    database = url(tmp_path)
    clock = ManualClock(datetime.now(UTC))
    async with (
        Simulator(simulated(tmp_path, keys, changed)) as sim,
        running(settings(sim, database), clock, dispatch=False) as vouch,
    ):
        sim.bot_url = vouch.url
        async with aiohttp.ClientSession(sim.page_url) as control:
            opened = House(vouch, clock, control, keys, sim)
            await opened._api("POST", "/install-all", {})
            await opened.settle()
            if await opened.stuck():  # so many rosters at once may wait for Teams' pace
                await opened.later(seconds=2)
            yield opened
            await opened.settle()
            await check_records(vouch.store)
            stuck = [] if opened.accepts_trouble else await opened.stuck()
            missing = missing_sentences(opened.sent)
            assert not stuck, stuck
            assert not missing, missing


def simulated(data: Path, keys: "Keys", changed: Changed | None = None) -> SimulatorConfig:
    world = (changed or {}).get("world")
    file = data / "world.json"
    if world:
        file.write_text(world(DEMO_WORLD.read_text(encoding="utf-8")), encoding="utf-8")
    return SimulatorConfig(
        app_id=APP_ID,
        app_secret=APP_SECRET,
        data=data,
        world=file if world else DEMO_WORLD,
        intake_keys=keys,
        key_source=_signing_keys().__next__,
        pager=PagerKeys(routing_key=ROUTING_KEY, webhook_secret=WEBHOOK_SECRET),
    )


def settings(sim: Simulator, database: str) -> Settings:
    return Settings(
        port=0,
        public_url=PUBLIC_URL,
        metrics_port=0,
        database_url=database,
        app_id=APP_ID,
        app_tenant=PROVIDER_TENANT,
        app_secret=SecretStr(APP_SECRET),
        login_url=sim.api_url,
        graph_url=sim.api_url,
        openid_metadata_url=f"{sim.api_url}/botframework/v1/.well-known/openidconfiguration",
        service_hosts=frozenset({urlsplit(sim.api_url).netloc}),
        ca_file=sim.ca_file,
        pagerduty_key=SecretStr(ROUTING_KEY),
        pagerduty_url=f"{sim.api_url}/pagerduty/v2/enqueue",
    )


Keys = dict[str, dict[str, str]]

_onboarded: dict[tuple[str, ...], tuple[bytes, Keys]] = {}
"""Databases fresh from onboarding, by the profiles in them: making one takes longer than a copy."""


async def onboard(file: Path, changed: Changed | None = None) -> Keys:
    """Everybody's profile, but for those that a change leaves empty; the keys of their sources.

    Where tests run on PostgreSQL, in the database of the file's folder.
    """
    profiles = _profiles(changed or {})
    if ON_POSTGRES:
        return await _onboard(url(file.parent), profiles)
    if profiles not in _onboarded:
        keys = await _onboard(f"sqlite:///{file}", profiles)
        _onboarded[profiles] = (await asyncio.to_thread(file.read_bytes), keys)
    content, keys = _onboarded[profiles]
    await asyncio.to_thread(file.write_bytes, content)
    return keys


async def onboard_at(database: str) -> Keys:
    """As `onboard`, in this database."""
    return await _onboard(database, _profiles({}))


def _profiles(changed: Changed) -> tuple[str, ...]:
    return tuple(
        changed.get(profile.stem, str)(without_shifts(profile.read_text(encoding="utf-8")))
        for profile in sorted(PROFILES.glob("*.toml"))
    )


async def _onboard(database: str, profiles: tuple[str, ...]) -> Keys:
    store = Store.open(database)
    keys: Keys = {}
    for text in filter(None, profiles):
        added = await add_profile(store, text, "a story's profile")
        if added.role == "customer":
            keys[added.id] = {s: await add_intake_key(store, added.id, s) for s in Source}
    await store.close()
    return keys


def listen(sim: Simulator) -> list[Sent]:
    """Everything the bot says from now on, edits included, as the simulated Teams takes it in."""
    sent: list[Sent] = []
    post, edit = sim.world.post, sim.world.edit

    def posted(place: Thread | Chat, message_id: str, sender: Sender, activity: Json) -> Message:
        if sender.kind == "bot":
            sent.append(Sent(place.tenant, place.id, activity, edit=False))
        return post(place, message_id, sender, activity)

    def edited(conversation: Conversation, message: Message, activity: Json) -> None:
        sent.append(Sent(conversation.tenant, conversation.id, activity, edit=True))
        edit(conversation, message, activity)

    sim.world.post, sim.world.edit = posted, edited  # type: ignore[method-assign]
    return sent


_KEY = re.compile(r"[a-z_]+(\.[A-Za-z_]+)+")


def missing_sentences(sent: list[Sent]) -> set[str]:
    """Keys that stand where a sentence should: what `cards` has no words for."""
    found = {str(s.activity.get(field, "")) for s in sent for field in ("text", "summary")}
    for message in sent:
        for attachment in message.activity.get("attachments") or []:
            found |= set(_words(attachment["content"]))
    return {text for text in found if _KEY.fullmatch(text)}


def _words(node: Any) -> Iterator[str]:
    """The text of a card, from top to bottom."""
    if isinstance(node, list):
        for item in node:
            yield from _words(item)
    elif isinstance(node, dict):
        for field in ("text", "title", "value"):
            if isinstance(node.get(field), str):
                yield node[field]
        for field, value in node.items():
            if field not in ("data", "fallback", "msteams", "speak", "fallbackText"):
                yield from _words(value)


def _actions(node: Any) -> Iterator[Json]:
    if isinstance(node, list):
        for item in node:
            yield from _actions(item)
    elif isinstance(node, dict):
        if str(node.get("type", "")).startswith("Action."):
            yield node
        for field, value in node.items():
            if field != "fallback":
                yield from _actions(value)
