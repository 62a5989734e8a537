"""`vouch doctor`: is everything there that Vouch needs, and if not, what is to be done?

It only looks: nothing is sent to anybody's chat, nothing is stored, and a running server keeps its
database. *Missing* is what onboarding has not brought yet; *broken* is what keeps Vouch from its
work. No line holds a secret.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cryptography import x509
from pydantic import ValidationError

from bot.clock import Clock
from bot.commands import described
from bot.links import CALLBACK
from bot.secretrefs import SecretError, signing_secret
from bot.settings import Proof, Settings
from bot.teams.hosts import is_allowed
from bot.teams.probe import NoAnswerError, Probe
from sources.absence import PERMISSIONS
from storage import across, credentials, homes, invitations, people, profiles
from storage.credentials import Credential, Kind
from storage.engine import Standing, Store, StoreError, Tx, standing
from storage.invitations import Invitation
from storage.profiles import Profile
from triage.customer import Customer, Provider, StepUp, Stop
from triage.duty import gaps

PATIENCE_SECONDS = 20
"""For one check; each of its calls has a shorter limit of its own."""
TOLERABLE_SKEW = 60.0
"""Seconds. Teams' tokens are refused from five minutes on."""
SOON = timedelta(days=30)
"""Before its end from when on a certificate is worth a word."""


class State(StrEnum):
    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    state: State
    what: str
    remedy: str = ""
    items: tuple[str, ...] = ()
    """What it is about, one by one; each stands on a line of its own."""

    def __str__(self) -> str:
        said = f"{self.state}: {self.what}" + (f". {self.remedy}" if self.remedy else "")
        return "\n    ".join([said, *self.items])


def ok(what: str) -> Finding:
    return Finding(State.OK, what)


def missing(what: str, remedy: str) -> Finding:
    return Finding(State.MISSING, what, remedy)


def broken(what: str, remedy: str) -> Finding:
    return Finding(State.BROKEN, what, remedy)


async def examine(settings: Settings, clock: Clock, probe: Probe) -> AsyncIterator[Finding]:
    """From the outside in: credential, Microsoft, database, provider, customers, stuck work."""
    yield _proof(settings, clock.now())
    yield _pager(settings)
    checks = [
        _patiently("token", _token(probe, settings)),
        _patiently("clock", _skew(probe)),
        _patiently("signing keys", _keys(probe)),
        *(_patiently(host, _host(probe, host)) for host in sorted(settings.service_hosts)),
        *(_patiently("pager", _ringable(probe, url)) for url in _pager_urls(settings)),
    ]
    for finding in await asyncio.gather(*checks):
        yield finding
    async for finding in _records(settings, clock):
        yield finding


async def _patiently(what: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await asyncio.wait_for(check, PATIENCE_SECONDS)
    except TimeoutError:
        return broken(f"{what}: no answer in {PATIENCE_SECONDS} s", "Check the network.")


# --- credential ----------------------------------------------------------------------------------


def _proof(settings: Settings, now: datetime) -> Finding:
    """What can be told of the credential before anybody is asked."""
    try:
        match settings.proof:
            case Proof.CERTIFICATE if settings.app_certificate:
                return _certificate(settings.app_certificate, now)
            case Proof.FEDERATED if settings.app_federated_token_file:
                return _token_file(settings.app_federated_token_file)
            case proof:
                return ok(f"settings: complete; {proof} is the bot's credential")
    except OSError as error:
        return broken(
            f"credential: {error.filename} cannot be read: {error.strerror}",
            f"Correct {settings.proof}, or who may read the file.",
        )


def _certificate(file: Path, now: datetime) -> Finding:
    pem = file.read_bytes()
    if b"PRIVATE KEY" not in pem:
        return broken(f"credential: {file} holds no private key", "Add it to the file, as PEM.")
    if b"BEGIN CERTIFICATE" not in pem:
        return ok(f"settings: complete; the key in {file} is the bot's credential")
    try:
        end = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError as error:
        return broken(f"credential: {file} is no certificate: {error}", "Export it anew, as PEM.")
    renew = f"Register a new certificate with the app and write it to {file}."
    if end <= now:
        return broken(f"credential: the certificate ended on {end:%Y-%m-%d}", renew)
    if end <= now + SOON:
        return missing(f"credential: the certificate ends on {end:%Y-%m-%d}", renew)
    return ok(f"settings: complete; the certificate in {file} serves until {end:%Y-%m-%d}")


def _token_file(file: Path) -> Finding:
    if not file.read_text(encoding="ascii", errors="replace").strip():
        return broken(f"credential: {file} is empty", "See that its writer runs.")
    return ok(f"settings: complete; the token in {file} is the bot's credential")


# --- Microsoft -----------------------------------------------------------------------------------

REMEDIES = {
    "7000215": "Put the secret's value, not its id, into VOUCH_APP_SECRET.",
    "7000222": "The secret has ended: make a new one and put its value into VOUCH_APP_SECRET.",
    "700016": "VOUCH_APP_ID is no application of VOUCH_APP_TENANT: correct one of them.",
    "90002": "VOUCH_APP_TENANT is no tenant: use the directory (tenant) id that Entra shows.",
    "700027": "Register the certificate with the app, or use the one that is.",
    "70021": "Give the app a federated credential with the issuer and subject of the token.",
    "700213": "Give the app a federated credential with the subject of the token.",
}
"""By Entra's number for what it refuses (AADSTS...)."""


async def _token(probe: Probe, settings: Settings) -> Finding:
    try:
        await probe.token()
    except NoAnswerError as error:
        numbers = re.findall(r"\d{5,7}", str(error))
        known = (REMEDIES[number] for number in numbers if number in REMEDIES)
        otherwise = f"Check {settings.proof}, VOUCH_APP_TENANT, VOUCH_LOGIN_URL and the network."
        return broken(f"token: {error}", next(known, otherwise))
    return ok("token: Entra gives the bot one")


async def _skew(probe: Probe) -> Finding:
    try:
        ahead = await probe.ahead()
    except NoAnswerError as error:
        return broken(f"clock: Entra does not say the time: {error}", "Check VOUCH_LOGIN_URL.")
    if abs(ahead) > TOLERABLE_SKEW:
        which = "ahead of" if ahead > 0 else "behind"
        return broken(
            f"clock: {abs(ahead):.0f} s {which} Entra's", "Set this machine's time, as by NTP."
        )
    return ok("clock: agrees with Entra's")


async def _keys(probe: Probe) -> Finding:
    try:
        count = await probe.keys()
    except NoAnswerError as error:
        return broken(
            f"signing keys: not to be had: {error}",
            "Without them nothing from Teams is believed. Check VOUCH_OPENID_METADATA_URL.",
        )
    return ok(f"signing keys: {count} published")


async def _host(probe: Probe, host: str) -> Finding:
    try:
        await probe.reach(host)
    except NoAnswerError as error:
        return broken(f"{host}: cannot be reached: {error}", "Check VOUCH_SERVICE_HOSTS.")
    return ok(f"{host}: reached, and allowed to get the bot's token")


# --- pager ---------------------------------------------------------------------------------------


def _pager_urls(settings: Settings) -> list[str]:
    if settings.pagerduty_key is not None:
        return [settings.pagerduty_url]
    return [settings.page_webhook_url] if settings.page_webhook_url is not None else []


def _pager(settings: Settings) -> Finding:
    if settings.pagerduty_key is not None:
        return ok("pager: PagerDuty rings where nobody acts")
    if settings.page_webhook_url is not None:
        return ok("pager: a signed webhook rings where nobody acts")
    return missing(
        "pager: none, so nobody will be rung where nobody acts",
        "Set VOUCH_PAGERDUTY_KEY, or VOUCH_PAGE_WEBHOOK_URL and VOUCH_PAGE_WEBHOOK_SECRET.",
    )


async def _ringable(probe: Probe, url: str) -> Finding:
    """Its host is there; nothing is rung."""
    host = urlsplit(url).netloc
    try:
        await probe.reach(host)
    except NoAnswerError as error:
        return broken(
            f"pager: {host} cannot be reached: {error}", "Check its address and the network."
        )
    return ok(f"pager: {host} is there; whether it rings is not tried")


# --- records -------------------------------------------------------------------------------------

ADD_PROVIDER = "Add it: `vouch customer add provider.toml`; storage/profile.md shows how."


async def _records(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    try:
        stands = await asyncio.to_thread(standing, settings.database_url)
        yield _database(stands)
        if stands.tables == "none":
            yield broken("provider: no profile", ADD_PROVIDER)
        if stands.tables != "current":
            return
        store = Store.look(settings.database_url)
        try:
            async for finding in _house(store, settings, clock):
                yield finding
        finally:
            await store.close()
    except StoreError as error:
        yield broken(f"database: {error}", "Check VOUCH_DATABASE_URL, the file and its folder.")


def _database(stands: Standing) -> Finding:
    where = f"database: {stands.where}"
    match stands.tables:
        case "none":
            return missing(f"{where} does not exist", "The first profile that is added makes it.")
        case "older":
            return missing(f"{where} is an older version's", "`vouch serve` brings it up to date.")
        case "newer":
            return broken(f"{where} is a newer version's", "Run that version of Vouch.")
    if stands.used_by:
        return ok(f"{where}, in use by process {stands.used_by}")
    return ok(f"{where}, in use by nobody")


async def _house(store: Store, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    now = clock.now()
    onboarded = await store.read_across(across.customers)
    if not any(one.role == "provider" for one in onboarded):
        yield broken("provider: no profile", ADD_PROVIDER)
    for one in sorted(onboarded, key=lambda one: (one.role != "provider", one.id)):
        for finding in await _one(store, one, settings, now):
            yield finding
        if one.role == "provider":
            named = await _named_for(store, one.id)
            unknown = sorted(named - {each.id for each in onboarded})
            if unknown:
                yield missing(
                    f"{one.id}: analysts are named for customers that are not onboarded: "
                    f"{', '.join(unknown)}",
                    "Correct `customers` of these analysts, or onboard them.",
                )
    if not any(one.role == "customer" for one in onboarded):
        yield missing("customers: none", "Add one: `vouch customer add contoso.toml`.")
    for finding in _stuck(await store.read_across(lambda tx: across.stuck(tx, now)), now):
        yield finding


async def _one(
    store: Store, one: across.Onboarded, settings: Settings, now: datetime
) -> list[Finding]:
    try:
        return await store.read(one.id, lambda tx: list(_known(tx, one, settings, now)))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return [broken(f"{one.id}: its profile cannot be read: {faults}", _again(one))]


async def _named_for(store: Store, provider: str) -> set[str]:
    """The customers that analysts are named for; none where the profile cannot be read, which is
    said already."""
    try:
        profile = await store.read(provider, profiles.find)
    except ValidationError:
        return set()
    analysts = profile.analysts if isinstance(profile, Provider) else ()
    return {customer for analyst in analysts for customer in analyst.customers}


def _known(tx: Tx, one: across.Onboarded, settings: Settings, now: datetime) -> Iterator[Finding]:
    profile = profiles.find(tx)
    if profile is None:
        return
    yield _profile(profile, one)
    yield _installed(tx, profile, settings, now)
    if isinstance(profile, Provider) and profile.shifts:
        yield _shifts(profile, now)
    if not isinstance(profile, Provider):
        yield from _people(people.reach(tx, profile.tenant_id), one)
        yield from _intake(credentials.listed(tx), one)
        if profile.stopped:
            yield _stopped(profile.stopped, one)
        if profile.look_for_absence:
            yield _absence(profile)
        if profile.step_up is not None:
            yield _step_up(profile, profile.step_up, settings, now.date())


LOOKS_AHEAD = 14
"""Days of shifts that are gone through: whatever repeats by the week, and a change of the clocks."""


def _shifts(provider: Provider, now: datetime) -> Finding:
    """When nobody is on duty the pager rings for every new case."""
    found = gaps(provider, now, LOOKS_AHEAD)
    if not found:
        return ok(f"{provider.id}: somebody is on duty at every hour")
    zone = ZoneInfo(provider.zone)
    start, end = (at.astimezone(zone) for at in found[0])
    more = f", and {len(found) - 1} times more" if len(found) > 1 else ""
    return missing(
        f"{provider.id}: nobody is on duty from {start:%a %d %b %H:%M} to {end:%a %d %b %H:%M}"
        f" ({provider.zone}){more}, within {LOOKS_AHEAD} days",
        "Close the gap with a shift in the profile, or know that the pager rings then.",
    )


PROBED_WITHIN = timedelta(days=365)
"""A policy can be switched off: what was seen longer ago is tried again."""


def _step_up(customer: Customer, step_up: StepUp, settings: Settings, today: date) -> Finding:
    """Entra grants a context that no policy protects to everybody, so a date must say that it was
    seen to refuse; and there must be a page to begin at."""
    what = f"{customer.id}: fresh sign-in with context {step_up.authentication_context}"
    try_it = (
        "Sign in with less than the policy of that context asks for: once it is refused, put the "
        "date into the profile's step_up.probed."
    )
    if settings.public_url is None:
        return missing(f"{what} is not offered: there is no page", "Set VOUCH_PUBLIC_URL.")
    if step_up.probed is None:
        return missing(f"{what} is not offered: nobody saw it refuse anybody", try_it)
    if today - step_up.probed > PROBED_WITHIN:
        return missing(f"{what} was last seen to refuse on {step_up.probed}", try_it)
    return ok(
        f"{what} is offered, seen to refuse on {step_up.probed}; the app needs the redirect URI "
        f"{settings.public_url}{CALLBACK}, and a consent in the tenant {customer.tenant_id}"
    )


def _profile(profile: Profile, one: across.Onboarded) -> Finding:
    objections = profiles.objections(profile)
    if objections:
        return broken(f"{one.id}: its profile is not valid: {'; '.join(objections)}", _again(one))
    return ok(f"{one.id}: profile of the {one.role}, version {one.version}")


def _again(one: across.Onboarded) -> str:
    return f"Correct the profile and add it again: `vouch customer add {one.id}.toml`."


def _installed(tx: Tx, profile: Profile, settings: Settings, now: datetime) -> Finding:
    home = homes.home(tx)
    if home is None:
        return _unbound(profile, invitations.newest(tx), now)
    chosen = homes.chosen(tx)
    why = homes.why_unusable(tx, chosen.channel_id) if chosen else None
    if chosen is not None and why is not None:
        return broken(
            f"{profile.id}: nobody can post in its channel {chosen.channel_id} ({why}); threads open "
            "in General of its team",
            f"`vouch customer invite {profile.id}` makes a code for another channel; {USE_IT}",
        )
    channel = people.channel(tx, profile.tenant_id, home.channel_id)
    if channel is None:
        return missing(
            f"{profile.id}: the app is not installed in the team {home.team_id}",
            "Have an owner of that team add Vouch to it.",
        )
    if not is_allowed(channel.service_url, settings.service_hosts):
        return broken(
            f"{profile.id}: its channel is spoken to at {channel.service_url}, which is not allowed",
            "Where that host is Microsoft's, add it to VOUCH_SERVICE_HOSTS.",
        )
    return ok(f"{profile.id}: installed in its team")


def _stopped(stop: Stop, one: across.Onboarded) -> Finding:
    whose = "--all" if stop.everywhere else one.id
    return missing(
        f"{one.id}: response actions are stopped since {stop.at:%Y-%m-%d %H:%M} UTC by "
        f"{stop.by or 'the circuit breaker'}: {stop.why}",
        f"When it is over: `vouch allow-containment {whose} --why ...`.",
    )


def _unbound(profile: Profile, invited: Invitation | None, now: datetime) -> Finding:
    what = f"{profile.id}: no channel is bound"
    again = f"`vouch customer invite {profile.id}` makes a code; {USE_IT}"
    if invited is None or invited.used_at is not None:
        return missing(what, again)
    until = f"{invited.expires:%Y-%m-%d %H:%M} UTC"
    if invited.expires <= now:
        return missing(f"{what}, and its code expired on {until}", again)
    return missing(f"{what}; its code holds until {until}", f"{USE_IT[0].upper()}{USE_IT[1:]}")


USE_IT = (
    "somebody of theirs adds Vouch to the team and writes `@Vouch setup CODE` in the channel where "
    "incidents shall stand."
)


def _absence(profile: Customer) -> Finding:
    """What an administrator of theirs must have granted, which Entra tells nobody beforehand."""
    needs = " and ".join(PERMISSIONS)
    return ok(
        f"{profile.id}: automatic replies and presence are read; this needs Graph's application "
        f"permissions {needs}, granted in the tenant {profile.tenant_id}"
    )


def _people(reach: people.Reach, one: across.Onboarded) -> Iterator[Finding]:
    if not reach.members:
        yield missing(
            f"{one.id}: no member of the team was read",
            "They are read after the installation, while `vouch serve` runs.",
        )
    else:
        guests = f", {reach.outside} of them from outside" if reach.outside else ""
        yield ok(f"{one.id}: {reach.members} members of the team read{guests}")
    if reach.known:
        reached = f"{reach.known - reach.unreachable} of {reach.known} people can be written to"
        yield (
            missing(f"{one.id}: {reached}", "The others removed the app or blocked it: ask them.")
            if reach.unreachable
            else ok(f"{one.id}: {reached}")
        )


def _intake(known: list[Credential], one: across.Onboarded) -> Iterator[Finding]:
    if not known:
        yield missing(
            f"{one.id}: no intake key", f"Make one: `vouch customer key {one.id} defender`."
        )
        return
    sources = sorted({it.source for it in known})
    yield ok(f"{one.id}: intake keys for {', '.join(sources)}")
    for it in known:
        if it.kind is Kind.SIGNATURE:
            yield from _unreadable(it, one)


def _unreadable(it: Credential, one: across.Onboarded) -> Iterator[Finding]:
    try:
        signing_secret(it.value)
    except SecretError as error:
        yield broken(
            f"{one.id}: {it.source} signs with a secret that is not there: {error}",
            "Put it there, where `vouch serve` runs too; or revoke it: "
            f"`vouch customer key {one.id} --revoke {it.id}`.",
        )


# --- stuck work ----------------------------------------------------------------------------------

NAMED = 10
"""How many of those stuck for one reason are named; `vouch doctor --stuck` names all."""


def _stuck(effects: list[across.Stuck], now: datetime, named: int = NAMED) -> Iterator[Finding]:
    """What is stuck for the same reason is one finding, and names each: what, since when, how often
    it was tried."""
    if not effects:
        yield ok("effects: none is stuck")
    alike: defaultdict[tuple[str, ...], list[across.Stuck]] = defaultdict(list)
    for effect in effects:
        reason = effect.last_error or ""
        alike[effect.customer_id, effect.kind, effect.status, reason].append(effect)
    for _, of_one_reason in sorted(alike.items()):
        yield _of_one_reason(of_one_reason, now, named)


def _of_one_reason(effects: list[across.Stuck], now: datetime, named: int) -> Finding:
    first = effects[0]
    what = f"{first.customer_id}: {len(effects)} x {first.kind}"
    why = f": {first.last_error}" if first.last_error else ""
    items = [_item(effect, now) for effect in effects[:named]]
    if len(effects) > named:
        items.append(f"and {len(effects) - named} more: `vouch doctor --stuck` names all")
    match first.status:
        case "failed":
            return Finding(State.BROKEN, f"{what} failed{why}", _after_failure(first), tuple(items))
        case "blocked":
            wait = f"{what} waits for an installation{why}"
            return Finding(State.MISSING, wait, _for_installation(first), tuple(items))
        case _:
            return Finding(State.BROKEN, f"{what} is overdue{why}", OVERDUE, tuple(items))


OVERDUE = "See that `vouch serve` runs; its log says more."
ORDER_AGAIN = "A response action is not repeated by itself: order it again on the case in Teams."


def _after_failure(effect: across.Stuck) -> str:
    if effect.kind == "contain":
        return ORDER_AGAIN
    again = f"then `vouch retry --effect {effect.effect_id}`, or --failed for all."
    if (effect.last_error or "").startswith("fault:"):
        return f"A fault of Vouch's own: its log has the trace. Mend it, {again}"
    return f"It is not tried again by itself: mend the reason, {again}"


def _for_installation(effect: across.Stuck) -> str:
    kind, _, whose = (effect.waits_for or "").partition(":")
    match kind:
        case "person":
            return f"It goes out when the app is there for the person {whose}."
        case "channel":
            return (
                f"It goes out when the app is in the team of {whose}'s channel; see {whose} above."
            )
    return "It goes out when the app is there."


def _item(effect: across.Stuck, now: datetime) -> str:
    what = f"effect {effect.effect_id}, {described(effect)}"
    since = f"since {effect.since:%Y-%m-%d %H:%M} UTC ({_span(now - effect.since)})"
    return f"{what}: {since}, {effect.attempts} {'try' if effect.attempts == 1 else 'tries'}"


def _span(time: timedelta) -> str:
    """As people say it: the largest unit alone."""
    seconds = max(0, int(time.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


async def nothing_is_stuck(database_url: str, clock: Clock, report: "Report") -> bool:
    """Report every stuck effect, asking nobody but the database. Raises StoreError."""
    store, now = Store.look(database_url), clock.now()
    try:
        effects = await store.read_across(lambda tx: across.stuck(tx, now))
    finally:
        await store.close()
    for finding in _stuck(effects, now, named=len(effects)):
        report(finding)
    return not effects


Report = Callable[[Finding], None]


async def is_well(settings: Settings, clock: Clock, report: Report) -> bool:
    """Report each finding as it is made; whether nothing is broken."""
    well = True
    async with Probe(settings, lambda: clock.now().timestamp()) as probe:
        async for finding in examine(settings, clock, probe):
            report(finding)
            well = well and finding.state is not State.BROKEN
    return well
