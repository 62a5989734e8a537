"""The customer's people as Teams names them, and where they and the channels are spoken to."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import and_, bindparam, case, func, literal, or_, select, update
from sqlmodel import col

from storage import homes, profiles
from storage.engine import Tx
from storage.tables import ConversationRow, PersonRow
from triage.customer import Customer, is_guest
from triage.events import Match
from triage.incident import Person
from triage.report import Account

# --- who is who ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of somebody, from the roster and from what they sent us."""

    object_id: str
    mri: str | None
    upn: str | None
    name: str
    given_name: str
    locale: str | None
    zone: str | None
    in_team: bool
    outside: bool
    """A guest, or of another tenant."""
    installed: bool | None
    """None while nothing was heard of it."""
    blocked: bool


_PERSON = select(PersonRow).where(
    col(PersonRow.tenant_id) == bindparam("tenant_id"),
    col(PersonRow.object_id) == bindparam("object_id"),
)
_HELD_PERSON = _PERSON.with_for_update()
_BY_UPN = select(PersonRow).where(
    col(PersonRow.tenant_id) == bindparam("tenant_id"), col(PersonRow.upn) == bindparam("upn")
)
_OF_TENANT = select(PersonRow).where(col(PersonRow.tenant_id) == bindparam("tenant_id"))
_CANDIDATES = select(PersonRow).where(
    col(PersonRow.tenant_id) == bindparam("tenant_id"),
    or_(
        col(PersonRow.object_id) == bindparam("object_id"),
        col(PersonRow.upn) == bindparam("upn"),
        col(PersonRow.sid) == bindparam("sid"),
    ),
)


def get(tx: Tx, tenant_id: str, object_id: str) -> Known | None:
    row = _person(tx, tenant_id, object_id)
    return _known(row) if row else None


def by_upn(tx: Tx, tenant_id: str, upn: str) -> Known | None:
    """The one person with this UPN; None when there is none, or more than one."""
    rows = tx.session.scalars(_BY_UPN, {"tenant_id": tenant_id, "upn": upn.lower()}).all()
    return _known(rows[0]) if len(rows) == 1 else None


MOST_CALLED = 50


def called(tx: Tx, words: Sequence[str], profile: Customer) -> list[Person]:
    """Those of the roster whose name or UPN these words may begin with: whoever is called exactly so
    first, then those with the first word in their name; at most MOST_CALLED."""
    begin = [" ".join(words[:count]).lower() for count in range(1, len(words) + 1)]
    exactly = or_(col(PersonRow.upn).in_(begin), func.lower(col(PersonRow.name)).in_(begin))
    padded = literal(" ") + col(PersonRow.name) + " "
    found = tx.session.scalars(
        _OF_TENANT.where(or_(exactly, padded.icontains(f" {words[0]} ", autoescape=True)))
        .order_by(case((exactly, 0), else_=1), col(PersonRow.name))
        .limit(MOST_CALLED),
        {"tenant_id": profile.tenant_id},
    )
    return [_as_person(row, profile) for row in found]


def helpers(tx: Tx, upns: Iterable[str], profile: Customer) -> dict[str, Person]:
    """Those of the roster, by UPN in lower case, whom exactly one person goes by."""
    found = {}
    for upn in upns:
        wanted = {"tenant_id": profile.tenant_id, "upn": upn.lower()}
        rows = tx.session.scalars(_BY_UPN, wanted).all()
        if len(rows) == 1:
            found[upn.lower()] = _as_person(rows[0], profile)
    return found


def match(tx: Tx, account: Account, profile: Customer) -> Match:
    """Who an account of an incident belongs to. Nobody is guessed.

    1. By object id; else by UPN; else by SID. A name alone finds nobody, with a domain or without.
    2. One identifier that finds two people, or two that find different people: ambiguous.
    3. An object id we know nobody by, with a UPN or SID of somebody else: ambiguous as well.
    """
    wanted = {
        "tenant_id": profile.tenant_id,
        "object_id": _lower(account.object_id),
        "upn": _lower(account.upn),
        "sid": _lower(account.sid),
    }
    if not (wanted["object_id"] or wanted["upn"] or wanted["sid"]):
        return Match(None, "no_match")
    found = tx.session.scalars(_CANDIDATES, wanted).all()
    for row in found:
        if row.object_id == wanted["object_id"]:
            return Match(_as_person(row, profile))
    if not found:
        return Match(None, "no_match")
    if wanted["object_id"] or len(found) > 1 or _contradicts(found[0], wanted):
        return Match(None, "ambiguous")
    return Match(_as_person(found[0], profile))


def _contradicts(row: PersonRow, wanted: dict[str, str | None]) -> bool:
    """Found by one identifier, but known by another value of the other."""
    pairs = ((row.upn, wanted["upn"]), (row.sid, wanted["sid"]))
    return any(known and told and known != told for known, told in pairs)


def _as_person(row: PersonRow, profile: Customer) -> Person:
    facts = profile.facts_about(row.upn)
    return Person(
        object_id=row.object_id,
        name=row.name,
        given_name=row.given_name,
        upn=row.upn or "",
        language=(facts.language if facts else None) or row.locale,
        zone=_zone(row.zone),
        reads_thread=row.in_team,
        reachable=row.installed is not False and not row.blocked,
        outside=row.outside,
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """How many of the people we know can be written to."""

    members: int
    """Of the team whose channel holds the incidents."""
    known: int
    unreachable: int
    """Who removed the app, or does not let us write."""
    outside: int
    """Of the members: guests, and people of other tenants."""


_REACH = select(
    func.count(case((col(PersonRow.in_team), 1))),
    func.count(col(PersonRow.object_id)),
    func.count(case((or_(col(PersonRow.installed).is_(False), col(PersonRow.blocked)), 1))),
    func.count(case((and_(col(PersonRow.in_team), col(PersonRow.outside)), 1))),
).where(col(PersonRow.tenant_id) == bindparam("tenant_id"))


def reach(tx: Tx, tenant_id: str) -> Reach:
    return Reach(*tx.session.run(_REACH, {"tenant_id": tenant_id}).one())


# --- what is learnt of people --------------------------------------------------------------------


class Member(Protocol):
    """One line of a roster, as Teams gives it."""

    @property
    def mri(self) -> str: ...
    @property
    def object_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def given_name(self) -> str: ...
    @property
    def upn(self) -> str: ...
    @property
    def tenant_id(self) -> str | None: ...
    @property
    def is_guest(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class RosterNews:
    """What a roster of the team whose channel holds the incidents tells anew; of others nothing."""

    moved: frozenset[str]
    """Who joined it or left it: object ids."""
    strangers: list[str]
    """Who is from outside and new to it, by name."""


def keep_roster(
    tx: Tx, tenant_id: str, conversation_id: str, members: Iterable[Member], at: datetime
) -> RosterNews:
    """Keep who is in a team or chat, whole. In the team whose channel holds the incidents,
    whoever is not on the list has left it."""
    known = {row.object_id: row for row in tx.session.scalars(_OF_TENANT, {"tenant_id": tenant_id})}
    listed = {_id(member.object_id): member for member in members}
    reads_thread = _is_the_team(tx, conversation_id)
    before = {row.object_id for row in known.values() if row.in_team}
    strangers = []
    for object_id, member in listed.items():
        row = known.get(object_id) or _add(tx, tenant_id, object_id, at)
        row.mri, row.upn = member.mri, _lower(member.upn)
        row.name, row.given_name, row.seen_at = member.name, member.given_name, at
        row.outside = _is_outside(member, tenant_id)
        if reads_thread and row.outside and not row.in_team:
            strangers.append(member.name)
        row.in_team = reads_thread or row.in_team
    if reads_thread:
        for object_id in known.keys() - listed.keys():
            known[object_id].in_team = False
    moved = frozenset(before ^ listed.keys()) if reads_thread else frozenset()
    return RosterNews(moved, strangers)


def _is_outside(member: Member, tenant_id: str) -> bool:
    """A guest by role or name, or an account that is at home in another tenant."""
    home = (member.tenant_id or tenant_id).lower()
    return member.is_guest or is_guest(member.upn) or home != tenant_id.lower()


def _is_the_team(tx: Tx, conversation_id: str) -> bool:
    home = homes.home(tx)
    return home is not None and conversation_id.partition(";")[0] in {home.team_id, home.channel_id}


def meet(  # noqa: PLR0917
    tx: Tx,
    tenant_id: str,
    object_id: str,
    mri: str,
    name: str,
    locale: str | None,
    zone: str | None,
    at: datetime,
) -> None:
    """Somebody installed the app or wrote to us: they can be reached."""
    row = _person_to_change(tx, tenant_id, object_id) or _add(tx, tenant_id, _id(object_id), at)
    row.mri, row.name = mri, row.name or name
    row.locale, row.zone = locale or row.locale, zone or row.zone
    row.installed, row.blocked, row.seen_at = True, False, at


def mark_removed(tx: Tx, tenant_id: str, object_id: str) -> None:
    """The person removed the app."""
    row = _person_to_change(tx, tenant_id, object_id)
    if row:
        row.installed = False


def mark_blocked(tx: Tx, tenant_id: str, object_id: str) -> None:
    """The person, or their tenant, does not let us write to them."""
    row = _person_to_change(tx, tenant_id, object_id)
    if row:
        row.blocked = True


def learn_sid(tx: Tx, tenant_id: str, object_id: str, sid: str) -> None:
    """A source named somebody by both: from now on their SID alone finds them."""
    row = _person_to_change(tx, tenant_id, object_id)
    if row:
        row.sid = _lower(sid)


# --- where they are spoken to --------------------------------------------------------------------

Kind = Literal["personal", "channel"]


class Chat(Protocol):
    @property
    def tenant_id(self) -> str: ...
    @property
    def conversation_id(self) -> str: ...
    @property
    def service_url(self) -> str: ...


class Channel(Protocol):
    @property
    def tenant_id(self) -> str: ...
    @property
    def channel_id(self) -> str: ...
    @property
    def service_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat or channel where we may speak."""

    tenant_id: str
    kind: Kind
    whose: str
    """The person's object id, or the channel's id."""
    conversation_id: str
    service_url: str


_PLACE = select(ConversationRow).where(
    col(ConversationRow.tenant_id) == bindparam("tenant_id"),
    col(ConversationRow.kind) == bindparam("kind"),
    col(ConversationRow.whose) == bindparam("whose"),
)
_BY_ID = select(ConversationRow).where(
    col(ConversationRow.conversation_id) == bindparam("conversation_id"),
    col(ConversationRow.removed).is_(False),
)
_REMOVE = (
    update(ConversationRow)
    .where(col(ConversationRow.conversation_id) == bindparam("known_as"))
    .values(removed=True)
    .execution_options(synchronize_session=False)
)


def keep_chat(tx: Tx, object_id: str, where: Chat) -> None:
    """A person's chat with us."""
    whose = _id(object_id)
    told = Conversation(
        where.tenant_id, "personal", whose, where.conversation_id, where.service_url
    )
    _keep(tx, told)


def keep_channel(tx: Tx, channel: Channel) -> None:
    """A channel of a team the app is installed in."""
    id_ = channel.channel_id
    _keep(tx, Conversation(channel.tenant_id, "channel", id_, id_, channel.service_url))


def chat(tx: Tx, tenant_id: str, object_id: str) -> Conversation | None:
    return _get(tx, tenant_id, "personal", _id(object_id))


def channel(tx: Tx, tenant_id: str, channel_id: str) -> Conversation | None:
    return _get(tx, tenant_id, "channel", channel_id)


def conversation(tx: Tx, conversation_id: str) -> Conversation | None:
    row = tx.session.scalars(_BY_ID, {"conversation_id": conversation_id}).first()
    return _conversation(row) if row else None


def mark_unusable(tx: Tx, known: Conversation, instead: str, why: str) -> None:
    """Nobody can post in this channel: from now on we speak in another one of its team."""
    row = _place(tx, known.tenant_id, known.kind, known.whose)
    if row is not None:
        row.unusable = why
    _keep(tx, Conversation(known.tenant_id, "channel", instead, instead, known.service_url))


def note_installation(tx: Tx, waits_for: str, at: datetime) -> None:
    """The app came to the chat or channel that is waited for as "person:…" or "channel:…"."""
    tx.hold("installed")
    place = _waited_for(tx, waits_for)
    if place is not None:
        place.installed_at = at


def was_installed_since(tx: Tx, waits_for: str, since: datetime) -> bool:
    """Whether what an effect is about to wait for has come meanwhile. If not, it will find the
    effect waiting: until this unit is over, no installation is noted."""
    tx.hold("installed")
    place = _waited_for(tx, waits_for)
    return place is not None and place.installed_at is not None and place.installed_at > since


def _waited_for(tx: Tx, waits_for: str) -> ConversationRow | None:
    """The provider waits as well, for its own channel."""
    profile = profiles.find(tx)
    if profile is None:
        return None
    kind, _, whose = waits_for.partition(":")
    if kind == "person":
        return _place(tx, profile.tenant_id, "personal", _id(whose))
    home = homes.home(tx) if whose == tx.customer else None
    return _place(tx, profile.tenant_id, "channel", home.channel_id) if home else None


def remove_conversation(tx: Tx, conversation_id: str) -> None:
    """The app was removed there: we speak there no more, until it is kept anew."""
    tx.session.run(_REMOVE, {"known_as": conversation_id})


_LEAVE = update(ConversationRow).values(removed=True).execution_options(synchronize_session=False)


def leave(tx: Tx) -> None:
    """We speak nowhere of this customer any more."""
    tx.session.run(_LEAVE)


def _keep(tx: Tx, told: Conversation) -> None:
    row = _place(tx, told.tenant_id, told.kind, told.whose)
    if row is None:
        row = ConversationRow(customer_id=tx.customer, **asdict(told))
        tx.session.add(row)
    row.conversation_id, row.service_url = told.conversation_id, told.service_url
    row.removed, row.unusable = False, None


def _get(tx: Tx, tenant_id: str, kind: Kind, whose: str) -> Conversation | None:
    row = _place(tx, tenant_id, kind, whose)
    return _conversation(row) if row and not row.removed else None


def _place(tx: Tx, tenant_id: str, kind: Kind, whose: str) -> ConversationRow | None:
    wanted = {"tenant_id": tenant_id, "kind": kind, "whose": whose}
    return tx.session.scalars(_PLACE, wanted).one_or_none()


def _conversation(row: ConversationRow) -> Conversation:
    kind: Kind = "personal" if row.kind == "personal" else "channel"
    return Conversation(row.tenant_id, kind, row.whose, row.conversation_id, row.service_url)


# --- rows ----------------------------------------------------------------------------------------


def _person(tx: Tx, tenant_id: str, object_id: str) -> PersonRow | None:
    wanted = {"tenant_id": tenant_id, "object_id": _id(object_id)}
    return tx.session.scalars(_PERSON, wanted).one_or_none()


def _person_to_change(tx: Tx, tenant_id: str, object_id: str) -> PersonRow | None:
    """What is written is compared with what was read: nobody may write between."""
    wanted = {"tenant_id": tenant_id, "object_id": _id(object_id)}
    return tx.session.scalars(_HELD_PERSON, wanted).one_or_none()


def _add(tx: Tx, tenant_id: str, object_id: str, at: datetime) -> PersonRow:
    row = PersonRow(customer_id=tx.customer, tenant_id=tenant_id, object_id=object_id, seen_at=at)
    tx.session.add(row)
    return row


def _known(row: PersonRow) -> Known:
    return Known(
        object_id=row.object_id,
        mri=row.mri,
        upn=row.upn,
        name=row.name,
        given_name=row.given_name,
        locale=row.locale,
        zone=_zone(row.zone),
        in_team=row.in_team,
        outside=row.outside,
        installed=row.installed,
        blocked=row.blocked,
    )


def _zone(told: str | None) -> str | None:
    """A zone we can reckon with; a client may send anything."""
    try:
        return ZoneInfo(told).key if told else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _id(object_id: str) -> str:
    return object_id.lower()


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None
