"""Entry point: finds the subcommand, and turns every expected error into one sentence.

Exit codes: 0 done; 1 some of several files failed; 2 wrong usage, input that cannot be used, or a
training that cannot go on; 128 + the number of the signal that interrupted it: 130 Ctrl-C, and of a
training 143 SIGTERM, 129 SIGHUP.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from action_recognition.cli import (
    correct,
    data,
    evaluate,
    import_kinetics,
    model,
    predict,
    reproduce,
    timeline,
    train,
    watch,
)
from action_recognition.cli.endings import Interrupted
from action_recognition.cli.printing import prepare_streams
from action_recognition.errors import ActionRecognitionError, one_line

COMMANDS = (
    predict,
    timeline,
    watch,
    train,
    correct,
    evaluate,
    import_kinetics,
    data,
    model,
    reproduce,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    prepare_streams()
    parser = argparse.ArgumentParser(
        prog="action-recognition",
        description="Recognises human actions in videos; trains and evaluates the network.",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    options = parser.parse_args(arguments)
    options.command = [parser.prog, *(sys.argv[1:] if arguments is None else arguments)]
    if not hasattr(options, "run"):
        parser.print_help()
        return 0
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except ActionRecognitionError as error:
        print(f"action-recognition: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        of_extra = (
            "torch",
            "onnx",
            "onnxscript",
            "lightning",
            "openvino",
            "keras",
            "sklearn",
            "scipy",
            "torchmetrics",
            "requests",
            "filelock",
            "rarfile",
        )
        wanted = "exports" if error.name in ("openvino", "keras") else "train"
        if (error.name or "").split(".")[0] not in of_extra:
            raise
        print(
            f"action-recognition: this command needs the extra {wanted!r}: "
            f"pip install 'action-recognition[{wanted}]' ({error.name} is not installed)",
            file=sys.stderr,
        )
        return 2
    except Interrupted as error:
        with suppress(OSError):  # a terminal that was closed takes no words
            print(f"action-recognition: {error}", file=sys.stderr)
        return 128 + error.signum
    except KeyboardInterrupt:
        print("action-recognition: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `predict ... | head`
        _forget_stdout()
        return 1
    except OSError as error:  # a full disk, a folder that is read-only
        _forget_stdout()
        where = error.filename or "the output"
        reason = one_line(f"{where}: it cannot be written or read ({error.strerror or error})")
        print(f"action-recognition: {reason}", file=sys.stderr)
        return 2


def _forget_stdout() -> None:
    """What could not be written is not tried again when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
