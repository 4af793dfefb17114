"""What all commands have: version, exit codes in the help, completion."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from action_recognition import __version__
from action_recognition.cli import main


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--version") == f"action-recognition {__version__}\n"


@pytest.mark.parametrize("command", [[], ["predict"], ["data"], ["data", "check"], ["app"]])
def test_each_help_says_the_exit_codes(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(printed(capsys, *command, "--help").split())
    assert "Exit codes: 0, done; 1, some of several files failed; 2, wrong usage" in text


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_each_option_is_described_and_its_default_said_once() -> None:
    for parser in parsers(import_module("action_recognition.cli.main").make_parser()):
        text = " ".join(parser.format_help().split())
        assert not re.search(r"\(default: (None|\[\]|False|True|)\)|\(default [^)]", text), text
        assert not re.search(r"default[^)]*\) \(default", text), text
        bare = [a.dest for a in parser._actions if not a.help and a.metavar != "COMMAND"]
        assert not bare, parser.prog


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_a_script_for_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    script = printed(capsys, "--completion", shell)
    assert "timeline" in script
    assert "action-recognition" in script


def test_bash_completes_commands_and_files(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    pytest.importorskip("shtab")
    script = printed(capsys, "--completion", "bash")
    (function,) = {line.split()[-2] for line in script.splitlines() if line.startswith("complete")}
    ask = (
        f"cd {tmp_path} && touch clip.mp4\n{script}\n"
        "compopt() { :; }\n"
        'complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); '
        f'{function} "$1" "${{COMP_WORDS[COMP_CWORD]}}"; echo "${{COMPREPLY[@]}}"; }}\n'
        "complete_it action-recognition timel\ncomplete_it action-recognition predict cl\n"
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["timeline", "clip.mp4"], done.stderr


def test_fish_completes_commands_and_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("shtab")
    if shutil.which("fish") is None:
        pytest.skip("needs fish")
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "ours.fish").write_text(printed(capsys, "--completion", "fish"))
    ask = "source ours.fish; complete -C 'action-recognition timel'; "
    ask += "complete -C 'action-recognition train --data cl'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines() if line] == [
        "timeline", "clip.mp4",
    ]  # fmt: skip
