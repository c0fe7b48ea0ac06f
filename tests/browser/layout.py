"""Where the parts of a page are: inside the window, at rest, apart from each other, and accessible by axe-core."""

from __future__ import annotations

import contextlib

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Error, FloatRect, Locator, Page, expect

from tests.browser.waiting import wait_until_at_rest, wait_until_idle

DESKTOP, LAPTOP, PHONE = (1440, 900), (1280, 720), (390, 844)
PROJECTOR = (1920, 1080)
SIZES = (LAPTOP, DESKTOP, PROJECTOR, (1024, 768), PHONE)
"""The letters grow first: Plotly keeps the widths of the texts that it has measured."""
MAX_SHIFT = 0.02

# Shifts within half a second of a click do not count, as in Cumulative Layout Shift (CLS)
SHIFTS = """() => {
  window.shift = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({type: "layout-shift"});
}"""

# Controls below 24 pixels (WCAG 2.5.8); pairs of controls, texts and pictures of which one covers the other; those that
# the sides of the window cut off; in charts, texts, and marks on texts; parts that hide a line below their edge; and
# shortened texts, but titles of songs. What scrolls sideways does not count; what lies in front of the page (header,
# player, pages) is compared by itself, as is what lies on a picture.
PROBLEMS = """() => {
  const controls = "button, a[href], input, textarea, select, [role=tab], [role=radio], [role=slider], video, audio";
  const texts = "h1, h2, h3, p, li, figcaption, .stImage img, [data-testid=stCode]";
  const stage = '[class*="st-key-tile-"], .st-key-photo-preview, [class*="st-key-sheet-"], .st-key-film-frame';
  const songs = '[class*="st-key-title-"], [class*="st-key-play-"], .song';
  const front = '[data-testid="stHeader"], .st-key-player-bar, .st-key-pages';
  const words = document.createRange(); // lines are lower than the element of a text
  const part = (control) => {
    words.selectNodeContents(control);
    const box = (control.matches("h1, h2, h3, p, li") ? words : control).getBoundingClientRect();
    let { left, top, right, bottom } = box, scrolls = false;
    for (let each = control; each; each = each.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(each), edge = each.getBoundingClientRect();
      if (overflowX !== "visible") [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
      if (overflowY !== "visible") [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
      scrolls ||= ["auto", "scroll"].includes(overflowX) && each.scrollWidth > each.clientWidth + 1
        && each.dataset.testid !== "stMain";
    }
    const isInFront = Boolean(control.closest(front));
    return { control, left, top, right, bottom, scrolls, isInFront, stage: control.closest(stage) };
  };
  const name = ({ control }) => (control.ariaLabel || control.innerText || control.outerHTML).slice(0, 60);
  const shown = [...document.querySelectorAll(`${controls}, ${texts}`)]
    .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true })
      && !each.closest('[data-testid="stSidebar"]') && !each.closest("[aria-hidden=true]"))
    .map(part).filter(({ left, top, right, bottom }) => right - left > 4 && bottom - top > 4);
  const found = [];
  for (const { shadowRoot } of document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')) {
    for (const control of shadowRoot?.querySelectorAll(controls) ?? []) {
      const { width, height } = (control.closest("label") ?? control).getBoundingClientRect();
      if (control.checkVisibility() && Math.min(width, height) < 23.5) found.push(["small", name({ control }), height]);
    }
  }
  shown.forEach((one, number) => {
    const { left, right } = one.control.getBoundingClientRect();
    const label = one.control.matches("input") ? one.control.closest("label") : null;
    const target = (label ?? one.control).getBoundingClientRect();
    const isFace = one.control.closest('[class*="st-key-photo-face-"]'); // pressed beside it too
    const least = Math.min(target.width, target.height);
    if (one.control.matches(controls) && !isFace && least < 23.5) found.push(["small", name(one), least]);
    if (one.control.matches(controls) && !one.scrolls && (left < -1 || right > innerWidth + 1))
      found.push(["cut off", name(one), left, right]);
    for (const other of shown.slice(number + 1)) {
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (width <= 2 || height <= 2 || one.isInFront !== other.isInFront) continue;
      const isNested = one.control.contains(other.control) || other.control.contains(one.control);
      if (!isNested && !(one.stage && one.stage === other.stage)) found.push(["covered", name(one), name(other)]);
    }
  });
  for (const chart of document.querySelectorAll(".js-plotly-plot")) {
    if (!chart.checkVisibility()) continue;
    const box = (each) => ({ each, trace: each.closest(".trace"), ...each.getBoundingClientRect().toJSON() });
    const isSeen = (each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const edge = chart.getBoundingClientRect();
    const isWritten = (each) => each.textContent.trim() && getComputedStyle(each).fillOpacity > 0;
    const written = [...chart.querySelectorAll("text")]
      .filter((each) => isWritten(each) && isSeen(each)).map(box);
    const marks = [...chart.querySelectorAll(".scatterlayer .points path, .imagelayer image")].filter(isSeen).map(box);
    written.forEach((one, number) => {
      if (one.left < edge.left - 2 || one.right > edge.right + 2) found.push(["cut off", one.each.textContent]);
      for (const other of [...written.slice(number + 1), ...marks]) {
        const isMark = other.each.tagName !== "text", isBelow = one.each.compareDocumentPosition(other.each) & 2;
        if (isMark && (isBelow || one.trace === other.trace)) continue; // a number in its mark, a word with a halo
        const [width, height] = [["left", "right"], ["top", "bottom"]].map(([low, high]) =>
          Math.min(one[high], other[high]) - Math.max(one[low], other[low]));
        if (width > 1 && height > 1) found.push(["chart", chart.closest("[aria-label]")?.ariaLabel.slice(0, 40),
          one.each.textContent, other.each.textContent || other.each.tagName, [width, height].map(Math.round)]);
      }
    });
  }
  const main = document.querySelector('[data-testid="stMain"]');
  for (const each of main.querySelectorAll("*")) {
    const { overflowY, textOverflow } = getComputedStyle(each), hidden = each.scrollHeight - each.clientHeight;
    if (!each.checkVisibility({ opacityProperty: true }) || !each.clientHeight) continue;
    if (["auto", "scroll"].includes(overflowY) && hidden > 20) found.push(["scrolls", each.className, hidden]);
    if (textOverflow === "ellipsis" && each.scrollWidth > each.clientWidth + 1 && !each.closest(songs))
      found.push(["shortened", each.innerText]);
  }
  main.scrollTop = main.scrollHeight;
  const low = Math.min(...[...document.querySelectorAll(".st-key-player-bar *, :has(> .st-key-pages)")]
    .map((each) => each.getBoundingClientRect()).filter(({ height }) => height > 20).map(({ top }) => top),
    innerHeight);
  const end = Math.max(...shown.filter(({ control }) => !control.closest(front)).map(({ control }) =>
    part(control)).filter(({ bottom, top }) => bottom > top).map(({ bottom }) => bottom));
  if (end > low + 1) found.push(["below the player", end, low]);
  main.scrollTop = 0;
  return found;
}"""


# Charts follow the window after a moment
CHARTS_FIT = """() => [...document.querySelectorAll(".js-plotly-plot")].every(chart =>
  !chart.checkVisibility() || Math.abs(chart.querySelector(".main-svg").clientWidth - chart.clientWidth) <= 1)"""


def problems(page: Page) -> list[list[object]]:
    """What `PROBLEMS` finds once the charts fit the window; on a busy machine, their texts follow it late."""
    page.wait_for_function(CHARTS_FIT)
    wait_until_idle(page)
    with contextlib.suppress(Error):
        page.wait_for_function(f"({PROBLEMS})().length === 0", polling=500)
    found: list[list[object]] = page.evaluate(PROBLEMS)
    return found


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    main = page.get_by_test_id("stMain")
    return int(main.evaluate("element => element.scrollWidth - element.clientWidth"))


def box_of(part: Locator) -> FloatRect:
    """Position and size of the only match, once it is visible."""
    expect(part).to_be_visible()
    box: FloatRect = part.evaluate("element => element.getBoundingClientRect().toJSON()")  # waits, if it is redrawn
    return box


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def assert_visible_in(page: Page, size: tuple[int, int], parts: tuple[str, ...], name: str) -> None:
    """Check that parts lie inside the window, below the navigation, and that the page does not scroll sideways."""
    resize(page, size)
    for part in parts:
        expect(page.locator(part).first).to_be_visible()
    wait_until_at_rest(page.locator(parts[-1]).first)
    boxes = {part: page.locator(part).first.bounding_box() for part in parts}
    outside = {
        part: box
        for part, box in boxes.items()
        if box is None
        or min(box["x"], box["y"] - 56) < 0
        or box["x"] + box["width"] > size[0] + 0.5
        or box["y"] + box["height"] > size[1] + 0.5
        or min(box["width"], box["height"]) < 20
    }
    assert not outside, (name, size, outside)
    assert overflow(page) <= 0


def shift(page: Page) -> float:
    """The layout shift since the last call."""
    wait_until_idle(page)
    return float(page.evaluate("() => { const shift = window.shift; window.shift = 0; return shift; }"))


def assert_keeps_its_place(page: Page, address: str, last: str, tab: str = "") -> None:
    """Load a page unless it is shown, open a tab, and check that no part moves while it is drawn."""
    for number in range(5):  # on a busy machine, code and fonts may come late; a part that moves by itself always moves
        if number or page.url != address:
            page.goto(address)
        if tab:
            page.get_by_role("tab", name=tab).click()
            panel = page.get_by_role("tabpanel", name=tab)
            expect(panel.get_by_test_id("stElementContainer").first).to_be_attached()
            wait_until_idle(page)
        expect(page.get_by_text(last, exact=True).first).to_be_visible()
        if charts := page.locator(".js-plotly-plot").count():
            expect(page.locator(".js-plotly-plot .main-svg").nth(charts - 1)).to_be_visible()
        if (moved := shift(page)) <= MAX_SHIFT:
            break
    assert moved <= MAX_SHIFT, address


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
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    for _ in range(_LOOKS):
        found = AxeResults(page.evaluate("options => axe.run(options)", options))
        if not found.violations_count:
            return None
        wait_until_idle(page)
    return found.generate_report()


# The size in pixels of the smallest visible text, with the text, in charts and in the parts of components too
SMALLEST = """() => {
  const found = [], roots = [document];
  for (const root of roots) {
    for (const each of root.querySelectorAll("*")) {
      if (each.shadowRoot) roots.push(each.shadowRoot);
      const own = [...each.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
      const { width, height } = each.getBoundingClientRect();
      if (!own || width < 2 || height < 2 || each.closest("style, script, #js-plotly-tester, [data-testid=stSidebar]"))
        continue;
      const isIcon = each.closest('[data-testid="stIconMaterial"], [class*="material"]');
      if (isIcon || !each.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      const { a, b } = each instanceof SVGElement ? each.getScreenCTM() : { a: 1, b: 0 }, scale = Math.hypot(a, b);
      found.push([Math.round(100 * scale * parseFloat(getComputedStyle(each).fontSize)) / 100, own.slice(0, 40)]);
    }
  }
  return found.sort(([one], [other]) => one - other)[0];
}"""


def smallest(page: Page) -> tuple[float, str]:
    """The size in pixels of the smallest letters on the page, and their text."""
    size, text = page.evaluate(SMALLEST)
    return float(size), str(text)


# What moves without an end, although the browser of the tests asks for reduced motion
MOVES = """() => document.getAnimations().map(({ effect }) => effect)
  .filter((effect) => effect.getComputedTiming().endTime === Infinity).map(({ target }) => target.outerHTML)"""

# Whether a row of buttons can be scrolled, which hides the last ones
ROWS_SCROLL = "all => all.filter(row => row.scrollWidth - row.clientWidth > 1).map(row => row.className)"


def assert_well_drawn(page: Page, title: str) -> None:
    """Check a page in windows of five sizes, on a desktop with the light theme and on a phone with the dark one.

    It has its title, headings in order, which screen readers navigate by, and no violations; no control covers another
    or is cut off, and nothing is too wide.
    """
    expect(page).to_have_title(title)
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False)), levels
    assert axe_report(page) is None
    assert page.evaluate(MOVES) == []
    letters = {}
    for size in SIZES:
        resize(page, size)
        assert problems(page) == [], size
        assert page.locator(".st-key-shown, .st-key-how-top").evaluate_all(ROWS_SCROLL) == []
        letters[size] = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        if size == PROJECTOR:
            assert (least := smallest(page))[0] >= 16, least
    assert letters[LAPTOP] < letters[DESKTOP] < letters[PROJECTOR]
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    assert axe_report(page) is None
    menu = box_of(page.get_by_test_id("stMainMenu"))
    assert menu["x"] + menu["width"] <= PHONE[0]
    assert overflow(page) <= 0
