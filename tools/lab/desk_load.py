"""How long the desk's page takes to load in Chromium, and how much comes over the network, as a process.

Arguments: URL, times. Says one line of JSON: s from the request to the load event and bytes of each load; every one is by a
browser that has seen nothing before. Pictures are not counted: they are those of the styles, and come later.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from phosphene.engine.core.child import python_child
from phosphene.tools.datasets.browser import find_chromium

_MEASURE = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const parts = performance.getEntriesByType("resource").filter((part) => !/img|image|video/.test(part.initiatorType));
    return { s: page.loadEventStart / 1000, bytes: [page, ...parts].reduce((sum, part) => sum + part.transferSize, 0) };
}"""


def command(url: str, times: int) -> list[str]:
    """Return the command that runs it."""
    return python_child("phosphene.tools.lab.desk_load", url, str(times))


def main(url: str, times: int) -> list[dict[str, Any]]:
    """Return what each load took."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox", "--disable-gpu"])
        for _ in range(times):
            context = browser.new_context()
            page = context.new_page()
            page.goto(url, wait_until="load")
            page.wait_for_timeout(1000)  # what scripts ask for after the load counts as well
            found.append(page.evaluate(_MEASURE))
            context.close()
        browser.close()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]))) + "\n")
