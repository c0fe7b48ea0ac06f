"""Accessibility, as far as Deque's axe-core checks it: contrast, names, roles and order."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.waiting import wait_until_idle

# Violations of Streamlit itself: its drop zone has a name and the role "presentation", and its wide tables and tall
# popovers scroll without keyboard focus
STREAMLIT_RULES = ("presentation-role-conflict", "scrollable-region-focusable")

_LOOKS = 3  # a page that runs meanwhile fades for a moment


def axe_report(page: Page) -> str | None:
    """The violations on the page; None without violations."""
    wait_until_idle(page)
    for chosen in page.locator('[role="radio"][aria-checked="true"]:visible').all()[:1]:
        chosen.hover(force=True)  # the state with the lowest contrast; a menu can cover it
    wait_until_idle(page)
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in STREAMLIT_RULES}}
    for _ in range(_LOOKS):
        found = Axe().run(page, options=options)
        if not found.violations_count:
            return None
        wait_until_idle(page)
    return found.generate_report()
