"""Our own shape, for sources that speak none of the others: `native.md` shows and explains it.

Strict where `defender` is lenient: whoever writes it writes it for us, so a typing error is told
and not guessed at. Unknown fields are refused by name; texts are cut and cleaned as everywhere.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from sources import texts
from sources.parsed import EXPLAINED, Malformed, Parsed, sealed
from triage.report import DoneKind, IncidentReport, Product, Remediation, Severity, Source, Verdict

# --- fields --------------------------------------------------------------------------------------


def _needs_text(read: Callable[[object], str | None], value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise PydanticCustomError("text", "This must be a text, in quotes.")
    return read(value)


def _id(value: object) -> str | None:
    if isinstance(value, str) and len(value) > texts.ID:
        raise PydanticCustomError("id", "An id has at most {most} characters.", {"most": texts.ID})
    return _needs_text(texts.identifier, value)


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    read = texts.moment(value)
    if read is None or not _has_offset(value):
        raise PydanticCustomError(
            "time", "This must be an ISO 8601 time with an offset, like 2025-11-24T09:30:00Z."
        )
    return read


def _has_offset(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value.strip()).tzinfo is not None


def _never_empty(read: Callable[[object], str | None], value: object) -> str:
    found = read(value)
    if found is None:
        raise PydanticCustomError("empty", "This must be a text that says something.")
    return found


def _address(value: object) -> str | None:
    read = texts.address(value)
    if read is None:
        raise PydanticCustomError("address", "This must be an IP address.")
    return read


def _digits(value: object, length: int) -> str | None:
    if value is None:
        return None
    read = texts.digits(value, length)
    if read is None:
        raise PydanticCustomError(
            "digits", "This must be {length} hexadecimal digits.", {"length": length}
        )
    return read


_line = partial(_needs_text, texts.text)
_command = partial(_needs_text, partial(texts.text, limit=texts.COMMAND))

Id = Annotated[str, BeforeValidator(partial(_never_empty, _id))]
MaybeId = Annotated[str | None, BeforeValidator(_id)]
Line = Annotated[str, BeforeValidator(partial(_never_empty, _line))]
MaybeLine = Annotated[str | None, BeforeValidator(_line)]
Command = Annotated[str, BeforeValidator(partial(_never_empty, _command))]
MaybeCommand = Annotated[str | None, BeforeValidator(_command)]
Prose = Annotated[str | None, BeforeValidator(partial(_needs_text, texts.prose))]
Sha1 = Annotated[str | None, BeforeValidator(partial(_digits, length=40))]
Sha256 = Annotated[str | None, BeforeValidator(partial(_digits, length=64))]
MachineId = Sha1
Time = Annotated[datetime, BeforeValidator(_time)]
MaybeTime = Annotated[datetime | None, BeforeValidator(_time)]
Ip = Annotated[str, BeforeValidator(_address)]

# --- shapes --------------------------------------------------------------------------------------


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountShape(Shape):
    object_id: MaybeId = None
    upn: MaybeLine = None
    sid: MaybeId = None
    name: MaybeLine = None
    domain: MaybeLine = None


class EvidenceShape(Shape):
    verdict: Verdict = Verdict.UNKNOWN
    remediation: Remediation = Remediation.NONE
    remediation_details: MaybeLine = None
    roles: tuple[Line, ...] = ()


class UserShape(EvidenceShape):
    kind: Literal["user"]
    account: AccountShape


class DeviceShape(EvidenceShape):
    kind: Literal["device"]
    device_id: MachineId = None
    entra_id: MaybeId = None
    name: MaybeLine = None
    os: MaybeLine = None
    users: tuple[AccountShape, ...] = ()


class FileShape(EvidenceShape):
    kind: Literal["file"]
    name: MaybeLine = None
    path: MaybeCommand = None
    sha1: Sha1 = None
    sha256: Sha256 = None
    detection: Literal["detected", "blocked", "prevented"] | None = None
    device_id: MachineId = None


class ProcessShape(EvidenceShape):
    kind: Literal["process"]
    name: MaybeLine = None
    sha256: Sha256 = None
    command_line: MaybeCommand = None
    parent_name: MaybeLine = None
    started: MaybeTime = None
    detection: Literal["detected", "blocked", "prevented"] | None = None
    account: AccountShape | None = None
    device_id: MachineId = None


class SignInShape(EvidenceShape):
    kind: Literal["signIn"]
    session: MaybeId = None
    account: AccountShape | None = None
    app: MaybeLine = None
    ip: Ip | None = None
    country: MaybeLine = None
    user_agent: MaybeCommand = None
    device_name: MaybeLine = None
    at: MaybeTime = None
    interactive: StrictBool | None = None
    device_compliant: StrictBool | None = None
    phishing_resistant: StrictBool | None = None


class IpShape(EvidenceShape):
    kind: Literal["ip"]
    address: Ip
    country: MaybeLine = None


class UrlShape(EvidenceShape):
    kind: Literal["url"]
    url: Command


class MessageShape(EvidenceShape):
    kind: Literal["message"]
    message_id: MaybeId = None
    sender: MaybeLine = None
    recipient: MaybeLine = None
    subject: MaybeLine = None
    delivery: MaybeLine = None
    cluster: tuple[Id, ...] = ()


class MailboxShape(EvidenceShape):
    kind: Literal["mailbox"]
    address: MaybeLine = None
    account: AccountShape | None = None


class AppShape(EvidenceShape):
    kind: Literal["app"]
    app_id: MaybeId = None
    name: MaybeLine = None


class OtherShape(EvidenceShape):
    kind: Literal["other"]
    type_name: Line
    label: MaybeLine = None


AnyShape = (
    UserShape
    | DeviceShape
    | FileShape
    | ProcessShape
    | SignInShape
    | IpShape
    | UrlShape
    | MessageShape
    | MailboxShape
    | AppShape
    | OtherShape
)


class AlertShape(Shape):
    id: Id
    title: Line
    product: Product
    severity: Severity
    detector: MaybeLine = None
    category: MaybeLine = None
    techniques: tuple[Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$", max_length=9)], ...] = ()
    threat_family: MaybeLine = None
    first_activity: MaybeTime = None
    last_activity: MaybeTime = None
    created: MaybeTime = None
    evidence: tuple[Annotated[AnyShape, Field(discriminator="kind")], ...] = ()


class DoneShape(Shape):
    kind: DoneKind
    target: Line
    target_id: MaybeId = None


class MirrorShape(Shape):
    source: Source
    id: Id


class IncidentShape(Shape):
    id: Id
    title: Line
    severity: Severity
    created: Time
    updated: Time
    description: Prose = None
    status: MaybeLine = None
    classification: MaybeLine = None
    determination: MaybeLine = None
    tenant_id: MaybeId = None
    mirrors: tuple[MirrorShape, ...] = ()
    redirected_to: MaybeId = None
    disrupted: StrictBool = False
    tags: tuple[Line, ...] = ()
    alerts: tuple[AlertShape, ...] = ()
    already_done: tuple[DoneShape, ...] = ()


_REPORT = TypeAdapter(IncidentReport)

# --- reading -------------------------------------------------------------------------------------


def parse(body: object) -> list[Parsed]:
    """One incident, or a list of them; each is a result of its own."""
    return [_parse_one(raw) for raw in body] if isinstance(body, list) else [_parse_one(body)]


def _parse_one(raw: object) -> Parsed:
    try:
        shape = IncidentShape.model_validate(raw)
    except ValidationError as refusal:
        return _malformed(refusal.errors(include_url=False), raw)
    return sealed(_report(shape))


def _report(shape: IncidentShape) -> IncidentReport:
    """The shapes carry the report's own names, so one dump builds it; a test holds them equal."""
    content = shape.model_dump(exclude={"id", "mirrors"})
    return _REPORT.validate_python(
        content
        | {
            "source": Source.NATIVE,
            "source_id": shape.id,
            "description": shape.description or "",
            "status": shape.status or "active",
            # What Microsoft's own products call theirs is theirs to say: ours has the weakest key.
            "mirrors": [(m.source, m.id) for m in shape.mirrors if m.source is Source.NATIVE],
            "digest": "",
        }
    )


def _malformed(errors: list[ErrorDetails], raw: object) -> Malformed:
    first = errors[0]
    others = [_path(error) for error in errors[1:EXPLAINED]]
    also = f" Also wrong: {', '.join(others)}." if others else ""
    return Malformed(_path(first), f"{_said(first)}{also}", raw)


def _said(error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "This field is unknown; native.md names those there are."
        case "missing":
            return "This field is required; native.md shows a whole incident."
        case _:
            return error["msg"]


def _path(error: ErrorDetails) -> str:
    """`alerts[2].evidence[0].url`; the kind pydantic adds after an evidence's number is left out."""
    path = ""
    after_evidence = False
    for part in error["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not after_evidence:
            path += f".{part}"
        after_evidence = isinstance(part, int) and path.endswith(f"evidence[{part}]")
    return path.lstrip(".") or "body"
