"""The command line: serve, demo, customer, submit, manifest, doctor, retry, db,
audit, privacy, story."""

import asyncio
import getpass
import logging
import os
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import aiohttp
import structlog
import typer
from pydantic import ValidationError
from sqlalchemy import make_url

from bot import auditing, logs
from bot import demo as demos
from bot.app import running
from bot.clock import SystemClock
from bot.commands import (
    REFUSALS,
    AddIdentity,
    AddKey,
    AddProfile,
    AddSecret,
    Command,
    Invite,
    Remove,
    Retry,
    RevokeKey,
    perform,
)
from bot.control import NobodyAnswersError, RefusedCommandError, hand_over
from bot.desk import NoProviderError
from bot.doctor import Finding, broken, is_well, nothing_is_stuck, ok
from bot.notice import in_full
from bot.privacy import ErasePerson, ExportPerson
from bot.settings import Settings, faults, from_environment
from bot.setup import NoSuchCustomerError
from bot.signals import stop_signal
from bot.stories import NotForCustomersError, by_name
from bot.switch import AllowContainment, StopContainment
from manifest.package import (
    DEVELOPER,
    NEEDED,
    VERSION,
    WEBSITE,
    ManifestError,
    Offer,
    Permission,
    package,
)
from storage import across, credentials, profiles
from storage.backup import back_up, restore
from storage.checking import check
from storage.credentials import Kind
from storage.engine import Store, StoreError, StoreInUseError
from triage.report import Source

T = TypeVar("T")

log = structlog.get_logger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__,
    pretty_exceptions_enable=False,  # its traces show what variables hold
)
customers = typer.Typer(no_args_is_help=True, help="Customers' and the provider's profiles.")
app.add_typer(customers, name="customer")
records = typer.Typer(no_args_is_help=True, help="The records: backup, restore, check.")
app.add_typer(records, name="db")
persons = typer.Typer(no_args_is_help=True, help="What is kept of people: notice, export, erase.")
app.add_typer(persons, name="privacy")
audits = typer.Typer(no_args_is_help=True, help="The event log: verify, export, anchor.")
app.add_typer(audits, name="audit")

Database = Annotated[
    str, typer.Option(envvar="VOUCH_DATABASE_URL", help="Where Vouch keeps its records.")
]
ReadableFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
NewFile = Annotated[Path, typer.Argument(help="A file that does not exist yet.")]
DEFAULT_DATABASE = "sqlite:///vouch.sqlite3"


@app.command()
def serve() -> None:
    """Run Vouch with the settings of the environment (VOUCH_...)."""
    try:
        settings = from_environment()
    except ValidationError as error:
        _fail("Settings are missing or wrong:\n  " + "\n  ".join(faults(error)))
    logs.configure(as_json=settings.log_json)
    _run(_serve(settings))


async def _serve(settings: Settings) -> None:
    logs.note_what_nobody_awaits()
    stopped = stop_signal()
    try:
        async with running(settings):
            await stopped.wait()
    except EXPECTED:
        raise
    except Exception:
        log.exception("vouch_crashed")
        raise typer.Exit(1) from None


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Vouch's port; 0 takes any.")] = 3978,
    simulator_port: Annotated[int, typer.Option(help="The page's port; 0 takes any.")] = 8000,
    data: Annotated[
        Path | None, typer.Option(help="Keep records here; else they are gone at the end.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page; without it, print JSON.")] = True,
) -> None:
    """Play Vouch against a simulated Teams on this machine. No account is needed."""
    logs.configure(as_json=False, level=logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="vouch-demo-") as scratch:
        _run(demos.play(demos.Demo(port, simulator_port, data or Path(scratch), browser)))


@customers.command("add")
def customer_add(file: ReadableFile, database: Database = DEFAULT_DATABASE) -> None:
    """Add a profile, or a new version of one. Faults are named with line and reason."""
    _order(database, AddProfile(file.read_text(encoding="utf-8"), str(file)))


@customers.command("key")
def customer_key(  # noqa: PLR0917 - one parameter per option
    customer: str,
    source: Annotated[
        Source | None, typer.Argument(help="Without it: what the customer's sources have.")
    ] = None,
    signed: Annotated[
        bool, typer.Option("--signed", help="Have the source sign, in the form Standard Webhooks.")
    ] = False,
    secret: Annotated[
        str, typer.Option(help="Where the secret stands: env:NAME or file:/path; means --signed.")
    ] = "",
    identity: Annotated[
        str, typer.Option(help="Object id of a managed identity of the customer's tenant.")
    ] = "",
    revoke: Annotated[int | None, typer.Option(help="What has this number in the list.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Make a bearer key for one source of one customer, shown once; or have the source sign, or be
    known by an identity. Then it is not known by a key any more."""
    by = _operator()
    if revoke is not None:
        _order(database, RevokeKey(customer, revoke, by))
    elif source is None:
        for line in _run(_credentials(database, customer)):
            typer.echo(line)
    elif identity:
        _order(database, AddIdentity(customer, source, identity, by))
    elif signed or secret:
        _order(database, AddSecret(customer, source, secret or _variable(customer, source), by))
    else:
        _order(database, AddKey(customer, source, by))


def _variable(customer: str, source: Source) -> str:
    """Where a secret stands, unless somebody says otherwise."""
    name = f"{customer}_{source}".replace("-", "_").upper()
    return f"env:{name}"


async def _credentials(database: str, customer: str) -> list[str]:
    store = Store.look(database)
    try:
        found = await store.read(customer, credentials.listed)
    finally:
        await store.close()
    return [
        f"{it.id}\t{it.source}\t{it.kind}\tsince {it.added_at:%Y-%m-%d}"
        + ("" if it.kind is Kind.BEARER else f"\t{it.value}")
        for it in found
    ]


@customers.command("invite")
def customer_invite(
    customer: str,
    days: Annotated[int, typer.Option(min=1, max=90, help="How long the code is valid.")] = 7,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Make a code by which a channel is bound: `@Vouch setup CODE`. It is shown once, works once,
    and voids the one before it."""
    _order(database, Invite(customer, _operator(), days))


@customers.command("remove")
def customer_remove(
    customer: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Offboard a customer: nothing is taken in or said any more, keys and codes are void, what
    waits is cancelled. The records stay."""
    if not yes:
        typer.confirm(f"Remove {customer}, and cancel everything that waits there?", abort=True)
    _order(database, Remove(customer, _operator()))


@customers.command("list")
def customer_list(database: Database = DEFAULT_DATABASE) -> None:
    """Who is onboarded."""
    for line in _run(_customers(database)):
        typer.echo(f"{line.id}\t{line.role}\tversion {line.version}\ttenant {line.tenant_id}")


async def _customers(database: str) -> list[across.Onboarded]:
    store = Store.look(database)
    try:
        return await store.read_across(across.customers)
    finally:
        await store.close()


@app.command()
def retry(
    effect: Annotated[
        int | None, typer.Option(help="This one; `vouch doctor` numbers them.")
    ] = None,
    incident: Annotated[
        str | None, typer.Option(help="All of this incident, by its name: CONTOSO-42.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Everything that failed in the last 7 days.")
    ] = False,
    why: Annotated[str, typer.Option(help="For the record.")] = "",
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Have what failed or is blocked tried again now. It is recorded who asked for it."""
    if [effect is not None, incident is not None, failed].count(True) != 1:
        _fail(
            "Say what: --effect ID, --incident NAME or --failed. `vouch doctor` lists what there is."
        )
    _order(database, Retry(_operator(), why, effect, incident))


@app.command("stop-containment")
def stop_containment(
    customer: Annotated[str | None, typer.Argument(help="Whose; or --all.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Of every customer.")] = False,
    why: Annotated[str, typer.Option(help="For the record, and for the analysts.")] = "",
    database: Database = DEFAULT_DATABASE,
) -> None:
    """The kill switch: no response action is begun any more, also while `vouch serve` runs."""
    _check_switch(customer, everybody, why)
    _order(database, StopContainment(_operator(), why, customer))


@app.command("allow-containment")
def allow_containment(
    customer: Annotated[str | None, typer.Argument(help="Whose; or --all.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="What was stopped for all.")] = False,
    why: Annotated[str, typer.Option(help="For the record, and for the analysts.")] = "",
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Allow what `stop-containment`, or the circuit breaker, stopped."""
    _check_switch(customer, everybody, why)
    _order(database, AllowContainment(_operator(), why, customer))


def _check_switch(customer: str | None, everybody: bool, why: str) -> None:
    if (customer is None) is not everybody:
        _fail("Say whose: a customer, or --all. `vouch customer list` says who there is.")
    if not why.strip():
        _fail("Say why with --why: analysts read it on every case.")


def _operator() -> str:
    """Whoever sits there, also behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _order(database: str, command: Command) -> None:
    for line in _run(_ordered(database, command)):
        typer.echo(line)


async def _ordered(database: str, command: Command) -> list[str]:
    """By ourselves; where a running Vouch has the database, by that one."""
    try:
        store = Store.open(database)
    except StoreInUseError:
        return await hand_over(database, command)
    try:
        return await perform(store, command, SystemClock().now())
    finally:
        await store.close()


@persons.command("export")
def privacy_export(
    customer: str, upn: str, file: NewFile, database: Database = DEFAULT_DATABASE
) -> None:
    """Write what is kept of a person to a file, for them to read. It is recorded who did it."""
    (kept,) = _run(_ordered(database, ExportPerson(customer, upn, _operator())))
    _tried(lambda: auditing.write_new(file, f"{kept}\n"))
    typer.echo(f"{file}: for {upn} alone. Restricted cases are not in it: ask their named lead.")


@persons.command("erase")
def privacy_erase(
    customer: str,
    upn: str,
    why: Annotated[str, typer.Option(help="For the record: not the person's name.")],
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Erase a person from a customer's records, for good. The hash chain stays whole."""
    _order(database, ErasePerson(customer, upn, _operator(), why))


@persons.command("notice")
def privacy_notice(
    customer: str,
    language: Annotated[
        str | None, typer.Option(help="en, de or pt-BR; else the customer's.")
    ] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """The notice a customer can show its people: what is kept, why, and for how long."""
    for line in _run(_notice(database, customer, language)):
        typer.echo(line)


async def _notice(database: str, customer: str, language: str | None) -> list[str]:
    store = Store.look(database)
    try:
        profile = await store.read(customer, profiles.current)
    except LookupError as error:
        raise NoSuchCustomerError(str(error)) from error
    finally:
        await store.close()
    return in_full(profile, language or profile.language)


@records.command("backup")
def db_backup(file: NewFile, database: Database = DEFAULT_DATABASE) -> None:
    """Copy the records to a new file, also while `vouch serve` runs, and check the copy."""
    _run(asyncio.to_thread(back_up, database, file))
    _check(f"sqlite:///{file.resolve()}")


@records.command("check")
def db_check(
    file: Annotated[
        Path | None, typer.Argument(help="A backup, say. Without it: the records in use.")
    ] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Whether the file is sound and every event is the one that was recorded. Changes nothing."""
    _check(f"sqlite:///{file.resolve()}" if file else database)


@records.command("restore")
def db_restore(file: ReadableFile, database: Database = DEFAULT_DATABASE) -> None:
    """Make the records from a backup, after checking it. Overwrites nothing."""
    _check(f"sqlite:///{file.resolve()}")
    _run(asyncio.to_thread(restore, file, database))
    typer.echo(
        "Restored. `vouch serve` goes on from there; docs/operating.md says what it may do twice."
    )


def _check(database: str) -> None:
    found = _run(check(database))
    name = make_url(database).render_as_string(hide_password=True)
    for damage in found.damages:
        _report(broken(f"{name}: {damage}", KEEP_IT))
    if found.damages:
        raise typer.Exit(1)
    _report(
        ok(
            f"{name}: whole. {found.customers} with records, {found.streams} streams, "
            f"{found.events} events, every chain verified"
        )
    )


@app.command("story")
def story(
    case: Annotated[str, typer.Argument(help="By its name: CONTOSO-42.")],
    for_customer: Annotated[
        bool, typer.Option("--for-customer", help="Without what is the provider's own.")
    ] = False,
    customer: Annotated[
        str | None, typer.Option(help="Whose, where several have a case of this name.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="en, de or pt-BR; else the customer's.")
    ] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Tell a case as text for a report, from its event log. It holds people's words."""
    told = by_name(database, case, internal=not for_customer, customer=customer, language=language)
    for line in _run(told):
        typer.echo(line)


@audits.command("verify")
def audit_verify(  # noqa: PLR0917 - one parameter per option
    customer: Annotated[
        str | None, typer.Argument(help="Of this customer alone, or of the provider by its id.")
    ] = None,
    case: Annotated[str | None, typer.Option(help="Of this case alone: CONTOSO-42.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="An export of `vouch audit export`, and no database.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="A file of `vouch audit anchor`, or an export: does it still hold?"),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Decide every event once more, and compare.")
    ] = False,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Whether every event is the one that was recorded, and none is missing. Changes nothing."""
    if file is not None:
        damages, told = _tried(lambda: auditing.verify_file(file))
    else:
        damages, told = _run(
            auditing.verify(database, customer=customer, case=case, against=against, replay=replay)
        )
    for damage in damages:
        _report(broken(damage, KEEP_IT))
    if damages:
        raise typer.Exit(1)
    _report(ok(f"the log is whole. {'; '.join(told)}"))


@audits.command("export")
def audit_export(
    customer: str,
    file: NewFile,
    case: Annotated[str | None, typer.Option(help="Of this case alone: CONTOSO-42.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Write a customer's log to a file, one event a line, that verifies without the database."""
    found = _run(auditing.export(database, customer, file, SystemClock().now(), case))
    typer.echo(f"{file}: {found.streams} streams, {found.events} events. It holds people's words.")


@audits.command("anchor")
def audit_anchor(file: NewFile, database: Database = DEFAULT_DATABASE) -> None:
    """Write down how every stream ends now. Keep it where whoever runs Vouch cannot write."""
    count = _run(auditing.anchor(database, file))
    typer.echo(f"{file}: {count} streams. `vouch audit verify --against` says whether it holds.")


KEEP_IT = (
    "Keep this file as it is, and look for the newest backup that `vouch db check FILE` calls whole"
)


@app.command()
def submit(
    file: ReadableFile,
    key: Annotated[str, typer.Option(envvar="VOUCH_INTAKE_KEY", help="The source's bearer key.")],
    source: Annotated[Source, typer.Option()] = Source.DEFENDER,
    url: Annotated[str, typer.Option(help="Where Vouch listens.")] = "http://127.0.0.1:3978",
) -> None:
    """Send an incident from a file to a running Vouch."""
    status, body = _run(_post(f"{url}/api/incidents/{source}", key, file.read_bytes()))
    typer.echo(body)
    if status >= 400:
        raise typer.Exit(1)


async def _post(url: str, key: str, body: bytes) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return response.status, await response.text()


@app.command()
def manifest(  # noqa: PLR0917 - one parameter per option
    app_id: Annotated[str, typer.Argument(help="The bot's Entra application (client) id.")],
    output: Annotated[Path, typer.Option(help="The package to write.")] = Path("vouch.zip"),
    version: Annotated[
        str, typer.Option(help="Of the app; Teams takes an update only with a higher one.")
    ] = VERSION,
    developer: Annotated[
        str, typer.Option(help="Who offers the app, as Teams shows it.")
    ] = DEVELOPER,
    website: Annotated[
        str, typer.Option(help="Their site; privacy and terms are /privacy and /terms there.")
    ] = WEBSITE,
    privacy: Annotated[str, typer.Option(help="Their privacy statement.")] = "",
    terms: Annotated[str, typer.Option(help="Their terms of use.")] = "",
    permission: Annotated[
        list[Permission] | None,
        typer.Option(help="Consent to ask for in each team, beside what Vouch needs."),
    ] = None,
    mentions_only: Annotated[
        bool,
        typer.Option(
            "--mentions-only",
            help="Ask for no consent: analysts then read only what mentions Vouch.",
        ),
    ] = False,
    analysts: Annotated[
        bool,
        typer.Option("--analysts", help="For your own tenant: Teams lists the analysts' commands."),
    ] = False,
) -> None:
    """Write the app package that is uploaded to Teams."""
    offer = Offer(developer, website, privacy, terms)
    try:
        asked = () if mentions_only else {*NEEDED, *(permission or ())}
        content = package(app_id, version, offer, asked, analysts=analysts)
    except ManifestError as error:
        _fail(str(error))
    try:
        output.write_bytes(content)
    except OSError as error:
        _fail(f"{output}: {error.strerror}")
    typer.echo(f"{output}: Vouch {version} for {app_id}")
    if website == WEBSITE:
        typer.echo("Its addresses are examples: give yours with --website.", err=True)


@app.command()
def doctor(
    stuck: Annotated[
        bool,
        typer.Option("--stuck", help="Only what is stuck, all of it; asks the database alone."),
    ] = False,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Look at settings, network, records and customers; say what to mend. Changes nothing."""
    logs.configure(as_json=False, level=logging.CRITICAL)
    if stuck:
        if not _run(nothing_is_stuck(database, SystemClock(), _report)):
            raise typer.Exit(1)
        return
    try:
        settings = from_environment()
    except ValidationError as error:
        for fault in faults(error):
            _report(broken(f"settings: {fault}", "docs/operating.md lists every variable."))
        raise typer.Exit(1) from None
    if not _run(is_well(settings, SystemClock(), _report)):
        raise typer.Exit(1)


def _report(finding: Finding) -> None:
    typer.echo(str(finding))


EXPECTED = (
    *REFUSALS,
    *auditing.REFUSALS,
    NoProviderError,
    NotForCustomersError,
    StoreError,
    NobodyAnswersError,
    RefusedCommandError,
    demos.SimulatorFailedError,
    OSError,
)
"""Faults whose message says what to do next."""


def _run(work: Coroutine[Any, Any, T]) -> T:
    return _tried(lambda: asyncio.run(work))


def _tried(work: Callable[[], T]) -> T:
    """Expected faults end as a sentence that says what to do, not as a trace."""
    try:
        return work()
    except aiohttp.ClientConnectionError as error:
        _fail(f"Nobody answers there: {error}")
    except OSError as error:
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except EXPECTED as error:
        _fail(str(error))


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(1)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
