"""How a channel is bound: somebody of the customer's writes `@Vouch setup CODE` in it.

The code says whose channel it becomes, and works once, in time, in the tenant of that profile. Who
writes another one learns that it is not valid here, whatever is wrong with it, and after a few of
them is not listened to for a while. docs/decisions/14-onboarding.md says why.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.desk import channel_of, release
from bot.gathering import ProviderDesk
from bot.inbound import Place, Texted
from dialogs.messenger import Channel
from storage import across, effects, homes, incidents, invitations, people, profiles
from storage.engine import AcrossTx, Nobody, Store, Tx, Urgency, Within
from storage.homes import Home
from triage.customer import Provider
from triage.effects import ReadRoster
from triage.phrases import Phrase, phrase

MOST_MISSES = 5
MISSES_WITHIN = timedelta(minutes=15)
"""How many wrong codes one person may write, and in what time; each replica counts its own."""

STANDARD = "standard"

_SETUP = re.compile(r"setup\b(.*)", re.IGNORECASE | re.DOTALL)
_SETUP_ALONE = re.compile(r"setup(?:\s+\w{4,5}(?:-\w{4,5}){2,})?", re.IGNORECASE)
LONGEST_CODE = 100


@dataclass(frozen=True, slots=True)
class SetupAnswer:
    """What is said in the channel; where it was refused, why, for the desk alone."""

    says: Phrase
    refused: str | None = None
    tell: str | None = None
    """The sentence by which the analysts hear of it, for they can help."""


def setup_code(text: str) -> str | None:
    """The code of `setup CODE`; None where the words are no setup."""
    found = _SETUP.match(text.strip())
    return found[1].strip()[:LONGEST_CODE] if found else None


def is_setup_alone(text: str) -> bool:
    """Whether somebody wrote it in a chat: there, words that begin like it may be about a case."""
    return _SETUP_ALONE.fullmatch(text.strip()) is not None


class Onboarding:
    def __init__(self, store: Store, clock: Clock, desk: ProviderDesk) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._misses = Misses()

    async def set_up(self, text: Texted, code: str) -> SetupAnswer:
        """Bind the channel in which it was written, or say why not."""
        now, place = self._clock.now(), text.place
        by = (place.tenant_id, text.actor.object_id)
        if not code:
            return SetupAnswer(phrase("setup.usage"))
        if place.channel_kind not in {None, STANDARD}:
            why = f"a {place.channel_kind} channel"
            return SetupAnswer(phrase("setup.channel_kind"), why, "tell.setup_in_kind")
        here = _home(place)
        if here is None:
            return SetupAnswer(phrase("setup.refused"), "no team or channel is named")
        if self._misses.are_too_many(by, now):
            return SetupAnswer(phrase("setup.later"), "too many wrong codes")
        bound = await self._store.write_found(
            lambda tx: _invited(tx, text, here, invitations.digest(code), now), Urgency.PEOPLE
        )
        if isinstance(bound, SetupAnswer):
            self._misses.note(by, now)
            return bound
        if bound.id == self._desk.profile.id:
            self._desk.channel = await self._store.read(bound.id, channel_of)
            await release(self._store, self._desk, now)
        return SetupAnswer(phrase("setup.done", name=bound.name))


class Misses:
    """Wrong codes, by who wrote them: forgotten once they are old."""

    def __init__(self) -> None:
        self._at: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)

    def are_too_many(self, by: tuple[str, str], now: datetime) -> bool:
        since = now - MISSES_WITHIN
        self._at = defaultdict(
            list, {who: at for who, at in self._at.items() if at and at[-1] > since}
        )
        return sum(at > since for at in self._at.get(by, ())) >= MOST_MISSES

    def note(self, by: tuple[str, str], now: datetime) -> None:
        self._at[by] = [*self._at[by], now][-MOST_MISSES:]


@dataclass(frozen=True, slots=True)
class _Bound:
    id: str
    name: str


def _home(place: Place) -> Home | None:
    if place.team_id is None or place.channel_id is None:
        return None
    return Home(place.team_id, place.channel_id)


def _invited(
    tx: AcrossTx, text: Texted, here: Home, sha256: str, now: datetime
) -> Within[_Bound | SetupAnswer] | Nobody[SetupAnswer]:
    invited = across.find_invited(tx, sha256)
    if invited is None:
        return Nobody(_refused("no such code"))
    if invited.tenant_id != text.place.tenant_id:
        return Nobody(_refused(f"a code of {invited.customer_id}, whose tenant is another"))
    return Within(invited.customer_id, lambda mine: _bind(mine, invited, text, here, sha256, now))


def _bind(  # noqa: PLR0917
    tx: Tx, invited: across.Invited, text: Texted, here: Home, sha256: str, now: datetime
) -> _Bound | SetupAnswer:
    """Everything that follows from it, as one unit. Teams may deliver the words twice."""
    place, by = text.place, text.actor.object_id
    profile, before = profiles.find(tx), homes.chosen(tx)
    if profile is None:
        return _refused("not onboarded any more")
    known = people.get(tx, place.tenant_id, by)
    if known is not None and known.outside:
        return _refused("by somebody from outside")
    bound = _Bound(profile.id, profile.name)
    if invited.used_in == here.channel_id and before == here:
        return bound
    if not invitations.use(tx, sha256, here.channel_id, now):
        return _refused(f"a code of {tx.customer}, used or expired")
    homes.bind(tx, here, by, now)
    people.keep_channel(tx, Channel(place.tenant_id, here.channel_id, place.service_url))
    if not isinstance(profile, Provider):
        let_go_on(tx, homes.waits_for(tx.customer), now)
        order_roster(tx, here.team_id, text.activity_id, now)
    incidents.record_desk(
        tx,
        key=f"channel_bound:{place.conversation_id}:{text.activity_id}",
        kind="channel_bound",
        payload={
            "team": here.team_id,
            "channel": here.channel_id,
            "before": before.channel_id if before else None,
            "by": by,
        },
        at=now,
        actor=by,
    )
    return bound


def _refused(why: str) -> SetupAnswer:
    """One sentence for whatever is wrong with a code: a stranger learns nothing by trying."""
    return SetupAnswer(phrase("setup.refused"), why)


# --- what follows from an installation as well ---------------------------------------------------


def let_go_on(tx: Tx, waits_for: str, now: datetime) -> None:
    """What waits for it, and what is about to."""
    people.note_installation(tx, waits_for, now)
    effects.release_blocked(tx, waits_for, now)


def order_roster(tx: Tx, conversation_id: str, key: str, now: datetime) -> None:
    roster = ReadRoster(f"roster:{conversation_id}:{key}", conversation_id)
    effects.order(tx, incidents.desk(tx.customer), [roster], now)
