"""A mistake in the settings is named, by the doctor, by the list and by a gateway that does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.app import init_app
from gateway.channels.registry import channels_on
from gateway.channels.settings import ChannelSettings, WrongSettings
from gateway.settings import Settings
from helpline.cli import main
from helpline.settings import ROOT

#: One thing wrong in each, and the setting that must be named.
_WRONG: list[tuple[dict[str, Any], str]] = [
    ({"telegram_webhook_secret": ""}, "HELPLINE_TELEGRAM_WEBHOOK_SECRET is missing"),
    ({"telegram_webhook_secret": "with space here"}, "HELPLINE_TELEGRAM_WEBHOOK_SECRET must be"),
    ({"telegram_token": "nonsense"}, "HELPLINE_TELEGRAM_TOKEN is no bot token"),
    ({"telegram_token": ""}, "HELPLINE_TELEGRAM_TOKEN is missing"),
    ({"public_url": ""}, "HELPLINE_PUBLIC_URL"),
    ({"public_url": "helpline.example"}, "HELPLINE_PUBLIC_URL must begin with https://"),
    ({"whatsapp_access_token": ""}, "HELPLINE_WHATSAPP_ACCESS_TOKEN is missing"),
    ({"whatsapp_app_secret": ""}, "HELPLINE_WHATSAPP_APP_SECRET is missing"),
    ({"whatsapp_phone_number_id": ""}, "HELPLINE_WHATSAPP_PHONE_NUMBER_ID is missing"),
    ({"whatsapp_verify_token": "short"}, "HELPLINE_WHATSAPP_VERIFY_TOKEN is too short"),
    ({"sms_notify_key": ""}, "HELPLINE_SMS_NOTIFY_KEY is missing"),
    ({"sms_notify_key": "abc"}, "HELPLINE_SMS_NOTIFY_KEY is no GOV.UK Notify API key"),
    ({"sms_template_id": ""}, "HELPLINE_SMS_TEMPLATE_ID is missing"),
    ({"sms_callback_token": ""}, "HELPLINE_SMS_CALLBACK_TOKEN is missing"),
]


@pytest.mark.parametrize(("wrong", "named"), _WRONG, ids=[named for _, named in _WRONG])
def test_a_mistake_is_named_and_the_gateway_does_not_start(
    channel_settings: dict[str, Any], wrong: dict[str, Any], named: str
) -> None:
    settings = ChannelSettings(**{**channel_settings, **wrong})
    assert any(named in problem for problem in settings.problems())
    with pytest.raises(WrongSettings, match=named):
        init_app(Settings(), channel_settings=settings)


def test_all_of_them_are_told_at_once(channel_settings: dict[str, Any]) -> None:
    settings = ChannelSettings(**{**channel_settings, "whatsapp_app_secret": "", "sms_template_id": ""})
    assert len(settings.problems()) == 2


def test_good_settings_have_no_problem_and_none_are_needed(channel_settings: dict[str, Any]) -> None:
    assert ChannelSettings(**channel_settings).problems() == []
    assert channels_on(ChannelSettings(**channel_settings)) == ["telegram", "whatsapp", "sms"]
    assert ChannelSettings().problems() == []
    assert channels_on(ChannelSettings()) == []


def test_the_list_says_what_is_on_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPLINE_TELEGRAM_TOKEN", "1:abc")
    monkeypatch.setenv("HELPLINE_TELEGRAM_POLLING", "true")
    result = CliRunner().invoke(main, ["channel", "list"])
    assert result.exit_code == 0
    assert "on   telegram: Telegram, by polling" in result.output
    assert "off  sms" in result.output
    monkeypatch.setenv("HELPLINE_SMS_NOTIFY_KEY", "x")
    result = CliRunner().invoke(main, ["channel", "list"])
    assert result.exit_code == 1
    assert "HELPLINE_SMS_TEMPLATE_ID is missing" in result.output


def test_a_simulation_does_not_start_beside_a_real_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPLINE_TELEGRAM_TOKEN", "1:abc")
    result = CliRunner().invoke(main, ["channel", "simulate", "telegram"])
    assert result.exit_code == 1
    assert "must not answer real people" in result.output


def test_the_process_ends_with_one_clear_line() -> None:
    environment = {**os.environ, "HELPLINE_TELEGRAM_TOKEN": "1:abc"}
    result = subprocess.run(
        [sys.executable, "-m", "helpline.serve"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 1
    assert "HELPLINE_TELEGRAM_WEBHOOK_SECRET is missing" in result.stderr
    assert "Traceback" not in result.stderr
    assert "1:abc" not in result.stderr


def _doctor_on_channels(folder: Path, settings: dict[str, str]) -> tuple[int, str]:
    """Run ``helpline doctor`` as somebody at a terminal does; its exit code and its line on channels."""
    result = subprocess.run(
        [Path(sys.executable).with_name("helpline"), "doctor"],
        cwd=ROOT,
        env={**os.environ, "HELPLINE_DATA_DIR": str(folder), **settings},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.stderr == ""
    [line] = [line for line in result.stdout.splitlines() if " channels: " in line]
    for secret in settings.values():
        assert secret in ("true", "https://helpline.example.gov.uk") or secret not in result.stdout
    return result.returncode, line


def test_the_doctor_names_each_mistake_and_shows_no_secret(tmp_path: Path) -> None:
    code, line = _doctor_on_channels(
        tmp_path,
        {
            "HELPLINE_PUBLIC_URL": "https://helpline.example.gov.uk",
            "HELPLINE_TELEGRAM_WEBHOOK_SECRET": "a-long-enough-secret",  # and no token
            "HELPLINE_WHATSAPP_ACCESS_TOKEN": "an-access-token-xyz",  # and no number
            "HELPLINE_WHATSAPP_APP_SECRET": "an-app-secret-xyz",
            "HELPLINE_WHATSAPP_VERIFY_TOKEN": "short-1",
            "HELPLINE_SMS_CALLBACK_TOKEN": "callback-token-xyz",  # and no key, and no template
        },
    )
    assert code == 1
    assert line.startswith("wrong  channels: ")
    for named in (
        "Telegram is set up but HELPLINE_TELEGRAM_TOKEN is missing",
        "WhatsApp is set up but HELPLINE_WHATSAPP_PHONE_NUMBER_ID is missing",
        "HELPLINE_WHATSAPP_VERIFY_TOKEN is too short: use at least 10 characters",
        "SMS is set up but HELPLINE_SMS_NOTIFY_KEY is missing",
        "SMS is set up but HELPLINE_SMS_TEMPLATE_ID is missing",
    ):
        assert named in line


def test_the_doctor_says_which_channels_are_on(tmp_path: Path) -> None:
    settings = {"HELPLINE_TELEGRAM_TOKEN": "123456:ABC-DEF", "HELPLINE_TELEGRAM_POLLING": "true"}
    _, line = _doctor_on_channels(tmp_path, settings)
    assert line == "ok     channels: on: telegram"
