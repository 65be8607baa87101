"""Painting, varying and a training that is short but whole: through the command line, with resume."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import MOST_RECORD
from phosphene.tools import train_motif
from phosphene.tools.motif.captions import is_held_out
from phosphene.tools.motif.dataset import (
    MOST_PICTURES,
    Pictures,
    Settings,
    camouflage,
    describe_colours,
    in_colours_of,
    make_pictures,
    open_pictures,
    render_network,
    vary,
)
from phosphene.tools.motif.evaluate import retrieval
from phosphene.tools.motif.model import load_motif
from phosphene.tools.motif.subject import (
    COLOURS,
    CONTRASTS,
    DENSITIES,
    FAMILIES,
    GROUNDS,
    MOODS,
    SHARPNESSES,
    SYMMETRIES,
    TREATMENTS,
    Subject,
    draw_subject,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    yield tmp_path / "cache"
    torch.set_num_threads(threads)


def test_pictures_are_painted_once_and_come_back_the_same(cache):
    settings = Settings(seed=3, count=40)
    first, again = open_pictures(settings), open_pictures(settings)
    assert first.images.shape == (40, 72, 72, 3)
    assert first.subjects == again.subjects
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.images, make_pictures(settings).images)
    assert len(list((cache / "motif").iterdir())) == 2
    assert Settings(seed=4, count=40).key != settings.key


def test_held_out_combinations_are_on_their_side():
    assert not any(is_held_out(s) for s in make_pictures(Settings(1, 30, networks=False)).subjects)
    assert all(is_held_out(s) for s in make_pictures(Settings(1, 30, held_out=True)).subjects)


def test_renders_of_networks_are_named_by_their_colours():
    views = render_network(np.random.default_rng(2), 48)
    assert len(views) == 6
    assert all(view.shape == (48, 48, 3) and 0 <= view.min() <= view.max() <= 1 for view in views)
    red = np.zeros((48, 48, 3), np.float32)
    red[:, 12:] = (0.85, 0.1, 0.15)
    subject = describe_colours(red)
    assert (subject.family, subject.colours) == ("abstract", ("red",))
    assert set(describe_colours(views[0]).colours) <= set(COLOURS)
    assert describe_colours(np.zeros((48, 48, 3))).colours == ("black",)


def test_variations_stay_pictures_and_keep_their_colours():
    torch.manual_seed(1)
    plain = torch.zeros(64, 3, 72, 72)
    plain[:, 0] = 0.8
    varied = vary(plain, 64)
    assert varied.shape == (64, 3, 64, 64)
    assert varied.min() >= 0
    assert varied.max() <= 1
    means = varied.mean((2, 3))
    assert (means[:, 0] > means[:, 1] + 0.4).all()
    assert means[:, 0].std() > 0.02


def test_retrieval_counts_both_ways():
    eye = torch.eye(8)
    assert retrieval(eye, eye, 4) == {"image_to_text": 1.0, "text_to_image": 1.0}
    assert retrieval(eye, eye.roll(1, 0), 8) == {"image_to_text": 0.0, "text_to_image": 0.0}


def test_a_short_training_lowers_the_loss_resumes_and_reports(tmp_path, cache, capsys):
    weights = tmp_path / "w" / "guide.safetensors"
    weights.parent.mkdir()
    for path in (weights, weights.with_suffix(".json"), weights.with_suffix(".part")):
        path.write_bytes(b"mine")
    base = [
        "--output",
        "guide",
        "--seed",
        "9",
        "--pictures",
        "64",
        "--batch",
        "32",
        "--weights",
        str(weights),
        "--threads",
        "2",
    ]
    assert train_motif.main([*base, "--steps", "7", "--evaluate", "0"]) == 0
    state = train_motif.read_checkpoint(cache / "motif" / "guide-9.pt")
    losses = [entry["loss"] for entry in state["history"]]
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    assert train_motif.main([*base, "--steps", "8", "--evaluate", "32", "--resume"]) == 0
    state = train_motif.read_checkpoint(cache / "motif" / "guide-9.pt")
    assert [entry["step"] for entry in state["history"]] == list(range(1, 9))
    report = json.loads(weights.with_suffix(".json").read_text())
    assert report["steps"] == 8
    assert report["chance"] == 0.0312
    assert set(report["seven"]) >= {"right_prompt", "right_prompt_chance", "right_pattern", "right_pattern_untrained"}
    assert set(report["retrieval"]["both held out"]) >= {"image_to_text", "image_to_text_untrained"}
    assert load_motif("guide", weights).text(["waves"]).isfinite().all()
    assert "retrieval" in capsys.readouterr().out
    kept = [weights.with_stem("guide-1"), weights.with_name("guide-1.json"), weights.with_suffix(".part")]
    assert [path.read_bytes() for path in kept] == [b"mine"] * 3, "what had these names"


def test_half_of_a_batch_are_clusters_of_the_same_colours(monkeypatch):
    monkeypatch.setattr(train_motif.Training, "_standardise", lambda self: None)  # seconds, and of no interest here
    rng = np.random.default_rng(1)
    subjects = [draw_subject(rng) for _ in range(2000)]
    images = np.broadcast_to(np.zeros((), np.uint8), (2000, 72, 72, 3))
    training = train_motif.Training(train_motif.Options("guide", seed=2, batch=64), Pictures(images, subjects))

    def alike(index: np.ndarray) -> float:
        """How many of the batch share a picture's first two colours."""
        names = [tuple(sorted(subjects[i].colours[:2])) for i in index]
        return float(np.mean([names.count(name) for name in names]))

    drawn = [training._draw() for _ in range(20)]
    assert all(index.shape == (64,) and index.min() >= 0 for index in drawn)
    assert np.mean([alike(index) for index in drawn]) > 3 * np.mean([alike(rng.integers(2000, size=64)) for _ in range(20)])


def test_rivals_have_the_colours_of_a_picture_and_not_its_structure():
    torch.manual_seed(3)
    pictures = make_pictures(Settings(5, 16, networks=False, side=48)).tensor(np.arange(16))
    other = pictures.roll(1, 0).mean(1)
    for rivals in (camouflage(pictures), in_colours_of(other, pictures)):
        assert rivals.shape == pictures.shape
        for channel in range(3):
            torch.testing.assert_close(
                rivals[:, channel].flatten(1).sort().values, pictures[:, channel].flatten(1).sort().values
            )
        assert (rivals - pictures).abs().mean() > 0.05
    taken = in_colours_of(other, pictures).mean(1)
    together = [
        float(torch.corrcoef(torch.stack((a.flatten(), b.flatten())))[0, 1]) for a, b in zip(taken, other, strict=True)
    ]
    assert np.mean(together) > 0.7, "the structure of the other one"


def test_bad_requests_are_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        train_motif.main(["--output", "guide", "--pictures", "3"])
    assert "train_motif.py: out of range (--pictures): allowed: 32 to " in capsys.readouterr().err
    assert train_motif.main(["--output", "guide", "--evaluate", "33"]) == 2
    (tmp_path / "file").write_text("")
    for name in ("w.json", "file/w.safetensors"):
        assert train_motif.main(["--output", "guide", "--weights", str(tmp_path / name)]) == 2
    assert train_motif.main(["--output", "judge", "--resume", "--weights", str(tmp_path / "judge.safetensors")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 4
    assert "nothing to resume" in lines[3]


def test_all_pictures_that_may_be_asked_for_can_be_opened_again():
    def longest(names) -> str:
        return max(names, key=len)

    subject = Subject(
        longest([*FAMILIES, "abstract"]), tuple(sorted(COLOURS, key=len)[-3:]), longest(GROUNDS), longest(TREATMENTS),
        longest(CONTRASTS), longest(DENSITIES), longest(SYMMETRIES), longest(SHARPNESSES), longest(MOODS),
    )  # fmt: skip
    assert MOST_PICTURES * len(json.dumps(asdict(subject)) + ", ") <= MOST_RECORD
    with pytest.raises(SystemExit, match="2"):
        train_motif.parse(["--output", "guide", "--pictures", str(MOST_PICTURES + 1)])


@pytest.mark.parametrize("content", ["[1]", "5", '[{"colours": []}]', '[{"family": "waves"}]', '[{"colours": 3}]'])
def test_a_damaged_list_of_pictures_is_one_line(cache, content):
    settings = Settings(3, 32)
    (cache / "motif").mkdir(parents=True)
    np.save(cache / "motif" / f"{settings.key}.npy", np.zeros((32, 72, 72, 3), np.uint8))
    (cache / "motif" / f"{settings.key}.json").write_text(content)
    with pytest.raises(UserError, match="damaged"):
        open_pictures(settings)
