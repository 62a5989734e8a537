"""What a source says of an incident: alerts and their evidence, after parsing.

Sources build these values; triage reads them. Every text in here comes from outside and is data:
it is never shown without the escaping of `cards`. All times are aware and in UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Source(StrEnum):
    DEFENDER = "defender"
    SENTINEL = "sentinel"
    NATIVE = "native"


class Severity(StrEnum):
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Product(StrEnum):
    """The product that raised an alert, by Graph's `serviceSource` where it has one."""

    ENDPOINT = "microsoftDefenderForEndpoint"
    OFFICE = "microsoftDefenderForOffice365"
    IDENTITY = "microsoftDefenderForIdentity"
    ENTRA = "azureAdIdentityProtection"
    CLOUD_APPS = "microsoftDefenderForCloudApps"
    XDR = "microsoft365Defender"
    CLOUD = "microsoftDefenderForCloud"
    DLP = "dataLossPrevention"
    INSIDER = "microsoftInsiderRiskManagement"
    SENTINEL = "microsoftSentinel"
    OTHER = "other"


class Verdict(StrEnum):
    UNKNOWN = "unknown"
    MALICIOUS = "malicious"
    SUSPICIOUS = "suspicious"
    CLEAN = "noThreatsFound"


class Remediation(StrEnum):
    """What the source did about a piece of evidence; unlisted values read as NONE."""

    NONE = "none"
    REMEDIATED = "remediated"
    PREVENTED = "prevented"
    BLOCKED = "blocked"
    ACTIVE = "active"
    PENDING = "pending"
    UNREMEDIATED = "unremediated"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a source names it: any subset of the identifiers may be known."""

    object_id: str | None = None
    upn: str | None = None
    sid: str | None = None
    name: str | None = None
    domain: str | None = None

    @property
    def key(self) -> str:
        """The strongest identifier, lower-cased: object id, UPN, SID, then domain and name."""
        if self.object_id:
            return f"oid:{self.object_id.lower()}"
        if self.upn:
            return f"upn:{self.upn.lower()}"
        if self.sid:
            return f"sid:{self.sid.lower()}"
        return f"name:{(self.domain or '').lower()}\\{(self.name or '').lower()}"

    @property
    def label(self) -> str:
        return self.upn or self.name or self.sid or self.object_id or "unnamed account"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    verdict: Verdict = Verdict.UNKNOWN
    remediation: Remediation = Remediation.NONE
    remediation_details: str | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvidence(_Common):
    account: Account
    kind: Literal["user"] = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvidence(_Common):
    device_id: str | None = None
    """The Defender for Endpoint id, 40 hex digits; what response actions need."""
    entra_id: str | None = None
    name: str | None = None
    os: str | None = None
    users: tuple[Account, ...] = ()
    kind: Literal["device"] = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEvidence(_Common):
    name: str | None = None
    path: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    detection: str | None = None
    """Graph's `detectionStatus`: detected, blocked or prevented."""
    device_id: str | None = None
    kind: Literal["file"] = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEvidence(_Common):
    name: str | None = None
    sha256: str | None = None
    command_line: str | None = None
    parent_name: str | None = None
    started: datetime | None = None
    detection: str | None = None
    account: Account | None = None
    device_id: str | None = None
    kind: Literal["process"] = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInEvidence(_Common):
    """One sign-in or session; `session` is the source's id of it."""

    session: str | None = None
    account: Account | None = None
    app: str | None = None
    ip: str | None = None
    country: str | None = None
    user_agent: str | None = None
    device_name: str | None = None
    at: datetime | None = None
    interactive: bool | None = None
    device_compliant: bool | None = None
    phishing_resistant: bool | None = None
    kind: Literal["signIn"] = "signIn"


@dataclass(frozen=True, slots=True, kw_only=True)
class IpEvidence(_Common):
    address: str
    country: str | None = None
    kind: Literal["ip"] = "ip"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlEvidence(_Common):
    url: str
    kind: Literal["url"] = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvidence(_Common):
    """An e-mail; `message_id` is the network message id."""

    message_id: str | None = None
    sender: str | None = None
    recipient: str | None = None
    subject: str | None = None
    delivery: str | None = None
    cluster: tuple[str, ...] = ()
    """For a whole cluster of similar e-mails: the message ids the source names."""
    kind: Literal["message"] = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxEvidence(_Common):
    address: str | None = None
    account: Account | None = None
    kind: Literal["mailbox"] = "mailbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEvidence(_Common):
    app_id: str | None = None
    name: str | None = None
    kind: Literal["app"] = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvidence(_Common):
    """Anything else, kept by the source's own name of its type."""

    type_name: str
    label: str | None = None
    kind: Literal["other"] = "other"


Evidence = (
    UserEvidence
    | DeviceEvidence
    | FileEvidence
    | ProcessEvidence
    | SignInEvidence
    | IpEvidence
    | UrlEvidence
    | MessageEvidence
    | MailboxEvidence
    | AppEvidence
    | OtherEvidence
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    id: str
    title: str
    product: Product
    severity: Severity
    detector: str | None = None
    """The detector or rule id; for Entra ID Protection the risk event type."""
    category: str | None = None
    techniques: tuple[str, ...] = ()
    threat_family: str | None = None
    first_activity: datetime | None = None
    last_activity: datetime | None = None
    created: datetime | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def seen(self) -> datetime | None:
        """When what it tells of began, as far as it says."""
        return self.first_activity or self.created


class DoneKind(StrEnum):
    """What the source, its automation or an administrator has already done."""

    ISOLATED = "isolated"
    DISABLED = "disabled"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    kind: DoneKind
    target: str
    """The label people know it by: a device name, a UPN, a file name."""
    target_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """One incident as one source tells it, at one moment."""

    source: Source
    source_id: str
    title: str
    severity: Severity
    updated: datetime
    """When the source last changed it; an older one than recorded is not applied."""
    created: datetime
    digest: str
    """SHA-256 of the normalised content: equal digests mean nothing changed."""
    description: str = ""
    status: str = "active"
    """The source's own: active, inProgress, resolved, redirected, ..."""
    classification: str | None = None
    determination: str | None = None
    tenant_id: str | None = None
    """As the payload claims; checked against the customer's, never used to choose it."""
    mirrors: tuple[tuple[Source, str], ...] = ()
    redirected_to: str | None = None
    disrupted: bool = False
    """Microsoft's attack disruption acted on it."""
    tags: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    already_done: tuple[AlreadyDone, ...] = field(default=())
