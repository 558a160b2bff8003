"""What can be set from outside: the only reader of the environment.

This file must not know what any setting does beyond its one sentence of help.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CITESPAN_"
_WANTED = {  # where a pattern or a length would be told
    "limit": "write it as a number of requests in a second, minute, hour or day, such as 60/minute",
    "hosts": "write names such as citespan.example.org, with spaces between",
    "origins": "write origins such as https://example.org, with nothing after the name or port and"
    " with spaces between",
    "token": "take one of 16 characters or more",
}


class SettingsError(Exception):
    """A setting can't be used; the message is one sentence that names it."""


def _at_home(path: Path) -> Path:
    """With "~" as the home, which nobody has put in its place in an env file."""
    with suppress(RuntimeError):  # nobody has that home: it is a name like any other
        return path.expanduser()
    return path


def _as_sent(origins: str) -> str:
    """As a browser sends them: in small letters, without the port that is usual."""
    return re.sub(r"(http://\S+):80(?!\S)|(https://\S+):443(?!\S)", r"\1\2", origins.lower())


Folder = Annotated[Path, AfterValidator(_at_home)]


class Settings(BaseSettings):
    """Every setting, from `CITESPAN_…` variables unless given by name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    data: Folder = Field(Path("var"), description="Folder that holds the library.")
    library: str | None = Field(
        None,
        description="A library on Milvus, milvus://HOST:PORT/NAME or milvus+tls://…, in place of"
        " the folder's.",
    )
    milvus_token: SecretStr | None = Field(
        None, description="What that server takes, USER:PASSWORD or a token; none if not set."
    )
    reader: str | None = Field(
        None, description="Reading model: a folder or hub name; the built-in one if not set."
    )
    embedder: str | None = Field(
        None, description="Embedding model: a folder or hub name; the built-in one if not set."
    )
    host: str = Field("127.0.0.1", description="Address the service listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port it listens on; 0 takes a free one.")
    threads: int = Field(8, ge=1, le=256, description="Questions answered at the same time.")
    queue: int = Field(
        16, ge=0, le=1000, description="Questions that may wait; one more is told to come again."
    )
    wait_seconds: float = Field(
        30.0, gt=0, le=3600, description="Seconds that a question may wait; then the same."
    )
    answer_seconds: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Seconds after which nothing more is read for a question: the reply is then"
        " partial.",
    )
    connections: int = Field(
        900, ge=64, le=65536, description="Open connections; the slowest make room for others."
    )
    request_seconds: float = Field(
        10.0, gt=0, le=3600, description="Seconds that a request may take to arrive."
    )
    reply_seconds: float = Field(
        60.0, gt=0, le=3600, description="Seconds that a client may take to read its reply."
    )
    max_body: int = Field(65536, ge=1024, description="Largest request body in bytes.")
    max_answers: int = Field(10, ge=3, le=10, description="Largest k: answers to one question.")
    limit: str | None = Field(
        None,
        pattern=r"^[1-9]\d{0,8}/(second|minute|hour|day)$",
        description="Requests one client may make, such as 60/minute; no limit if not set.",
    )
    proxies: int = Field(
        0, ge=0, le=9, description="Proxies in front that are believed who the client is."
    )
    hosts: str = Field(
        "",
        pattern=r"^([\w.-]+( [\w.-]+)*)?$",
        description="Names the service is reached by, with spaces between; addresses in numbers"
        " and localhost always are.",
    )
    origins: Annotated[str, AfterValidator(_as_sent)] = Field(
        "",
        pattern=r"^(https?://[^\s/*]+( https?://[^\s/*]+)*)?$",
        description="Other origins whose pages may ask, such as https://example.org, with spaces"
        " between.",
    )
    log_questions: bool = Field(False, description="Whether questions are written to the log.")
    token: SecretStr | None = Field(
        None,
        min_length=16,
        description="What a request must carry to write; nothing can be written if not set.",
    )
    articles: Folder | None = Field(
        None, description="Folder that POST /api/v1/index reads again; none if not set."
    )
    refresh_seconds: float = Field(
        1.0, gt=0, le=3600, description="Seconds between two looks for a newer index."
    )


def secret(value: SecretStr | None) -> str | None:
    """What is kept from every text."""
    return None if value is None else value.get_secret_value()


@dataclass(frozen=True, slots=True)
class SettingHelp:
    """One row of the settings table: the variable, its default as text, its help."""

    name: str
    default: str
    help: str


def settings_help() -> list[SettingHelp]:
    """Every setting by its environment variable, in order."""
    return [
        SettingHelp(
            name=PREFIX + name.upper(),
            default="" if field.default is None else str(field.default),
            help="" if field.description is None else field.description,
        )
        for name, field in Settings.model_fields.items()
    ]


def read_settings(
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    library: str | None = None,
) -> Settings:
    """The environment's settings, overridden by what was typed; raises `SettingsError`."""
    typed = {"data": data, "host": host, "port": port, "library": library}
    given = {name: value for name, value in typed.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        shown = PREFIX + name.upper() if name else "a setting"
        why = _WANTED.get(name, first["msg"].lower())
        raise SettingsError(f"{shown} can't be used: {why}") from error
