"""From a report's alerts to what the state keeps of them: who, which devices, files and sign-ins."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from typing import TypeVar

from triage.events import Match
from triage.incident import (
    Affected,
    AlertNote,
    Device,
    Incident,
    SignIn,
    SuspectApp,
    SuspectFile,
    SuspectMail,
    SuspectProcess,
)
from triage.recognising import is_users_own_report, was_prevented
from triage.report import (
    Account,
    Alert,
    AlreadyDone,
    AppEvidence,
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IncidentReport,
    MailboxEvidence,
    MessageEvidence,
    ProcessEvidence,
    Remediation,
    SignInEvidence,
    Source,
    UrlEvidence,
    UserEvidence,
    Verdict,
)

KEPT = 20
"""Of each kind of thing, so that the state stays small at 500 alerts."""

T = TypeVar("T")


def merge_report(
    incident: Incident, report: IncidentReport, matches: Mapping[str, Match]
) -> Incident:
    """The incident with everything this report adds; what was known before stays."""
    affected = _merge(_known_before(incident, matches), _affected(report, matches), _identity)
    devices = _merge_devices(incident.devices, _devices(report))
    return incident.changed(
        severity=max(incident.severity, report.severity, key=lambda s: s.rank),
        first_activity=_earliest(incident, report),
        alerts=_merge(incident.alerts, map(_note, report.alerts), lambda n: n.id)[-KEPT:],
        affected=affected[:KEPT],
        devices=devices[:KEPT],
        overflow=incident.overflow or len(affected) > KEPT or len(devices) > KEPT,
        files=_merge_files(incident.files, _files(report))[:KEPT],
        sign_ins=_merge(incident.sign_ins, _sign_ins(report), lambda s: s)[-KEPT:],
        processes=_merge(incident.processes, _processes(report), lambda p: p)[-FEW:],
        urls=_merge(incident.urls, _urls(report), lambda u: u)[:KEPT],
        messages=_merge(incident.messages, _messages(report), lambda m: m.message_id)[:KEPT],
        apps=_merge(incident.apps, _apps(report), lambda a: a.app_id)[:KEPT],
        reported_by_user=incident.reported_by_user or any(map(is_users_own_report, report.alerts)),
        already_done=_already_done(incident, report),
    )


def _already_done(incident: Incident, report: IncidentReport) -> tuple[AlreadyDone, ...]:
    """What Defender and Sentinel say was done; a source of our own shape is believed where it alone
    tells of the case, for what is believed is not contained any more."""
    known, told = incident.already_done, report.already_done
    if report.source is Source.NATIVE:
        told = () if incident.is_microsofts else told
    else:
        known = known if incident.is_microsofts else ()
    return _merge(known, told, lambda d: d)[:KEPT]


def _merge(known: Iterable[T], told: Iterable[T], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    """Both, in order of first sight; what is told anew replaces what was known of the same."""
    merged = {key(thing): thing for thing in known}
    merged.update((key(thing), thing) for thing in told)
    return tuple(merged.values())


def _merge_devices(known: Iterable[Device], told: Iterable[Device]) -> tuple[Device, ...]:
    """By name; an id that was known stays when a later alert leaves it out."""
    merged: dict[str, Device] = {}
    for device in (*known, *told):
        before = merged.get(device.name.lower(), device)
        merged[device.name.lower()] = Device(
            device.name,
            device.device_id or before.device_id,
            device.entra_id or before.entra_id,
        )
    return tuple(merged.values())


def _merge_files(
    known: tuple[SuspectFile, ...], told: list[SuspectFile]
) -> tuple[SuspectFile, ...]:
    """A file that ran once has run, whatever another alert says of it."""
    ran = {_file_key(f) for f in (*known, *told) if f.ran}
    merged = _merge(known, told, _file_key)
    return tuple(replace(f, ran=_file_key(f) in ran) for f in merged)


def _earliest(incident: Incident, report: IncidentReport) -> datetime | None:
    times = [a.first_activity for a in report.alerts if a.first_activity]
    return min(
        [*times, *([incident.first_activity] if incident.first_activity else [])], default=None
    )


def _note(alert: Alert) -> AlertNote:
    at = alert.first_activity or alert.created
    return AlertNote(alert.id, alert.title[:200], alert.product, alert.severity, at)


# --- who -----------------------------------------------------------------------------------------

_SYSTEM = frozenset(
    {"system", "network service", "local service", "s-1-5-18", "s-1-5-19", "s-1-5-20"}
)


def accounts(report: IncidentReport) -> tuple[Account, ...]:
    """The accounts concerned, once each: those named as users, mailboxes or sign-ins; where none
    is, those that ran the processes; where none is, those logged on. Never the system's own."""
    evidence = list(_evidence(report))
    for found in (_named(evidence), _running(evidence), _logged_on(evidence)):
        people = {a.key: a for a in found if not _is_system(a)}
        if people:
            return tuple(people.values())
    return ()


def _named(evidence: list[Evidence]) -> Iterator[Account]:
    for item in evidence:
        match item:
            case UserEvidence(account=account):
                yield account
            case MailboxEvidence(account=account) | SignInEvidence(account=account) if account:
                yield account
            case _:
                pass


def _running(evidence: list[Evidence]) -> Iterator[Account]:
    return (e.account for e in evidence if isinstance(e, ProcessEvidence) and e.account)


def _logged_on(evidence: list[Evidence]) -> Iterator[Account]:
    return (user for e in evidence if isinstance(e, DeviceEvidence) for user in e.users)


def _is_system(account: Account) -> bool:
    names = {(account.name or "").lower(), (account.sid or "").lower()}
    return bool(names & _SYSTEM) or (account.name or "").endswith("$")


def _affected(report: IncidentReport, matches: Mapping[str, Match]) -> Iterator[Affected]:
    seen_with = _seen_with(report)
    for account in accounts(report):
        match = matches.get(account.key, Match(None, "no_match"))
        file, device = seen_with.get(account.key, (None, None))
        yield Affected(account, match.person, match.why_not, file, device)


def _seen_with(report: IncidentReport) -> dict[str, tuple[str | None, str | None]]:
    """File and machine of the first alert that names an account and either, by account key."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for alert in report.alerts:
        alone = replace(report, alerts=(alert,))
        file = next((f.name for f in _files(alone)), None)
        device = next((d.name for d in _devices(alone)), None)
        if file or device:
            for account in accounts(alone):
                found.setdefault(account.key, (file, device))
    return found


def _known_before(incident: Incident, matches: Mapping[str, Match]) -> list[Affected]:
    """Those known before, without the accounts whose owner has come to be known."""
    found = {key for key, match in matches.items() if match.person}
    return [a for a in incident.affected if a.person or a.account.key not in found]


def _identity(affected: Affected) -> str:
    return f"oid:{affected.person.object_id}" if affected.person else affected.account.key


# --- what ----------------------------------------------------------------------------------------


def _devices(report: IncidentReport) -> Iterator[Device]:
    for item in _evidence(report):
        if isinstance(item, DeviceEvidence) and (item.name or item.device_id):
            yield Device(_host(item.name or item.device_id or ""), item.device_id, item.entra_id)


def _host(name: str) -> str:
    """The name people know a machine by: LAPTOP-7, without its domain."""
    try:
        ip_address(name)
    except ValueError:
        return name.partition(".")[0].upper()
    return name


def _files(report: IncidentReport) -> list[SuspectFile]:
    """Files, the suspect ones first: with a bad verdict, or dealt with by the source."""
    found = [
        (
            _is_suspect(item),
            SuspectFile(item.name, item.sha1, item.sha256, not was_prevented(alert)),
        )
        for alert in report.alerts
        for item in alert.evidence
        if isinstance(item, FileEvidence) and item.name
    ]
    return [file for _, file in sorted(found, key=lambda pair: not pair[0])]


def _is_suspect(file: FileEvidence) -> bool:
    bad = file.verdict in (Verdict.MALICIOUS, Verdict.SUSPICIOUS)
    return bad or file.remediation not in (Remediation.NONE, Remediation.UNREMEDIATED)


def _file_key(file: SuspectFile) -> str:
    return file.sha256 or file.sha1 or file.name.lower()


FEW = 5


def _processes(report: IncidentReport) -> Iterator[SuspectProcess]:
    for item in _evidence(report):
        if isinstance(item, ProcessEvidence) and item.name:
            command = item.command_line[:200] if item.command_line else None
            yield SuspectProcess(item.name, item.parent_name, command)


def _urls(report: IncidentReport) -> Iterator[str]:
    return (e.url[:LONGEST_URL] for e in _evidence(report) if isinstance(e, UrlEvidence))


LONGEST_URL = 300


def _messages(report: IncidentReport) -> Iterator[SuspectMail]:
    for item in _evidence(report):
        if isinstance(item, MessageEvidence) and item.message_id:
            yield SuspectMail(item.message_id, (item.subject or "")[:100], item.sender)


def _apps(report: IncidentReport) -> Iterator[SuspectApp]:
    for item in _evidence(report):
        if isinstance(item, AppEvidence) and item.app_id:
            yield SuspectApp(item.app_id, (item.name or item.app_id)[:100])


def _sign_ins(report: IncidentReport) -> Iterator[SignIn]:
    for item in _evidence(report):
        if isinstance(item, SignInEvidence):
            yield SignIn(item.at, item.app, item.device_name, item.ip, item.country)


def _evidence(report: IncidentReport) -> Iterator[Evidence]:
    return (item for alert in report.alerts for item in alert.evidence)


# --- what ties incidents together ----------------------------------------------------------------


def strong_keys(report: IncidentReport, matches: Mapping[str, Match]) -> frozenset[str]:
    """User, device, file hash, e-mail and session: sharing one makes two reports one case
    (domain.md section 5, correlation). Addresses and hosts are weak and left out."""
    keys = {_identity(a) for a in _affected(report, matches) if a.person or a.account.object_id}
    for item in _evidence(report):
        match item:
            case DeviceEvidence(device_id=device, name=name) if device or name:
                keys.add(f"device:{(device or name or '').lower()}")
            case FileEvidence(sha256=sha256) if sha256 and _is_suspect(item):
                keys.add(f"file:{sha256.lower()}")
            case MessageEvidence(message_id=message) if message:
                keys.add(f"mail:{message.lower()}")
            case SignInEvidence(session=session) if session:
                keys.add(f"session:{session.lower()}")
            case _:
                pass
    return frozenset(keys)
