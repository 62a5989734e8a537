"""The shape of worlds/*.json: tenants, teams, channels and people, checked when read."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


def _time_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (LookupError, OSError) as error:
        raise ValueError(f"no such time zone: {name}") from error


ChannelKind = Literal["standard", "private", "shared"]


class FilePart(BaseModel):
    """Camel case on disk, and nothing that is not known."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class ChannelFile(FilePart):
    """A channel; list the General channel too, under the team's id. The app is in standard ones."""

    id: str
    name: str
    kind: ChannelKind = "standard"


class TeamFile(FilePart):
    """A team; `rsc` says the app's consent to read all its channel messages was given."""

    id: str
    name: str
    aad_group_id: str
    rsc: bool = False
    channels: list[ChannelFile]


class PersonFile(FilePart):
    """A person; `installed` marks those for whom installing for all installs the app, `guest` those
    of another organisation, and `homeTenant` those whose account stays in another tenant."""

    name: str = Field(min_length=1, pattern=r"\S")
    upn: str = Field(min_length=1)
    id: str = ""
    mri: str = ""
    given_name: str = ""
    role: str = "user"
    locale: str = "en-GB"
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    sid: str = ""
    installed: bool = False
    guest: bool = False
    home_tenant: str = ""
    teams: list[str] = []


class TenantFile(FilePart):
    """A tenant; `customer` is the name under which the bot knows it."""

    id: str
    name: str
    customer: str
    role: Literal["customer", "provider"]
    teams: list[TeamFile]
    users: list[PersonFile]


class BotFile(FilePart):
    """The bot as people see it; its app id comes from the configuration."""

    name: str


class WorldFile(FilePart):
    """One world; `intakeKeys` holds keys of the bot's intake, by customer and source."""

    bot: BotFile
    tenants: list[TenantFile]
    intake_keys: dict[str, dict[str, str]] = {}

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        people = [person for tenant in self.tenants for person in tenant.users]
        _once("tenant", [tenant.id for tenant in self.tenants])
        _once("object id", [person.id for person in people if person.id])
        _once("29: id", [person.mri for person in people if person.mri])
        _once("upn", [person.upn.lower() for person in people])
        _once("team", [team.id for tenant in self.tenants for team in tenant.teams])
        return self

    @model_validator(mode="after")
    def _members_name_their_own_teams(self) -> Self:
        for tenant in self.tenants:
            teams = {team.id for team in tenant.teams}
            for person in tenant.users:
                if not teams.issuperset(person.teams):
                    raise ValueError(f"{person.upn} is a member of a team outside {tenant.name}")
        return self


def read_world(path: Path) -> WorldFile:
    return WorldFile.model_validate_json(path.read_bytes())


def _once(what: str, values: list[str]) -> None:
    twice = {value for value in values if values.count(value) > 1}
    if twice:
        raise ValueError(f"{what} used twice: {', '.join(sorted(twice))}")
