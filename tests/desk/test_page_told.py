"""What pages are told while a show runs, in a real Chromium: messages, suggestions, inputs, what MIDI learn asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("playwright")

from playwright.sync_api import Page

from phosphene.engine.core import clock
from tests.desk.fake_desk import FakeDesk
from tests.desk.test_page import HOSTILE, NASTY, NUMBERS, browser, desk, said, until, visit, when  # noqa: F401

__all__ = ["browser", "desk", "visit"]


def incoming(*rows: tuple[int, str, str, str]) -> dict[str, Any]:
    """Return the document of what came in: (number, address, from, why), the newest first; one second apart."""
    found = [
        {"number": n, "t": float(n), "address": address, "args": [0.25, NASTY], "from": by, "why": why}
        for n, address, by, why in rows
    ]
    return {"COMMAND": "DOCUMENT", "DATA": {"name": "messages", "value": {"now": rows[0][0] + 0.1, "messages": found}}}


def test_messages_are_listed_filtered_and_stopped(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=control]")
    until(lambda: ("DOCUMENTS", ["messages", "midi", "moved", "numbers"]) in desk.told)
    panel = page.locator(".messages")
    assert "Nothing has come in" in panel.inner_text()
    desk.tell(incoming((2, "/nowhere", "osc 10.0.0.7", f"unknown address {NASTY}"), (1, "/master", "midi MIDI Mix", "")))
    rows = panel.locator("tbody tr")
    until(lambda: rows.count() == 2)
    assert rows.nth(0).inner_text().startswith("now")
    assert "unknown address" in rows.nth(0).inner_text()
    assert "0.25" in rows.nth(1).inner_text()
    assert rows.nth(1).inner_text().startswith("1 s")
    # of another 64, only those that are new are added
    desk.tell(incoming((3, "/fader/1", "desk 127.0.0.1", ""), (2, "/nowhere", "osc 10.0.0.7", "unknown address")))
    until(lambda: rows.count() == 3)
    panel.locator("input").fill("midi master")
    until(lambda: rows.count() == 1 and "/master" in rows.nth(0).inner_text())
    panel.locator("input").fill("refused")
    until(lambda: rows.count() == 1 and "/nowhere" in rows.nth(0).inner_text())
    panel.locator("input").fill("nothing like it")
    until(lambda: "No message is like that" in panel.inner_text())
    panel.locator("input").fill("")
    page.get_by_role("button", name="Pause").click()
    desk.tell(incoming((4, "/fader/2", "desk 127.0.0.1", "")))
    clock.sleep(0.3)
    assert rows.count() == 3
    page.get_by_role("button", name="Go on").click()
    until(lambda: rows.count() == 4)
    assert page.evaluate("window.hurt") is None
    page.click("[data-view=perform]")
    until(lambda: desk.told[-1][0] in ("DOCUMENTS", "PICTURES") and any(d == ["midi", "moved"] for c, d in desk.told[-2:]))


def test_a_storm_of_messages_leaves_the_list_bounded(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=control]")
    until(lambda: ("DOCUMENTS", ["messages", "midi", "moved", "numbers"]) in desk.told)
    for first in range(1, 1000, 64):
        desk.tell(incoming(*((n, f"/fader/{n % 8 + 1}", "osc 10.0.0.7", "") for n in range(first + 63, first - 1, -1))))
    until(lambda: "/fader/" in page.locator(".messages tbody").inner_text())
    clock.sleep(0.3)
    assert page.locator(".messages tbody tr").count() == 64
    page.locator(".messages input").fill("/fader/3")
    until(lambda: page.locator(".messages tbody tr").count() in range(30, 65))


def test_a_filter_that_is_pasted_is_cut(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.get_by_role("button", name="Control").click()
    page.locator(".messages input").focus()
    page.keyboard.insert_text("e " * 50_000)
    assert len(page.locator(".messages input").input_value()) == 200


def test_styles_are_suggested_for_the_music(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=library]")
    until(lambda: ("DOCUMENTS", ["suggestions"]) in desk.told)
    value: dict[str, Any] = {"why": "No tags here: music is not tagged.", "heard": "", "styles": []}
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "suggestions", "value": value}})
    panel = page.locator(".suggested")
    until(lambda: "No tags here: music is not tagged." in panel.inner_text())
    assert panel.locator(".card").count() == 0
    styles = [
        {"slug": "nasty", "name": NASTY, "score": 0.9, "reason": f"high energy {NASTY}"},
        {"slug": "gone", "name": "", "reason": ""},
    ]
    value = {"why": "", "heard": "sounds like techno", "styles": styles}
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "suggestions", "value": value}})
    until(lambda: panel.locator(".card").count() == 1)
    assert "sounds like techno" in panel.inner_text()
    assert f"high energy {NASTY}" in panel.inner_text()
    panel.get_by_role("button", name="Load to B").click()
    until(lambda: said(desk, "/deck/b/style") == [["nasty"]])
    page.get_by_role("button", name="Scenes", exact=True).click()
    assert not panel.is_visible()
    assert page.evaluate("window.hurt") is None


def test_an_input_is_chosen_and_a_refused_one_keeps_the_sound(visit: Callable[..., Page], desk: FakeDesk) -> None:
    desk.state |= {"/state/audio/input": ("demo",), "/state/audio/peak": (0.5,), "/state/audio/clipped": (0,)}
    desk.state |= {"/audio/gain": (2.5,), "/state/audio/state": ("running",)}
    desk.library["inputs"], desk.inputs = ["default", "demo"], ["default", "demo", f"Box {NASTY}"]
    page = visit()
    page.click("[data-view=control]")
    panel = page.locator(".panel.audio")
    until(lambda: "\u00d7 2.50" in panel.inner_text())  # the gain of the show, not the slider's own
    assert "demo running" in panel.inner_text()
    assert "\u22126 dB" in panel.inner_text()
    assert "nothing clipped" in panel.inner_text()
    desk.set("/state/audio/clipped", 40)
    until(lambda: "40 samples clipped" in panel.inner_text())
    until(lambda: "on" in (panel.locator(".clip").get_attribute("class") or "").split())

    choose = panel.get_by_label("Audio input", exact=True)
    assert choose.locator("option").all_inner_texts() == ["Plays: demo", "default", "demo"]
    panel.get_by_role("button", name="Look for audio inputs again").click()
    until(lambda: choose.locator("option").count() == 4)

    choose.select_option(f"Box {NASTY}")
    until(lambda: said(desk, "/audio/input") == [[f"Box {NASTY}"]])
    assert f"Waiting for Box {NASTY}: demo goes on" in panel.inner_text()
    line = "input refused: it has no sound; demo goes on"
    numbers = {**NUMBERS, "messages": ["a line", line], "audio": {**NUMBERS["audio"], "notes": [f"quiet {NASTY}"]}}
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "numbers", "value": numbers}})
    until(lambda: line in panel.inner_text())
    assert f"quiet {NASTY}" in panel.inner_text()

    choose.select_option("default")
    until(lambda: "Waiting for default" in panel.inner_text() and line not in panel.inner_text())
    desk.set("/state/audio/input", "HDA Intel")
    until(lambda: "Waiting for" not in panel.inner_text() and "HDA Intel" in panel.inner_text())
    assert choose.locator("option").first.inner_text() == "Plays: HDA Intel"
    assert page.evaluate("window.hurt") is None


def test_learning_asks_before_it_replaces(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    box = page.locator(".question")
    assert not box.is_visible()
    desk.set("/state/midi/question", "/deck/a/zoom", f"Box: cc 1 1 {NASTY}", "/master", "")
    until(box.is_visible)
    assert f"Box: cc 1 1 {NASTY} plays /master now. It would play /deck/a/zoom instead." in box.inner_text()
    assert not box.get_by_role("button", name="Add").is_visible()
    page.keyboard.press("Escape")
    until(lambda: said(desk, "/midi/answer") == [["keep"]])
    desk.set("/state/midi/question", "/master", "Box: cc 1 9", "", "Box: cc 1 1")
    until(lambda: "/master is played by Box: cc 1 1." in box.inner_text())
    for name, answer in (("Add", "add"), ("Replace", "replace"), ("Keep as it is", "keep")):
        box.get_by_role("button", name=name).click()
        until(lambda answer=answer: said(desk, "/midi/answer")[-1] == [answer])
    desk.set("/state/midi/question", "", "", "", "")
    until(lambda: not box.is_visible())
    page.keyboard.press("Escape")
    clock.sleep(0.2)
    assert len(said(desk, "/midi/answer")) == 4
    assert page.evaluate("window.hurt") is None
