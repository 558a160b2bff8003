"""Settings: from the environment, by name, and each one explained."""

from pathlib import Path

import pytest

from web.settings import Settings, SettingsError, read_settings, settings_help


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for row in settings_help():
        monkeypatch.delenv(row.name, raising=False)


def test_defaults_are_local_and_need_no_environment():
    settings = read_settings()
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, Path("var"))
    assert settings.reader is None and settings.embedder is None
    assert settings.max_body == 65536 and settings.max_answers == 10


def test_the_environment_is_read_and_what_is_typed_wins(monkeypatch):
    monkeypatch.setenv("CITESPAN_PORT", "9000")
    monkeypatch.setenv("CITESPAN_DATA", "elsewhere")
    monkeypatch.setenv("CITESPAN_READER", "")
    settings = read_settings(port=9001)
    assert (settings.port, settings.data, settings.reader) == (9001, Path("elsewhere"), None)


def test_a_tilde_is_the_home_though_no_shell_has_read_it(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("CITESPAN_DATA", "~/library")
    monkeypatch.setenv("CITESPAN_ARTICLES", "~/articles")
    settings = read_settings()
    assert settings.data == Path("/home/me/library")
    assert settings.articles == Path("/home/me/articles")
    assert read_settings(data=Path("~nobody-here/x")).data == Path("~nobody-here/x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "65536"),
        ("THREADS", "0"),
        ("MAX_ANSWERS", "11"),
        ("MAX_BODY", "1"),
        ("REFRESH_SECONDS", "nan"),
        ("REFRESH_SECONDS", "0"),
    ],
)
def test_a_bad_value_is_one_sentence_with_its_name(monkeypatch, name, value):
    monkeypatch.setenv(f"CITESPAN_{name}", value)
    with pytest.raises(SettingsError, match=f"^CITESPAN_{name} can't be used: [^\n]+$"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TOKEN", "short", "take one of 16 characters or more"),
        ("LIMIT", "60 per minute", "such as 60/minute"),
        ("HOSTS", "a/b", "write names such as citespan.example.org"),
        ("ORIGINS", "https://example.org/", "write origins such as https://example.org,"),
    ],
)
def test_no_pattern_is_shown_to_who_starts_it(monkeypatch, name, value, said):
    monkeypatch.setenv(f"CITESPAN_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert said in str(refused.value) and "pattern" not in str(refused.value)


def test_every_setting_is_explained():
    rows = settings_help()
    assert [row.name for row in rows] == [
        f"CITESPAN_{name.upper()}" for name in Settings.model_fields
    ]
    assert all(row.help.endswith(".") for row in rows)
    assert {row.name: row.default for row in rows}["CITESPAN_PORT"] == "8000"


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1
