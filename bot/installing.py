"""What Teams tells us of itself: the app was installed or removed, the members of a team changed."""

from datetime import datetime

from bot.clock import Clock
from bot.conductor import Conductor
from bot.desk import channel_of, customers_of, release
from bot.gathering import ProviderDesk
from bot.inbound import Actor, Installed, Nothing, Place, Removed, Response, RosterChanged
from bot.onboarding import let_go_on, order_roster
from bot.telling import tell_analysts
from dialogs.messenger import Channel, Conversation
from storage import homes, people, profiles
from storage.engine import Store, Tx, Urgency
from storage.homes import Home
from triage.customer import Provider
from triage.phrases import phrase


class Installing:
    """Keeps where we may speak; what waited for it goes on."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor

    async def installed(self, installed: Installed) -> Response:
        """Keep where we may speak, release what waited for it, and have the members read.

        Customers of one tenant share its people and its teams: each keeps what concerns it."""
        place = installed.place
        now = self._clock.now()
        if place.tenant_id == self._desk.profile.tenant_id and not place.personal:
            await self._provider_installed(place)
        for customer in await customers_of(self._store, self._desk, place.tenant_id):
            await self._store.write(
                customer, lambda tx: _keep_installation(tx, installed, now), Urgency.PEOPLE
            )
            self._conductor.on_work()
        return Nothing()

    async def _provider_installed(self, place: Place) -> None:
        provider = self._desk.profile.id
        if not await self._store.write(
            provider, lambda tx: _keep_channel(tx, place), Urgency.PEOPLE
        ):
            return
        self._desk.channel = await self._store.read(provider, channel_of)
        await release(self._store, self._desk, self._clock.now())
        self._conductor.on_work()

    async def removed(self, removed: Removed) -> Response:
        place, now = removed.place, self._clock.now()
        provider = self._desk.profile
        for customer in await customers_of(self._store, self._desk, place.tenant_id):
            await self._store.write(
                customer, lambda tx: _keep_removal(tx, removed, provider, now), Urgency.PEOPLE
            )
        if place.tenant_id == provider.tenant_id and not place.personal:
            await self._store.write(provider.id, lambda tx: _leave_channel(tx, place))
            self._desk.channel = await self._store.read(provider.id, channel_of)
        self._conductor.on_work()
        return Nothing()

    async def roster_changed(self, changed: RosterChanged) -> Response:
        """Who reads the incident channel decides what may stand there: read the members anew."""
        now = self._clock.now()
        for customer in await customers_of(self._store, self._desk, changed.place.tenant_id):
            await self._store.write(
                customer, lambda tx: _read_team_anew(tx, changed, now), Urgency.PEOPLE
            )
            self._conductor.on_work()
        return Nothing()


def _keep_installation(tx: Tx, installed: Installed, now: datetime) -> None:
    """In a team: where its incident channel is spoken to. In a chat: where this person is."""
    place = installed.place
    if place.personal and installed.actor is not None:
        keep_chat(tx, installed.actor, place, now)
        let_go_on(tx, f"person:{installed.actor.object_id}", now)
        order_roster(tx, place.conversation_id, installed.activity_id, now)
    elif home := _keep_channel(tx, place):
        let_go_on(tx, homes.waits_for(tx.customer), now)
        order_roster(tx, home.team_id, installed.activity_id, now)


def _keep_channel(tx: Tx, place: Place) -> Home | None:
    """Where the incidents of this customer stand, when it is that team the app came to."""
    home = homes.chosen(tx)
    if home is None or place.team_id != home.team_id:
        return None
    people.keep_channel(tx, Channel(place.tenant_id, home.channel_id, place.service_url))
    return home


def _read_team_anew(tx: Tx, changed: RosterChanged, now: datetime) -> None:
    home = homes.chosen(tx)
    if home is not None and changed.place.team_id == home.team_id:
        order_roster(tx, home.team_id, changed.activity_id, now)


def _keep_removal(tx: Tx, removed: Removed, provider: Provider, now: datetime) -> None:
    """From a team, it is for the analysts to know: the customer's channel is silent from then on."""
    place = removed.place
    if place.personal and removed.actor is not None:
        people.mark_removed(tx, place.tenant_id, removed.actor.object_id)
    elif _leave_channel(tx, place):
        says = phrase("tell.removed_from_team", customer=profiles.current(tx).name)
        tell_analysts(tx, f"removed:{now.isoformat()}", says, provider.id, now)


def _leave_channel(tx: Tx, place: Place) -> bool:
    """Whether it was where the incidents stand that the app was removed from."""
    home = homes.chosen(tx)
    if home is None or place.team_id != home.team_id:
        return False
    for channel_id in {home.channel_id, homes.general(home.team_id)}:
        people.remove_conversation(tx, channel_id)
    return True


def keep_chat(tx: Tx, actor: Actor, place: Place, now: datetime) -> None:
    where = Conversation(place.tenant_id, place.conversation_id, place.service_url)
    people.meet(
        tx, place.tenant_id, actor.object_id, actor.mri, actor.name, actor.locale, actor.zone, now
    )
    people.keep_chat(tx, actor.object_id, where)
