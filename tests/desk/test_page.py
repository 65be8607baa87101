"""The desk's page in a real Chromium, against a fake desk: what a hand does, what is sent, and what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("playwright")

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.tools.datasets.browser import find_chromium
from tests.desk.fake_desk import PAGE, FakeDesk, bundle, jpeg, message

SIZES = {"desk": (1440, 900), "tablet": (1024, 768), "phone": (390, 844), "phone on its side": (844, 390)}
VIEWS = ("perform", "shape", "library", "control", "numbers")
NASTY = "<img src=x onerror=window.hurt=1>"
HOSTILE: dict[str, Any] = {
    "slug": "nasty", "name": NASTY, "description": NASTY, "kind": "cppn", "prompt": NASTY, "tags": [NASTY], "genres": [],
    "palette": ["url(http://example.invalid/)", "#ff0000"], "stars": 3, "energy": 0.5, "still": None, "video": None,
    "fault": "",
}  # fmt: skip
SCENE: dict[str, Any] = {
    "slug": "tide", "name": "Tide", "description": "", "tags": [], "style": "nasty", "second": None, "faders": {},
    "still": None, "fault": "",
}  # fmt: skip
NUMBERS: dict[str, Any] = {
    "fps": 60.0, "p50": 9.0, "p99": 15.0, "missed": 1, "frame_ms": [15.0, 9.0, 22.0] * 20, "target_ms": 16.67,
    "internal": "640x360", "output": "1280x720", "backend": "cpu", "refused": [{"name": "cuda", "reason": NASTY}],
    "memory_mb": 400.0, "surfaces": [],
    "recorder": {"state": "ready", "seconds": 0.0, "frames": 0, "dropped": 0, "disk_gb": 10.0},
    "audio": {"source": NASTY, "state": "running", "overflows": 0, "restarts": 0, "notes": []}, "messages": [NASTY],
}  # fmt: skip


# what stands out of the window to the left or the right
OVER = """() => [...document.querySelectorAll('body *')].filter(node => node.offsetParent && !node.closest('.slider'))
    .filter(node => { const { left, right } = node.getBoundingClientRect(); return right > innerWidth + 1 || left < -1; })
    .map(node => `${node.tagName}.${node.className}`)"""


def mapping(to: str, high: float) -> dict[str, Any]:
    return {
        "signal": "kick",
        "to": to,
        "curve": "linear",
        "attack": 0.0,
        "release": 0.2,
        "low": 0.0,
        "high": high,
        "times": "",
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        chromium = find_chromium()
    except UserError as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def desk() -> Iterator[FakeDesk]:
    with FakeDesk() as desk:
        desk.library["styles"] = [HOSTILE]
        desk.library["scenes"] = [SCENE, {**SCENE, "slug": "nasty", "name": NASTY}]
        desk.library["setlist"] = {"name": "Night", "cues": [{"scene": "tide", "note": NASTY}]}
        yield desk


@pytest.fixture
def visit(browser: Browser, desk: FakeDesk) -> Iterator[Callable[..., Page]]:
    """Open the page; what it complains of on the way, a broken policy included, fails the test."""
    complaints: list[str] = []
    contexts = []

    def hear(text: str) -> None:
        # a desk that is away, and the tests' own look at pixels
        if not any(known in text for known in ("WebSocket connection", "ERR_CONNECTION_REFUSED", "willReadFrequently")):
            complaints.append(text)

    def visit(size: str = "desk", *, touch: bool = False) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: hear(str(error)))
        page.on("console", lambda line: hear(line.text) if line.type in ("error", "warning") else None)
        page.goto(desk.url)
        page.wait_for_selector("body:not(.off) .crossfader[aria-disabled=false]")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for what comes over the socket."""
    end = clock.now() + seconds
    while not true():
        assert clock.now() < end, "it did not come"
        clock.sleep(0.02)


def when(page: Page, true: str) -> None:
    """Wait for a condition in the page; playwright's own way evaluates text there, which the page's policy bars."""
    until(lambda: page.evaluate(true))


def said(desk: FakeDesk, path: str) -> list[list[Any]]:
    return [args for address, args in desk.said if address == path]


def middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    places = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def shows(page: Page, selector: str) -> float:
    return float(page.locator(selector).get_attribute("aria-valuenow") or "nan")


def test_the_page_is_small() -> None:
    files = [path for path in PAGE.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 400_000
    for path in files:
        if path.suffix == ".js":
            assert len(path.read_text("utf-8").splitlines()) <= 260, path.name
    markup = (PAGE / "index.html").read_text("utf-8")
    assert not [barred for barred in (" style=", "<script>", " onclick") if barred in markup]


def test_osc_in_both_directions(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.evaluate("""async () => {
        const { desk } = await import('/desk/page/connection.js'), { int } = await import('/desk/page/osc.js');
        desk.send('/test', 0.5, int(-7), 'äß', true, '');
    }""")
    until(lambda: said(desk, "/test"))
    assert said(desk, "/test") == [[0.5, -7, "äß", True, ""]]
    inner = bundle([message("/b", (3, 0.25, "four")), bundle([message("/c", ())])])
    got = page.evaluate(
        "async bytes => (await import('/desk/page/osc.js')).decode(new Uint8Array(bytes))",
        list(bundle([message("/a", ()), inner])),
    )
    assert got == [
        {"address": "/a", "args": []},
        {"address": "/b", "args": [3, 0.25, "four"]},
        {"address": "/c", "args": []},
    ]


@pytest.mark.parametrize("cut", [b"", b"/a", b"#bundle\0", b"#bundle\0" + bytes(8) + b"\0\0\0\x40/a\0\0", b"/a\0\0,f\0\0\0"])
def test_a_broken_message_is_an_error_and_no_hang(visit: Callable[..., Page], cut: bytes) -> None:
    found = visit().evaluate(
        "async b => { const { decode } = await import('/desk/page/osc.js');"
        "try { return decode(new Uint8Array(b)).length } catch { return 'refused' } }",
        list(cut),
    )
    assert found in (0, "refused")


def test_state_and_pictures_are_shown(visit: Callable[..., Page], desk: FakeDesk) -> None:
    desk.state |= {"/state/tempo/bpm": (128.0,), "/state/tempo/per_bar": (3,), "/state/pending": ("tide",)}
    page = visit()
    when(page, "document.querySelector('.bpm').textContent === '128.0'")
    assert page.locator(".dots i").count() == 3
    assert page.locator("#status").inner_text() == "Loading Tide"
    assert page.locator(".scene[data-state=loading] .text").inner_text() == "Tide"
    until(lambda: ("PICTURES", ["a", "b", "wall"]) in desk.told)
    desk.tell(b"A" + jpeg((255, 0, 0)), b"W" + jpeg((0, 0, 255)), b"W" + jpeg((0, 255, 0)))
    pixel = "document.querySelector('[data-picture={0}] canvas').getContext('2d').getImageData(9, 9, 1, 1).data"
    when(page, pixel.format("wall") + "[1] > 200")  # the newest wins
    when(page, pixel.format("a") + "[0] > 200")
    desk.set("/state/pending", "")
    desk.set("/state/message", "style 'x' cannot be read")
    when(page, "document.querySelector('#status').textContent.includes('cannot be read')")
    desk.tell({"COMMAND": "REFUSED", "DATA": "/guard: only at the machine"})
    when(page, "document.querySelector('#status').textContent.includes('only at the machine')")


def test_two_fingers_move_two_faders_without_a_jump(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit("tablet", touch=True)
    session = page.context.new_cdp_session(page)
    (x1, y1), (x2, y2) = middle(page, ".cell:nth-child(1) .upright"), middle(page, ".cell:nth-child(2) .upright")
    touch(session, "touchStart", (x1, y1), (x2, y2))
    assert shows(page, ".cell:nth-child(1) .upright") == 0.25
    for step in range(1, 11):
        touch(session, "touchMove", (x1, y1 - 5 * step), (x2, y2 - 8 * step))
    page.wait_for_timeout(100)  # moves come with the next frame
    desk.set("/fader/1", 0.9)  # somebody else: a hand that is on it wins
    page.wait_for_timeout(100)
    height = page.locator(".cell:nth-child(1) .upright").bounding_box()["height"]  # type: ignore[index]
    assert shows(page, ".cell:nth-child(1) .upright") == pytest.approx(0.25 + 45 / height, abs=0.05)
    touch(session, "touchEnd")
    until(lambda: said(desk, "/fader/1") and said(desk, "/fader/2"))
    assert said(desk, "/fader/2")[-1][0] == pytest.approx(72 / height, abs=0.05)
    when(page, "document.querySelector('.cell:nth-child(1) .upright').getAttribute('aria-valuenow') === '0.9'")


def test_another_hand_is_shown(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    desk.set("/master", 0.5)
    page.wait_for_selector(".master.elsewhere")
    assert shows(page, ".master") == 0.5
    page.wait_for_selector(".master:not(.elsewhere)")


def test_one_message_a_frame_and_the_newest_wins(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    frames = page.evaluate("""async () => {
        const { desk } = await import('/desk/page/connection.js');
        let frames = 0;
        const count = () => { frames += 1; requestAnimationFrame(count); };
        requestAnimationFrame(count);
        for (let i = 0; i <= 100; i += 1) {
            for (let j = 0; j < 5; j += 1) desk.send('/master', i / 200 + j / 10000);
            if (i % 10 === 0) await new Promise(done => setTimeout(done, 15));
        }
        await new Promise(done => setTimeout(done, 60));
        return frames;
    }""")
    until(lambda: said(desk, "/master") and said(desk, "/master")[-1][0] == pytest.approx(0.5004))
    assert len(said(desk, "/master")) <= frames + 2


def test_keys_move_a_slider(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.focus(".crossfader")
    for key, value in {"End": 1.0, "ArrowLeft": 0.99, "PageDown": 0.89, "Home": 0.0, "ArrowUp": 0.01}.items():
        page.keyboard.press(key)
        until(lambda value=value: said(desk, "/crossfade") and said(desk, "/crossfade")[-1][0] == pytest.approx(value))  # type: ignore[misc]
    assert page.locator(".crossfader").get_attribute("role") == "slider"


def test_take_goes_to_the_deck_that_is_not_seen(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click(".lengths button[data-value='16']")
    page.click(".take")
    until(lambda: said(desk, "/crossfade/to") == [["b", 16.0]])
    desk.set("/crossfade", 1.0)
    page.wait_for_selector(".take.deck-a")
    page.click(".cut")
    until(lambda: said(desk, "/crossfade/to")[-1] == ["a", 0.0])
    assert page.locator(".tile.deck-b .badge").inner_text() == "seen"


@pytest.mark.parametrize(("path", "value"), [("/state/pending", "tide"), ("/state/fade", "wipe to b, waiting")])
def test_take_in_preview_brings_in_what_loads_or_waits_for_its_bar(
    visit: Callable[..., Page], desk: FakeDesk, path: str, value: str
) -> None:
    page = visit()
    desk.set("/preview", 1)
    desk.set(path, value)
    page.wait_for_timeout(300)
    page.click(".take")
    until(lambda: said(desk, "/take") == [[]])
    desk.set(path, "")
    page.wait_for_timeout(300)
    page.click(".take")
    until(lambda: said(desk, "/crossfade/to") == [["b", 8.0]])


def test_panic_is_held(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.mouse.move(*middle(page, ".panic"))
    page.mouse.down()
    page.wait_for_timeout(150)
    page.mouse.up()
    page.wait_for_timeout(450)
    assert not said(desk, "/panic")
    page.mouse.down()
    until(lambda: said(desk, "/panic") == [[]])
    page.mouse.up()
    page.focus(".panic")
    page.keyboard.down("Enter")
    until(lambda: len(said(desk, "/panic")) == 2)
    page.keyboard.up("Enter")


def test_switches_send_what_is_wanted(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click(".blackout")
    until(lambda: said(desk, "/blackout") == [[0.0]] or said(desk, "/blackout") == [[1.0]])
    assert said(desk, "/blackout") == [[1.0]]
    page.wait_for_selector(".blackout[aria-pressed=true]")
    assert page.locator(".mark", has_text="Blackout").is_visible()
    page.click(".blackout")
    until(lambda: said(desk, "/blackout")[-1] == [0.0])
    page.mouse.move(*middle(page, ".tap"))
    page.mouse.down()  # a tap counts when it is touched
    until(lambda: said(desk, "/tempo/tap") == [[]])
    page.mouse.up()
    page.wait_for_timeout(50)
    assert said(desk, "/tempo/tap") == [[]]


def test_a_long_press_offers_to_learn(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit("phone", touch=True)
    session = page.context.new_cdp_session(page)
    touch(session, "touchStart", middle(page, ".take"))
    page.wait_for_selector(".menu")
    touch(session, "touchEnd")
    page.wait_for_timeout(50)
    assert not said(desk, "/crossfade/to") + said(desk, "/take")  # the press that opened the menu is not one of the button
    page.tap(".menu >> text=Learn MIDI")
    until(lambda: said(desk, "/midi/learn") == [["/take"]])
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "midi", "value": {"devices": [], "learning": "/crossfade/to"}}})
    when(page, "document.querySelector('#status').textContent.startsWith('Learning MIDI for /crossfade/to')")
    page.keyboard.press("Escape")
    until(lambda: said(desk, "/midi/learn")[-1] == [])


def test_nothing_is_queued_while_the_desk_is_away(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    hellos = len([1 for command, _ in desk.told if command == "HELLO"])
    desk.stop()
    page.wait_for_selector("#away:visible")
    assert "Not connected" in page.locator("#away").inner_text()
    assert page.locator(".blackout").is_disabled()
    page.locator(".blackout").click(force=True)
    page.focus(".crossfader")
    page.keyboard.press("End")
    desk.state["/master"] = (0.75,)
    desk.start()
    page.wait_for_selector("#away", state="hidden", timeout=8000)
    when(page, "document.querySelector('.master').getAttribute('aria-valuenow') === '0.75'")
    assert len([1 for command, _ in desk.told if command == "HELLO"]) == hellos + 1
    assert desk.said == []
    until(lambda: [command for command, _ in desk.told][-1] == "PICTURES")  # asked for again


def test_who_may_only_look_cannot_touch(visit: Callable[..., Page], desk: FakeDesk, browser: Browser) -> None:
    desk.view = True
    page = browser.new_page()
    page.goto(desk.url)
    page.wait_for_selector("body.looking")
    assert page.locator("#status").inner_text() == "You may look and not touch"
    assert page.locator(".take").is_disabled()
    page.focus(".crossfader")
    page.keyboard.press("End")
    page.wait_for_timeout(100)
    assert desk.said == []
    page.close()


def test_a_wrong_key_is_told_and_not_tried_again(desk: FakeDesk, browser: Browser) -> None:
    desk.key = "right"
    page = browser.new_page()
    page.goto(desk.url.replace("right", "wrong"))
    page.wait_for_selector("#away:visible")
    assert "key is wrong" in page.locator("#away").inner_text()
    page.wait_for_timeout(1200)
    assert [data["key"] for command, data in desk.told if command == "HELLO"] == ["wrong"]
    page.close()


def test_a_page_that_nobody_sees_asks_for_nothing(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    until(lambda: ("PICTURES", ["a", "b", "wall"]) in desk.told)
    hide = """on => {
        Object.defineProperty(document, 'hidden', { value: on, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    until(lambda: ("PICTURES", []) in desk.told and ("DOCUMENTS", []) in desk.told)
    page.evaluate(hide, False)
    until(lambda: desk.told[-1] == ("PICTURES", ["a", "b", "wall"]))
    page.click("[data-view=library]")
    until(lambda: desk.told[-1] == ("PICTURES", []))


@pytest.mark.parametrize("size", SIZES)
def test_no_view_scrolls_sideways_and_text_stays_text(visit: Callable[..., Page], desk: FakeDesk, size: str) -> None:
    long = "x" * 200
    desk.state |= {"/state/message": (NASTY + long,), "/state/deck/a/style": (NASTY,), "/state/fader/1/label": (long,)}
    page = visit(size)
    maps = [mapping("zoom", 1.0)]
    documents: dict[str, Any] = {"numbers": NUMBERS, "mappings": {"a": maps, "b": maps}, "signals": {"kick": 0.5}}
    documents["moved"] = {"/" + long: NASTY}
    desk.tell(*({"COMMAND": "DOCUMENT", "DATA": {"name": n, "value": v}} for n, v in documents.items()))
    for view in VIEWS:
        page.click(f"[data-view={view}]")
        page.wait_for_selector(f"#tabs [data-view={view}][aria-current=page]")
        page.wait_for_timeout(150)
        assert page.evaluate(OVER) == [], view
        assert page.evaluate("[...document.querySelectorAll('#views, #top')].every(n => n.scrollWidth <= n.clientWidth)"), (
            view
        )
    assert page.evaluate("window.hurt === undefined && !document.querySelector('img[src=x]')")
    page.click("[data-view=perform]")
    small = page.evaluate("""() => [...document.querySelectorAll('.perform button, .perform [role=slider], #tabs button')]
        .filter(node => node.offsetParent && !node.matches('.slim'))
        .filter(node => { const box = node.getBoundingClientRect(); return Math.min(box.width, box.height) < 45; })
        .map(node => node.className)""")
    assert small == []


def test_who_moved_what_is_there_at_once_where_it_was_known_before(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "moved", "value": {"/master": "osc 10.0.0.7"}}})
    page.wait_for_timeout(200)
    page.click("[data-view=control]")
    panel = page.get_by_label("Who moved what last", exact=True)
    until(lambda: "/master" in panel.inner_text())


def test_a_key_undoes_but_not_while_a_text_is_typed(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.keyboard.press("Control+z")
    until(lambda: said(desk, "/undo") == [[]])
    page.keyboard.press("z")
    page.keyboard.press("Control+Shift+z")
    page.click("[data-view=shape]")
    page.locator(".save input").fill("tide")
    page.keyboard.press("Control+z")
    page.locator(".save input").blur()
    page.keyboard.press("Meta+z")
    until(lambda: len(said(desk, "/undo")) == 2)
    clock.sleep(0.2)
    assert said(desk, "/undo") == [[], []]


def test_a_scene_is_replaced_only_after_a_question(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=shape]")
    page.fill(".save input", "Tide!")
    page.click("text=Save as scene")
    page.wait_for_selector(".ask:visible")
    assert "Tide is there already" in page.locator(".ask").inner_text()
    page.click("text=Keep")
    page.fill(".save input", "Ebb & flow")
    page.click("text=Save as scene")
    until(lambda: said(desk, "/scene/save") == [["ebb-flow"]])
    page.fill(".save input", "tide")
    page.keyboard.press("Enter")
    page.click(".ask .danger")
    until(lambda: said(desk, "/scene/save")[-1] == ["tide", 1.0])


def test_mappings_are_added_changed_and_removed(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=shape]")
    deck = ".deckpanel.deck-a"
    page.select_option(f"{deck} .adder select >> nth=0", "kick")
    page.select_option(f"{deck} .adder select >> nth=1", "fx/bloom/amount")
    page.click(f"{deck} .adder >> text=Add")
    until(lambda: said(desk, "/deck/a/map"))
    assert said(desk, "/deck/a/map")[0][:3] == ["kick", "fx/bloom/amount", "linear"]
    one = mapping("fx/bloom/amount", 0.5)
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "mappings", "value": {"a": [one], "b": []}}})
    page.wait_for_selector(f"{deck} .map .mapbody:visible")  # what was added is open at once
    page.select_option(f"{deck} .mapbody select >> nth=2", "pow2")
    until(lambda: said(desk, "/deck/a/map")[-1] == ["kick", "fx/bloom/amount", "pow2", 0.0, pytest.approx(0.2), 0.0, 0.5])
    page.focus(f"{deck} .mapbody [aria-label=High]")
    page.keyboard.press("End")
    until(lambda: said(desk, "/deck/a/map")[-1][6] == 1.0)
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "signals", "value": {"kick": 0.5}}})
    when(page, "document.querySelector('.deckpanel.deck-a .signalbar').style.getPropertyValue('--v') === '0.5'")
    page.click(f"{deck} .remove")
    until(lambda: said(desk, "/deck/a/unmap") == [["kick", "fx/bloom/amount"]])


def test_a_double_tap_takes_a_parameter_back(visit: Callable[..., Page], desk: FakeDesk) -> None:
    desk.state["/deck/a/zoom"] = (3.0,)
    page = visit()
    page.click("[data-view=shape]")
    page.wait_for_selector(".deckpanel.deck-a .slider")
    when(page, "document.querySelector('.deckpanel.deck-a .slider').getAttribute('aria-valuenow') === '3'")
    page.locator(".deckpanel.deck-a .slider").first.dblclick(position={"x": 20, "y": 20})
    until(lambda: said(desk, "/deck/a/zoom") and said(desk, "/deck/a/zoom")[-1] == [1.0])


def test_a_style_goes_to_the_deck_that_is_not_seen(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=library]")
    page.click(".card .load")
    until(lambda: said(desk, "/deck/b/style") == [["nasty"]])
    page.click(".card .other")
    until(lambda: said(desk, "/deck/a/style") == [["nasty"]])
    page.mouse.move(*middle(page, ".card .load"))
    page.mouse.down()
    page.wait_for_timeout(750)
    page.mouse.up()
    until(lambda: len(said(desk, "/deck/a/style")) == 2)
    assert len(said(desk, "/deck/b/style")) == 1
