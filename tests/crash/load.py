"""The sources and the people: they go on whatever dies, and ask again where nobody answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from time import monotonic
from urllib.parse import quote

import aiohttp

from simulator.world import Conversation
from tests.crash.counts import ANALYSTS, CUSTOMERS, Acknowledged
from tests.crash.meter import Metered
from tests.crash.stories import Act, Case, Person, case
from tests.story.house import Seen, seen_in

AGAIN_AFTER = 0.1
LOOKS_EVERY = 0.1
READS = 0.5
"""Seconds that somebody looks at a card before they press."""
MOST_AT_ONCE = 60
"""Cases open at a time: a bot that is dead half of the time is not buried."""
AHEAD = 50
"""How many cases ahead a person gets the app: who is asked had it before, and is known by name."""

KNOWS_AFTER = 3.0


class Load:
    def __init__(self, sim: Metered, control: aiohttp.ClientSession, key: str, people: int) -> None:
        self._sim = sim
        self._control = control
        self._key = key
        self._numbers = count()
        self._people = people
        self._installed: dict[int, asyncio.Task[None]] = {}
        self._going: set[asyncio.Task[None]] = set()
        self._waits: dict[int, str] = {}
        self.told: list[Acknowledged] = []
        """What was acknowledged so far."""
        self.unanswered = 0
        """Requests to the bot that it has not answered yet."""

    @property
    def going(self) -> int:
        """Cases that somebody has still to do something about."""
        return len(self._going)

    def waits_for(self) -> str:
        """How many cases somebody has still something to do about, and what, of the first."""
        return f"{self.going} people, as {next(iter(self._waits.values()), 'nobody')}"

    async def meet(self) -> None:
        """The first of the people get the app."""
        await asyncio.gather(*(self._has_app(number) for number in range(AHEAD)))

    @asynccontextmanager
    async def arriving(self, per_second: float) -> AsyncIterator[None]:
        """Incidents keep arriving, and people act, while this is open."""
        arrivals = asyncio.create_task(self._arrive(per_second))
        try:
            yield
        finally:
            arrivals.cancel()
            await asyncio.gather(arrivals, return_exceptions=True)

    def unheard(self) -> list[str]:
        """What those who are still going wait for."""
        return list(self._waits.values())

    async def give_up(self) -> None:
        """Nobody asks, answers or waits any more."""
        tasks = [*self._going, *self._installed.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self) -> None:
        """One more incident, if there is somebody left to concern."""
        number = next(self._numbers)
        if number < self._people:
            task = asyncio.create_task(self._live(case(number)))
            self._going.add(task)
            task.add_done_callback(self._going.discard)

    async def _arrive(self, per_second: float) -> None:
        while True:
            if len(self._going) < MOST_AT_ONCE:
                self.begin()
            await asyncio.sleep(1 / per_second)

    async def _live(self, it: Case) -> None:
        """The incident is sent until it is acknowledged; then everybody does their part."""
        number = it.person.number
        self._has_app(number + AHEAD)
        self._waits[number] = f"the bot to look who {it.person.name} is"
        await self._has_app(number)
        self._waits[number] = f"the incident of {it.person.name} to be acknowledged"
        while (name := await self._report(it)) is None:  # noqa: ASYNC110 - as a source does
            await asyncio.sleep(AGAIN_AFTER)
        told = Acknowledged(it, name)
        self.told.append(told)
        for act in it.kind.acts:
            self._waits[number] = f"{name} ({it.kind.name}): {act.action} in the {act.place}"
            if await self._perform(told, act):
                told.acts.append(act)
        del self._waits[number]

    def _has_app(self, number: int) -> asyncio.Task[None]:
        if number not in self._installed:
            self._installed[number] = asyncio.create_task(self._get_app(Person(number)))
        return self._installed[number]

    async def _get_app(self, person: Person) -> None:
        """Installed, the bot has heard of it, and it has looked who it is."""
        while not await self._install(person):  # noqa: ASYNC110 - Teams delivers again
            await asyncio.sleep(AGAIN_AFTER)
        user = self._sim.world.user(person.id)
        assert user is not None
        chat = self._sim.world.open_chat(user).id
        while not self._was_looked_into(chat):  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(LOOKS_EVERY)

    def _was_looked_into(self, chat: str) -> bool:
        """And not again since, as by the next process where one had died of it."""
        at = self._sim.looked_into.get(chat)
        return at is not None and monotonic() - at > KNOWS_AFTER

    async def _install(self, person: Person) -> bool:
        self.unanswered += 1
        try:
            place = f"/api/users/{person.id}/install"
            async with self._control.post(place, json={}) as response:
                told = await response.json()
        finally:
            self.unanswered -= 1
        return all(sent["status"] == 200 for sent in told["sent"])

    async def _report(self, it: Case) -> str | None:
        """What the incident is called, where it was acknowledged."""
        url = f"{self._sim.bot_url}/api/incidents/defender"
        headers = {"Authorization": f"Bearer {self._key}"}
        self.unanswered += 1
        try:
            async with self._control.post(url, json=it.report(), headers=headers) as response:
                told = await response.json()
        except aiohttp.ClientError:
            return None
        finally:
            self.unanswered -= 1
        return str(told["results"][0]["incident"]) if response.status in {200, 201} else None

    async def _perform(self, told: Acknowledged, act: Act) -> bool:
        """Whether it was acknowledged. Who got no answer, and finds the button gone, was heard."""
        while self._card(told, act) is None:  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(LOOKS_EVERY)
        await asyncio.sleep(READS)
        tried = False
        while True:
            card = self._card(told, act)
            if card is not None:
                if await self._press(act.by or told.case.person.upn, card, act.action):
                    return True
                tried = True
            elif tried:
                return False
            await asyncio.sleep(AGAIN_AFTER if card else LOOKS_EVERY)

    async def _press(self, upn: str, card: Seen, action: str) -> bool:
        place = f"/api/conversations/{quote(card.conversation, safe='')}/messages/{card.id}/click"
        self.unanswered += 1
        try:
            async with self._control.post(place, json={"user": upn, "action": action}) as response:
                told = await response.json()
        finally:
            self.unanswered -= 1
        return response.status == 200 and told["status"] == 200

    def _card(self, told: Acknowledged, act: Act) -> Seen | None:
        """The newest card in the place with such a button, as it stands there now."""
        cards = [
            seen
            for conversation in self._places(told, act)
            for seen in seen_in(conversation)
            if act.action in seen.actions and act.once in seen.text
        ]
        return cards[-1] if cards else None

    def _places(self, told: Acknowledged, act: Act) -> list[Conversation]:
        world = self._sim.world
        if act.place == "chat":
            user = world.user(told.case.person.id)
            return [world.open_chat(user).conversation] if user else []
        channel = ANALYSTS if act.place == "analysts" else CUSTOMERS
        opened = self._sim.threads[channel, told.name]
        return [world.conversations[thread.conversation] for thread in opened]
