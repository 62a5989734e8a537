"""The arrows between the rooms (README.md draws them), and what each room may not touch."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = {
    "triage": set(),
    "cards": {"triage"},
    "dialogs": {"triage", "cards"},
    "storage": {"triage"},
    "sources": {"triage"},
    "containment": {"triage"},
    "paging": {"triage"},
    "manifest": set(),
    "simulator": set(),
    "bot": {
        "triage",
        "cards",
        "dialogs",
        "storage",
        "sources",
        "containment",
        "paging",
        "manifest",
        "simulator",
    },
}
"""Which rooms a room may import. Of `bot`, the demo command alone imports the simulator."""

SDK = {"botbuilder", "botframework", "msal", "msrest"}
EFFECTFUL = {
    "asyncio",
    "aiohttp",
    "random",
    "secrets",
    "sqlalchemy",
    "sqlmodel",
    "requests",
    "time",
}


def _files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Every module a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_its_arrows_lead_to(room: str) -> None:
    for path in _files(room):
        strangers = (_roots(path) & ROOMS.keys()) - ROOMS[room] - {room}
        assert not strangers, f"{path.relative_to(ROOT)} imports {sorted(strangers)}"


def test_only_the_demo_starts_the_simulator() -> None:
    for path in _files("bot"):
        if "simulator" in _roots(path):
            assert path.name == "demo.py"


def test_only_the_teams_gateway_knows_the_sdk() -> None:
    for room in ROOMS:
        for path in _files(room):
            if path.parent != ROOT / "bot" / "teams":
                assert not _roots(path) & SDK, path.relative_to(ROOT)


def test_only_the_elements_know_the_card_library() -> None:
    for room in ROOMS:
        for path in _files(room):
            if path != ROOT / "cards" / "elements.py":
                assert "adaptivecards" not in _roots(path), path.relative_to(ROOT)


def test_triage_is_pure() -> None:
    """No I/O, no clock, no randomness: nothing that could answer differently tomorrow."""
    for path in _files("triage"):
        assert not _roots(path) & EFFECTFUL, path.relative_to(ROOT)
        source = path.read_text(encoding="utf-8")
        assert "datetime.now" not in source, path.relative_to(ROOT)
        assert "async def" not in source, path.relative_to(ROOT)


def test_only_across_crosses_customers() -> None:
    """What looks at all customers at once stands in one file, their tenants' pace in another."""
    for room in ROOMS:
        for path in _files(room):
            if path.parent.name == "storage" and path.name not in (
                "engine.py",
                "across.py",
                "pace.py",
                "isolation.py",
            ):
                assert "AcrossTx" not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)


def test_only_storage_asks_a_transaction_anything() -> None:
    """Other rooms hand a transaction on; what they want of it has a function in `storage`."""
    for room in ROOMS:
        for path in _files(room):
            if "storage" not in path.relative_to(ROOT).parts:
                assert "tx.session" not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)
