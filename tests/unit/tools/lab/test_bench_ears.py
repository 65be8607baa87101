"""The scores of `vj bench ears`: by hand on made-up beats, and two cases through the live path."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from phosphene.engine.core.errors import UserError
from phosphene.engine.tempo.timeline import TIMELINE
from phosphene.tools.lab import bench_ears
from phosphene.tools.lab.ears import calibration, scoring
from phosphene.tools.lab.ears.cases import Case
from phosphene.tools.lab.ears.piece import Piece, Recipe, make
from phosphene.tools.lab.ears.trackers import HOP_S, Heard, Shown, live, shown

HOPS = round(30.0 / HOP_S)


def truth(beats: np.ndarray, divided: int = 2, **how: object) -> Piece:
    return Piece(np.zeros((30 * 48_000, 2), np.float32), beats, np.arange(len(beats)) % 4 + 1, divided=divided, **how)


BEATS = np.arange(0.0, 30.0, 0.5)
PIECE = truth(BEATS)


def heard(beats: np.ndarray, confidence: float = 0.9) -> Heard:
    return Heard(beats, np.full(HOPS, confidence, np.float32))


def test_any_level_is_twice_and_half_but_never_the_off_beat():
    for beats in (BEATS, BEATS[::2], BEATS[1::2], np.arange(0.0, 30.0, 0.25)):
        assert scoring.f_any_level(beats + 0.03, PIECE) > 0.97
        assert scoring.right_at(beats + 0.03, PIECE, HOPS)[round(6.0 / HOP_S) : -200].all()
    off = BEATS + 0.25
    assert scoring.f_measure(off, scoring.off_beats(BEATS)) > 0.97
    assert scoring.f_measure(off, BEATS) == scoring.f_any_level(off, PIECE) == 0.0
    assert not scoring.right_at(off, PIECE, HOPS).any()
    assert scoring.f_any_level(np.arange(0.0, 30.0, 1 / 3), PIECE) < 0.6
    three = truth(np.arange(0.0, 30.0, 1.0), divided=3)
    assert scoring.f_any_level(np.arange(0.0, 30.0, 1 / 3), three) > 0.97
    assert scoring.f_any_level(np.arange(0.0, 30.0, 0.5), three) < 0.7


def test_chance_is_rarely_right():
    found = np.sort(np.random.default_rng(0).uniform(0.0, 30.0, 60))
    assert scoring.right_at(found, PIECE, HOPS).mean() < 0.2


def test_falsely_sure_is_counted_where_it_is_wrong_and_sure():
    wrong = np.concatenate([BEATS[:30], np.arange(15.25, 20.0, 0.5), BEATS[40:]])
    figures = scoring.judge(heard(wrong), None, PIECE).figures
    assert figures["falsely_sure_s"] == pytest.approx(5.5, abs=0.6)
    assert figures["falsely_sure_longest_s"] == pytest.approx(5.5, abs=0.6)
    assert figures["right_s"] == pytest.approx(19.5, abs=0.6)
    assert scoring.judge(heard(wrong, 0.5), None, PIECE).figures["falsely_sure_s"] == 0.0


def test_a_line_that_stops_is_not_right_any_more():
    right = scoring.right_at(BEATS[:20], PIECE, HOPS)
    assert right[round(9.6 / HOP_S)]
    assert not right[round(10.2 / HOP_S) :].any()


def test_lock_and_relock_are_where_four_seconds_of_right_begin():
    piece = truth(np.concatenate([BEATS[BEATS < 15.0], np.arange(15.25, 30.0, 0.5)]), cuts=(15.0,))
    found = np.concatenate([np.arange(2.25, 4.0, 0.5), np.arange(4.0, 18.0, 0.5), np.arange(18.25, 30.0, 0.5)])
    figures = scoring.judge(heard(found), None, piece).figures
    assert figures["lock_s"] == pytest.approx(4.0, abs=0.3)
    assert figures["relock_s"] == pytest.approx(3.25, abs=0.3)
    assert scoring.judge(heard(BEATS + 0.25), None, PIECE).figures["lock_s"] is None


def test_what_is_shown_is_right_wrong_or_withheld():
    confidence = np.full(HOPS, 0.9, np.float32)
    confidence[round(20.0 / HOP_S) :] = 0.1
    seen = Shown(np.concatenate([np.arange(0.25, 10.0, 0.5), BEATS[20:]]), confidence)
    figures = scoring.judge(heard(BEATS), seen, PIECE).figures
    assert figures["shown_wrong_s"] == pytest.approx(5.0, abs=0.6)
    assert figures["shown_right_s"] == pytest.approx(10.0, abs=0.6)
    assert figures["withheld_right_s"] == pytest.approx(10.0, abs=0.6)


def test_bars_are_scored_where_a_tracker_gives_them():
    with_bars = Heard(BEATS, np.ones(HOPS, np.float32), bars=BEATS[::4])
    assert scoring.judge(with_bars, None, PIECE).figures["bars_f"] == 1.0
    assert scoring.judge(heard(BEATS), None, PIECE).figures["bars_f"] is None


def test_the_conductor_shows_the_line_that_it_follows():
    lines = np.zeros(HOPS, TIMELINE)
    lines["bpm"], lines["confidence"] = 120.0, 0.9
    lines["t0"] = (np.arange(HOPS) + 1) * HOP_S
    lines["beat0"] = lines["t0"] * 2.0
    seen = shown(Heard(BEATS, lines["confidence"].astype(np.float32), lines))
    assert scoring.f_measure(seen.beats, BEATS) > 0.98
    assert shown(heard(BEATS)) is None


def test_reliability_of_what_is_known(tmp_path):
    rng = np.random.default_rng(0)
    confidence = rng.random(20_000)
    honest = calibration.reliability(confidence, rng.random(20_000) < confidence)
    assert honest["ece"] < 0.03
    assert honest["auc"] == pytest.approx(5 / 6, abs=0.02)
    assert sum(row["n"] for row in honest["bins"]) == 20_000
    boast = calibration.reliability(np.full(100, 0.95), np.arange(100) < 20)
    assert boast["ece"] == pytest.approx(0.75)
    assert boast["auc"] == 0.5
    assert calibration.reliability(np.ones(3), np.ones(3, bool))["auc"] is None
    calibration.draw({"honest": honest, "boast": boast}, tmp_path / "new" / "r.png")
    with Image.open(tmp_path / "new" / "r.png") as picture:
        assert picture.size == (592, 682)


def test_a_beats_file_is_read_and_a_bad_one_is_told(tmp_path):
    path = tmp_path / "x.beats"
    path.write_text("# by hand\n1.5 2\n1.0\t1\n2.0\n")
    times, numbers = bench_ears.read_beats(path)
    assert times.tolist() == [1.0, 1.5, 2.0]
    assert numbers.tolist() == [1, 2, 0]
    path.write_text("1.0 1\nnan-sense\n")
    with pytest.raises(UserError, match="line 2"):
        bench_ears.read_beats(path)
    with pytest.raises(UserError, match="no recordings"):
        bench_ears.recordings(None, tmp_path)


def steady() -> Piece:
    return make(Recipe("house", "909", 124.0, 12.0, 2, lines=(0, 0, 0, None), intro=0))


def test_a_case_goes_through_the_live_path_and_into_the_table():
    rows = [
        bench_ears.score(Case("steady", "easy", steady)),
        bench_ears.score(Case("unknown", "hard", steady, (), "confidence")),
    ]
    assert rows[0]["live"]["f"] > 0.9
    assert rows[0]["live"]["shown_right_s"] > 5.0
    assert rows[0]["null"]["f"] < 0.6
    assert "f" not in rows[1]["live"]
    assert rows[0]["calibration"]
    assert not rows[1]["calibration"]
    means = {"easy": bench_ears._mean(rows[:1])}
    text = bench_ears.table({"cases": rows, "mean": means, "calibration": {}})
    assert "| easy: steady |" in text
    assert "**easy**" in text


def test_what_was_heard_does_not_depend_on_what_comes_later():
    pcm = steady().pcm[: 6 * 48_000]
    whole, half = live(pcm), live(pcm[: 3 * 48_000])
    assert np.array_equal(whole.lines[: len(half.lines)], half.lines)
    assert np.array_equal(whole.beats[: len(half.beats)], half.beats)
