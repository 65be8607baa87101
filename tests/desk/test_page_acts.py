"""The acts of a deck on the desk's page, in a real Chromium: chosen, edited, and nothing moves under the finger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("playwright")

from playwright.sync_api import Page

from tests.desk.fake_desk import FakeDesk
from tests.desk.test_page import OVER, SIZES, browser, desk, mapping, said, until, visit

__all__ = ["browser", "desk", "visit"]

ACT: dict[str, Any] = {"bars": 8, "on": "none", "beats": 4.0, "style": "", "ready": True, "values": {}}
ACTS = [
    {**ACT, "name": "one", "values": {"zoom": 2.0, "fx/bloom/amount": 0.5}},
    {**ACT, "name": "two", "bars": 12, "style": "nasty", "ready": False},
    {**ACT, "name": "burst", "on": "drop break", "beats": 0.0},
]


def told_acts(desk: FakeDesk, acts: list[dict[str, Any]]) -> None:
    desk.set("/state/deck/a/acts", " ".join(act["name"] for act in acts))
    desk.set("/state/deck/a/act", "one")
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "acts", "value": {"a": acts, "b": []}}})


def test_an_act_is_chosen_and_edited(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=shape]")
    until(lambda: any(command == "DOCUMENTS" and "acts" in data for command, data in desk.told))
    told_acts(desk, ACTS)
    panel = page.locator(".deckpanel.deck-a .actpanel")
    chips = panel.locator(".actchip")
    until(lambda: chips.count() == 3)
    assert chips.nth(0).get_attribute("aria-pressed") == "true", "the one that plays is chosen first"
    assert panel.locator(".actvalues .slider").count() == 2
    panel.get_by_label("Zoom", exact=True).first.press("End")
    until(lambda: said(desk, "/deck/a/set_act") == [["zoom", 4.0, "one"]])
    panel.get_by_role("button", name="Take Bloom amount out of the act").click()
    until(lambda: said(desk, "/deck/a/free_act") == [["fx/bloom/amount", "one"]])
    chips.nth(1).click()
    assert panel.get_by_label("Bars of the act").input_value() == "12"
    assert panel.get_by_label("Style of the act").input_value() == "nasty"
    assert "not loaded" in panel.inner_text()
    panel.get_by_label("Bars of the act").select_option("32")
    panel.get_by_label("Beats of the change to the act").select_option("0")
    panel.get_by_label("Style of the act").select_option("")
    panel.get_by_role("button", name="Comes with a drop").click()
    panel.get_by_label("Parameter of the act").select_option("zoom")
    panel.get_by_role("button", name="Set this parameter in the act").click()
    panel.get_by_role("button", name="Move this act later").click()
    panel.get_by_role("button", name="Play this act now").click()
    panel.get_by_role("button", name="Remove this act").click()
    until(lambda: said(desk, "/deck/a/remove_act") == [["two"]])
    assert said(desk, "/deck/a/act_bars") == [[32.0, "two"]]
    assert said(desk, "/deck/a/act_beats") == [[0.0, "two"]]
    assert said(desk, "/deck/a/act_style") == [["none", "two"]]
    assert said(desk, "/deck/a/act_on") == [["drop", "two"]]
    assert said(desk, "/deck/a/set_act")[-1] == ["zoom", 1.0, "two"]
    assert said(desk, "/deck/a/move_act") == [[3.0, "two"]]
    assert said(desk, "/deck/a/act") == [["two"]]
    chips.nth(2).click()
    panel.get_by_role("button", name="Comes with a drop").click()
    until(lambda: said(desk, "/deck/a/act_on")[-1] == ["break", "burst"])


def test_an_act_that_is_renamed_or_added_stays_chosen(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=shape]")
    told_acts(desk, ACTS)
    panel = page.locator(".deckpanel.deck-a .actpanel")
    panel.locator(".actchip").nth(2).click()
    panel.get_by_label("Name of the act").fill("Big Drop!")
    panel.get_by_label("Name of the act").press("Enter")
    until(lambda: said(desk, "/deck/a/act_name") == [["big-drop", "burst"]])
    told_acts(desk, [*ACTS[:2], {**ACTS[2], "name": "big-drop"}])
    until(lambda: panel.locator(".actchip[aria-pressed=true]").inner_text().startswith("Big drop"))
    panel.get_by_role("button", name="Add an act").click()
    until(lambda: said(desk, "/deck/a/add_act") == [["act-4", "big-drop"]])
    told_acts(desk, [*ACTS[:2], {**ACTS[2], "name": "big-drop"}, {**ACT, "name": "act-4"}])
    until(lambda: panel.locator(".actchip[aria-pressed=true]").inner_text().startswith("Act 4"))
    assert "no values" in panel.inner_text()
    told_acts(desk, [])
    until(lambda: "No acts" in panel.inner_text())
    panel.get_by_role("button", name="Add an act").click()
    until(lambda: said(desk, "/deck/a/add_act")[-1] == ["act-1"])


def test_a_mapping_is_told_in_which_acts_it_works(visit: Callable[..., Page], desk: FakeDesk) -> None:
    page = visit()
    page.click("[data-view=shape]")
    told_acts(desk, ACTS)
    maps = [{**mapping("zoom", 1.0), "acts": 2}, {**mapping("zoom", 2.0), "acts": 0}]
    desk.tell({"COMMAND": "DOCUMENT", "DATA": {"name": "mappings", "value": {"a": maps, "b": []}}})
    row = page.locator(".deckpanel.deck-a .map").first
    row.locator(".maphead").click()
    until(lambda: row.get_by_role("button", name="In act Two").get_attribute("aria-pressed") == "true")
    row.get_by_role("button", name="In act Burst").click()
    until(lambda: said(desk, "/deck/a/map_acts") == [["kick", "zoom", "none", 2.0, 6.0]])
    row.locator(".remove").click()
    until(lambda: said(desk, "/deck/a/unmap") == [["kick", "zoom", "none", 2.0]])


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_when_another_act_is_chosen_and_all_can_be_hit(
    visit: Callable[..., Page], desk: FakeDesk, size: str
) -> None:
    page = visit(size)
    page.click("[data-view=shape]")
    eight = [{**ACT, "name": f"act-{n}", "values": {"zoom": 1.0} if n % 2 else {}, "ready": n != 3} for n in range(8)]
    told_acts(desk, eight)
    panel = page.locator(".deckpanel.deck-a .actpanel")
    until(lambda: panel.locator(".actchip").count() == 8)
    places = """() => [...document.querySelectorAll('.deckpanel.deck-a [data-control], .deckpanel.deck-a .actchip')]
        .filter(node => node.offsetParent && !node.closest('.actvalues')).map(node => {
            const { left, top, width, height } = node.getBoundingClientRect(); return [left, top, width, height]; })"""
    stood = page.evaluate(places)
    for n in range(8):
        panel.locator(".actchip").nth(n).click()
        page.wait_for_timeout(60)
        page.evaluate("document.querySelector('#views').scrollTop = 0")
        assert page.evaluate(places) == stood, n
    told_acts(desk, [])
    page.wait_for_timeout(200)
    assert [place for place in page.evaluate(places) if place not in stood] == [], "nor when there are none"
    told_acts(desk, eight)
    small = page.evaluate("""() => [...document.querySelectorAll('.actpanel button, .actpanel select, .actpanel input')]
        .filter(node => node.offsetParent)
        .filter(node => { const box = node.getBoundingClientRect(); return Math.min(box.width, box.height) < 47.5; })
        .map(node => node.className)""")
    assert small == []
    assert page.evaluate(OVER) == []
