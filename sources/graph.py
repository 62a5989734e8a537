"""The shapes of Microsoft Graph's security incidents, as far as we read them.

Names are Graph's (v1.0, namespace microsoft.graph.security). Reading is lenient: what is unknown
is ignored, and a value of the wrong kind reads as absent, so none of these models ever refuses a
JSON object. What must be there is checked in `defender.py`, which turns these into reports.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from sources import texts
from triage.report import Product, Remediation, Severity, Verdict

Json = Mapping[str, object]

_Member = TypeVar("_Member", bound=StrEnum)

PRODUCTS: dict[str, Product] = {product.casefold(): product for product in Product} | {
    "microsoftappgovernance": Product.CLOUD_APPS,  # a part of Defender for Cloud Apps
}
"""Graph's serviceSource to ours; any other is OTHER."""

REMEDIATIONS: dict[str, Remediation] = {kind.casefold(): kind for kind in Remediation} | {
    "pendingapproval": Remediation.PENDING,
    "running": Remediation.PENDING,  # under way is not done
    "declined": Remediation.UNREMEDIATED,
    "partiallyremediated": Remediation.UNREMEDIATED,  # what is left may still do harm
}
"""Graph's evidenceRemediationStatus to ours; any other is NONE."""

SEVERITIES: dict[str, Severity] = {severity.casefold(): severity for severity in Severity}
VERDICTS: dict[str, Verdict] = {verdict.casefold(): verdict for verdict in Verdict}


def member(members: dict[str, _Member]) -> Callable[[object], _Member | None]:
    """Reads an enum in either case; None for what is not in it."""
    return lambda value: members.get((texts.text(value) or "").casefold())


_OPEN = WithJsonSchema({"type": ["string", "null"]})
"""A vocabulary that is read in either case, and in which what is unknown reads as absent."""


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def lines(value: object) -> tuple[str, ...]:
    found = [texts.text(item) for item in value] if isinstance(value, list) else []
    return tuple(dict.fromkeys(item for item in found if item))


def _ids(value: object) -> tuple[str, ...]:
    found = [texts.identifier(item) for item in value] if isinstance(value, list) else []
    return tuple(dict.fromkeys(item for item in found if item))


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


_T = TypeVar("_T")
Maybe = Annotated[_T | None, BeforeValidator(_object)]
"""A nested object, or None when there is anything else in its place."""

Id = Annotated[str | None, BeforeValidator(texts.identifier)]
Line = Annotated[str | None, BeforeValidator(texts.text)]
Command = Annotated[str | None, BeforeValidator(partial(texts.text, limit=texts.COMMAND))]
Prose = Annotated[str | None, BeforeValidator(texts.prose)]
Sha1 = Annotated[str | None, BeforeValidator(partial(texts.digits, length=40))]
Sha256 = Annotated[str | None, BeforeValidator(partial(texts.digits, length=64))]
MachineId = Sha1
"""Defender for Endpoint's id of a device: 40 hexadecimal digits."""
When = Annotated[datetime | None, BeforeValidator(texts.moment)]
HowGrave = Annotated[Severity | None, BeforeValidator(member(SEVERITIES)), _OPEN]
Ip = Annotated[str | None, BeforeValidator(texts.address)]
Objects = Annotated[tuple[Json, ...], BeforeValidator(_objects)]
Lines = Annotated[tuple[str, ...], BeforeValidator(lines)]
Ids = Annotated[tuple[str, ...], BeforeValidator(_ids)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class UserAccount(Wire):
    account_name: Line = None
    domain_name: Line = None
    user_sid: Id = None
    azure_ad_user_id: Id = None
    user_principal_name: Line = None


class FileDetails(Wire):
    file_name: Line = None
    file_path: Command = None
    sha1: Sha1 = None
    sha256: Sha256 = None


class Evidence(Wire):
    """What every piece of evidence has. `kind` is the last word of its `@odata.type`."""

    odata_type: Annotated[str | None, BeforeValidator(texts.text)] = Field(
        None, alias="@odata.type"
    )
    verdict: Annotated[Verdict | None, BeforeValidator(member(VERDICTS)), _OPEN] = None
    remediation_status: Annotated[
        Remediation | None, BeforeValidator(member(REMEDIATIONS)), _OPEN
    ] = None
    remediation_status_details: Line = None
    roles: Lines = ()
    tags: Lines = ()

    @property
    def kind(self) -> str:
        return (self.odata_type or "unnamed").rpartition(".")[2].lstrip("#")


class UserEvidence(Evidence):
    user_account: Maybe[UserAccount] = None


class LoggedOnUser(Wire):
    account_name: Line = None
    domain_name: Line = None


class DeviceEvidence(Evidence):
    mde_device_id: MachineId = None
    azure_ad_device_id: Id = None
    host_name: Line = None
    device_dns_name: Line = None
    os_platform: Line = None
    logged_on_users: Annotated[list[LoggedOnUser], BeforeValidator(_objects)] = []


class FileEvidence(Evidence):
    file_details: Maybe[FileDetails] = None
    detection_status: Line = None
    mde_device_id: MachineId = None


class ProcessEvidence(Evidence):
    image_file: Maybe[FileDetails] = None
    parent_process_image_file: Maybe[FileDetails] = None
    process_command_line: Command = None
    process_creation_date_time: When = None
    detection_status: Line = None
    mde_device_id: MachineId = None
    user_account: Maybe[UserAccount] = None


class CloudLogonRequestEvidence(Evidence):
    request_id: Id = None


class CloudLogonSessionEvidence(Evidence):
    account: Maybe[UserEvidence] = None
    session_id: Id = None
    user_agent: Command = None
    device_name: Line = None
    start_utc_date_time: When = None


class GeoLocation(Wire):
    country_name: Line = None


class IpEvidence(Evidence):
    ip_address: Ip = None
    country_letter_code: Line = None
    location: Maybe[GeoLocation] = None


class UrlEvidence(Evidence):
    url: Command = None


class EmailSender(Wire):
    email_address: Line = None


class AnalyzedMessageEvidence(Evidence):
    network_message_id: Id = None
    p1_sender: Maybe[EmailSender] = None
    p2_sender: Maybe[EmailSender] = None
    recipient_email_address: Line = None
    subject: Line = None
    delivery_action: Line = None
    delivery_location: Line = None


class SubmissionMailEvidence(Evidence):
    network_message_id: Id = None
    sender: Line = None
    recipient: Line = None
    subject: Line = None


class MailClusterEvidence(Evidence):
    network_message_ids: Ids = ()
    cluster_by: Line = None
    cluster_by_value: Line = None


class MailboxEvidence(Evidence):
    primary_address: Line = None
    upn: Line = None
    user_account: Maybe[UserAccount] = None


class CloudApplicationEvidence(Evidence):
    app_id: Id = None
    display_name: Line = None
    instance_name: Line = None


class OAuthApplicationEvidence(Evidence):
    app_id: Id = None
    display_name: Line = None


class ServicePrincipalEvidence(Evidence):
    app_id: Id = None
    service_principal_name: Line = None


class AnyEvidence(Evidence):
    """The types we keep by name only: what any of them calls itself."""

    display_name: Line = None
    name: Line = None
    resource_name: Line = None
    domain_name: Line = None
    value: Line = None
    subject: Line = None
    registry_hive: Line = None
    registry_key: Command = None
    registry_value_name: Line = None


class Alert(Wire):
    id: Id = None
    provider_alert_id: Id = None
    title: Line = None
    service_source: Annotated[Product | None, BeforeValidator(member(PRODUCTS)), _OPEN] = None
    severity: HowGrave = None
    detector_id: Line = None
    category: Line = None
    mitre_techniques: Lines = ()
    threat_family_name: Line = None
    first_activity_date_time: When = None
    last_activity_date_time: When = None
    created_date_time: When = None
    system_tags: Lines = ()
    evidence: Objects = ()


class Incident(Wire):
    """`tags` is how Graph's documentation spells `customTags`; both are read."""

    id: Id = None
    display_name: Line = None
    title: Line = None
    description: Prose = None
    severity: HowGrave = None
    status: Line = None
    classification: Line = None
    determination: Line = None
    tenant_id: Id = None
    redirect_incident_id: Id = None
    created_date_time: When = None
    last_update_date_time: When = None
    custom_tags: Lines = ()
    tags: Lines = ()
    system_tags: Lines = ()
    alerts: Objects = ()
