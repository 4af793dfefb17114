"""The page that shows what can be asked; it loads nothing."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

_STYLE = """body {font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto;
padding: 0 1rem; color-scheme: light dark} pre {overflow-x: auto; padding: .75rem;
border: 1px solid #8888; border-radius: .3rem}"""


def api_page(openapi: dict[str, Any]) -> str:
    """HTML for a description as OpenAPI has it."""
    parts = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>\n"
        f"<p>{_text(facts.get('description') or facts['summary'])}</p>\n"
        f"{_parameters(facts)}{_example(facts)}"
        for path, methods in openapi["paths"].items()
        for method, facts in methods.items()
    ]
    info = openapi["info"]
    title = escape(f"{info['title']} {info['version']}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><style>'
        f"{_STYLE}</style></head>\n<body><h1>{title}</h1>\n<p>{escape(info['description'])} "
        'The whole description: <a href="openapi.json">openapi.json</a>.</p>\n'
        f"{''.join(parts)}</body></html>\n"
    )


def _text(described: str) -> str:
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(described))


def _parameters(facts: dict[str, Any]) -> str:
    rows = [
        f"<li><code>?{escape(p['name'])}={escape(str(p['schema'].get('default', '')))}</code> "
        f"{escape(p.get('description', ''))}</li>"
        for p in facts.get("parameters", ())
    ]
    return f"<ul>{''.join(rows)}</ul>\n" if rows else ""


def _example(facts: dict[str, Any]) -> str:
    content = facts["responses"]["200"].get("content", {}).get("application/json", {})
    if "example" not in content:
        return ""
    return f"<pre>{escape(json.dumps(content['example'], indent=2))}</pre>\n"
