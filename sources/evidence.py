"""Graph's evidence, type by type, into ours.

A piece that names nothing (all fields null, as some products send them) is left out, unless it
carries a verdict or says what was done: then it is kept by the name of its type.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypedDict, TypeVar

from sources import graph
from sources.graph import Json
from triage.report import (
    Account,
    AppEvidence,
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IpEvidence,
    MailboxEvidence,
    MessageEvidence,
    OtherEvidence,
    ProcessEvidence,
    Remediation,
    SignInEvidence,
    UrlEvidence,
    UserEvidence,
    Verdict,
)


def read(pieces: Sequence[Json]) -> tuple[Evidence, ...]:
    """An alert's evidence, each piece once, its sign-ins completed from beside them."""
    found = (_read_one(piece) for piece in pieces)
    return _completed(tuple(dict.fromkeys(piece for piece in found if piece is not None)))


def _read_one(raw: Json) -> Evidence | None:
    kind = graph.Evidence.model_validate(raw).kind.casefold()
    reader = _READERS.get(kind, _any)
    return reader(raw) or _marked(raw)


def _marked(raw: Json) -> OtherEvidence | None:
    wire = graph.Evidence.model_validate(raw)
    if wire.verdict in {None, Verdict.UNKNOWN} and wire.remediation_status in {
        None,
        Remediation.NONE,
    }:
        return None
    return OtherEvidence(type_name=wire.kind, **_common(wire))


_Piece = TypeVar("_Piece")


def _completed(pieces: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Graph's sign-ins name no address, application or account; the pieces beside them do.

    Taken over only where the alert names exactly one of each, so that nothing is guessed.
    """
    ips = {(piece.address, piece.country) for piece in pieces if isinstance(piece, IpEvidence)}
    apps = {piece.name for piece in pieces if isinstance(piece, AppEvidence)}
    accounts = {piece.account for piece in pieces if isinstance(piece, UserEvidence)}
    ip, country = _only(ips) or (None, None)
    return tuple(
        replace(
            piece,
            ip=ip,
            country=country,
            app=_only(apps),
            account=piece.account or _only(accounts),
        )
        if isinstance(piece, SignInEvidence)
        else piece
        for piece in pieces
    )


def _only(found: set[_Piece]) -> _Piece | None:
    return next(iter(found)) if len(found) == 1 else None


class _Common(TypedDict):
    verdict: Verdict
    remediation: Remediation
    remediation_details: str | None
    roles: tuple[str, ...]


def _common(wire: graph.Evidence) -> _Common:
    return {
        "verdict": wire.verdict or Verdict.UNKNOWN,
        "remediation": wire.remediation_status or Remediation.NONE,
        "remediation_details": wire.remediation_status_details,
        "roles": wire.roles,
    }


def _account(wire: graph.UserAccount | None) -> Account | None:
    """An account by any subset of its identifiers; None without one, or with a domain alone."""
    if wire is None:
        return None
    known = wire.azure_ad_user_id or wire.user_principal_name or wire.user_sid or wire.account_name
    return (
        Account(
            object_id=wire.azure_ad_user_id,
            upn=wire.user_principal_name,
            sid=wire.user_sid,
            name=wire.account_name,
            domain=wire.domain_name,
        )
        if known
        else None
    )


def _user(raw: Json) -> Evidence | None:
    wire = graph.UserEvidence.model_validate(raw)
    account = _account(wire.user_account)
    return UserEvidence(account=account, **_common(wire)) if account else None


def _device(raw: Json) -> Evidence | None:
    wire = graph.DeviceEvidence.model_validate(raw)
    name = wire.host_name or wire.device_dns_name
    if not (name or wire.mde_device_id or wire.azure_ad_device_id):
        return None
    return DeviceEvidence(
        device_id=wire.mde_device_id,
        entra_id=wire.azure_ad_device_id,
        name=name,
        os=wire.os_platform,
        users=_logged_on(wire.logged_on_users),
        **_common(wire),
    )


def _logged_on(users: Iterable[graph.LoggedOnUser]) -> tuple[Account, ...]:
    named = (Account(name=u.account_name, domain=u.domain_name) for u in users if u.account_name)
    return tuple(dict.fromkeys(named))


def _file(raw: Json) -> Evidence | None:
    wire = graph.FileEvidence.model_validate(raw)
    details = wire.file_details or graph.FileDetails()
    if not (details.file_name or details.sha1 or details.sha256 or details.file_path):
        return None
    return FileEvidence(
        name=details.file_name,
        path=details.file_path,
        sha1=details.sha1,
        sha256=details.sha256,
        detection=_lowered(wire.detection_status),
        device_id=wire.mde_device_id,
        **_common(wire),
    )


def _process(raw: Json) -> Evidence | None:
    wire = graph.ProcessEvidence.model_validate(raw)
    image = wire.image_file or graph.FileDetails()
    parent = wire.parent_process_image_file or graph.FileDetails()
    if not (image.file_name or image.sha256 or wire.process_command_line):
        return None
    return ProcessEvidence(
        name=image.file_name,
        sha256=image.sha256,
        command_line=wire.process_command_line,
        parent_name=parent.file_name,
        started=wire.process_creation_date_time,
        detection=_lowered(wire.detection_status),
        account=_account(wire.user_account),
        device_id=wire.mde_device_id,
        **_common(wire),
    )


def _lowered(status: str | None) -> str | None:
    return status.casefold() if status else None


def _sign_in_request(raw: Json) -> Evidence | None:
    wire = graph.CloudLogonRequestEvidence.model_validate(raw)
    return SignInEvidence(session=wire.request_id, **_common(wire)) if wire.request_id else None


def _sign_in_session(raw: Json) -> Evidence | None:
    wire = graph.CloudLogonSessionEvidence.model_validate(raw)
    account = _account(wire.account.user_account) if wire.account else None
    if not (wire.session_id or account):
        return None
    return SignInEvidence(
        session=wire.session_id,
        account=account,
        user_agent=wire.user_agent,
        device_name=wire.device_name,
        at=wire.start_utc_date_time,
        **_common(wire),
    )


def _ip(raw: Json) -> Evidence | None:
    wire = graph.IpEvidence.model_validate(raw)
    country = wire.country_letter_code or (wire.location.country_name if wire.location else None)
    if wire.ip_address is None:
        return None
    return IpEvidence(address=wire.ip_address, country=country, **_common(wire))


def _url(raw: Json) -> Evidence | None:
    wire = graph.UrlEvidence.model_validate(raw)
    return UrlEvidence(url=wire.url, **_common(wire)) if wire.url else None


def _message(raw: Json) -> Evidence | None:
    wire = graph.AnalyzedMessageEvidence.model_validate(raw)
    sender = wire.p2_sender or wire.p1_sender  # what the reader saw, before the envelope
    if not (wire.network_message_id or wire.subject or wire.recipient_email_address):
        return None
    return MessageEvidence(
        message_id=wire.network_message_id,
        sender=sender.email_address if sender else None,
        recipient=wire.recipient_email_address,
        subject=wire.subject,
        delivery=wire.delivery_action or wire.delivery_location,
        **_common(wire),
    )


def _reported_message(raw: Json) -> Evidence | None:
    wire = graph.SubmissionMailEvidence.model_validate(raw)
    if not (wire.network_message_id or wire.subject or wire.recipient):
        return None
    return MessageEvidence(
        message_id=wire.network_message_id,
        sender=wire.sender,
        recipient=wire.recipient,
        subject=wire.subject,
        **_common(wire),
    )


def _cluster(raw: Json) -> Evidence | None:
    wire = graph.MailClusterEvidence.model_validate(raw)
    ids = wire.network_message_ids
    if not ids:
        return None
    return MessageEvidence(
        message_id=ids[0] if len(ids) == 1 else None, cluster=ids, **_common(wire)
    )


def _mailbox(raw: Json) -> Evidence | None:
    wire = graph.MailboxEvidence.model_validate(raw)
    account = _account(wire.user_account) or (Account(upn=wire.upn) if wire.upn else None)
    address = wire.primary_address or wire.upn
    if not (address or account):
        return None
    return MailboxEvidence(address=address, account=account, **_common(wire))


def _cloud_app(raw: Json) -> Evidence | None:
    wire = graph.CloudApplicationEvidence.model_validate(raw)
    return _app(wire, wire.app_id, wire.display_name or wire.instance_name)


def _oauth_app(raw: Json) -> Evidence | None:
    wire = graph.OAuthApplicationEvidence.model_validate(raw)
    return _app(wire, wire.app_id, wire.display_name)


def _service_principal(raw: Json) -> Evidence | None:
    wire = graph.ServicePrincipalEvidence.model_validate(raw)
    return _app(wire, wire.app_id, wire.service_principal_name)


def _app(wire: graph.Evidence, app_id: str | None, name: str | None) -> Evidence | None:
    return AppEvidence(app_id=app_id, name=name, **_common(wire)) if app_id or name else None


def _any(raw: Json) -> Evidence | None:
    wire = graph.AnyEvidence.model_validate(raw)
    registry = (wire.registry_hive, wire.registry_key, wire.registry_value_name)
    label = (
        "\\".join(part for part in registry if part)
        or wire.display_name
        or wire.name
        or wire.resource_name
        or wire.domain_name
        or wire.subject
        or wire.value
    )
    return OtherEvidence(type_name=wire.kind, label=label, **_common(wire)) if label else None


_READERS: dict[str, Callable[[Json], Evidence | None]] = {
    "userevidence": _user,
    "deviceevidence": _device,
    "fileevidence": _file,
    "processevidence": _process,
    "cloudlogonrequestevidence": _sign_in_request,
    "cloudlogonsessionevidence": _sign_in_session,
    "ipevidence": _ip,
    "urlevidence": _url,
    "analyzedmessageevidence": _message,
    "submissionmailevidence": _reported_message,
    "mailclusterevidence": _cluster,
    "mailboxevidence": _mailbox,
    "cloudapplicationevidence": _cloud_app,
    "oauthapplicationevidence": _oauth_app,
    "serviceprincipalevidence": _service_principal,
}
"""By the last word of `@odata.type`, in lower case; any other type is kept by its name."""
