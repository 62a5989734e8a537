"""The server's process: a house in which something is going on, and a sender that is let loose on it."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from bot.setup import add_identity, add_signing_secret
from simulator.world import utc_now
from sources.signature import new_secret
from storage.windows import within
from tests.fuzz.attempts import World
from tests.fuzz.sender import Sent
from tests.story.activity import click, envelope, text
from tests.story.graph_incident import malware_ran
from tests.story.house import House, Json, house
from triage.report import Source

CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
FABRIKAM = "3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"
NORDWALL = "a1e4c7b9-58d2-4f36-8e0b-9c7d6a5b4f32"
PLENTY = (within(1_000_000, seconds=1),)
"""The clock stands still, and with it Teams' windows: what is answered in words would wait for room."""
LOGIC_APP = "0e1d2c3b-4a59-4687-9768-5a4b3c2d1e0f"


@dataclass(frozen=True, slots=True)
class Outcome:
    sent: Sent
    logged: list[str]
    """Errors in the log: a fault that was answered with 503, say."""

    def __str__(self) -> str:
        lines = [f"{'route':44} statuses"]
        for route, statuses in sorted(self.sent.statuses.items()):
            told = "  ".join(f"{s}: {n}" for s, n in sorted(statuses.items()))
            lines.append(f"{route:44} {told}")
        share = 100 * self.sent.trusted / max(1, self.sent.requests)
        lines += [
            f"requests={self.sent.requests} trusted={self.sent.trusted} ({share:.0f} %)",
            f"refused_and_held_against_the_records={self.sent.refused}",
            f"seconds={self.sent.seconds:.0f}",
            f"faults={len(self.sent.faults)} errors_logged={len(self.logged)}",
            *self.sent.faults,
            *self.logged[:5],
        ]
        return "\n".join(lines)

    def wrong(self, requests: int) -> list[str]:
        """What the run does not show that it should."""
        found = []
        if self.sent.faults:
            found.append("a fault, or a trace of a refused request")
        if self.logged:
            found.append("errors in the log")
        if self.sent.requests < requests:
            found.append(f"only {self.sent.requests} requests in the time")
        if self.sent.trusted * 2 < self.sent.requests:
            found.append("fewer than half carried a good credential")
        return found


async def fuzz(folder: Path, requests: int, seconds: float, seed: int) -> Outcome:
    """So many requests to a running server, in so much time."""
    with _errors() as logged:
        async with _busy(folder) as h:
            world = await _world(h, folder)
            asked = {"requests": requests, "seconds": seconds, "number": seed}
            sender = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.fuzz.sender",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            told, _ = await sender.communicate(
                json.dumps({"world": asdict(world), **asked}).encode()
            )
            return Outcome(Sent(**json.loads(told)), logged)


@asynccontextmanager
async def _busy(folder: Path) -> AsyncIterator[House]:
    """A case in which Bob and Jon are asked. Nothing happens by itself from then on, and what the
    requests order is left undone: not all of it could be done."""
    with suppress(_OverError):
        async with house(folder) as h:
            await h.report(malware_ran())
            await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
            await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")
            yield h
            raise _OverError


class _OverError(Exception):
    """The story ends in the middle: what is open stays so."""


async def _world(h: House, folder: Path) -> World:
    secret = new_secret()
    (folder / "secret").write_text(secret, encoding="ascii")
    await add_signing_secret(h.vouch.store, "fabrikam", Source.NATIVE, f"file:{folder / 'secret'}")
    await add_identity(h.vouch.store, "fabrikam", Source.SENTINEL, LOGIC_APP)
    database = folder / "vouch.sqlite3"
    _count_changes(database)
    assert h.vouch.metrics_url
    return World(
        url=h.vouch.url,
        metrics_url=h.vouch.metrics_url,
        database=str(database),
        activities=await _activities(h),
        tokens={tenant: await _token(h, tenant) for tenant in (CONTOSO, FABRIKAM, NORDWALL)},
        forged=[
            await _token(h, CONTOSO, **forged)
            for forged in (
                {"key": "stranger"},
                {"key": "impostor"},
                {"key": "entra"},
                {"algorithm": "none"},
                {"algorithm": "HS256"},
                {"expiresIn": -3600},
                {"audience": "99999999-6a51-4f0c-8a55-1f0d6d1c7a11"},
            )
        ],
        keys={source: h.keys["contoso"][source] for source in ("defender", "sentinel", "native")},
        secret=secret,
        identity=h.sim.entra.identity_token(FABRIKAM, LOGIC_APP, utc_now()),
        now=h.clock.now().isoformat(),
    )


async def _token(h: House, tenant: str, **forged: Any) -> str:
    return str((await h._api("POST", "/tokens", {"tenant": tenant} | forged))["token"])


async def _activities(h: House) -> list[Json]:
    """What Teams sends: each kind, by people of each side."""
    card, approval, root = await h.card("Bob Meyer"), await h.approval(), await h.root()
    soc, bob = await h.soc(), await h.person("Bob Meyer")
    clicks = [
        await click(h, who, on, on.data(action), submit=submit)
        for who, on in (("Bob Meyer", card), ("Jon Park", approval), ("Mia Lindqvist", soc))
        for action in on.actions
        for submit in (False, True)
    ]
    chat = await envelope(h, bob, card.conversation, "message", None)
    bot = {"id": f"28:{chat['recipient']['id'].removeprefix('28:')}"}
    coming = chat | {"type": "conversationUpdate"}
    return [
        *clicks,
        await text(h, "Bob Meyer", card.conversation, "I did not open it"),
        await text(h, "Jon Park", root.conversation, "<at>Vouch</at> what do you know?"),
        await text(h, "Mia Lindqvist", soc.conversation, "<at>Vouch</at> take"),
        chat | {"type": "installationUpdate", "action": "add"},
        chat | {"type": "installationUpdate", "action": "remove"},
        coming | {"membersAdded": [bot]},
        coming | {"membersRemoved": [{"id": bob["mri"], "aadObjectId": bob["id"]}]},
        chat | {"type": "messageUpdate"},
        chat | {"type": "messageReaction"},
        chat | {"type": "typing"},
        chat | {"type": "invoke", "name": "signin/verifyState", "value": {"state": "1"}},
        chat | {"type": "event", "name": "application/vnd.microsoft.readReceipt"},
    ]


# --- what is looked at ---------------------------------------------------------------------------


def _count_changes(database: Path) -> None:
    """The database itself counts every row of every table that is inserted, changed or deleted, but
    for the quarantine, which is where refused input is kept."""
    with closing(sqlite3.connect(database)) as records:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        names = [name for (name,) in records.execute(tables)]
        records.execute("CREATE TABLE fuzz_change (changes INTEGER)")
        records.execute("INSERT INTO fuzz_change VALUES (0)")
        for name in names:
            if name not in {"quarantine", "alembic_version"}:
                for change in ("INSERT", "UPDATE", "DELETE"):
                    records.execute(
                        f"CREATE TRIGGER fuzz_{name}_{change} AFTER {change} ON {name} "
                        "BEGIN UPDATE fuzz_change SET changes = changes + 1; END"
                    )
        records.commit()


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What is logged as an error from now on; the rest of the log is dropped."""
    found: list[str] = []

    def keep(_: Any, method: str, event: Any) -> Any:
        if method in {"error", "exception", "critical"}:
            found.append(repr(event)[:2000])
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, keep])
    try:
        yield found
    finally:
        structlog.configure(**before)
