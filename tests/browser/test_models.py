"""The Models page in a browser: clicks on cells and rows, links, the Back button and narrow windows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from emomusic.affect import EMOTIONS, Emotion
from tests.browser.conftest import visit
from tests.browser.layout import LAPTOP, PHONE, PROJECTOR, SIZES, axe_report, box_of, overflow, problems, resize
from tests.browser.waiting import wait_until_at_rest, wait_until_idle
from tests.films import SAMPLES
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

MATRIX = '[class*="st-key-models-confusion"] .js-plotly-plot'

# Where an element stands on the page, however far the page is scrolled
PLACE = "element => element.getBoundingClientRect().top + document.querySelector('[data-testid=stMain]').scrollTop"


@pytest.fixture
def models(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page by its link in the navigation, or by its address if there is a query."""

    def open_(query: str = "") -> Page:
        page = open_page(f"/models{query}" if query else "/")
        if not query:
            visit(page, "Models")
        page.get_by_role("heading", name=re.compile("can it")).wait_for()
        page.get_by_role("heading", level=2).first.wait_for()
        wait_until_idle(page)
        return page

    return open_


def click_cell(page: Page, row: int, column: int, num_classes: int, *, answer: re.Pattern[str]) -> None:
    """Click a cell until the text appears, because a chart ignores clicks while it is redrawn."""
    details, area = page.get_by_text(answer), page.locator(MATRIX + " .nsewdrag")

    def is_answered() -> bool:
        if not details.is_visible():
            box = box_of(area)
            x, y = (
                box[start] + box[size] * (place + 0.5) / num_classes
                for start, size, place in (("x", "width", column), ("y", "height", row))
            )
            page.mouse.move(x - 2, y - 2)
            page.mouse.move(x, y)
            if page.locator(".hoverlayer .hovertext").count():  # the chart has noticed the pointer
                page.mouse.click(x, y)
        return details.is_visible()

    wait_until(is_answered)


def choose(page: Page, menu: str, name: str) -> None:
    """Choose a model in two clicks."""
    wait_until_idle(page)
    page.get_by_role("combobox", name=menu).click()
    page.get_by_role("option", name=name, exact=True).click()


def test_a_cell_shows_its_count_in_the_colours_of_the_theme_and_views_fit_a_phone(models: Callable[..., Page]) -> None:
    """The browser does not rerun the page after a change of theme, so colours from the server would stay."""
    page = models("?kind=FER2013's+labels")
    page.get_by_role("tab", name="Confusions").click()
    sad_fear = re.compile("528 fear faces sad")
    click_cell(page, Emotion.FEAR.label, Emotion.SAD.label, len(EMOTIONS), answer=sad_fear)
    axis, frame = page.locator(MATRIX + " .xtick text").first, page.locator(MATRIX + " .shapelayer path").first
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        app = page.locator(".stApp")
        expect(app).to_have_css("color-scheme", scheme)
        colour = app.evaluate("element => getComputedStyle(element).color")
        expect(axis).to_have_css("fill", colour)
        expect(frame).to_have_css("stroke", colour)
        page.mouse.move(0, 0)
        page.locator(MATRIX + " .nsewdrag").hover()
        expect(page.locator(".hoverlayer .nums").first).to_have_css("fill", colour)

    resize(page, PHONE)
    page.emulate_media(color_scheme="dark")
    for tab, last in (
        ("Mistakes", page.get_by_text("The surest ones")),
        ("Thresholds", page.get_by_text("on average")),
    ):
        page.get_by_role("tab", name=tab).click()
        expect(last).to_be_visible()
        wait_until_idle(page)
        assert overflow(page) <= 0, tab
    page.get_by_role("tab", name="Details").click()
    assert overflow(page) <= 0
    assert axe_report(page) is None
    expect(page.get_by_role("tab", name="Details")).to_be_in_viewport(ratio=1)  # although the row is wider


def test_choices_keep_the_table_in_place_back_undoes_them_and_one_click_asks_all_models(
    models: Callable[..., Page],
) -> None:
    page = models()
    answer = page.get_by_role("heading", level=2).first
    expect(answer).to_contain_text("judged by people's votes")
    steps = page.evaluate("history.length")
    page.get_by_role("tab", name="Details").click()
    table = page.get_by_test_id("stDataFrame").first
    wait_until_idle(page)
    wait_until_at_rest(table)
    place = table.evaluate(PLACE)
    choose(page, "Compare with", "Capstone network")
    expect(answer).to_contain_text("Capstone network")
    compared = answer.inner_text()
    choose(page, "Compare with", "Improved network")
    expect(answer).to_contain_text("Improved network")
    page.get_by_role("tab", name="Learning").click()
    expect(page.locator("[class*=st-key-models-learning] .js-plotly-plot")).to_have_count(4)
    expect(page).to_have_title("Learning · Models · EmoMusic")
    choose(page, "Judged by", "Mood models")
    expect(page.get_by_role("heading", name="Which moods can it hear?")).to_be_visible()
    expect(page).to_have_url(re.compile("kind=Mood"))
    wait_until_idle(page)
    assert page.evaluate("history.length") == steps + 3  # a tab is no step
    for _ in range(2):
        page.go_back()
    expect(answer).to_have_text(compared)
    expect(page.get_by_role("tab", name="Learning")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Details").click()
    expect(table).to_be_visible()
    wait_until_idle(page)
    page.get_by_role("combobox", name="Compare with").focus()
    page.keyboard.press("Escape")  # one model, as before
    expect(answer).to_contain_text("judged by people's votes")
    wait_until_idle(page)
    wait_until_at_rest(table)
    assert table.evaluate(PLACE) == place

    resize(page, LAPTOP)
    page.get_by_test_id("stMain").evaluate("page => page.scrollTo(0, 0)")
    page.get_by_role("tab", name="Try your face").click()
    expect(page.get_by_role("tab").first).to_be_in_viewport(ratio=1)
    resize(page, PROJECTOR)
    page.get_by_role("button", name="An astronaut", exact=True).click()
    expect(page.get_by_text(re.compile(r"(\d+) of \1 say happy"))).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(SAMPLES / "joe-biden-2010.jpg")
    expect(page.get_by_role("button", name="Turn by 90")).to_be_visible()
    wait_until_idle(page)
    for size in SIZES:
        resize(page, size)
        wait_until_at_rest(page.locator(".st-key-models-try"))
        assert problems(page) == [], size


def test_a_chart_is_saved_as_picture_and_as_table_without_a_run(models: Callable[..., Page]) -> None:
    page = models("?kind=FER2013's+labels")
    page.get_by_role("tab", name="Confusions").click()
    chart = page.locator(MATRIX)
    chart.hover()
    wait_until_idle(page)
    place = chart.bounding_box()
    with page.expect_download() as saved:
        chart.get_by_role("button", name="CSV").click()
    lines = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert saved.value.suggested_filename.startswith("emomusic-models-confusion-")
    assert len(lines) == 1 + len(EMOTIONS) ** 2
    assert lines[0] == "series,predicted class,true class,value,text,detail,detail"
    row = lines[1 + len(EMOTIONS) * Emotion.FEAR.label + Emotion.SAD.label]
    assert re.fullmatch(r"cells,sad,fear,,,\d+ of 528,[\d.]+", row)
    with page.expect_download() as saved:
        chart.get_by_role("button", name="PNG").click()
    assert saved.value.suggested_filename.endswith(".png")
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    assert chart.bounding_box() == place
    chart.get_by_role("button", name="Fullscreen").click()
    expect(chart.get_by_role("button", name="Close fullscreen")).to_be_attached()
    page.keyboard.press("Escape")


def test_the_menu_has_the_themes_and_neither_a_recorder_nor_the_name_of_streamlit(models: Callable[..., Page]) -> None:
    page = models()
    page.get_by_role("button", name="Main menu").click()
    menu = page.get_by_test_id("stMainMenuPopover")
    expect(menu.get_by_text("About")).to_be_visible()
    expect(menu.get_by_role("menuitemradio")).to_have_count(3)
    expect(menu.get_by_text("Record")).to_have_count(0)
    expect(menu.get_by_text("Made with")).to_be_hidden()


EPOCH = re.compile(r"Epoch (\d+) of 300")


def test_a_class_trains_a_network_which_goes_on_by_itself(open_page: Callable[..., Page]) -> None:
    page = open_page("/models?kind=Mood+models")
    page.get_by_role("tab", name="Learning").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    wait_until_idle(page)
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch [2-9]"))
    expect(page.locator(".stPlotlyChart")).to_have_count(3)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text(EPOCH)).to_have_text(re.compile("Epoch 0 "))
    resize(page, PHONE)
    wait_until_idle(page)
    assert overflow(page) <= 0
