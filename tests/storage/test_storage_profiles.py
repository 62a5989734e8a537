"""Profiles: pleasant to write, and every fault is named with its place and reason."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import fields, is_dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import select

import storage
from storage import across, incidents, profiles
from storage.codec import customer_from_json, customer_to_json
from storage.engine import Store, Tx
from storage.profiles import Fault, ProfileError
from storage.tables import CustomerRow
from storage.tomllines import Lines
from tests.storage.records import CONTOSO, NOW, opened
from triage.actions import ActionKind
from triage.customer import (
    Calendar,
    Consent,
    Customer,
    Deadlines,
    Holidays,
    Provider,
    Role,
    ServiceLevels,
)

DOCUMENT = (Path(storage.__file__).parent / "profile.md").read_text(encoding="utf-8")
EXAMPLE, PROVIDER = re.findall(r"```toml\n(.*?)```", DOCUMENT, flags=re.DOTALL)

SMALL = """\
role = "customer"
id = "contoso"
name = "Contoso Security"
prefix = "CONTOSO"
tenant_id = "7D1F6A0E-2c1b-4b53-9b1e-0c5a3f2e9a10"
team_id = "19:team@thread.tacv2"
channel_id = "19:channel@thread.tacv2"
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


def read_customer(text: str) -> Customer:
    profile = profiles.read(text, "customer.toml")
    assert isinstance(profile, Customer)
    return profile


def faults(text: str) -> list[Fault]:
    with pytest.raises(ProfileError) as refused:
        profiles.read(text, "customer.toml")
    return refused.value.faults


# --- reading -------------------------------------------------------------------------------------


def test_the_documented_example_is_read() -> None:
    profile = read_customer(EXAMPLE)

    assert profile.deadlines == Deadlines(low=240)
    assert profile.hours
    assert (profile.hours.days, profile.hours.start) == (frozenset(range(5)), time(8))
    assert profile.contacts[0].roles == {Role.SECURITY, Role.APPROVER}
    rule = profile.rule_for(ActionKind.ISOLATE_DEVICE)
    assert rule
    assert (rule.consent, rule.act_if_unreachable, rule.minutes) == (Consent.COLLABORATE, True, 10)
    assert rule.approvers == ("jon@contoso.com",)
    assert profile.facts[0].expires == date(2027, 6, 30)


def test_rules_in_the_words_of_before_mean_what_they_meant() -> None:
    before = RULE.replace('"authorize"', '"approval"') + 'on_silence = "act"\n'
    after = RULE.replace('"authorize"', '"collaborate"') + "act_if_unreachable = true\n"
    assert read_customer(SMALL + before) == read_customer(SMALL + after)

    stored = customer_to_json(read_customer(SMALL + RULE))
    assert '"act_if_unreachable":false' in stored
    older = stored.replace('"act_if_unreachable":false,"minutes"', '"on_silence":"act","minutes"')
    older = older.replace('"consent":"authorize","on', '"consent":"automatic","on')
    (known,) = customer_from_json(older).rules
    assert (known.consent, known.act_if_unreachable) == (Consent.AUTHORIZE, True)


def test_the_documented_provider_is_read() -> None:
    profile = profiles.read(PROVIDER, "provider.toml")

    assert isinstance(profile, Provider)
    assert profile.analyst("D04F6ABF-55b7-4ba7-99b6-c5828196dbcc")


def test_everything_a_profile_may_say_is_documented() -> None:
    for cls in (Customer, Provider):
        for name in _settings(cls):
            assert re.search(rf"^(# )?{name} =|\[+{name}\]+", DOCUMENT, flags=re.MULTILINE), name


def _settings(cls: Any) -> set[str]:
    hints = get_type_hints(cls)
    found = {field.name for field in fields(cls)} - set(profiles.OURS)
    for name in list(found):
        for inner in (hints[name], *get_args(hints[name])):
            if is_dataclass(inner):
                found |= _settings(inner)
    return found


def test_what_is_not_said_has_its_default() -> None:
    profile = read_customer(SMALL)

    assert (profile.zone, profile.language, profile.hours) == ("UTC", "en", None)
    assert profile.tenant_id == "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ('"mon-fri"', {0, 1, 2, 3, 4}),
        ('"sat-mon"', {5, 6, 0}),
        ('"tue"', {1}),
        ('["mon", "wed"]', {0, 2}),
    ],
)
def test_working_days_are_written_as_people_say_them(written: str, days: set[int]) -> None:
    hours = f'[hours]\ndays = {written}\nstart = 08:00:00\nend = "17:30"\n'

    profile = read_customer(SMALL + hours)

    assert profile.hours
    assert profile.hours.days == days
    assert profile.hours.end == time(17, 30)


def test_holidays_and_promises_are_read_as_they_are_written() -> None:
    profile = read_customer(EXAMPLE)

    assert profile.holidays == Holidays(
        country="DE",
        subdivision="BY",
        extra=(date(2026, 12, 24), date(2026, 12, 31)),
        working=(date(2026, 10, 31),),
    )
    assert profile.sla.medium.resolve == 2880
    assert profile.sla.low == ServiceLevels().low
    assert profile.calendar == Calendar("Europe/Berlin", profile.hours, profile.holidays)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("uk", "GB?"), ("DEU", "DE?"), ("United States", "US?"), ("zzzzz", "two capital letters")],
)
def test_a_country_nobody_knows_is_told_with_what_may_be_meant(written: str, meant: str) -> None:
    [fault] = faults(SMALL + HOURS + f'[holidays]\ncountry = "{written}"\n')

    assert meant in fault.reason


@pytest.mark.parametrize(("start", "end"), [("22:00", "06:00"), ("00:00", "00:00")])
def test_hours_of_a_night_shift_and_of_a_whole_day_are_taken(start: str, end: str) -> None:
    profile = read_customer(SMALL + HOURS.replace("08:00", start).replace("18:00", end))

    assert profile.hours
    assert profile.hours.end == time.fromisoformat(end)


# --- faults --------------------------------------------------------------------------------------


def test_every_fault_of_form_is_named_at_once_with_line_field_and_reason() -> None:
    text = (
        SMALL.replace("prefix", "prefx")
        + """
[[contacts]]
upn = "jon@contoso.com"
name = "Jon"
roles = ["boss"]

[[rules]]
number = 1
action = "isolate"
consent = "authorize"
"""
    )

    with pytest.raises(ProfileError) as refused:
        profiles.read(text, "customer.toml")

    sentences = str(refused.value).splitlines()
    assert sentences[0] == "customer.toml: prefix: is missing"
    assert sentences[1] == "customer.toml:4: prefx: there is no such setting; prefix?"
    assert sentences[2].startswith("customer.toml:12: contacts[0].roles[0]: 'boss' is not one of")
    assert sentences[3].startswith("customer.toml:16: rules[0].action: 'isolate' is not one of")
    assert len(sentences) == 4


CONTACT = '\n[[contacts]]\nupn = "jon@contoso.com"\nname = "Jon"\nroles = ["it"]\n'
RULE = '\n[[rules]]\nnumber = 1\naction = "scan_device"\nconsent = "authorize"\n'
FACT = (
    '\n[[facts]]\nid = "f"\nstatement = "fine"\ncovers = "remote_tool"\n'
    'approver = "Jon"\nexpires = 2027-01-01\n'
)

HOURS = '[hours]\ndays = "mon-fri"\nstart = "08:00"\nend = "18:00"\n'
SLA = '[sla.low]\nacknowledge = 10\ncontact = 15\ncontain = 30\nresolve = "none"\n'

WRONG = {
    "id": (SMALL.replace('"contoso"', '"Con toso"'), 3 - 1, "small letters"),
    "name": (SMALL.replace("Contoso Security", " "), 3, "is empty"),
    "prefix": (SMALL.replace('"CONTOSO"', '"Contoso"'), 4, "capital letters"),
    "tenant_id": (SMALL.replace("7D1F6A0E", "contoso"), 5, "is no GUID"),
    "zone": (SMALL + 'zone = "Europe/Berln"\n', 8, "is no IANA time zone"),
    "language": (SMALL + 'language = "fr"\n', 8, "is not one of de, en, pt-BR"),
    "auto_close": (SMALL + 'auto_close = [\n"remote_tool",\n"restricted"]\n', 8, "'restricted'"),
    "egress[1]": (SMALL + 'egress = ["203.0.113.0/24", "here"]\n', 8, "write 203.0.113.0/24"),
    "version": (SMALL + "version = 3\n", 8, "there is no such setting"),
    "hours.end": (
        SMALL + '[hours]\ndays = "mon"\nstart = "18:00"\nend = "18:00"\n',
        11,
        "18:00 is the start too; a whole day is 00:00 to 00:00",
    ),
    "holidays": (SMALL + '[holidays]\ncountry = "DE"\n', 8, "say nothing without [hours]"),
    "holidays.country": (
        SMALL + HOURS + '[holidays]\ncountry = "Germany"\n',
        13,
        "'Germany' is no country known; DE?",
    ),
    "holidays.subdivision": (
        SMALL + HOURS + '[holidays]\ncountry = "DE"\nsubdivision = "Bavaria"\n',
        14,
        "'Bavaria' is no part of DE; known are: BB, BE, BW, BY,",
    ),
    "holidays.working": (
        SMALL + HOURS + "[holidays]\nextra = [2026-12-24]\nworking = [2026-12-24]\n",
        14,
        "2026-12-24 is in extra too",
    ),
    "holidays.extra[0]": (
        SMALL + HOURS + '[holidays]\nextra = ["Christmas"]\n',
        13,
        "will not do",
    ),
    "quiet.end": (SMALL + '[quiet]\nend = "late"\n', 9, "will not do"),
    "sla.low.contact": (
        SMALL + SLA.replace("15", '"tomorrow"'),
        10,
        "'tomorrow' is neither a number of minutes nor one of next_workday, none",
    ),
    "sla.low.contain": (SMALL + SLA.replace("30", "0"), 11, "0 minutes can never be kept"),
    "sla.low.resolve": (SMALL + SLA.replace("resolve", "# resolve"), 8, "is missing"),
    "question_budget": (SMALL + "question_budget = 0\n", 8, "not between 1 and 20 cards a day"),
    "bundle_minutes": (SMALL + "bundle_minutes = -1\n", 8, "not between 0 and 120 minutes"),
    "hours.days": (SMALL + '[hours]\ndays = []\nstart = "08:00"\nend = "09:00"\n', 9, "no day"),
    "hours.days[0]": (
        SMALL + '[hours]\ndays = "weekdays"\nstart = "08:00"\nend = "09:00"\n',
        9,
        "'weekdays' is not one of mon,",
    ),
    "deadlines.high": (SMALL + "[deadlines]\nhigh = 0\n", 9, "no time to answer"),
    "contacts[0].upn": (SMALL + CONTACT.replace("jon@contoso.com", "jon"), 10, "user principal"),
    "contacts[1].upn": (SMALL + CONTACT * 2, 15, "is there twice"),
    "contacts[0].roles": (SMALL + CONTACT.replace('"it"', ""), 12, "names no role"),
    "contacts[0].phone": (SMALL + CONTACT + 'phone = "+49"\n', 13, "needs a phone_source"),
    "contacts[0].delegate": (
        SMALL + CONTACT + 'delegate = "a@b.c"\n',
        13,
        "not among the contacts",
    ),
    "people[0].language": (SMALL + '[[people]]\nupn = "a@b.c"\nlanguage = "x"\n', 10, "not one of"),
    "people[0].manager": (SMALL + '[[people]]\nupn = "a@b.c"\nmanager = "Jon"\n', 10, "no user"),
    "people[0].phone": (SMALL + '[[people]]\nupn = "a@b.c"\nphone = "1"\n', 10, "phone_source"),
    "rules[1].number": (
        SMALL + RULE + RULE.replace("scan_device", "isolate_device"),
        15,
        "is there twice",
    ),
    "rules[1].action": (
        SMALL + RULE + RULE.replace("number = 1", "number = 2"),
        16,
        "for the same accounts",
    ),
    "rules[0].act_if_unreachable": (
        SMALL + RULE + "act_if_unreachable = true\n",
        13,
        'unless consent is "collaborate"',
    ),
    "rules[0].approvers": (
        SMALL + CONTACT + RULE + 'approvers = ["jon@contoso.com"]\n',
        18,
        "is no contact with",
    ),
    "act_if_unreachable": (
        SMALL + 'act_if_unreachable = true\nconsent = "notify"\n',
        8,
        "says nothing",
    ),
    "rules[0].minutes": (SMALL + RULE + "minutes = 0\n", 13, "no time to answer"),
    "facts[1].id": (SMALL + FACT * 2, 17, "is there twice"),
    "facts[0].covers": (SMALL + FACT.replace("remote_tool", "tools"), 12, "'tools' is not one of"),
    "facts[0].expires": (SMALL + FACT.replace("2027-01-01", '"soon"'), 14, "will not do"),
    "analysts[0].object_id": (PROVIDER.replace("d04f6abf-", "mia-"), 12, "is no GUID"),
    "shifts[0].analysts": (
        PROVIDER.replace('["mia@', '["max@'),
        28,
        "'max@nordwall.com' is not the",
    ),
    "shifts[1].name": (PROVIDER.replace('"Denver"', '"London"'), 31, "is there twice"),
    "shifts[1].zone": (
        PROVIDER.replace("America/Denver", "America/Denvr"),
        32,
        "no IANA time zone",
    ),
    "shifts[1].end": (PROVIDER.replace("02:30", "13:00"), 35, "is the start too"),
    "role": (SMALL.replace('"customer"', '"client"'), 1, 'must be "customer" or "provider"'),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_profile_that_contradicts_itself_is_refused(field: str) -> None:
    text, line, reason = WRONG[field]

    [fault] = faults(text)

    assert fault.field == field
    assert fault.line == line
    assert reason in fault.reason


@pytest.mark.parametrize("kind", ["unknown", "restricted"])
def test_no_fact_speaks_of_what_a_person_looks_at_anyway(kind: str) -> None:
    [fault] = faults(SMALL + FACT.replace("remote_tool", kind))

    assert fault.field == "facts[0].covers"


def test_nobody_stands_in_for_themselves() -> None:
    [fault] = faults(SMALL + CONTACT + 'delegate = "JON@contoso.com"\n')

    assert fault.reason == "nobody stands in for themselves"


def test_what_is_not_toml_is_refused_with_its_line() -> None:
    [fault] = faults(SMALL + "zone =\n")

    assert (fault.line, fault.field) == (8, "")
    assert "not TOML" in fault.reason


def test_a_table_where_a_list_belongs_is_refused() -> None:
    assert faults(SMALL + "[contacts]\nupn = 1\n")
    assert faults(SMALL + "contacts = [1]\n")
    assert faults(SMALL + "hours = 1\n")
    assert faults(SMALL + "[hours]\ndays = 1\nstart = 1\nend = 2\n")


# --- lines ---------------------------------------------------------------------------------------


def test_a_value_is_found_whatever_stands_before_it() -> None:
    text = '''\
# id = "not this one"
note = """
id = "nor this"
[[contacts]]
"""
other = \'\'\'one line\'\'\'
list = [  # [
  "a]",
  ["b"],
]
id = "this one"  # """
"quoted key" = 1
[hours]
days = "mon"
[[contacts]]
upn = "a"
  [[contacts]]
  upn = "b"
'''
    lines = Lines(text)

    assert lines.of(("id",)) == 11
    assert lines.of(("list", 1, 0)) == 7
    assert lines.of(("quoted key",)) == 12
    assert lines.of(("hours", "days")) == 14
    assert lines.of(("contacts", 0, "upn")) == 16
    assert lines.of(("contacts", 1, "upn")) == 18
    assert lines.of(("contacts", 1, "name")) == 17
    assert lines.of(("nowhere",)) is None


# --- keeping -------------------------------------------------------------------------------------


def save(text: str) -> Callable[[Tx], profiles.Profile]:
    return lambda tx: profiles.save(tx, text, "customer.toml", NOW)


async def test_a_profile_comes_back_as_it_was_saved(store: Store) -> None:
    saved = await store.write(CONTOSO, save(EXAMPLE))

    assert saved.version == 1
    assert await store.read(CONTOSO, profiles.current) == saved
    provider = await store.write("nordwall", save(PROVIDER))
    assert await store.read_across(across.provider) == provider


async def test_a_profile_that_says_the_same_makes_no_new_version(store: Store) -> None:
    await store.write(CONTOSO, save(SMALL))
    same = await store.write(CONTOSO, save("# Contoso\n" + SMALL))

    assert same.version == 1


async def test_every_version_is_kept(store: Store) -> None:
    first = await store.write(CONTOSO, save(SMALL))
    second = await store.write(CONTOSO, save(SMALL + 'language = "de"\n'))

    assert [first.version, second.version] == [1, 2]
    assert await store.read(CONTOSO, profiles.current) == second
    for kept in (first, second):
        assert await store.read(CONTOSO, version(kept.version)) == kept


def version(number: int) -> Callable[[Tx], profiles.Profile]:
    return lambda tx: profiles.of_version(tx, number)


async def test_a_saved_profile_is_current_in_its_own_transaction(store: Store) -> None:
    def both(tx: Tx) -> tuple[Customer, Customer]:
        before = profiles.current(tx)
        profiles.save(tx, SMALL + 'language = "de"\n', "customer.toml", NOW)
        return before, profiles.current(tx)

    await store.write(CONTOSO, save(SMALL))
    before, after = await store.write(CONTOSO, both)

    assert (before.language, after.language) == ("en", "de")


async def test_a_profile_with_a_fault_changes_nothing(store: Store) -> None:
    await store.write(CONTOSO, save(SMALL))
    with pytest.raises(ProfileError):
        await store.write(CONTOSO, save(SMALL + "colour = 1\n"))

    rows = await store.read_across(lambda tx: tx.session.scalars(select(CustomerRow)).all())
    assert len(rows) == 1


async def test_a_profile_is_saved_only_for_the_customer_it_names(store: Store) -> None:
    with pytest.raises(ProfileError, match="'contoso' is not 'fabrikam'"):
        await store.write("fabrikam", save(SMALL))


async def test_a_customer_does_not_turn_into_a_provider(store: Store) -> None:
    await store.write(CONTOSO, save(SMALL))
    with pytest.raises(ProfileError, match="is a customer already"):
        await store.write(CONTOSO, save(PROVIDER.replace('"nordwall"', '"contoso"')))


async def test_a_new_version_is_on_record_at_the_desk(store: Store) -> None:
    await store.write(CONTOSO, save(SMALL))

    assert await store.read(CONTOSO, lambda tx: incidents.seen(tx, "profile:1"))


async def test_whoever_has_no_profile_is_named(store: Store) -> None:
    with pytest.raises(LookupError, match="contoso has no customer profile"):
        await store.read(CONTOSO, profiles.current)
    assert await store.read_across(across.provider) is None


async def test_the_onboarded_are_listed(store: Store) -> None:
    await store.write(CONTOSO, save(SMALL))
    await store.write(CONTOSO, save(SMALL + 'language = "de"\n'))
    await store.write("nordwall", save(PROVIDER))

    listed = await store.read_across(across.customers)
    assert [(each.id, each.role, each.version) for each in listed] == [
        (CONTOSO, "customer", 2),
        ("nordwall", "provider", 1),
    ]


async def test_a_tenant_leads_to_whoever_is_its_customer_now(store: Store) -> None:
    old, new = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10", "8d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
    await store.write(CONTOSO, save(SMALL))
    assert await found_by(store, old.upper()) == [CONTOSO]

    await store.write(CONTOSO, save(SMALL.replace("7D1F", "8D1F")))
    assert (await found_by(store, old), await found_by(store, new)) == ([], [CONTOSO])


async def found_by(store: Store, tenant_id: str) -> list[str]:
    return await store.read_across(lambda tx: across.find_customers_by_tenant(tx, tenant_id))


@pytest.mark.parametrize("context", ["C1", "c0", "c100", "acrs", ""])
def test_what_is_no_authentication_context_is_named(context: str) -> None:
    (fault,) = faults(f'{SMALL}[step_up]\nauthentication_context = "{context}"\n')

    assert fault.field == "step_up.authentication_context"
