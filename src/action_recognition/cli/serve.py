"""`action-recognition serve`: recognition for other programs, over HTTP."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import Any

from action_recognition.cli.options import (
    add_address_options,
    add_device_option,
    add_limits_option,
    add_model_option,
    load_recognizer,
    note,
)
from action_recognition.errors import UsageError

_CONNECTIONS = 256


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "serve",
        help="answer other programs over HTTP",
        description="Answers other programs over HTTP, one video after the other, until Ctrl-C. "
        "Only programs on this machine reach it, unless --address says otherwise. On Linux, each "
        "video is decoded in a process that can reach neither the network nor other files.",
    )
    add_address_options(parser, port=8000)
    parser.add_argument(
        "--folder", metavar="DIR", help="requests may name videos below this folder"
    )
    parser.add_argument(
        "--token-file", metavar="FILE",
        help="file with a token that each request must bring (default: the variable "
        "ACTION_RECOGNITION_TOKEN, if set)",
    )  # fmt: skip
    parser.add_argument(
        "--upload-mb", type=int, default=500, metavar="N",
        help="megabytes of one upload",
    )  # fmt: skip
    parser.add_argument(
        "--waiting", type=int, default=16, metavar="N",
        help="requests that are taken at once",
    )  # fmt: skip
    parser.add_argument(
        "--requests-per-visitor", type=int, default=120, metavar="N",
        help="requests from one address within a minute",
    )  # fmt: skip
    parser.add_argument(
        "--requests", type=int, default=600, metavar="N",
        help="requests from all addresses within a minute",
    )  # fmt: skip
    add_model_option(parser)
    add_device_option(parser)
    add_limits_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serves until it is ended."""
    import uvicorn

    from action_recognition.serving.app import create_app
    from action_recognition.serving.settings import TOKEN_VARIABLE, Settings, read_token
    from action_recognition.video.isolated import can_isolate

    settings = Settings(
        folder=Path(options.folder) if options.folder else None,
        hosts=tuple(options.allow_host),
        token=read_token(options.token_file),
        upload_mb=options.upload_mb,
        requests_per_visitor=options.requests_per_visitor,
        requests=options.requests,
        waiting=options.waiting,
    )
    if not can_isolate():
        note("videos are decoded in this process: only Linux can confine it (see SECURITY.md)")
    options.untrusted = can_isolate()
    with _listen(options.address, options.port) as listening:
        app = create_app(load_recognizer(options, options.model), settings)
        if not _is_loopback(options.address) and settings.token is None:
            note(f"everybody who reaches {options.address} can use it: set {TOKEN_VARIABLE}")
        where = f"[{options.address}]" if ":" in options.address else options.address
        print(f"http://{where}:{options.port}", flush=True)
        config = uvicorn.Config(
            app, log_level="warning", server_header=False, proxy_headers=False,
            limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=5,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listen(address: str, port: int) -> socket.socket:
    try:
        return socket.create_server((address, port), family=_family(address))
    except OSError as error:
        raise UsageError(f"{address}:{port}: cannot listen there ({error.strerror})") from None


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_loopback(address: str) -> bool:
    return address in ("localhost", "::1") or address.startswith("127.")
