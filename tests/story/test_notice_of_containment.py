"""Carla's account is disabled: her manager hears of it, and an analyst calls; her chat stays silent."""

from pathlib import Path

from tests.story.graph_incident import unfamiliar_sign_in
from tests.story.house import house, swap
from triage.actions import ActionKind
from triage.incident import ActionState

GRETA = {
    "contoso": swap(
        'upn = "carla@contoso.example"\nvip = true',
        'upn = "carla@contoso.example"\nmanager = "greta@contoso.example"',
    )
}


async def test_who_is_locked_out_hears_it_by_a_way_that_still_works(tmp_path: Path) -> None:
    async with house(tmp_path, GRETA) as h:
        await h.report(unfamiliar_sign_in())
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")

        found = await h.incident("4713")
        disable = next(a for a in found.actions if a.kind is ActionKind.DISABLE_ACCOUNT)
        assert disable.state is ActionState.DONE
        assert await h.chat("Carla Duarte") == []
        (told,) = await h.told("Greta Braun")
        assert "Das Konto von Carla Duarte ist zum Schutz vorerst gesperrt" in told
        assert "Nicht weiterleiten" in told
        assert any(
            "Call +44 20 7946 0133 (HR record of 2026-03)" in said
            for said in await h.told("Nordwall MXDR")
        )
