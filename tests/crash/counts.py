"""What came of every incident, counted at the simulated Teams alone, and by what was acknowledged."""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.crash.meter import WRITES_DOWN, Call, Metered
from tests.crash.stories import Act, Case
from tests.story.house import Seen

ANALYSTS = "19:nordwall-incidents@thread.tacv2"
CUSTOMERS = "19:contoso-incidents@thread.tacv2"

_TIMELINE = "Show what happened so far"
_WRITTEN = "Defender XDR would now say: "
_VARIES = re.compile(
    r"(\w{3} \d{1,2} \w{3}, )?\d\d:\d\d"  # times, with the day where it is another one
    r"|CONTOSO-\d+|\bcase \w{4}\b"
    r"|\b\d+ min\b"
    r"|[0-9a-f]{40,64}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A case whose incident was answered 2xx, what that answer calls it, and the presses that were
    answered 200."""

    case: Case
    name: str
    acts: list[Act] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Death:
    """A kill, and what was in flight just then."""

    at: float
    until: float
    """When the next process came: whatever reached the simulator before is of the dead one."""
    open_calls: int
    open_requests: int
    starved: Mapping[int, float] = field(default_factory=dict)
    """Who was killed, and how long each had waited for a processor in its life."""

    @property
    def had_work(self) -> bool:
        return self.open_calls + self.open_requests > 0


@dataclass(frozen=True, slots=True)
class Again:
    """Something Teams was told twice: the first time, and why the bot did not know of it."""

    what: str
    why: str | None
    """None where nothing excuses it."""
    instead: str = ""
    """What there is to say where nothing does."""

    def __str__(self) -> str:
        return f"{self.what}: {self.why or 'NOTHING EXCUSES IT' + self.instead}"


@dataclass(slots=True)
class Counts:
    lost: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    duplicate_threads: list[Again] = field(default_factory=list)
    repeated: list[Again] = field(default_factory=list)
    creates_in_flight: int = 0
    in_flight: int = 0

    @property
    def hold(self) -> bool:
        again = [*self.duplicate_threads, *self.repeated]
        return (
            not self.lost
            and not self.undone
            and len(self.duplicate_threads) <= self.creates_in_flight
            and len(self.repeated) <= self.in_flight
            and all(it.why for it in again)
        )

    def __str__(self) -> str:
        return (
            f"lost={len(self.lost)} undone={len(self.undone)} "
            f"duplicate_threads={len(self.duplicate_threads)} "
            f"creates_in_flight={self.creates_in_flight} "
            f"repeated={len(self.repeated)} in_flight={self.in_flight}"
        )


class Stand:
    """What stands in Teams, by case, at one moment."""

    def __init__(self, sim: Metered) -> None:
        self._world = sim.world
        self._threads = sim.threads
        self._chats = {c.user: c.id for c in sim.world.conversations.values() if c.user}
        self._by_conversation: dict[str, list[Call]] = defaultdict(list)
        for call in sim.calls:
            if call.carried_out:
                self._by_conversation[call.conversation].append(call)

    def threads(self, told: Acknowledged, channel: str = CUSTOMERS) -> list[Call]:
        return self._threads.get((channel, told.name), [])

    def standing(self, told: Acknowledged, channel: str) -> str | None:
        """The thread that is gone on with: of several, the last one."""
        opened = self.threads(told, channel)
        return opened[-1].conversation if opened else None

    def places(self, told: Acknowledged) -> dict[str, str | None]:
        return {
            "thread": self.standing(told, CUSTOMERS),
            "analysts": self.standing(told, ANALYSTS),
            "chat": self._chats.get(told.case.person.id),
        }

    def final(self, told: Acknowledged) -> dict[str, set[str]]:
        """What is to be read in each place in the end, without what differs between cases."""
        return {
            place: {_likened(self._now(call), told.case) for call in self.messages(conversation)}
            for place, conversation in self.places(told).items()
        }

    def messages(self, conversation: str | None) -> list[Call]:
        """How each message of a conversation came to be; of one said again, the last."""
        posted = self._by_conversation.get(conversation or "", [])
        new = [call for call in posted if call.does in {"create", "send"}]
        return list({identity(call): call for call in new}.values())

    def posted(self) -> Iterator[tuple[str, list[Call]]]:
        """Every message of every conversation, each with all the times it was posted."""
        for conversation, calls in self._by_conversation.items():
            said: dict[str, list[Call]] = defaultdict(list)
            for call in calls:
                if call.does == "send":
                    said[identity(call)].append(call)
            for times in said.values():
                yield conversation, times

    def all_threads(self) -> Iterator[tuple[str, list[Call]]]:
        for (channel, name), opened in self._threads.items():
            yield f"{name} in {channel}", opened

    def told_analysts(self, told: Acknowledged) -> str:
        """Everything their card of a case ever said."""
        threads = [call.conversation for call in self.threads(told, ANALYSTS)]
        return "\n".join(call.text for thread in threads for call in self._by_conversation[thread])

    def _now(self, call: Call) -> str:
        message = self._world.conversations[call.conversation].messages[call.message]
        return Seen(call.conversation, call.message, message.activity, message.edits).text


def identity(call: Call) -> str:
    """A sentence is its words; a card is its surface. There is one of each in a conversation, and
    its first line is the same whatever it shows."""
    return call.text.partition("\n")[0] if call.activity.get("attachments") else call.text


def _likened(text: str, case: Case) -> str:
    """Without names, times and numbers, and without the record, whose order is that of arrival."""
    text = text.partition(_TIMELINE)[0].replace(case.person.name, "NAME").replace(case.id, "ID")
    text = text.replace(case.person.id, "PERSON")
    text = re.sub(f"laptop-person{case.person.number:04}", "LAPTOP", text, flags=re.IGNORECASE)
    return _VARIES.sub("…", text)


def _written(text: str) -> list[str]:
    """The statuses that were written to the source, as the analysts' card tells."""
    return [line.partition(_WRITTEN)[2] for line in text.splitlines() if _WRITTEN in line]


@dataclass(frozen=True, slots=True)
class Reference:
    """How a case of a kind ends where nobody is killed."""

    final: dict[str, set[str]]
    status: str
    """What the source is told last."""

    @classmethod
    def of(cls, told: Acknowledged, stand: Stand) -> "Reference":
        return cls(stand.final(told), _written(stand.told_analysts(told))[-1])


def faults(told: Acknowledged, stand: Stand, reference: Reference) -> tuple[list[str], list[str]]:
    """What is lost, and what is undone, of one case."""
    case = told.case
    if not stand.threads(told):
        return [f"{told.name} ({case.kind.name}): no thread"], []
    said = stand.told_analysts(told)
    leaves = [act.leaves.format(name=case.person.name) for act in told.acts]
    lost = [f"{told.name}: {it!r} is nowhere" for it in leaves if it not in said]
    undone = [
        f"{told.name} ({case.kind.name}), {place}: {_difference(texts, wanted)}"
        for (place, texts), wanted in zip(
            stand.final(told).items(), reference.final.values(), strict=True
        )
        if texts != wanted
    ]
    if reference.status not in _written(said):
        undone.append(f"{told.name}: the source was never told {reference.status!r}")
    return lost, undone


def _difference(texts: set[str], wanted: set[str]) -> str:
    missing = ["missing " + repr(it[:2000]) for it in wanted - texts]
    return "; ".join(missing + ["instead " + repr(it[:2000]) for it in texts - wanted])


def count(
    told: Iterable[Acknowledged],
    stand: Stand,
    references: dict[str, Reference],
    calls: Sequence[Call],
    deaths: Sequence[Death],
) -> Counts:
    counts = Counts()
    for case in told:
        lost, undone = faults(case, stand, references[case.case.kind.name])
        counts.lost += lost
        counts.undone += undone
    counts.duplicate_threads = [
        _again(f"thread of {what}", call, following, deaths)
        for what, opened in stand.all_threads()
        for call, following in pairwise(opened)
    ]
    counts.repeated = [
        _again(f"{conversation}: {call.text[:60]!r}", call, following, deaths)
        for conversation, times in stand.posted()
        for call, following in pairwise(times)
    ]
    in_flight = Counter(call.does for call in calls if excuse(call, deaths))
    counts.creates_in_flight, counts.in_flight = in_flight["create"], in_flight["send"]
    return counts


def _again(what: str, call: Call, following: Call, deaths: Sequence[Death]) -> Again:
    why = excuse(call, deaths)
    if _came_before_the_kill(call, following, deaths):
        why = None
    return Again(what, why, "" if why else _told(call, following, deaths))


def _came_before_the_kill(call: Call, following: Call, deaths: Sequence[Death]) -> bool:
    """Then it was not for the kill that it was asked again."""
    if call.lost or call.by is None:
        return False
    death = _death_of_its_process(call, deaths)
    return death is not None and following.begun < death.at


def _told(call: Call, following: Call, deaths: Sequence[Death]) -> str:
    """For whoever looks for the cause."""
    if call.answered is None:
        return ": it had no answer, and whoever asked was not killed"
    took, later = call.answered - call.begun, following.begun - call.answered
    told = f": answered after {took * 1000:.0f} ms, asked again {later * 1000:.0f} ms later"
    death = _death_of_its_process(call, deaths)
    if death is None:
        return f"{told}, by {following.by} after {call.by}, which was not killed"
    after, waited = death.at - call.answered, _waited(call, death)
    return (
        f"{told}, killed {after * 1000:.0f} ms after its answer left, of which "
        f"{waited * 1000:.0f} ms without a processor"
    )


def excuse(call: Call, deaths: Sequence[Death]) -> str | None:
    """Why the bot may not know that a call was carried out; `deaths` in order."""
    if call.lost:
        return "its answer was lost"
    if call.by is None and call.answered is None:
        return "whoever asked was gone before anybody looked who it was"
    death = _death_of_its_process(call, deaths)
    if death is None:
        return None
    if call.answered is None or call.answered >= death.at:
        return "killed before its answer left"
    had = max(0.0, death.at - call.answered - _waited(call, death))
    return f"killed {had * 1000:.0f} ms after its answer left" if had < WRITES_DOWN else None


def _death_of_its_process(call: Call, deaths: Sequence[Death]) -> Death | None:
    """Of the process that called, also where the call is read when it is dead; of one that nobody
    could name any more, the first since then."""
    if call.by is not None:
        return next((death for death in deaths if call.by in death.starved), None)
    nth = bisect_right(deaths, call.begun, key=lambda death: death.until)
    return deaths[nth] if nth < len(deaths) else None


def _waited(call: Call, death: Death) -> float:
    """For a processor, from the answer to the kill."""
    known = death.starved.get(call.by) if call.by is not None else None
    return 0.0 if known is None else known - call.starved
