"""What the operator sets, and what the first page waits for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit import config

from action_recognition.dashboard.settings import (
    EXAMPLES_VARIABLE,
    ICE_VARIABLE,
    LIMITS,
    MODEL_VARIABLE,
    MODELS_VARIABLE,
    TRAINING_VARIABLE,
    VIDEOS_VARIABLE,
    Settings,
    limit_variable,
)
from action_recognition.errors import UsageError
from action_recognition.models.model_file import KINETICS, SHIPPED, find_model

VARIABLES = (EXAMPLES_VARIABLE, ICE_VARIABLE, MODEL_VARIABLE, MODELS_VARIABLE, VIDEOS_VARIABLE)


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["op_app.py"])


def test_without_a_word_nothing_on_the_server_is_open() -> None:
    settings = Settings.read()
    assert settings.model == find_model(SHIPPED)
    assert settings.models is None
    assert settings.examples == Path("data/clips")
    assert settings.videos is None
    assert settings.ice is None


def test_an_option_counts_more_than_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, f"/{name}")
    monkeypatch.setattr(sys, "argv", ["op_app.py", "--videos", "/v", "--unknown", "--ice=stun:x"])
    settings = Settings.read()
    assert settings.videos == Path("/v")
    assert settings.ice == "stun:x"
    assert settings.model == Path(f"/{MODEL_VARIABLE}")
    assert settings.models == Path(f"/{MODELS_VARIABLE}")
    assert settings.examples == Path(f"/{EXAMPLES_VARIABLE}")


@pytest.mark.parametrize(
    ("address", "hosts", "word", "allowed"),
    [
        ("127.0.0.1", [], None, True),
        ("localhost", [], None, True),
        ("127.0.0.1", ["dash.example.org"], None, False),  # a proxy hands others on to it
        ("0.0.0.0", [], None, False),
        (None, [], None, False),  # all addresses
        ("127.0.0.1", [], "off", False),
        ("0.0.0.0", [], "on", True),
    ],
)
def test_training_is_for_this_machine_until_the_operator_says_more(
    monkeypatch: pytest.MonkeyPatch,
    address: str | None,
    hosts: list[str],
    word: str | None,
    allowed: bool,
) -> None:
    known = {"server.address": address, "server.allowedHosts": hosts}
    monkeypatch.setattr(config, "get_option", known.__getitem__)
    if word is not None:
        monkeypatch.setenv(TRAINING_VARIABLE, word)
    assert Settings.read().training is allowed


def test_training_is_on_or_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["op_app.py", "--training", "yes"])
    with pytest.raises(UsageError, match=r"^--training yes: must be on or off"):
        Settings.read()


def test_a_model_of_the_package_is_named_by_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, KINETICS)
    assert Settings.read().model == find_model(KINETICS)


def test_an_empty_variable_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VIDEOS_VARIABLE, "")
    assert Settings.read().videos is None


def test_limits_have_options_and_variables_and_must_be_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for k, name in enumerate(LIMITS):
        monkeypatch.setenv(limit_variable(name), str(10 + k))
    monkeypatch.setattr(sys, "argv", ["op_app.py", "--uploads-per-visitor", "7"])
    settings = Settings.read()
    assert settings.uploads_per_visitor == 7
    assert (settings.uploads, settings.waiting, settings.held_mb) == (11, 12, 13)
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setattr(sys, "argv", ["op_app.py", f"--waiting={wrong}"])
        with pytest.raises(UsageError, match=r"--waiting .*: must be a whole number above 0"):
            Settings.read()


def test_the_first_page_is_drawn_before_pytorch_is_loaded() -> None:
    modules = "action_recognition.dashboard.app, action_recognition.dashboard.pages.recognize"
    code = f"import sys, {modules}; print([m for m in ('torch', 'h5py') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
