"""Playing scenarios: each step is what sources and people do, sent to the bot in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from simulator.cards import cards_of
from simulator.errors import Json, RefusedError
from simulator.people import People, Press
from simulator.scenariofile import Click, Deed, Moment, Report, Say, Scenario, Toggle, filled
from simulator.to_bot import ToBot
from simulator.world import Chat, Message, Root, Thread, User, World

IntakeKeys = Mapping[str, Mapping[str, str]]
"""Keys of the bot's intake, by customer and source."""


@dataclass(slots=True)
class Run:
    """A scenario somebody started, and the steps played so far."""

    number: str
    start: datetime
    played: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Done:
    """One deed of a step and what the bot answered; None where it was not told."""

    do: str
    status: int | None
    body: Any = None


class Scenarios:
    """The scenarios of a folder, and the newest run of each."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario],
        world: World,
        people: People,
        bot: ToBot,
        intake_keys: IntakeKeys,
    ) -> None:
        self._scenarios = scenarios
        self._world = world
        self._people = people
        self._bot = bot
        self._intake_keys = intake_keys
        self._runs: dict[str, Run] = {}

    def listed(self) -> list[Json]:
        return [self._listed(scenario) for scenario in self._scenarios.values()]

    def _listed(self, scenario: Scenario) -> Json:
        run = self._runs.get(scenario.id)
        return {
            "id": scenario.id,
            "title": scenario.title,
            "summary": scenario.summary,
            "hint": scenario.hint,
            "started": run is not None,
            "steps": [
                {
                    "id": step.id,
                    "title": step.title,
                    "summary": step.summary,
                    "played": run is not None and step.id in run.played,
                }
                for step in scenario.steps
            ],
        }

    async def start(self, scenario_id: str) -> list[Done]:
        """Begins a new run; ids with the run in them are new too."""
        scenario = self._scenario(scenario_id)
        now = self._world.now()
        self._runs[scenario_id] = run = Run(number=self._world.new_id(), start=now)
        return await self._play(scenario.start, run)

    async def step(self, scenario_id: str, step_id: str) -> list[Done]:
        """Plays a step of the newest run; a step may be played again."""
        scenario = self._scenario(scenario_id)
        step = next((step for step in scenario.steps if step.id == step_id), None)
        if step is None:
            raise RefusedError(404, "StepNotFound", f"{scenario_id} has no step {step_id}.")
        if scenario_id not in self._runs:
            raise RefusedError(409, "NotStarted", f"Start {scenario_id} first.")
        run = self._runs[scenario_id]
        done = await self._play(step.do, run)
        run.played.append(step.id)
        return done

    def _scenario(self, scenario_id: str) -> Scenario:
        found = self._scenarios.get(scenario_id)
        if found is None:
            raise RefusedError(404, "ScenarioNotFound", f"There is no scenario {scenario_id}.")
        return found

    async def _play(self, deeds: list[Deed], run: Run) -> list[Done]:
        moment = Moment(now=self._world.now(), start=run.start, run=run.number)
        done = [await self._perform(deed, moment) for deed in deeds]
        self._world.changes.note("scenario")
        return done

    async def _perform(self, deed: Deed, moment: Moment) -> Done:
        match deed:
            case Report():
                return await self._report(deed, moment)
            case Say():
                return await self._say(deed)
            case Click():
                return await self._press(deed)
            case Toggle():
                return await self._toggle(deed)
        assert_never(deed)

    async def _report(self, deed: Report, moment: Moment) -> Done:
        key = self._intake_keys.get(deed.customer, {}).get(deed.source)
        if key is None:
            missing = f"No intake key for {deed.customer}, {deed.source}; see --intake-keys."
            raise RefusedError(409, "NoIntakeKey", missing)
        reply = await self._bot.report(deed.source, key, filled(deed.payload, moment))
        return Done(deed.do, reply.status, reply.body)

    async def _say(self, deed: Say) -> Done:
        user = self._user(deed.user)
        place = self._channel(deed.channel) if deed.channel else self._world.open_chat(user)
        written = await self._people.write(place, user, deed.text, deed.mention_bot)
        return Done(deed.do, written.reply.status if written.reply else None)

    async def _press(self, deed: Click) -> Done:
        user = self._user(deed.user)
        place, message = self._newest_card(user, deed.channel)
        press = Press(deed.action, deed.inputs, deed.as_)
        reply = await self._people.click(place, message, user, press)
        return Done(deed.do, reply.status, reply.body)

    async def _toggle(self, deed: Toggle) -> Done:
        user = self._user(deed.user)
        if deed.do in {"block", "unblock"}:
            self._world.block(user, deed.do == "block")
            return Done(deed.do, None)
        told = await self._people.install_user(user, deed.do == "install")
        return Done(deed.do, told[-1].status)

    # What a deed refers to

    def _user(self, reference: str) -> User:
        user = self._world.user(reference)
        if user is None:
            raise RefusedError(404, "UserNotFound", f"There is no {reference}.")
        return user

    def _channel(self, channel_id: str) -> Root:
        place = self._world.place(channel_id)
        if not isinstance(place, Root):
            raise RefusedError(404, "ChannelNotFound", f"There is no channel {channel_id}.")
        return place

    def _newest_card(self, user: User, channel: str | None) -> tuple[Thread | Chat, Message]:
        """The message with the newest card of the bot in the place a deed means."""
        conversations = [
            conversation
            for conversation in self._world.conversations.values()
            if (conversation.channel == channel if channel else conversation.user == user.id)
        ]
        cards = [
            (int(message.id), conversation.id, message)
            for conversation in conversations
            for message in conversation.messages.values()
            if cards_of(message.activity) and not message.deleted
        ]
        if not cards:
            raise RefusedError(409, "NoCard", f"{user.name} has no card there.")
        _, conversation_id, message = max(cards, key=lambda card: card[0])
        place = self._world.place(conversation_id)
        if place is None or isinstance(place, Root):
            raise RefusedError(404, "ConversationNotFound", "Conversation not found.")
        return place, message
