"""The examples that people copy: each does what its page says, with the program as it is now."""

from __future__ import annotations

import runpy
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest

from phosphene.engine.control.table import Table, build_table
from phosphene.engine.library.catalogue import show_catalogue
from phosphene.tools.album.schema import read_album

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def table() -> Table:
    catalogue = show_catalogue()
    return build_table(catalogue.effects, catalogue.deck_params, catalogue.transitions)


def test_the_touchosc_page_is_what_its_program_writes():
    made = runpy.run_path(str(EXAMPLES / "make_touchosc_page.py"))["page"]()
    assert zlib.decompress((EXAMPLES / "phosphene.tosc").read_bytes()).decode("utf-8") == made


def test_the_program_takes_every_message_of_the_touchosc_page(table):
    page = ET.fromstring(zlib.decompress((EXAMPLES / "phosphene.tosc").read_bytes()))
    sent = [message for message in page.iter("osc") if message.findtext("send") == "1"]
    assert len(sent) == 27
    for message in sent:
        address = message.findtext("path/partial/value")
        how = message.find("arguments/partial")
        value = how.findtext("value") if how.findtext("type") == "CONSTANT" else "1"
        convert = {"STRING": str, "INTEGER": int, "FLOAT": float}[how.findtext("conversion")]
        assert table.parse(address, [convert(value)]) is not None, address


def test_the_touchosc_page_shows_what_each_fader_does(table):
    page = ET.fromstring(zlib.decompress((EXAMPLES / "phosphene.tosc").read_bytes()))
    heard = [message.findtext("path/partial/value") for message in page.iter("osc") if message.findtext("send") == "0"]
    assert heard == [f"/state/fader/{k}/label" for k in range(1, 9)]
    assert set(heard) <= set(table.addresses)


def test_the_controls_of_the_touchosc_page_lie_within_it_and_apart():
    page = ET.fromstring(zlib.decompress((EXAMPLES / "phosphene.tosc").read_bytes()))
    frames = []
    for node in page.iter("node"):
        frame = next(p for p in node.find("properties") if p.findtext("key") == "frame").find("value")
        frames.append((node.get("type"), *(int(frame.findtext(side)) for side in "xywh")))
    (_, _, _, wide, high), *_ = frames
    controls = [frame[1:] for frame in frames if frame[0] in ("FADER", "BUTTON")]
    for i, (x, y, w, h) in enumerate(controls):
        assert 0 <= x < x + w <= wide
        assert 0 <= y < y + h <= high
        assert min(w, h) >= 60, "a finger has to find it in the dark"
        for a, b, c, d in controls[i + 1 :]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y


def test_the_album_is_one(tmp_path):
    for name in ("first.flac", "second.flac"):
        (tmp_path / name).touch()
    (tmp_path / "album.toml").write_bytes((EXAMPLES / "album.toml").read_bytes())
    album = read_album(tmp_path / "album.toml")
    assert [track.id for track in album.track] == ["first", "second"]


def test_the_index_names_every_example():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if path.is_file() and f"({path.name})" not in text] == ["README.md"]
