"""Conditions that end a wait: the page has run, and its layout has come to rest. The shifts of its layout."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

# Nothing is redrawn: no element of an earlier run, no part of Streamlit that still loads (the app's style is one),
# no transition, and no image without its pixels
_DRAWN = """() => {
  const ends = animation => animation.effect.getComputedTiming().endTime !== Infinity;
  const loading = [...document.querySelectorAll('[data-testid="stSkeleton"]')];
  return !document.querySelector('[data-stale="true"]')
    && !loading.some(part => part.checkVisibility())
    && document.getAnimations().every(animation => animation.playState !== "running" || !ends(animation))
    && [...document.images].every(image => image.complete);
}"""

# Resolves when the element keeps its place for twenty frames in a row
_REST = """element => new Promise(resolve => {
  let before = "", frames = 0;
  const look = () => {
    const now = JSON.stringify(element.getBoundingClientRect());
    frames = now === before ? frames + 1 : 0;
    before = now;
    if (frames === 20) resolve(true); else requestAnimationFrame(look);
  };
  look();
})"""


MAX_SHIFT = 0.05

# Shifts within half a second of a click do not count, as in Cumulative Layout Shift (CLS). Streamlit's own change to
# the wide layout moves its empty container, and is the larger, the more of the page arrives in the same frame
SHIFTS = """() => {
  window.shift = 0;
  const widens = entry => entry.sources[0]?.node?.dataset?.testid === "stMainBlockContainer";
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput && !widens(entry)) window.shift += entry.value;
  }).observe({type: "layout-shift"});
}"""


def wait_until_idle(page: Page) -> None:
    """Wait until the page's script has ended and all its elements are drawn."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_function(_DRAWN)


def wait_until_at_rest(part: Locator) -> None:
    """Wait until the only match is visible and no longer moves."""
    expect(part).to_be_visible()
    part.evaluate(_REST)


def shift(page: Page) -> float:
    """The layout shift since the last call."""
    wait_until_idle(page)
    return float(page.evaluate("() => { const shift = window.shift; window.shift = 0; return shift; }"))
