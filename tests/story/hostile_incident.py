"""An incident that is too much: 500 alerts, and texts that want to be links, mentions and walls."""

from tests.story.graph_incident import BOB, Json, device, file, incident, malware_ran, user

EVIL = "[pay](https://evil.example) **now** <at>Jon Park</at> \u202egpj.exe\n# {{TIME(2017-02-14T06:08:39Z)}}"
READS = "(pay)(hxxps://evil[.]example) ∗∗now∗∗ ‹at›Jon Park‹/at› gpj.exe # { {TIME"  # noqa: RUF001
"""How `EVIL` begins on every card."""

LONG = (EVIL + "W" * 10_000)[:10_000]


def storm(alerts: int = 500) -> Json:
    return incident(*map(_alert, range(alerts)), displayName=LONG, customTags=[LONG] * 50)


def _alert(number: int) -> Json:
    alert: Json = malware_ran(id_=f"x{number}")["alerts"][0]
    alert["title"] = LONG
    alert["category"] = EVIL
    alert["evidence"] = [
        user(BOB, "bob@contoso.example", displayName=EVIL),
        user(None, f"{number}@{EVIL}"),
        device(f"host-{number}.{EVIL}", machine=f"{number:040x}"),
        file(f"{number} {EVIL}", verdict="suspicious", remediationStatus="remediated"),
    ]
    return alert
