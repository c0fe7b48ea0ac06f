"""Take the pictures of the README from a running app: wide and narrow, light and dark.

streamlit run app.py --server.headless true &
python -m scripts.take_screenshots http://localhost:8501 docs/screenshots
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SIZES = {1440: 900, 390: 844}
THEMES = ("light", "dark")

# The players come from Spotify. A picture of the app shows where they stand, whatever the network at hand does.
PLAYER = """<body style="margin:0;height:100vh;display:grid;place-items:center;background:#2b2b2b;color:#ddd;
font:15px sans-serif;border-radius:12px">Spotify's player for this song</body>"""


def take(page: Page, out: Path, name: str) -> None:
    """Save what the window shows, once nothing moves."""
    page.wait_for_timeout(1500)
    page.screenshot(path=out / f"{name}.png")
    print(out / f"{name}.png")


def main(url: str, out: Path) -> None:
    """Photograph a reading, its songs and the music page, at every size and in both themes."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for theme in THEMES:
            for width, height in SIZES.items():
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
                context.route("https://open.spotify.com/**", lambda r: r.fulfill(body=PLAYER, content_type="text/html"))
                page = context.new_page()
                page.set_default_timeout(120_000)
                page.goto(f"{url}/?sample=four-people")
                page.locator("iframe").nth(4).wait_for(state="attached")
                take(page, out, f"photo-{width}-{theme}")
                page.get_by_role("heading", name="Music for it").evaluate("element => element.scrollIntoView()")
                take(page, out, f"music-{width}-{theme}")
                page.goto(f"{url}/music")
                page.get_by_text("Draw around some songs").wait_for()
                take(page, out, f"explore-{width}-{theme}")
                context.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
