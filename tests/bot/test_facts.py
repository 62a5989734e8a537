"""What the policy may know beyond a case, as rows."""

from pathlib import Path

from bot.demo import PROFILES
from bot.facts import facts_of
from bot.setup import add_profile
from storage import incidents
from storage.engine import Tx
from tests.storage.records import CONTOSO, NOW, begin, opened
from tests.triage.triage_script import (
    ANNA,
    BOB,
    CARLA,
    EVE,
    PROVIDER,
    Case,
    malware_ran,
    remote_tool,
)
from triage.events import AskOrdered, Facts, Woke
from triage.incident import QuestionKind
from triage.merging import handed_on


async def test_whoever_came_along_or_was_asked_is_looked_up_for_suspicion_elsewhere(
    tmp_path: Path,
) -> None:
    case = Case(by_upn={EVE.upn: EVE}).reported(remote_tool(CARLA))
    case.happens(handed_on(Case(roster=()).reported(malware_ran(BOB)).state))
    case.happens(AskOrdered(EVE.upn, QuestionKind.FREE, ANNA.object_id, ANNA.name, "Whose?"))

    def look(tx: Tx) -> Facts:
        woke = Woke("taint:")
        return facts_of(tx, case.state, woke, NOW, provider=PROVIDER, pages=False)

    async with opened(tmp_path) as store:
        await add_profile(store, (PROFILES / "contoso.toml").read_text("utf-8"), "contoso")
        other = await store.write(CONTOSO, begin(2))
        suspects = [BOB.object_id, EVE.object_id]
        await store.write(CONTOSO, lambda tx: incidents.suspect(tx, other, suspects, [], NOW))

        assert (await store.read(CONTOSO, look)).at_risk == set(suspects)
