"""The comparison: its table beside both nulls; stopped anywhere, the same command finishes it; runs of others stay out."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from phosphene.tools.lab import compare_gan
from phosphene.tools.lab.compare_gan import _ROWS, described, main, table


def scores(kid: float) -> dict[str, float]:
    found = {key: 1.0 for row in _ROWS for key in (row[0], row[2], row[3]) if key}
    return found | {"kid": kid, "kid_real": 0.01, "kid_untrained": 4.0}


def test_means_and_deviations_stand_beside_both_nulls():
    said = table({"full": [scores(1.0), scores(2.0)], "plain": [scores(3.0), scores(3.0)]}, "some features")
    row = next(line for line in said.splitlines() if line.startswith("| KID"))
    assert row == "| KID, lower is better | 1.5 ± 0.5 | 3 | 0.01 | 4 |"
    assert "2 seeds" in said
    assert "some features" in said


def arguments(data: Path) -> argparse.Namespace:
    return argparse.Namespace(data=data, images=8.0, size="32x16", widths=[8, 8], judge=4, batch=4)


def command(data: Path, out: Path, *more: str) -> list[str]:
    return ["--data", str(data), "--out", str(out), "--images", "8", "--seeds", "1", "--size", "32x16", "--widths", "8", "8",
            "--judge", "4", "--batch", "4", *more]  # fmt: skip


@pytest.fixture(scope="module")
def quick():
    """Two pictures of music are enough here: reactivity has tests of its own."""
    from phosphene.tools.cppn.footage import Music
    from phosphene.tools.gan import results

    with pytest.MonkeyPatch.context() as patch:
        silence = [{"onset_strength": 0.0, "flux": 0.0, "rms": 0.0}] * 48
        patch.setattr(results, "load_music", lambda: Music("silence", tuple(silence), ()))
        yield


def test_a_comparison_that_was_stopped_is_finished_by_the_same_command(data, tmp_path, quick, monkeypatch, capsys):
    out, begun = tmp_path / "c", []
    train = compare_gan.train

    def stopped_at_the_second(argv):
        begun.append(argv)
        if len(begun) == 2:  # stopped after a step of two: it has its scores already, of half the budget
            return train([*argv[: argv.index("--images")], "--images", "4", *argv[argv.index("--images") + 2 :]]) or 130
        return train(argv)

    monkeypatch.setattr(compare_gan, "train", stopped_at_the_second)
    assert main(command(data, out)) == 130
    assert not (out / "comparison.md").exists()
    assert json.loads((out / "plain-0" / "scores.json").read_text())["seen"] == 4
    done = (out / "full-0" / "scores.json").stat().st_mtime_ns

    assert main(command(data, out)) == 0
    assert "--resume" in begun[2]
    assert len(begun) == 3, "the run that was complete is left alone"
    assert (out / "full-0" / "scores.json").stat().st_mtime_ns == done
    assert json.loads((out / "plain-0" / "scores.json").read_text())["seen"] == 8
    said = (out / "comparison.md").read_text()
    assert "real pictures seen | 8 | 8 |" in said
    given = f"--data {data} --out {out} --images 8 --seeds 1 --size 32x16 --widths 8 8"
    assert f"python tools/lab/compare_gan.py {given}" in said
    assert "Data: waves, 20 pictures and 4 held out: 24 waves." in said

    # Complete now: nothing is run. With other options its runs would be taken for what they are not.
    assert main(command(data, out)) == 0
    assert len(begun) == 3
    (out / "plain-0" / "scores.json").rename(tmp_path / "kept.json")  # as if killed before it measured
    assert compare_gan._complete(out / "plain-0", arguments(data)) is None
    assert "--resume" in compare_gan._command(out / "plain-0", "plain", 0, arguments(data))
    (tmp_path / "kept.json").rename(out / "plain-0" / "scores.json")
    for changed in (["--images", "4"], ["--size", "64x32"], ["--widths", "8", "12"]):
        assert main(command(data, out, *changed)) == 2
        assert "another comparison" in capsys.readouterr().err
    assert len(begun) == 3


def test_it_says_what_made_the_data(data, tmp_path):
    shutil.copytree(data, tmp_path / "d")
    made = {"command": "procedural", "options": {"images": 24, "size": "64", "buckets": [], "seed": 3}}
    (tmp_path / "d" / "dataset.json").write_text(json.dumps(made))
    assert described(tmp_path / "d").endswith("Made by `tools/make_dataset.py procedural`: images 24, size 64, seed 3.")


def test_faults_are_one_line(data, tmp_path, capsys):
    assert main(command(tmp_path / "nowhere", tmp_path / "c")) == 2
    assert "no data set here" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(command(data, tmp_path / "c", "--seeds", "0"))
    assert "--seeds" in capsys.readouterr().err
