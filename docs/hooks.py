"""Adds to MkDocs the output of `--help`, examples as code, and a check that nothing is loaded."""

from __future__ import annotations

import io
import os
import re
import shlex
from contextlib import redirect_stdout, suppress
from typing import Any

from griffe import Extension, Object
from mkdocs.exceptions import PluginError

from action_recognition.cli import main

_HELP = re.compile(r"^\$ action-recognition(?P<arguments>.* --help)$", re.MULTILINE)
_LOADED = re.compile(
    r"<(?:script|img|iframe|video|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//"
    r"|<link\b[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon)[^>]*href=[\"']?(?:https?:)?//"
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts what a command prints below each `$ action-recognition ... --help`."""
    return _HELP.sub(lambda match: f"{match[0]}\n{_printed(match['arguments'])}", markdown)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Stops the build where a page would load something from the network."""
    found = _LOADED.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads from the network: {found[0]}")
    return output


def _printed(arguments: str) -> str:
    os.environ["COLUMNS"] = "78"
    out = io.StringIO()
    with redirect_stdout(out), suppress(SystemExit):  # argparse exits after its help
        main(shlex.split(arguments))
    return out.getvalue().rstrip()


class Examples(Extension):
    """Sections called `Example` in docstrings are shown as those called `Examples`: as code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Griffe calls it with everything that it finds."""
        if obj.docstring is not None:
            value = obj.docstring.value
            obj.docstring.value = re.sub(
                r"^( *)Example:$", r"\1Examples:", value, flags=re.MULTILINE
            )
