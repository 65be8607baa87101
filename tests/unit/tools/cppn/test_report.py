"""Reports are made from files alone, survive damaged ones, link only to what exists, and let nothing out of its cell."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import PACKAGE
from phosphene.tools.cppn import records, report
from phosphene.tools.runs import charts, tables

HOSTILE = '<script>alert("x")</script> | `rm` **b** </td> [l](javascript:1) \'"&'
SCORES = {
    "judge": 0.31, "judge_untrained": 0.1, "judge_random": 0.2, "guide": 0.4, "guide_untrained": 0.15, "guide_random": 0.3,
    "reactivity": 0.5, "reactivity_null": 0.2, "flicker": 0.07, "flicker_music": 1.5, "rank": 1.0, "prompts": 20.0,
    "loop": 0.0001, "loop_step": 0.0006, "lightness": 0.3, "range": 0.6, "dark": 0.4, "colour": 0.15,
}  # fmt: skip


def make_run(folder: Path, prompt: str, recipe: str = "full", seed: int = 0, judge: float = 0.31, **options) -> Path:
    """A run as the trainer leaves it, with a shipped style in it."""
    folder.mkdir(parents=True)
    table = {"output": folder.name, "prompt": prompt, "recipe": recipe, "seed": seed, "hidden_dim": 32, "iterations": 60}
    (folder / "options.json").write_text(json.dumps(table | options))
    rng = np.random.default_rng(seed)
    steps = [
        {
            "step": k + 1, "resolution": 128, "loss": 1.0 - 0.005 * k, "guide": 0.1 + 0.003 * k + 0.03 * rng.normal(),
            "terms": {"motif": -0.1 - 0.003 * k, "reactivity": 0.3 / (k + 1)}, "rate": 1e-3,
        }
        for k in range(60)
    ]  # fmt: skip
    history = {"steps": steps, "null": {"guide": 0.12}, "notes": [f"a note of {prompt}"], "seconds": 41.2}
    (folder / "history.json").write_text(json.dumps(history))
    (folder / "scores.json").write_text(json.dumps(SCORES | {"judge": judge + 0.01 * seed}))
    shutil.copytree(PACKAGE / "styles" / "manta", folder / "style")
    (folder / "samples").mkdir()
    shutil.copy(PACKAGE / "styles" / "manta" / "preview.png", folder / "samples" / "step-00060.png")
    return folder


class Page(HTMLParser):
    """Collects links, tags and text; fails on tags that do not nest."""

    VOID = frozenset({"meta", "img", "link", "br", "input"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.events: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.events += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value for name, value in attrs if name in ("src", "href", "poster")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


def check_links(page: Page, home: Path) -> None:
    for address in page.links:
        if not address.startswith("#"):
            assert ":" not in address
            assert (home / unquote(address)).is_file(), address


def test_a_run_has_a_page_and_a_comparison_with_every_score_beside_its_null(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "neon", "neon lines")
    assert report.write_run_report(folder) == folder / "index.html"
    page = Page(folder / "index.html")
    check_links(page, folder)
    assert {"style/preview.mp4", "style/preview.png", "samples/step-00060.png"} <= set(page.links)
    for words in ("0.310", "untrained 0.100", "best of random 0.200", "shuffled 0.200", "1 in 20", "a note of neon lines"):
        assert words in page.text
    assert page.tags.count("svg") == 3
    text = (folder / "COMPARISON.md").read_text("utf-8")
    assert text.startswith("# neon lines\n")
    assert "| judge | 0.310 | untrained 0.100, best of random 0.200 |" in text
    assert "| parameters | 1,571 |  |" in text


def test_nothing_reaches_for_the_network(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "neon", "neon lines")
    report.write_run_report(folder)
    text = (folder / "index.html").read_text("utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src 'none'" in text


def test_a_hostile_prompt_is_text_everywhere(tmp_path: Path) -> None:
    run = make_run(tmp_path / "batch" / "it's 100% #1 <b>", HOSTILE, guide=HOSTILE)
    make_run(tmp_path / "batch" / "other", HOSTILE, "plain", guide="motif")
    report.write_run_report(run)
    report.write_batch_report(tmp_path / "batch")
    for home in (run, tmp_path / "batch"):
        page = Page(home / "index.html")
        check_links(page, home)
        assert page.tags.count("script") == 1
        assert page.events == []
        assert 'alert("x")' in page.text
    for line in (tmp_path / "batch" / "COMPARISON.md").read_text("utf-8").splitlines():
        assert "<script" not in line.replace("\\<", "")
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") in (7, 17)


def test_a_batch_groups_seeds_and_compares_the_recipes(tmp_path: Path) -> None:
    for prompt in ("fire", "ocean"):
        for seed in range(3):
            make_run(tmp_path / f"{prompt}-full-{seed}", prompt, "full", seed, 0.40)
            make_run(tmp_path / f"{prompt}-plain-{seed}", prompt, "plain", seed, 0.20 if prompt == "fire" else 0.45)
    report.write_batch_report(tmp_path)
    groups = records.grouped(records.read_batch(tmp_path))
    assert [(g.wanted, g.label, len(g.runs)) for g in groups[:2]] == [
        ("fire", "full, 32 wide", 3),
        ("fire", "plain, 32 wide", 3),
    ]
    assert groups[0].mean("judge") == pytest.approx(0.41)
    assert groups[0].sd("judge") == pytest.approx(0.01)
    assert groups[0].gain == pytest.approx(0.31)
    text = (tmp_path / "COMPARISON.md").read_text("utf-8")
    assert "0.410 ± 0.010" in text
    assert "above the plain one on 1 of 2" in text
    page = Page(tmp_path / "index.html")
    check_links(page, tmp_path)
    assert page.tags.count("video") == 12
    assert "3 of 3" in page.text


def test_groups_are_named_by_what_differs_within_a_prompt(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "fire", crops=16, tags=["x"], hidden_dim=64)
    make_run(tmp_path / "b", "fire", crops=4, tags=["y"], hidden_dim=64)
    make_run(tmp_path / "c", "ocean", crops=1)
    labels = [group.label for group in records.grouped(records.read_batch(tmp_path))]
    assert labels == ["full, 64 wide, crops 16", "full, 64 wide, crops 4", "full, 32 wide"]


def test_half_written_and_damaged_runs_are_shown_as_far_as_they_got(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "options.json").write_text('{"prompt": "just begun", "seed": "x"}')
    broken = make_run(tmp_path / "broken", "broken")
    (broken / "history.json").write_text('{"steps": [{"step": 1, "loss": NaN}, 7, {"guide": "a"}, {"step": 2, "terms": 3}]')
    (broken / "scores.json").write_text('{"judge": NaN, "guide": 1e999, "rank": true, "flicker": 0.1}')
    (broken / "style" / "style.toml").write_text("nonsense [")
    (broken / "style" / "preview.mp4").unlink()
    partial = make_run(tmp_path / "partial", "partial")
    (partial / "history.json").write_text(
        '{"steps": [{"step": 1, "loss": NaN}, 7, {"guide": "a"}, {"step": 2, "terms": 3}]}'
    )
    for name in ("new", "broken", "partial"):
        report.write_run_report(tmp_path / name)
        check_links(Page(tmp_path / name / "index.html"), tmp_path / name)
    report.write_batch_report(tmp_path)
    page = Page(tmp_path / "index.html")
    check_links(page, tmp_path)
    assert "nan" not in page.text.lower().split("const videos")[0]
    assert records.read_run(broken).scores == {"flicker": 0.1}
    assert records.read_run(partial).step_count == 2


def test_folders_without_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run here"):
        report.write_run_report(tmp_path)
    with pytest.raises(UserError, match="no runs here"):
        report.write_batch_report(tmp_path)


def test_reports_are_the_same_for_the_same_files(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "neon", "neon lines")
    first = report.write_run_report(folder).read_bytes()
    assert report.write_run_report(folder).read_bytes() == first


def test_smoothing_keeps_a_line_straight_and_calms_noise() -> None:
    line = [(float(k), 0.5 * k) for k in range(50)]
    assert charts.smoothed(line)[25] == line[25]
    noisy = [(float(k), float(v)) for k, v in enumerate(np.random.default_rng(0).normal(size=400))]
    assert np.std([y for _, y in charts.smoothed(noisy)]) < 0.4
    assert charts.smoothed([]) == []


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.31, 0.07), (1e-6, 3e-6), (-5.0, 1200.0)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    found = charts.ticks(low, high)
    assert 2 <= len(found) <= 9
    assert low <= min(found) <= max(found) <= high


def test_a_chart_of_constant_or_missing_curves_is_drawn_or_left_out() -> None:
    assert charts.chart("t", [charts.Curve("a", [], "#fff")]) == ""
    drawn = charts.chart("a & b", [charts.Curve("<i>", [(0.0, 1.0), (9.0, 1.0)], "#fff")], ("untrained", 0.2))
    assert "a &amp; b" in drawn
    assert "&lt;i&gt;" in drawn
    assert not any(word in drawn for word in ("nan", "inf"))
    assert charts.strips("t", [charts.Strip("a", [], [], "#fff")]) == ""


def test_markdown_says_only_what_it_is_given() -> None:
    assert tables.plain("a | b\n# c <d> `e`") == r"a \| b \# c \<d\> \`e\`"
    assert tables.with_sd(None, None) == tables.NONE
    assert tables.with_sd(1.23456, 0.1) == "1.235 ± 0.100"
