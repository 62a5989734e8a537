"""The command line: serve, demo, customer, submit, manifest, doctor."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import aiohttp
import typer
from pydantic import ValidationError

from bot import demo as demos
from bot import logs
from bot.app import running
from bot.clock import SystemClock
from bot.desk import NoProviderError
from bot.doctor import Finding, broken, is_well
from bot.settings import Settings, faults, from_environment
from bot.setup import NoSuchCustomerError, add_intake_key, add_profile
from bot.signals import stop_signal
from manifest.package import DEVELOPER, VERSION, WEBSITE, ManifestError, Offer, Permission, package
from storage import across
from storage.engine import Store, StoreError
from storage.profiles import ProfileError
from triage.report import Source

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
customers = typer.Typer(no_args_is_help=True, help="Customers' and the provider's profiles.")
app.add_typer(customers, name="customer")

Database = Annotated[
    str, typer.Option(envvar="VOUCH_DATABASE_URL", help="Where Vouch keeps its records.")
]
ReadableFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
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
    stopped = stop_signal()
    async with running(settings):
        await stopped.wait()


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
    logs.configure(as_json=False)
    with tempfile.TemporaryDirectory(prefix="vouch-demo-") as scratch:
        _run(demos.play(demos.Demo(port, simulator_port, data or Path(scratch), browser)))


@customers.command("add")
def customer_add(file: ReadableFile, database: Database = DEFAULT_DATABASE) -> None:
    """Add a profile, or a new version of one. Faults are named with line and reason."""
    text = file.read_text(encoding="utf-8")
    added = _run(_with_store(database, lambda store: add_profile(store, text, str(file))))
    typer.echo(f"{added.role} {added.id}, version {added.version}")


@customers.command("key")
def customer_key(customer: str, source: Source, database: Database = DEFAULT_DATABASE) -> None:
    """Make a bearer key for one source of one customer. It is shown once."""
    typer.echo(_run(_with_store(database, lambda store: add_intake_key(store, customer, source))))


@customers.command("list")
def customer_list(database: Database = DEFAULT_DATABASE) -> None:
    """Who is onboarded."""
    for line in _run(_with_store(database, lambda store: store.read_across(across.customers))):
        typer.echo(f"{line.id}\t{line.role}\tversion {line.version}\ttenant {line.tenant_id}")


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
        typer.Option(help="Consent to ask for in each team; Vouch needs none today."),
    ] = None,
) -> None:
    """Write the app package that is uploaded to Teams."""
    offer = Offer(developer, website, privacy, terms)
    try:
        content = package(app_id, version, offer, permission or ())
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
def doctor() -> None:
    """Look at settings, network, records and customers; say what to mend. Changes nothing."""
    logs.configure(as_json=False, level=logging.CRITICAL)
    try:
        settings = from_environment()
    except ValidationError as error:
        for fault in faults(error):
            _report(broken(f"settings: {fault}", "README.md lists every variable."))
        raise typer.Exit(1) from None
    if not _run(is_well(settings, SystemClock(), _report)):
        raise typer.Exit(1)


def _report(finding: Finding) -> None:
    typer.echo(str(finding))


async def _with_store(database: str, do: Callable[[Store], Awaitable[T]]) -> T:
    store = Store.open(database)
    try:
        return await do(store)
    finally:
        await store.close()


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Expected faults end as a sentence that says what to do, not as a trace."""
    try:
        return asyncio.run(work)
    except (
        ProfileError,
        NoProviderError,
        NoSuchCustomerError,
        StoreError,
        demos.SimulatorFailedError,
    ) as error:
        _fail(str(error))
    except aiohttp.ClientConnectionError as error:
        _fail(f"Nobody answers there: {error}")
    except OSError as error:
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(1)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
