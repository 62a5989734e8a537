"""From a report's alerts to what the state keeps of them: who, which devices, files and sign-ins; and
what a case was told, to another one."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import datetime
from ipaddress import ip_address
from itertools import chain
from typing import TypeVar

from triage.events import Match
from triage.incident import (
    KEPT,
    Affected,
    AlertNote,
    Device,
    Incident,
    IncidentType,
    SignIn,
    SourceRef,
    SuspectApp,
    SuspectFile,
    SuspectMail,
    SuspectProcess,
    Told,
)
from triage.playbooks import gravest_first
from triage.recognising import is_users_own_report, recognise, type_of, was_prevented
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
from triage.suspicion import speaks_of_accounts

T = TypeVar("T")


def told_by(report: IncidentReport, ref: SourceRef, matches: Mapping[str, Match]) -> Told:
    """What a report tells; `ref` is what it contributes to the score."""
    return Told(
        severity=report.severity,
        types=recognise(report),
        refs=(ref,),
        first_activity=min(
            (a.first_activity for a in report.alerts if a.first_activity), default=None
        ),
        alerts=tuple(map(_note, report.alerts)),
        accounts_seen=_latest(a.seen for a in report.alerts if speaks_of_accounts(a)),
        affected=tuple(_affected(report, matches)),
        devices=tuple(_devices(report)),
        files=tuple(_files(report)),
        sign_ins=tuple(_sign_ins(report)),
        already_done=report.already_done,
        processes=tuple(_processes(report)),
        urls=tuple(_urls(report)),
        messages=tuple(_messages(report)),
        apps=tuple(_apps(report)),
        reported_by_user=any(map(is_users_own_report, report.alerts)),
    )


def all_told(incident: Incident) -> Told:
    """What a case was told in all its reports, as far as the state keeps it."""
    return Told(**{field.name: getattr(incident, field.name) for field in fields(Told)})


def add(incident: Incident, told: Told) -> Incident:
    """The incident with everything that this adds; what was known before stays."""
    affected = with_kinds(everybody(incident.affected, told.affected), incident.joined)
    devices = _merge_devices(incident.devices, told.devices)
    left_out = len(affected) > KEPT or len(devices) > KEPT
    times = (t for t in (incident.first_activity, told.first_activity) if t is not None)
    anew = set(map(_ref_key, told.refs))
    return incident.changed(
        severity=max(incident.severity, told.severity, key=lambda s: s.rank),
        types=gravest_first((*incident.types, *told.types)),
        refs=(*(r for r in incident.refs if _ref_key(r) not in anew), *told.refs),
        first_activity=min(times, default=None),
        alerts=_merge(incident.alerts, told.alerts, lambda n: n.id)[-KEPT:],
        accounts_seen=_latest((incident.accounts_seen, told.accounts_seen)),
        affected=affected[:KEPT],
        devices=devices[:KEPT],
        overflow=incident.overflow or told.overflow or left_out,
        files=_merge_files(incident.files, told.files)[:KEPT],
        sign_ins=_merge(incident.sign_ins, told.sign_ins, lambda s: s)[-KEPT:],
        processes=_merge(incident.processes, told.processes, lambda p: p)[-FEW:],
        urls=_merge(incident.urls, told.urls, lambda u: u)[:KEPT],
        messages=_merge(incident.messages, told.messages, lambda m: m.message_id)[:KEPT],
        apps=_merge(incident.apps, told.apps, lambda a: a.app_id)[:KEPT],
        absences=_merge(told.absences, incident.absences, lambda a: a.object_id)[:KEPT],
        reported_by_user=incident.reported_by_user or told.reported_by_user,
        already_done=_already_done(incident, told),
    )


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def _ref_key(ref: SourceRef) -> tuple[Source, str]:
    return ref.source, ref.source_id


def _already_done(incident: Incident, told: Told) -> tuple[AlreadyDone, ...]:
    """What Defender and Sentinel say was done; a source of our own shape is believed where it alone
    tells of the case, for what is believed is not contained any more."""
    microsofts = any(ref.source is not Source.NATIVE for ref in told.refs)
    known = incident.already_done if incident.is_microsofts or not microsofts else ()
    news = told.already_done if microsofts or not incident.is_microsofts else ()
    return _merge(known, news, lambda d: d)[:KEPT]


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
    known: tuple[SuspectFile, ...], told: tuple[SuspectFile, ...]
) -> tuple[SuspectFile, ...]:
    """A file that ran once has run, whatever another alert says of it."""
    ran = {_file_key(f) for f in (*known, *told) if f.ran}
    merged = _merge(known, told, _file_key)
    return tuple(replace(f, ran=_file_key(f) in ran) for f in merged)


def _note(alert: Alert) -> AlertNote:
    title = alert.title[:200]
    return AlertNote(alert.id, title, alert.product, alert.severity, alert.seen)


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
    seen = _seen(report)
    for account in accounts(report):
        match = matches.get(account.key, Match(None, "no_match"))
        yield replace(
            seen[account.key], account=account, person=match.person, why_not=match.why_not
        )


def _seen(report: IncidentReport) -> dict[str, Affected]:
    """Each account with the kinds of the alerts that name it, and file and machine of the first of
    them that has either."""
    seen: dict[str, Affected] = {}
    for alert in report.alerts:
        alone = replace(report, alerts=(alert,))
        kind = type_of(alert)
        file = next((f.name for f in _files(alone)), None)
        device = next((d.name for d in _devices(alone)), None)
        for account in accounts(alone):
            known = seen.get(account.key, Affected(account, None))
            if not (known.file or known.device):
                known = replace(known, file=file, device=device)
            seen[account.key] = replace(known, kinds=_union(known.kinds, (kind,)))
    return seen


def everybody(*told: tuple[Affected, ...]) -> tuple[Affected, ...]:
    """Once each, in order of first sight and as last told; the kinds of their alerts add up. An
    account whose owner has come to be known is theirs."""
    found: dict[str, Affected] = {}
    for affected in chain(*told):
        unowned = found.pop(affected.account.key, None) if affected.person else None
        before = (a.kinds for a in (unowned, found.get(affected.who)) if a is not None)
        found[affected.who] = replace(affected, kinds=_union(*before, affected.kinds))
    return tuple(found.values())


def with_kinds(
    affected: tuple[Affected, ...], others: tuple[Affected, ...]
) -> tuple[Affected, ...]:
    """The same, with the kinds that others know of them."""
    known = {a.who: a.kinds for a in others}
    return tuple(replace(a, kinds=_union(a.kinds, known.get(a.who, ()))) for a in affected)


def _union(*kinds: tuple[IncidentType, ...]) -> tuple[IncidentType, ...]:
    return tuple(dict.fromkeys(chain(*kinds)))


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
