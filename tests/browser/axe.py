"""What axe-core finds on a page that some people cannot use."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from dashboard_browser import DashboardPage

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_GRAVE = ("serious", "critical")


def faults(page: DashboardPage) -> list[str]:
    """The serious ones of the page as it is: rule, how grave, where."""
    page.script(_AXE)
    found: list[dict[str, Any]] = page.driver.execute_async_script(
        "const done = arguments[0]; axe.run().then(r => done(r.violations));"
    )
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]}"
        for rule in found
        if rule["impact"] in _GRAVE
        for node in rule["nodes"]
    ]
