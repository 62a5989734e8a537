"""What the source, its automation or an administrator has already done, read from the evidence."""

import re
from collections.abc import Iterable

from triage.report import (
    AlreadyDone,
    AppEvidence,
    DeviceEvidence,
    DoneKind,
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
)

_ACTED = frozenset({Remediation.REMEDIATED, Remediation.PREVENTED, Remediation.BLOCKED})
_KEPT_OUT = frozenset({Remediation.PREVENTED, Remediation.BLOCKED})
_ISOLATED = re.compile(r"\b(isolated|contained)\b", re.IGNORECASE)
_SUSPENDED = re.compile(r"\b(disabled|suspended)\b", re.IGNORECASE)
_NOT_SO = re.compile(r"\b(not|fail\w*|pending|unable|could|cannot|will|no longer)\b", re.IGNORECASE)


def already_done(pieces: Iterable[Evidence]) -> tuple[AlreadyDone, ...]:
    """Each thing done once.

    - A file remediated is quarantined; prevented or blocked (by either field) is blocked.
    - An e-mail or a rule remediated is removed; a process, address or link is blocked.
    - A device is isolated, an account or app disabled, only where the details say so: the status
      alone does not tell which of several remedies it was.
    - What is pending, active or declined is not done, whatever its details promise.
    """
    found = (_done(piece) for piece in pieces)
    return tuple(dict.fromkeys(done for done in found if done))


def _done(piece: Evidence) -> AlreadyDone | None:
    match piece:
        case FileEvidence():
            return _file(piece)
        case DeviceEvidence(name=name, device_id=device_id):
            return _if_says(piece, _ISOLATED, DoneKind.ISOLATED, name or device_id, device_id)
        case UserEvidence(account=account):
            return _if_says(piece, _SUSPENDED, DoneKind.DISABLED, account.label, account.object_id)
        case AppEvidence(name=name, app_id=app_id):
            return _if_says(piece, _SUSPENDED, DoneKind.DISABLED, name or app_id, app_id)
        case MessageEvidence(message_id=message_id):
            return _if_acted(piece, DoneKind.REMOVED, _message(piece), message_id)
        case OtherEvidence(label=label):
            return _if_acted(piece, DoneKind.REMOVED, label, None)
        case ProcessEvidence(name=name, sha256=sha256):
            return _if_acted(piece, DoneKind.BLOCKED, name or sha256, sha256)
        case IpEvidence(address=target) | UrlEvidence(url=target):
            return _if_acted(piece, DoneKind.BLOCKED, target, None)
        case MailboxEvidence() | SignInEvidence():
            return None


def _file(piece: FileEvidence) -> AlreadyDone | None:
    target = piece.name or piece.sha256 or piece.sha1
    if piece.detection in _KEPT_OUT:
        kind = DoneKind.BLOCKED
        return AlreadyDone(kind, target, piece.sha256 or piece.sha1) if target else None
    return _if_acted(piece, DoneKind.QUARANTINED, target, piece.sha256 or piece.sha1)


def _message(piece: MessageEvidence) -> str | None:
    cluster = f"e-mail ({len(piece.cluster)})" if piece.cluster else None
    return piece.subject or piece.message_id or cluster


def _if_acted(
    piece: Evidence, kind: DoneKind, target: str | None, target_id: str | None
) -> AlreadyDone | None:
    if piece.remediation not in _ACTED or target is None:
        return None
    return AlreadyDone(
        DoneKind.BLOCKED if piece.remediation in _KEPT_OUT else kind, target, target_id
    )


def _if_says(
    piece: Evidence,
    words: re.Pattern[str],
    kind: DoneKind,
    target: str | None,
    target_id: str | None,
) -> AlreadyDone | None:
    details = piece.remediation_details or ""
    is_so = bool(words.search(details)) and not _NOT_SO.search(details)
    if piece.remediation not in _ACTED or not is_so or target is None:
        return None
    return AlreadyDone(kind, target, target_id)
