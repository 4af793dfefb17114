"""`action-recognition app`: opens the dashboard.

The dashboard is Streamlit's to start: it is named as a file, and not imported here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import action_recognition
from action_recognition.cli.options import add_address_options

_SCRIPT = Path(action_recognition.__path__[0], "dashboard", "start", "page.py")
# What `dashboard/settings.py` reads: option, placeholder, help.
SETTINGS = (
    ("model", "H5", "model file, `shipped` or `kinetics600`, until a visitor chooses another"),
    ("models", "DIR", "folder of further model files to choose from"),
    ("videos", "DIR", "folder whose videos the page Many videos may read"),
    ("examples", "DIR", "folder with a folder of clips for each action (default: data/clips)"),
    ("ice", "URL", "STUN or TURN server, for cameras outside of this network"),
    ("limits", "NAME=N,...", "what one video may cost, for example cpu_s=600 (see SECURITY.md)"),
    ("uploads-per-visitor", "N", "files from one address within a minute (default: 120)"),
    ("uploads", "N", "files from all addresses within a minute (default: 600)"),
    ("waiting", "N", "videos of all visitors that wait for the network (default: 100)"),
    ("held-mb", "N", "megabytes of uploads that are held for all visits (default: 4000)"),
)


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "app",
        help="open the dashboard in the browser",
        description="Opens the dashboard in the browser; Ctrl-C ends it. Only programs on this "
        "machine reach it, unless --address says otherwise.",
    )
    add_address_options(parser, port=8501)
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    for name, placeholder, text in SETTINGS:
        parser.add_argument(f"--{name}", metavar=placeholder, help=text)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Runs Streamlit in this process until it is ended."""
    from click.exceptions import Abort
    from streamlit.web.cli import main as streamlit

    command = ["run", str(_SCRIPT), f"--server.address={options.address}"]
    command += [f"--server.port={options.port}"]
    command += [f"--server.allowedHosts={name}" for name in options.allow_host]
    command += [f"--server.headless={str(options.no_browser).lower()}"]
    command += ["--server.fileWatcherType=none", "--"]  # nobody edits an installed package
    for name, _, _ in SETTINGS:
        value = getattr(options, name.replace("-", "_"))
        if value is not None:
            command.append(f"--{name}={value}")
    sys.argv = ["streamlit", *command]  # Streamlit reads it, too
    try:
        streamlit.main(command, prog_name="streamlit", standalone_mode=False)
    except Abort:  # how Streamlit's command line calls it
        raise KeyboardInterrupt from None
    except SystemExit as ended:  # a port that is taken
        return 2 if ended.code else 0
    return 0
