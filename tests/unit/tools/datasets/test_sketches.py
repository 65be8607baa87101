"""Sketches in a real browser: exact frames, seamless loops, and those that are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.datasets import browser
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.datasets.sketches import SketchRefused, capture_sketches, colour_table, examine, painted, title
from phosphene.tools.datasets.writer import Writer

OURS = Path(__file__).resolve().parents[4] / "sketches"
EXAMPLES = OURS.parent / "docs" / "examples"
SIZE = Size(32, 32)


@pytest.fixture
def chromium() -> None:
    """Skips with the reason where sketches cannot be run."""
    pytest.importorskip("playwright", reason="no playwright")
    try:
        browser.find_chromium()
        browser.find_p5()
    except UserError as error:
        pytest.skip(str(error))


def folder_of(tmp_path: Path, **sources: str) -> Path:
    place = tmp_path / "sketches"
    place.mkdir()
    for name, source in sources.items():
        (place / f"{name}.js").write_text(source)
    return place


def capture(tmp_path: Path, place: Path, name: str = "d", **more) -> Writer:
    writer = Writer(tmp_path / name, "p5", {})
    capture_sketches(writer, place, SIZE, **{"frames": 6, "variants": 1, "limit_s": 30.0, **more})
    writer.finish(0)
    return writer


DISC = """
// a disc that goes round
function setup() { createCanvas(params.size, params.size); }
function draw() {
  const t = TWO_PI * ((frameCount - 1) % params.frames) / params.frames;
  background(0); noStroke(); fill(255);
  circle(width * (0.5 + 0.3 * cos(t)), height * (0.5 + 0.3 * sin(t)), width * 0.2);
}
"""

CLOCKS = """
let ticks = 0;
setInterval(() => ticks++, 10);
function setup() { createCanvas(120, 60); noStroke(); }
function draw() {
  background(0);
  const known = [millis() / 10, ticks, new Date().getMilliseconds() / 10, 255 * Math.random(), 255 * random(), deltaTime];
  known.forEach((v, i) => { fill(v); rect(20 * i, 0, 20, 60); });
}
"""


def test_frames_are_exact_and_loops_seamless(tmp_path: Path, chromium: None) -> None:
    writer = capture(tmp_path, folder_of(tmp_path, disc=DISC), frames=8)
    loop = load_manifest(tmp_path / "d").loops[0]
    assert (loop.frames, loop.fps, loop.caption) == (8, 30.0, "a disc that goes round")
    y, x = np.mgrid[:32, :32]
    for k, frame in enumerate(loop.array(gray=True).astype(float)):
        at = (frame * x).sum() / frame.sum() + 0.5, (frame * y).sum() / frame.sum() + 0.5
        t = 2 * np.pi * k / 8
        assert at == pytest.approx((16 + 9.6 * np.cos(t), 16 + 9.6 * np.sin(t)), abs=0.1)
    about = json.loads(loop.path.with_suffix(".json").read_text())
    assert about["seam"] == 0.0
    assert about["step"] > 0.05
    assert writer.notes == ["one group alone: nothing is held out for validation"]


def test_the_clock_is_fixed_and_chance_is_seeded(tmp_path: Path, chromium: None) -> None:
    place = folder_of(tmp_path, clocks=CLOCKS)
    capture(tmp_path, place, "a", variants=2, fps=25.0)
    capture(tmp_path, place, "b", variants=2, fps=25.0)
    first, again = (load_manifest(tmp_path / name).loops for name in "ab")
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.array(), other.array())
    assert not np.array_equal(first[0].array(), first[1].array()), "another seed"
    # The canvas is 120 x 60 and the middle of it is seen: bars 2, 3, 4 and halves of others.
    middle = first[0].array()[:, 16, :, 0].astype(int)
    date = middle[:, 10 * 32 // 60 + 1]
    assert np.diff(date).tolist() == pytest.approx([4] * 5, abs=1), "40 ms a frame"


def test_what_gives_no_loop_is_refused_and_the_others_go_on(tmp_path: Path, chromium: None) -> None:
    place = folder_of(
        tmp_path,
        a_throws="function setup() { createCanvas(50, 50); } function draw() { if (frameCount > 3) nothing.here(); }",
        b_syntax="function setup( {",
        c_setup="function setup() { throw new Error('no such thing'); }",
        d_blank="function setup() { createCanvas(50, 50); } function draw() { noStroke(); }",
        e_still="function setup() { createCanvas(50, 50); } function draw() { background(0); circle(25, 25, 20); }",
        f_forever="function setup() { createCanvas(50, 50); } function draw() { while (true) {} }",
        g_outside="function setup() { fetch('https://example.org/').then(() => {}); } function draw() {}",
        h_good=DISC,
        i_drifts="function setup() {} function draw() { background(30 * frameCount); rect(0, 0, 20, 50); }",
    )
    writer = capture(tmp_path, place, limit_s=6.0)
    said = dict(note.split(" is refused: ") for note in writer.notes if "refused" in note)
    assert said["a_throws.js"] == "it throws: frame 4: ReferenceError: nothing is not defined"
    assert "SyntaxError" in said["b_syntax.js"]
    assert "no such thing" in said["c_setup.js"]
    assert said["d_blank.js"] == "it draws nothing"
    assert said["e_still.js"] == "it never moves"
    assert "loops forever" in said["f_forever.js"]
    assert "Failed to fetch" in said["g_outside.js"], "nothing outside is reached"
    assert {r.group for r in writer.records} == {"h_good", "i_drifts"}
    assert any("i_drifts-0 does not loop" in note for note in writer.notes)


def test_our_sketches_come_back_to_their_first_frame(tmp_path: Path, chromium: None) -> None:
    place = tmp_path / "together"
    shutil.copytree(OURS, place)
    shutil.copy(EXAMPLES / "lissajous.js", place)
    writer = capture(tmp_path, place, frames=12)
    assert writer.notes == []
    assert len(writer.records) == len(list(place.glob("*.js"))) == 11
    data = load_manifest(tmp_path / "d")
    assert len({e.group for e in data.validation}) == 1
    for loop in data.loops:
        assert loop.caption
        assert json.loads(loop.path.with_suffix(".json").read_text())["seam"] == 0.0
        frames = loop.array()
        assert sum(not np.array_equal(frames[k], frames[k + 1]) for k in range(11)) > 6, "tiles rest now and then"
        assert 5 < frames.mean() < 150


def test_every_sketch_takes_its_seed_and_says_what_it_is() -> None:
    for path in [*OURS.glob("*.js"), *EXAMPLES.glob("*.js")]:
        source = path.read_text(encoding="utf-8")
        assert title(source), path.name
        assert "randomSeed(P.seed)" in source, path.name
        assert "Math.random" not in source, path.name


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(UserError, match="apt-get install chromium"):
        browser.find_chromium()
    monkeypatch.setenv("PHOSPHENE_P5", str(tmp_path))
    with pytest.raises(UserError, match=f"npm install .* p5@{browser.P5_VERSION}"):
        browser.find_p5()
    package = tmp_path / "node_modules" / "p5"
    (package / "lib").mkdir(parents=True)
    (package / "lib" / "p5.min.js").write_text("")
    (package / "package.json").write_text('{"version": "1.0.0"}')
    with pytest.raises(UserError, match="another p5"):
        browser.find_p5()
    with pytest.raises(UserError, match="p5"):
        capture(tmp_path, OURS)
    assert not (tmp_path / "d").exists()


def test_an_installed_chrome_is_found_where_none_is_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOSPHENE_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ProgramFiles", str(tmp_path))
    monkeypatch.setattr(browser.sys, "platform", "win32")
    with pytest.raises(UserError, match="no Chromium"):
        browser.find_chromium()
    edge = tmp_path / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.touch()
    assert browser.find_chromium() == edge
    monkeypatch.setattr(browser.sys, "platform", "darwin")
    assert [place.name for place in browser._installed()][:2] == ["Google Chrome", "Chromium"]


def test_options_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    place = folder_of(tmp_path)
    with pytest.raises(UserError, match="no sketch here"):
        capture(tmp_path, place)
    for more in ({"frames": 1}, {"fps": 0.0}, {"variants": 0}, {"seed": -1}):
        with pytest.raises(UserError, match=f"--{next(iter(more))}"):
            capture(tmp_path, place, **more)
    with pytest.raises(UserError, match=r"--only.*tunnel.*spiral"):
        capture(tmp_path, OURS, only=["tiles", "spiral"])


def test_only_chosen_sketches_are_captured(tmp_path: Path, chromium: None) -> None:
    place = folder_of(tmp_path, disc=DISC, clocks=CLOCKS)
    assert len(capture(tmp_path, place, only=["disc"]).records) == 1
    assert {loop.group for loop in load_manifest(tmp_path / "d").loops} == {"disc"}


def test_a_loop_is_painted_by_lightness() -> None:
    table = colour_table(["#000000", "#ff0000", "#ffffff"])
    assert table[[0, 255]].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert table[127, 0] > 245
    assert table[127, 1] < 20
    ramp = np.linspace(0, 120, 50).astype(np.uint8)[None, None, :, None].repeat(3, -1)
    found = painted(ramp, table)
    assert found.shape == ramp.shape
    assert found[0, 0, -1].tolist() == [255, 255, 255], "the lightest of the loop has the last colour"
    assert np.all(np.diff(found[0, 0].astype(int).sum(-1)) >= 0)
    for wrong in (["#000000"], ["black", "white"]):
        with pytest.raises(UserError, match="--palette"):
            colour_table(wrong)


def test_flat_and_still_frames_are_found() -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None] * 20, (8, 8, 3))
    with pytest.raises(SketchRefused, match="draws nothing"):
        examine(np.full((4, 8, 8, 3), 90, np.uint8))
    with pytest.raises(SketchRefused, match="never moves"):
        examine(np.stack([ramp] * 4))
    seam, step = examine(np.stack([ramp, ramp[::-1], ramp]))
    assert seam == 0.0
    assert step > 0.1


def test_it_is_debians_browser_that_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOSPHENE_CHROMIUM", raising=False)
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find_chromium() == Path(shutil.which("chromium"))
