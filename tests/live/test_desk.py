"""The desk in a real browser: a show played with the mouse, each step seen in the picture and in the take."""

from __future__ import annotations

import io
import json
import os
import socket
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.tools.datasets.browser import find_chromium
from tests.live.show_process import PATIENCE_S, ShowProcess, start_show

__all__ = ["start_show"]

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    try:
        chromium = find_chromium()
    except UserError as error:
        pytest.skip(str(error))
    with playwright.sync_playwright() as api:
        found = api.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"] if os.getuid() == 0 else [])
        yield found
        found.close()


@pytest.fixture
def show(start_show: Callable[..., ShowProcess]) -> ShowProcess:
    started = start_show("--desk", "127.0.0.1:0")
    started.wait_for_picture()
    return started


def address(show: ShowProcess) -> str:
    return next(line.split()[-1] for line in show.log.splitlines() if "play it from" in line)


def opened(
    browser: playwright.Browser, show: ShowProcess, width: int = 1440, height: int = 900, script: str = "", **options
) -> playwright.Page:
    page = browser.new_page(viewport={"width": width, "height": height}, **options)
    page.add_init_script(script)
    page.set_default_timeout(PATIENCE_S * 1e3)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda line: page.faults.append(line.text) if line.type == "error" else None)
    page.goto(address(show))
    page.get_by_role("button", name="Tap", exact=True).wait_for()
    return page


def light(page: playwright.Page, tile: str) -> np.ndarray:
    """Return what a preview shows, float [h, w, 3]."""
    data = page.get_by_label(tile, exact=True).locator("canvas").first.screenshot()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)


def until(done: Callable[[], bool], what: str) -> None:
    give_up = clock.now() + PATIENCE_S
    while not done():
        assert clock.now() < give_up, what
        clock.sleep(0.1)


def view(page: playwright.Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).or_(page.get_by_role("tab", name=name, exact=True)).first.click()


def changes(show: ShowProcess) -> list[tuple[str, list, str]]:
    """Return what the take's log says was changed: address, arguments, source."""
    (log,) = sorted(show.folder.glob("takes/*/events.jsonl"))[-1:]
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [(row["path"], row["args"], row.get("source", "")) for row in rows if "path" in row and "args" in row]


def test_a_show_is_played_from_the_page_and_the_take_has_it_all(browser, start_show, tmp_path):
    scenes = tmp_path / "home"
    show = start_show("--desk", "127.0.0.1:0", environment={"PHOSPHENE_HOME": str(scenes)})
    show.wait_for_picture()
    page = opened(browser, show)
    page.get_by_role("button", name="Record").first.click()
    until(lambda: show.state("/state/recorder/on") == 1, "no take began")

    # a style on the hidden deck, seen in its preview before anybody else sees it
    view(page, "Library")
    page.get_by_label("Search", exact=True).fill("manta")
    page.get_by_role("button", name="Load to B: Manta").click()
    assert show.state("/state/deck/b/style", "manta") == "manta"
    view(page, "Perform")
    until(lambda: light(page, "Deck b").std() > 20.0, "the hidden deck was not seen")
    assert show.state("/crossfade") == 0.0

    # the crossfade by the slider
    fader = page.get_by_role("slider", name="Crossfader")
    box = fader.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    assert show.state("/crossfade", 1.0) == 1.0

    # tap, blackout and back, as the wall shows
    for _ in range(4):
        page.get_by_role("button", name="Tap", exact=True).click()
        clock.sleep(0.5)
    lit = page.get_by_role("button", name="Blackout")
    lit.click()
    until(lambda: light(page, "Wall").mean() < 3.0, "the wall did not go dark")
    assert show.state("/state/black", 1.0) == 1.0  # a press while it fades would cut instead
    lit.click()
    until(lambda: light(page, "Wall").mean() > 8.0, "the wall did not come back")

    # a mapping, a scene of it, and that scene called
    view(page, "Shape")
    page.get_by_role("group", name="Deck", exact=True).get_by_role("button").nth(1).click()
    panel = page.get_by_label("What the music moves on deck b").or_(page.locator(".deckpanel.deck-b"))
    panel.get_by_role("button", name="Add").first.click()
    page.get_by_label("Name of the scene").fill("my night")
    page.get_by_role("button", name="Save as scene").click()
    saved = scenes / "scenes" / "my-night.toml"
    until(saved.is_file, "no scene was written")
    written = tomllib.loads(saved.read_text("utf-8"))
    assert written["deck"]["style"] == "manta"
    assert written["map"]
    view(page, "Perform")
    page.get_by_role("button", name="my night").or_(page.get_by_role("button", name="My night")).first.click()
    assert show.state("/state/scene", "my-night") == "my-night"

    page.get_by_role("button", name="Record").first.click()
    until(lambda: show.state("/state/recorder/on") == 0, "the take did not end")
    assert page.faults == []
    page.close()
    show.end()
    told = changes(show)
    by_page = {path for path, _, source in told if source.startswith("desk")}
    assert {"/deck/b/style", "/crossfade", "/tempo/tap", "/blackout", "/deck/b/map", "/scene/save", "/scene"} <= by_page


def test_a_page_comes_back_with_the_show_and_sends_nothing_late(browser, start_show):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    first = start_show("--desk", f"127.0.0.1:{port}")
    first.wait_for_picture()
    page = opened(browser, first)
    first.end()
    page.get_by_text("Not connected").first.wait_for()
    page.get_by_role("button", name="Blackout").click(force=True)
    second = start_show("--desk", f"127.0.0.1:{port}", "--scene", "tide")
    second.wait_for_picture()
    page.get_by_text("Not connected").first.wait_for(state="hidden")
    page.get_by_label("Wall", exact=True).get_by_text("Tide").wait_for()  # all values were taken again
    assert second.state("/blackout") == 0
    page.get_by_role("button", name="Blackout").click()
    assert second.state("/blackout", 1) == 1
    page.close()


def test_a_page_tells_how_the_show_is_heard_and_what_comes_in(browser, start_show, tmp_path):
    show = start_show("--desk", "127.0.0.1:0", "--gain", "2.5", environment={"PHOSPHENE_HOME": str(tmp_path / "home")})
    show.wait_for_picture()
    page = opened(browser, show)

    # every scene that ships has its own picture
    wide = "() => [...document.querySelectorAll('.scenegrid img')].map(image => [image.src, image.naturalWidth])"
    page.locator(".scenegrid .scene").last.scroll_into_view_if_needed()
    until(lambda: all(width == 320 for _, width in page.evaluate(wide)) and len(page.evaluate(wide)) > 9, "no pictures")
    assert all("/desk/scene/" in source for source, _ in page.evaluate(wide))

    # the gain is the show's own, and stays so after the page was loaded again
    view(page, "Control")
    audio = page.get_by_label("Audio input", exact=True).first
    until(lambda: "\u00d7 2.50" in audio.inner_text(), "another gain")
    show.osc.send_message("/audio/gain", 4.0)
    until(lambda: "\u00d7 4.00" in audio.inner_text(), "the gain did not follow")
    page.reload()
    view(page, "Control")
    until(lambda: "\u00d7 4.00" in audio.inner_text(), "the gain was forgotten")
    assert "demo" in audio.inner_text()

    # an input that there is not: said why, and the sound goes on
    page.evaluate("async () => (await import('/desk/page/connection.js')).desk.send('/audio/input', 'no such input')")
    until(lambda: "input refused" in page.locator("body").inner_text() or "input refused" in show.log, "no refusal")
    assert show.state("/state/audio/input", "demo") == "demo"

    # what comes in, and what was wrong with it
    show.osc.send_message("/nowhere", [1, "two"])
    listed = page.get_by_label("Messages", exact=True).first
    until(lambda: "/nowhere" in listed.inner_text() and "unknown address" in listed.inner_text(), "no message was listed")
    assert "osc 127.0.0.1" in listed.inner_text()
    assert "/audio/input" in listed.inner_text()

    # styles for the music, or why there are none
    view(page, "Library")
    suited = page.get_by_label("Suggestions for the music")
    until(
        lambda: "sounds like" in suited.inner_text() or "No tags here" in suited.inner_text(), "neither styles nor a reason"
    )
    if "sounds like" in suited.inner_text():
        until(lambda: suited.get_by_role("article").count() == 6, "not six styles")
    assert page.faults == []
    page.close()


def test_a_key_takes_back_what_a_hand_did(browser, show):
    page = opened(browser, show)
    master = page.get_by_role("slider", name="Master")

    def stands(value: str, changes: int) -> bool:  # as the page is told: whoever asks over OSC moves a fader, to be told
        undo = "async () => (await import('/desk/page/connection.js')).desk.value('/state/undo')"
        return master.get_attribute("aria-valuenow") == value and page.evaluate(undo) == changes

    until(lambda: master.get_attribute("aria-disabled") == "false" and stands("1", 0), "the page did not connect")
    master.press("Home")
    until(lambda: stands("0", 1), "the master did not move")
    page.keyboard.press("Control+z")
    until(lambda: stands("1", 0), "it was not taken back")
    assert page.faults == []
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844), (844, 390)])
def test_no_view_scrolls_sideways_or_complains(browser, show, width, height):
    page = opened(browser, show, width, height)
    for name in ("Shape", "Library", "Control", "Numbers", "Perform"):
        view(page, name)
        clock.sleep(0.3)
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, name
    assert page.faults == []
    page.close()


SHIFTS = """
window.moved = new Set();
new PerformanceObserver(found => {
  for (const { sources } of found.getEntries()) for (const { node, previousRect: was, currentRect: is } of sources) {
    const holds = node instanceof Element && (node.matches("[data-control]") || node.querySelector("[data-control]"));
    if (holds && was.height && Math.abs(is.y - was.y) > 2) window.moved.add(node.ariaLabel || node.className);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_no_control_moves_under_a_finger(browser, show, width, height):
    """As the page fills, and as a scene with acts and one without come on a deck: their row keeps its place."""
    page = opened(browser, show, width, height, script=SHIFTS)
    blackout = page.get_by_role("button", name="Blackout")
    stood = blackout.bounding_box()
    show.osc.send_message("/preview", 1)
    show.osc.send_message("/scene", "prism")
    assert show.state("/state/deck/b/scene", "prism") == "prism"
    clock.sleep(0.5)  # until the page has drawn it
    assert blackout.bounding_box() == stood
    assert page.evaluate("[...window.moved]") == []
    page.close()


def test_text_of_a_style_is_shown_and_never_run(browser, start_show, tmp_path):
    evil = tmp_path / "home" / "styles" / "evil"
    evil.mkdir(parents=True)
    ours = Path(__file__).parents[2] / "styles" / "manta"
    text = (ours / "style.toml").read_text("utf-8")
    name = "<img src=x onerror=\\\"document.title='run'\\\">"
    lines = [f'name = "{name}"' if line.startswith("name =") else line for line in text.splitlines()]
    (evil / "style.toml").write_text("\n".join(lines), "utf-8")
    (evil / "weights.safetensors").write_bytes((ours / "weights.safetensors").read_bytes())
    show = start_show("--desk", "127.0.0.1:0", environment={"PHOSPHENE_HOME": str(tmp_path / "home")})
    show.wait_for_picture()
    page = opened(browser, show)
    view(page, "Library")
    page.get_by_text("<img src=x").first.wait_for()
    assert page.title() != "run"
    assert page.locator("img[src='x']").count() == 0
    page.close()


def test_a_scene_waits_for_take_and_its_name_is_on_the_button(browser, show):
    page = opened(browser, show)
    page.get_by_role("button", name="Preview", exact=True).click()
    page.get_by_role("button", name="Prism").first.click()
    take = page.get_by_role("button", name="Take B Prism")
    take.wait_for()
    until(lambda: light(page, "Deck b").std() > 20.0, "the scene was not seen before it was taken")
    assert show.state("/crossfade") == 0.0
    assert page.get_by_text("Prism waits for Take").is_visible()
    wall = page.get_by_role("region", name="Wall")
    assert wall.get_by_text("Prism").count() == 0, "the wall still shows the scene before"
    take.click()
    assert show.state("/crossfade", 1.0) == 1.0
    wall.get_by_text("Prism").wait_for()
    page.get_by_role("button", name="Take A 8 beats").wait_for()
    assert page.faults == []
    page.close()


def test_a_headless_show_offers_no_screen_and_a_lookahead(browser, show):
    page = opened(browser, show)
    view(page, "Control")
    page.get_by_text("The show plays without a window.").wait_for()
    assert not page.get_by_role("button", name="Operator's window").is_visible()
    page.get_by_role("slider", name="Lookahead").press("PageUp")
    assert show.state("/tempo/lookahead", 50.0) == 50.0
    page.close()


def test_a_shader_is_chosen_as_the_crossfade(browser, show):
    page = opened(browser, show)
    page.get_by_role("combobox", name="Kind of crossfade: more").select_option("Fan")
    assert show.state("/crossfade/kind", "shader-fan") == "shader-fan"
    until(lambda: page.get_by_label("Kind of crossfade: more").get_attribute("aria-pressed") == "true", "it is not shown")
    page.get_by_role("button", name="Wipe", exact=True).click()
    assert show.state("/crossfade/kind", "wipe") == "wipe"
    until(lambda: page.get_by_label("Kind of crossfade: more").input_value() == "", "the shader is shown still")
    assert page.faults == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_acts_are_edited_on_the_page_taken_back_and_saved(browser, start_show, tmp_path, width, height):
    home = tmp_path / "home"
    show = start_show("--desk", "127.0.0.1:0", "--scene", "tide", environment={"PHOSPHENE_HOME": str(home)})
    show.wait_for_picture()
    page = opened(browser, show, width, height)
    view(page, "Shape")
    panel = page.locator(".deckpanel.deck-a .actpanel")
    panel.locator(".actchip").first.wait_for()
    before = panel.locator(".actchip").count()

    def names() -> list[str]:  # as the page is told: whoever asks over OSC moves a fader, which could be taken back as well
        found = "async () => (await import('/desk/page/connection.js')).desk.value('/state/deck/a/acts')"
        return str(page.evaluate(found)).split()

    panel.get_by_role("button", name="Add an act").click()
    until(lambda: panel.locator(".actchip").count() == before + 1, "no act was added")
    panel.get_by_label("Name of the act").fill("storm")
    panel.get_by_label("Name of the act").press("Enter")
    storm = panel.locator(".actchip", has_text="Storm")
    storm.wait_for()
    panel.get_by_label("Style of the act").select_option("manta")
    panel.get_by_label("Bars of the act").select_option("4")
    panel.get_by_label("Beats of the change to the act").select_option("0")
    panel.get_by_label("Parameter of the act").select_option("fx/mirror/amount")
    panel.get_by_role("button", name="Set this parameter in the act").click()
    value = panel.get_by_label("Mirror amount", exact=True)
    value.wait_for()
    value.press("End")
    panel.get_by_role("button", name="Move this act earlier").click()
    panel.get_by_role("button", name="Remove this act").click()
    until(lambda: "storm" not in names(), "it was not removed")
    page.get_by_role("button", name="Undo").click()
    until(lambda: "storm" in names(), "the removal was not taken back")
    storm.click()
    panel.get_by_role("button", name="Play this act now").click()
    assert show.state("/state/deck/a/act", "storm") == "storm"
    until(lambda: show.state("/state/deck/a/style") == "manta", "its style was not seen")
    page.get_by_label("Name of the scene").fill("with storm")
    page.get_by_role("button", name="Save as scene").click()
    saved = home / "scenes" / "with-storm.toml"
    until(saved.is_file, "no scene was written")
    written = tomllib.loads(saved.read_text("utf-8"))
    assert written["deck"]["style"] != "manta"
    (act,) = [act for act in written["act"] if act["name"] == "storm"]
    assert (act["style"], act["bars"], act["beats"]) == ("manta", 4, 0.0)
    assert act["values"] == {"fx/mirror/amount": 1.0}
    assert page.faults == []
    page.close()
