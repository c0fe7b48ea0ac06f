#!/usr/bin/env bash
# Streamlit writes each bound widget that keeps its value to the address as a step of its own, after a return to the page.
#
# Opens a page whose address sets two widgets, then another page, then the first one again by the menu. Back then shows
# the other page under an address of the first one. Prints by how many steps the last click made the history longer;
# fails if it is one. Needs Chromium.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check streamlit==1.67.0 playwright
cat > "$folder/app.py" <<'PYTHON'
import streamlit as st


def first():
    st.text_input("Find", key="find", bind="query-params", persist_state="session")
    st.text_input("Name", key="name", bind="query-params", persist_state="session")
    st.header("First page")


def second():
    st.header("Second page")


st.navigation([st.Page(first, title="One", default=True), st.Page(second, title="Two")], position="top").run()
PYTHON
"$folder/venv/bin/python" -m streamlit run "$folder/app.py" --server.headless true --server.port 8766 > "$folder/log" 2>&1 &
server=$!
"$folder/venv/bin/python" - "$(command -v chromium || command -v google-chrome)" <<'PYTHON'
import sys
import urllib.request

from playwright.sync_api import sync_playwright

for _ in range(120):
    try:
        urllib.request.urlopen("http://127.0.0.1:8766/_stcore/health")
        break
    except OSError:
        __import__("time").sleep(0.5)
with sync_playwright() as playwright:
    page = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"]).new_page()
    page.goto("http://127.0.0.1:8766/?find=a&name=b")
    page.get_by_role("heading", name="First page").wait_for()
    page.get_by_role("link", name="Two", exact=True).click()
    page.get_by_role("heading", name="Second page").wait_for()
    before = page.evaluate("history.length")
    page.get_by_role("link", name="One", exact=True).click()
    page.get_by_role("heading", name="First page").wait_for()
    page.wait_for_function("location.search.includes('find=a') && location.search.includes('name=b')")
    steps = page.evaluate("history.length") - before
    print(f"{steps} steps")
    sys.exit(steps == 1)
PYTHON
