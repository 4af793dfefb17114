"""What all commands have: version, exit codes in the help, completion."""

from __future__ import annotations

import subprocess

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


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
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
