"""Conditions that end a wait: the page has run, and its layout has come to rest."""

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

# Resolves when the browser has nothing to do. A shortcut works a moment after its button is drawn
_IDLE = "() => new Promise(resolve => requestIdleCallback(resolve, { timeout: 5000 }))"

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


def wait_until_idle(page: Page) -> None:
    """Wait until the page's script has ended and all its elements are drawn."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_function(_DRAWN)
    page.evaluate(_IDLE)


def press_shortcut(button: Locator, key: str) -> None:
    """Press the key of the only match once it is enabled and the browser, which takes the key only then, is idle."""
    expect(button).to_be_enabled()
    button.page.evaluate(_IDLE)
    button.page.keyboard.press(key)


def wait_until_at_rest(part: Locator) -> None:
    """Wait until the only match is visible and no longer moves."""
    expect(part).to_be_visible()
    part.evaluate(_REST)
