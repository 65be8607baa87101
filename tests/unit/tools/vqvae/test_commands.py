"""The command line: data in, a style that plays out; an ablation; a walk; faults on one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.frame import Size
from phosphene.engine.models.style import load_style
from phosphene.tools.cppn.liveliness import reactivity
from phosphene.tools.datasets.writer import Writer
from phosphene.tools.lab.ablate_vqvae import VARIANTS, options_of
from phosphene.tools.train_vqvae import main
from phosphene.tools.vqvae.dreaming import steps_of
from phosphene.tools.vqvae.network import VqVae
from phosphene.tools.vqvae.run import load_model
from phosphene.tools.vqvae.walk import HOW, slerp, walk
from tests.unit.tools.cppn.test_liveliness import music
from tests.unit.tools.vqvae.conftest import moving_discs

TINY = [
    "--mode",
    "128",
    "--size",
    "48x32",
    "--split",
    "variant",
    "--widths",
    "8",
    "8",
    "8",
    "--blocks",
    "1",
    "--codes",
    "16",
]
QUICK = ["--dim", "8", "--batch", "32", "--epochs", "3", "--lr", "0.004", "--patience", "0"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOSPHENE_RUNS", str(home / "runs"))


@pytest.fixture(scope="module")
def made(home: Path, loops: Path) -> Path:
    """A style of the whole way: trained, dreamt, exported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOSPHENE_RUNS", str(home / "runs"))
        more = ["--frames", "6", "--loops", "4", "--dreams", "1", "--prior-steps", "10", "--quiet"]
        assert main(["--data", str(loops), "--out", str(home / "styles" / "discs"), *TINY, *QUICK, *more]) == 0
    return home / "styles" / "discs"


def test_a_style_is_written_that_plays_what_was_trained(made: Path, home: Path) -> None:
    style = load_style(made)
    assert style.kind == "vqvae"
    assert style.weights["loops"].shape == (4, 6, 4, 6)
    assert (made / "preview.png").is_file()
    assert (made / "preview.mp4").is_file()
    assert {"psnr", "reactivity", "reactivity_null"} <= style.meta.scores.keys()
    assert json.loads((made / "history.json").read_text())["options"]["seed"] == style.meta.seed
    model = load_model(home / "runs" / "discs")
    assert style.weights["codebook"] == pytest.approx(model.codebook().numpy(), abs=2e-3)
    from phosphene.engine.backends.plain_decoder import open_decoder
    from phosphene.tools.vqvae.dreaming import decode_codes

    codes = style.weights["loops"][0, 0].astype(int)
    played = open_decoder(style).decode({"z": np.moveaxis(style.weights["codebook"][codes], -1, 0)})
    trained = np.moveaxis(decode_codes(model, codes[None])[0], 0, -1)
    assert np.abs(played - trained).max() < 1 / 255, "half precision is within a step of 8 bits"


def test_the_run_holds_its_report(made: Path, home: Path) -> None:
    run = home / "runs" / "discs"
    page = (run / "index.html").read_text()
    for said in ("perplexity", "Use of each code", "atlas.png", "PSNR"):
        assert said in page
    assert "cannot be less" in page
    assert "objective" in (run / "COMPARISON.md").read_text()
    told = json.loads((run / "dreams.json").read_text())
    assert told["drawn"] >= 1
    assert len(told["dreams"]) == len(list((run / "dreams").glob("*.mp4"))) >= 1
    for each in ("dreams, kept or not", "real loops, held out", "codes at random", "codes at random, by their use"):
        assert each in [beside["name"] for beside in told["beside"]]
        assert f"<td>{each}</td>" in page or f">{each}<" in page
    for picture in ("atlas.png", "codebook.png", "usage.png"):
        assert (run / picture).is_file()
        assert picture in page
    history = json.loads((run / "history.json").read_text())
    assert len(history["epochs"]) == 3
    assert sum(history["counts"]) == history["pictures"][1] * 24


def test_a_style_answers_the_music_more_than_chance_does(made: Path) -> None:
    found = reactivity(load_style(made), music())
    assert found.correlation > found.null + 0.05  # trained for seconds: 0.09 to 0.15 on three CPUs
    assert abs(found.lag) <= 0.1


def test_a_plain_vae_makes_no_style(home: Path, loops: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(loops), "--out", str(home / "styles" / "vae"), *TINY, "--quantiser", "vae"]) == 2
    assert "no codes to play" in capsys.readouterr().err


def test_gray_loops_play_too(home: Path, loops: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from phosphene.engine.generators.still import preview_still

    out = home / "styles" / "gray"
    more = ["--mode", "gray", "--frames", "4", "--loops", "2", "--no-prior", "--quiet", "--epochs", "1", "--json"]
    assert main(["--data", str(loops), "--out", str(out), *TINY[2:], *QUICK, *more]) == 0
    style = load_style(out)
    outcome = {"finished": True, "run": str(home / "runs" / "gray"), "style": str(out), "scores": style.meta.scores}
    assert json.loads(capsys.readouterr().out) == outcome
    still = preview_still(style)
    assert still.shape[2] == 3
    assert np.abs(still[..., 0] - still[..., 2]).max() < 1e-6


def test_a_run_is_not_overwritten_and_goes_on_as_it_began(
    made: Path, home: Path, loops: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(loops), "--name", "discs"]) == 2
    assert "the run exists" in capsys.readouterr().err
    assert main(["--name", "discs", "--resume", "--lr", "0.5"]) == 2
    assert "goes on as it began" in capsys.readouterr().err
    assert main(["--name", "nothing", "--resume"]) == 2
    assert "nothing to resume" in capsys.readouterr().err
    assert main(["--name", "discs", "--resume", "--quiet"]) == 0


def test_a_style_goes_into_no_folder_that_holds_something(
    made: Path, home: Path, loops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "preview.png").write_bytes(b"mine")
    out = ["--out", str(tmp_path / "photos")]
    for given in (["--data", str(loops), *TINY, *QUICK], ["--name", "discs", "--resume"]):
        assert main([*given, *out]) == 2
        assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["preview.png"]
    assert not (home / "runs" / "photos").exists()
    (home / "runs" / "letters").mkdir()
    (home / "runs" / "letters" / "index.html").write_text("mine")
    assert main(["--data", str(loops), "--name", "letters", *TINY, *QUICK]) == 2
    assert "holds something else" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--name", "x"], "nothing to train on"),
        (["--data", "/nowhere", "--name", "x"], "no such folder"),
        (["--data", ".", "--name", "x"], "no data set here"),
        (["--data", ".", "--name", "../x"], "bad slug"),
        (["--data", ".", "--name", "x", "--ablation", "--only", "wobble"], "no such variant"),
    ],
)
def test_faults_are_one_line(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_pictures_that_are_no_loops_train_but_make_no_style(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = Writer(tmp_path / "pictures", "a test", {})
    for k, picture in enumerate(moving_discs(0, 12, Size(64, 64))):
        writer.picture(f"p{k}", picture, {}, group=f"g{k}", bucket="discs")
    writer.finish(0)
    given = ["--data", str(tmp_path / "pictures"), *TINY[:4], "--widths", "8", "8", "8", *QUICK, "--quiet"]
    assert main([*given, "--name", "stills"]) == 0
    assert main([*given, "--out", str(tmp_path / "stills-style")]) == 2
    assert "plays loops" in capsys.readouterr().err
    assert not (tmp_path / "stills-style").exists()


def test_an_ablation_compares_and_is_not_trained_twice(home: Path, loops: Path) -> None:
    small = [*TINY[2:], *QUICK, "--mode", "128", "--seeds", "2", "--only", "vq", "restart", "vae"]
    command = ["--data", str(loops), "--name", "ablation", "--ablation", *small]
    assert main(command) == 0
    folder = home / "runs" / "ablation"
    told = (folder / "COMPARISON.md").read_text()
    for name in ("vq", "restart", "vae"):
        assert f"| {name} | 2 |" in told
    assert "python tools/train\\_vqvae.py" in told or "tools/train_vqvae.py" in told
    stamp = (folder / "vq-s0" / "checkpoint.pt").stat().st_mtime_ns
    assert main(command) == 0
    assert (folder / "vq-s0" / "checkpoint.pt").stat().st_mtime_ns == stamp


def test_every_variant_is_a_run_that_can_be() -> None:
    for name, _, more in VARIANTS:
        options = options_of(name, more, {"epochs": 2}, 1)
        VqVae.begin(options)
        assert options.seed == 1
        assert options.epochs == 2


def test_a_walk_leads_from_one_frame_to_the_other(
    made: Path, home: Path, loops: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = home / "walk.mp4"
    film.write_bytes(b"mine")
    given = ["walk", "--run", str(home / "runs" / "discs"), "--data", str(loops), "--out", str(film), "--steps", "8"]
    assert main([*given, "--from", "l0:0", "--to", "l1:5"]) == 0
    assert film.stat().st_size > 500
    assert (home / "walk-1.mp4").read_bytes() == b"mine"
    assert "jumps of RMS" in capsys.readouterr().out
    for wrong in ("l0:99", "l99:0", "l0"):
        assert main([*given, "--from", "l0:0", "--to", wrong]) == 2
    assert main([*given, "--from", "l0:0", "--to", "l1:5", "--out", str(loops)]) == 2, "what it is made of"
    assert main([*given, "--from", "l0:0", "--to", "l1:5", "--out", str(film / "x.mp4")]) == 2


def test_walks_end_at_their_frames_and_go_more_evenly_than_snapping(made: Path, home: Path) -> None:
    import torch

    model = load_model(home / "runs" / "discs")
    ends = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    logits, _ = model(ends)
    straight = logits.sigmoid().detach().numpy()
    jumps = {}
    for how in HOW:
        pictures = walk(model, ends, 12, how)
        assert np.abs(pictures[0] - straight[0]).max() < 1e-4, how
        assert np.abs(pictures[-1] - straight[1]).max() < 1e-3, how
        steps = steps_of(pictures)[:-1]
        jumps[how] = steps.max() / max(1e-9, steps.mean())
    assert jumps["embeddings"] < jumps["snap"]


def test_slerp_keeps_its_ends_and_its_lengths() -> None:
    import torch

    a, b = torch.randn(2, 8, 3, 4, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(slerp(a, b, 0.0), a, atol=1e-4)
    assert torch.allclose(slerp(a, b, 1.0), b, atol=1e-4)
    middle = slerp(a, b, 0.5).norm(dim=0)
    assert torch.allclose(middle, (a.norm(dim=0) + b.norm(dim=0)) / 2, rtol=2e-2)
    assert torch.allclose(slerp(a, a, 0.3), a, atol=1e-4)
