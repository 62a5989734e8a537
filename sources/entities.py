"""Sentinel's entities, put into Graph's words for evidence; `evidence.py` reads those.

They come in two spellings of one schema: in Log Analytics as `{"Type": "account", "Name": ...}`,
where `$ref` points at the `$id` of an entity told before; from the API as `{"kind": "Account",
"properties": {"accountName": ...}}`, where `...EntityId` points at another's `id`. Names of fields
read in any case. Nothing here refuses: what names nothing becomes no evidence.
"""

from collections.abc import Callable, Iterator, Sequence

from sources import texts
from sources.graph import Json

_TYPE = "#microsoft.graph.security."


def as_evidence(entities: Sequence[object]) -> list[Json]:
    """The evidence that the entities of one alert, or of one incident, are."""
    told = [one for one in entities if isinstance(one, dict)]
    among = _Among(told)
    flat = [found for one in told if (found := among.target(one)) is not None]
    parts = {id(part) for one in flat for part in _parts(one, among)}
    return [_evidence(one, among) for one in flat if id(one) not in parts]


class _Among:
    """The entities told together, found by what others call them."""

    def __init__(self, told: Sequence[Json]) -> None:
        self._by_id: dict[str, Json] = {}
        self._flat: dict[int, Json] = {}
        for raw in _nested(told):
            for name in ("$id", "id"):
                if (key := texts.text(raw.get(name))) is not None:
                    self._by_id.setdefault(key.casefold(), raw)

    def target(self, value: object) -> Json | None:
        """The entity itself, or the one that is meant: by `$ref`, or by its id alone."""
        if isinstance(value, str):
            value = self._by_id.get(value.casefold())
        elif isinstance(value, dict) and "$ref" in value:
            value = self._by_id.get((texts.text(value["$ref"]) or "").casefold())
        return self._as_one(value) if isinstance(value, dict) else None

    def inner(self, entity: Json, *names: str) -> Json:
        found = (self.target(entity.get(name)) for name in names)
        return next((one for one in found if one is not None), {})

    def inners(self, entity: Json, *names: str) -> list[Json]:
        values = next((v for name in names if isinstance(v := entity.get(name), list)), [])
        return [one for value in values if (one := self.target(value)) is not None]

    def _as_one(self, raw: Json) -> Json:
        """The same object every time, so that one entity stays one however often it is meant."""
        return self._flat.setdefault(id(raw), _flattened(raw))


def _nested(told: Sequence[Json]) -> Iterator[Json]:
    """Every object, however deep."""
    waiting: list[object] = list(told)
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _parts(entity: Json, among: _Among) -> list[Json]:
    """Told once more beside what they belong to: a file's hashes, a registry value's key."""
    return [*_hashes(entity, among), among.inner(entity, "key", "keyentityid")]


def _flattened(raw: Json) -> Json:
    """Its fields in lower case. Around `properties` stand a kind, and a name that is none."""
    inside = raw.get("properties")
    fields = {**inside, "kind": raw.get("kind")} if isinstance(inside, dict) else raw
    return {name.casefold(): value for name, value in fields.items()}


def _evidence(entity: Json, among: _Among) -> Json:
    named = _first(entity, "kind", "type") or "unnamed"
    kind, reader = _KINDS.get(named.casefold().replace("-", ""), (named.rpartition("/")[2], _any))
    return {"@odata.type": f"{_TYPE}{kind}Evidence", **reader(entity, among), **_common(entity)}


def _common(entity: Json) -> Json:
    return {
        "verdict": entity.get("lastverdict") or entity.get("verdict"),
        "remediationStatus": entity.get("lastremediationstate") or entity.get("remediationstate"),
        "detectionStatus": entity.get("detectionstatus"),
        "roles": _roles(entity.get("roles")),
    }


def _roles(value: object) -> object:
    """Graph begins them with a small letter."""
    if not isinstance(value, list):
        return None
    return [role[:1].lower() + role[1:] if isinstance(role, str) else role for role in value]


# --- who -----------------------------------------------------------------------------------------


def _account(entity: Json, _: _Among) -> Json:
    return {"userAccount": _user_account(entity)}


def _user_account(entity: Json) -> Json:
    """Any subset of the identifiers may be there.

    - `Name` may be the account name, the prefix of the UPN (always, from July 2026), a whole UPN,
      the domain and the name with a backslash between them, or, as some products write it, the
      person's display name; `AccountName` stands beside it then;
    - a UPN is put together of a name and `UPNSuffix`, and never of a display name.
    """
    said = texts.text(entity.get("accountname")) or texts.text(entity.get("name")) or ""
    domain, _, name = said.rpartition("\\")
    suffix = texts.text(entity.get("upnsuffix"))
    return {
        "accountName": name.partition("@")[0] or None,
        "domainName": _first(entity, "ntdomain", "domainname", "dnsdomain") or domain or None,
        "userSid": entity.get("sid"),
        "azureAdUserId": entity.get("aaduserid"),
        "userPrincipalName": _first(entity, "userprincipalname") or _upn(name, suffix),
    }


def _upn(name: str, suffix: str | None) -> str | None:
    if "@" in name:
        return name
    return f"{name}@{suffix}" if name and suffix and " " not in name else None


def _first(entity: Json, *names: str) -> str | None:
    return next((said for name in names if (said := texts.text(entity.get(name)))), None)


def _logon_session(entity: Json, among: _Among) -> Json:
    return {
        "sessionId": entity.get("sessionid"),
        "userAgent": entity.get("useragent"),
        "deviceName": entity.get("devicename"),
        "startUtcDateTime": entity.get("starttimeutc"),
        "account": {
            "userAccount": _user_account(among.inner(entity, "account", "accountentityid"))
        },
    }


def _logon_request(entity: Json, _: _Among) -> Json:
    return {"requestId": entity.get("requestid")}


def _mailbox(entity: Json, _: _Among) -> Json:
    upn = entity.get("upn")
    return {
        "primaryAddress": entity.get("mailboxprimaryaddress"),
        "upn": upn,
        "userAccount": {
            "azureAdUserId": _first(entity, "aadid", "externaldirectoryobjectid"),
            "userPrincipalName": upn,
        },
    }


# --- what ----------------------------------------------------------------------------------------


def _host(entity: Json, among: _Among) -> Json:
    host, domain = _first(entity, "hostname", "netbiosname"), _first(entity, "dnsdomain")
    users = among.inners(entity, "loggedonusers")
    return {
        "mdeDeviceId": entity.get("mdatpdeviceid"),
        "azureAdDeviceId": entity.get("aaddeviceid"),
        "hostName": host,
        "deviceDnsName": _first(entity, "fqdn")
        or (f"{host}.{domain}" if host and domain else None),
        "osPlatform": _first(entity, "osfamily"),
        "loggedOnUsers": [_user_account(user) for user in users],
    }


def _file(entity: Json, among: _Among) -> Json:
    return {"fileDetails": _details(entity, among), "mdeDeviceId": _machine(entity, among)}


def _details(entity: Json, among: _Among) -> Json:
    hashes = {
        (texts.text(one.get("algorithm")) or "").casefold(): _first(one, "value", "hashvalue")
        for one in _hashes(entity, among)
    }
    return {
        "fileName": _first(entity, "filename", "name"),
        "filePath": entity.get("directory"),
        "sha1": hashes.get("sha1"),
        "sha256": hashes.get("sha256"),
    }


def _hashes(entity: Json, among: _Among) -> list[Json]:
    return among.inners(entity, "filehashes", "filehashentityids")


def _machine(entity: Json, among: _Among) -> object:
    return among.inner(entity, "host", "hostentityid").get("mdatpdeviceid")


def _hash(entity: Json, _: _Among) -> Json:
    """A hash no file was told of."""
    algorithm = (texts.text(entity.get("algorithm")) or "").casefold()
    return {"fileDetails": {algorithm: _first(entity, "value", "hashvalue")}}


def _process(entity: Json, among: _Among) -> Json:
    parent = among.inner(entity, "parentprocess", "parentprocessentityid")
    return {
        "imageFile": _image(entity, among),
        "parentProcessImageFile": _image(parent, among),
        "processCommandLine": entity.get("commandline"),
        "processCreationDateTime": entity.get("creationtimeutc"),
        "userAccount": _user_account(among.inner(entity, "account", "accountentityid")),
        "mdeDeviceId": _machine(entity, among),
    }


def _image(process: Json, among: _Among) -> Json:
    return _details(among.inner(process, "imagefile", "imagefileentityid"), among)


def _ip(entity: Json, _: _Among) -> Json:
    where = entity.get("location")
    place = _flattened(where) if isinstance(where, dict) else {}
    return {
        "ipAddress": entity.get("address"),
        "countryLetterCode": place.get("countrycode"),
        "location": {"countryName": place.get("countryname")},
    }


def _url(entity: Json, _: _Among) -> Json:
    return {"url": entity.get("url")}


def _message(entity: Json, _: _Among) -> Json:
    sender = _first(entity, "p2sender", "sender", "p1sender")
    return {
        "networkMessageId": entity.get("networkmessageid"),
        "p2Sender": {"emailAddress": sender},
        "recipientEmailAddress": entity.get("recipient"),
        "subject": entity.get("subject"),
        "deliveryAction": entity.get("deliveryaction"),
        "deliveryLocation": entity.get("deliverylocation"),
    }


def _reported_message(entity: Json, _: _Among) -> Json:
    names = {"networkMessageId", "sender", "recipient", "subject"}
    return {name: entity.get(name.casefold()) for name in names}


def _cluster(entity: Json, _: _Among) -> Json:
    return {"networkMessageIds": entity.get("networkmessageids")}


def _cloud_app(entity: Json, _: _Among) -> Json:
    return {
        "appId": entity.get("appid"),
        "displayName": _first(entity, "appname", "name"),
        "instanceName": entity.get("instancename"),
    }


def _oauth_app(entity: Json, _: _Among) -> Json:
    app_id = _first(entity, "oauthappid", "appid")
    return {"appId": app_id, "displayName": _first(entity, "name", "appname")}


def _registry(entity: Json, among: _Among) -> Json:
    key = among.inner(entity, "key", "keyentityid") or entity
    return {
        "registryHive": key.get("hive"),
        "registryKey": key.get("key"),
        "registryValueName": _first(entity, "valuename", "name"),
    }


_LABELS = (
    *("friendlyname", "malwarename", "domainname", "distinguishedname", "devicename"),
    *("displayname", "name", "resourceid"),
)


def _any(entity: Json, _: _Among) -> Json:
    return {"displayName": _first(entity, *_LABELS)}


_KINDS: dict[str, tuple[str, Callable[[Json, _Among], Json]]] = {
    "account": ("user", _account),
    "host": ("device", _host),
    "file": ("file", _file),
    "filehash": ("file", _hash),
    "process": ("process", _process),
    "cloudlogonsession": ("cloudLogonSession", _logon_session),
    "cloudlogonrequest": ("cloudLogonRequest", _logon_request),
    "ip": ("ip", _ip),
    "url": ("url", _url),
    "mailmessage": ("analyzedMessage", _message),
    "submissionmail": ("submissionMail", _reported_message),
    "mailcluster": ("mailCluster", _cluster),
    "mailbox": ("mailbox", _mailbox),
    "cloudapplication": ("cloudApplication", _cloud_app),
    "oauthapplication": ("oauthApplication", _oauth_app),
    "registrykey": ("registryKey", _registry),
    "registryvalue": ("registryValue", _registry),
}
"""By `Type` or `kind`, in lower case and without hyphens; any other is kept by its name."""
