"""The command line: `action-recognition SUBCOMMAND`, one small file for each."""

from action_recognition.cli.main import main

__all__ = ["main"]
