"""Teams' limits, held where calls arrive: who calls too often is refused, and told for how long."""

from typing import Any

from tests.simulator.simulated_teams import FABRIKAM, Teams, new_thread, said


class Time:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def enforced(teams: Teams) -> Time:
    time = Time()
    teams.sim.windows.enforce(now=time)
    return time


async def posts(teams: Teams, thread: str, count: int) -> list[int]:
    path = f"conversations/{thread}/activities"
    return [(await teams.connector("POST", path, said("x"))).status for _ in range(count)]


async def threads(teams: Teams, count: int) -> list[str]:
    return [(await teams.thread(said("root")))["id"] for _ in range(count)]


async def refused(teams: Teams) -> Any:
    return (await teams.play("GET", "/api/windows")).body["refused"]


async def test_without_being_asked_nothing_is_held(teams: Teams) -> None:
    [thread] = await threads(teams, 1)

    assert set(await posts(teams, thread, 20)) == {201}


async def test_a_thread_takes_seven_a_second_and_eight_in_two(teams: Teams) -> None:
    [thread] = await threads(teams, 1)
    time = await enforced(teams)
    assert await posts(teams, thread, 8) == [201] * 7 + [429]

    time.now += 1
    assert await posts(teams, thread, 2) == [201, 429]
    time.now += 0.999
    assert await posts(teams, thread, 1) == [429]
    time.now += 0.001
    assert await posts(teams, thread, 1) == [201]
    assert await refused(teams) == {"thread": 3}


async def test_a_thread_takes_sixty_in_half_a_minute(teams: Teams) -> None:
    [thread] = await threads(teams, 1)
    time = await enforced(teams)
    for _ in range(60):
        assert await posts(teams, thread, 1) == [201]
        time.now += 0.25

    path = f"conversations/{thread}/activities"
    answer = await teams.connector("POST", path, said("x"))

    assert (answer.status, answer.headers["Retry-After"]) == (429, "15")
    assert answer.code == "Throttled"


async def test_a_tenant_takes_fifty_a_second_and_another_one_does_not_mind(teams: Teams) -> None:
    eight = await threads(teams, 8)
    await enforced(teams)

    statuses = [status for thread in eight for status in await posts(teams, thread, 7)]
    other = new_thread(said("root"), "19:fabrikam-incidents@thread.tacv2", FABRIKAM)
    elsewhere = await teams.connector("POST", "conversations", other, tenant=FABRIKAM)

    assert statuses == [201] * 50 + [429] * 6
    assert elsewhere.status == 201
    assert await refused(teams) == {"tenant": 6}


async def test_the_page_can_hold_them_and_let_go(teams: Teams) -> None:
    held = await teams.play("PUT", "/api/windows", {"enforced": True})
    assert held.body == {"enforced": True, "refused": {}}

    let_go = await teams.play("PUT", "/api/windows", {"enforced": False})
    assert let_go.body == {"enforced": False, "refused": {}}
