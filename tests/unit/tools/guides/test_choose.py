"""What pulls and what scores: the choice by name, the choice by what is at hand, and that no judge has ever pulled."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.tools.guides.base import Request  # noqa: E402
from phosphene.tools.guides.choose import NAMES, WEIGHTS, open_guides, open_judge  # noqa: E402
from phosphene.tools.guides.clip import ClipGuide  # noqa: E402

WORDS = Request("purple and blue nebula with soft clouds")
NONSENSE = Request("qwx zzyp")


@pytest.fixture(autouse=True)
def no_clip_on_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def no_motif(monkeypatch, tmp_path):
    monkeypatch.setattr("phosphene.tools.motif.model.weights_path", lambda name: tmp_path / f"{name}.safetensors")
    from phosphene.tools.motif.model import load_motif

    load_motif.cache_clear()
    yield
    load_motif.cache_clear()


@pytest.fixture
def pictures(tmp_path) -> Request:
    rng = np.random.default_rng(1)
    for i in range(2):
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8)).save(tmp_path / f"{i}.png")
    return Request(images=(tmp_path / "0.png", tmp_path / "1.png"))


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    """Two real architectures at random weights, as a person would keep the published ones."""
    folder = tmp_path_factory.mktemp("clip")
    for model in ("RN50", "ViT-B-32"):
        network = ClipGuide.with_random_weights(WORDS, model)._network
        save_file({name: t.half().contiguous() for name, t in network.state_dict().items()}, folder / f"{model}.safetensors")
    yield folder
    shutil.rmtree(folder)  # 500 MB, of which pytest would keep three


def names(pulls) -> dict[str, float]:
    return {pull.guide.name: pull.weight for pull in pulls}


def works(guide) -> bool:
    side = guide.side
    picture = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1), requires_grad=True)
    score = guide.score(picture)
    (gradient,) = torch.autograd.grad(score.sum(), picture)
    return score.shape == (2,) and bool(score.isfinite().all()) and bool(gradient.abs().sum() > 0)


def test_words_without_clip_are_pulled_by_motif_and_one_line_says_why():
    pulls, notes = open_guides("auto", WORDS)
    assert names(pulls) == {"motif": 1.0}
    assert all(works(pull.guide) for pull in pulls)
    assert len(notes) == 1
    assert notes[0].startswith("CLIP does not guide: no weights")
    assert "open_clip.create_model(" in notes[0]
    assert "\n" not in notes[0]


def test_the_judge_of_words_is_motifs_second_training():
    pulls, _ = open_guides("motif", WORDS)
    judge, notes = open_judge("auto", WORDS, pulls)
    assert judge.name == "motif"
    assert notes == []
    ours = [p.detach() for p in pulls[0].guide._model.parameters()]
    theirs = [p.detach() for p in judge._model.parameters()]
    assert not any(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True) if a.numel() > 1)
    explicit, _ = open_judge("motif", WORDS, pulls)
    assert explicit.role == "judge"


def test_words_that_palette_does_not_know_are_left_to_motif():
    pulls, notes = open_guides("auto", NONSENSE)
    assert names(pulls) == {"motif": 1.0}
    assert len(notes) == 1


def test_without_motifs_weights_palette_pulls_alone_and_a_line_says_so(no_motif):
    pulls, notes = open_guides("auto", WORDS)
    assert names(pulls) == {"palette": 0.5}
    assert [note.split(":")[0] for note in notes] == ["CLIP does not guide", "motif does not guide"]
    with pytest.raises(UserError, match="nothing can guide"):
        open_guides("auto", NONSENSE)
    with pytest.raises(UserError, match="nothing can judge"):
        open_judge("auto", WORDS, pulls)


def test_pictures_alone_are_pulled_by_images_and_motif(pictures):
    pulls, notes = open_guides("auto", pictures)
    assert names(pulls) == {"images": 1.0, "motif": 1.0}
    assert notes == []
    judge, _ = open_judge("auto", pictures, pulls)
    assert judge.name == "motif"
    assert judge.role == "judge"


def test_words_and_pictures_are_pulled_by_both(pictures):
    pulls, _ = open_guides("auto", Request(WORDS.prompt, images=pictures.images))
    assert list(names(pulls)) == ["motif", "images"]


def test_what_images_has_to_say_of_its_pictures_is_passed_on(pictures, tmp_path):
    (tmp_path / "2.png").write_bytes(b"no picture")
    broken = Request(images=(*pictures.images, tmp_path / "2.png"))
    _, notes = open_guides("images", broken)
    assert len(notes) == 1
    assert "2.png" in notes[0]


def test_names_and_weights():
    pulls, notes = open_guides(" motif : 2 + palette:0.25 ", WORDS)
    assert names(pulls) == {"motif": 2.0, "palette": 0.25}
    assert notes == []
    assert names(open_guides("palette", WORDS)[0]) == {"palette": WEIGHTS["palette"]}


@pytest.mark.parametrize(
    "spec",
    ["", "+", "motif+", "clop", "clip-ViT-H-14", "motif:0", "motif:-1", "motif:nan", "motif:inf", "motif:x", "motif:11",
     "motif+motif", "motif+palette+motif:2", "auto+motif", "motif:1:2", "motif,palette"],
)  # fmt: skip
def test_a_spec_that_cannot_be_read_is_refused_in_one_line(spec):
    with pytest.raises(UserError) as caught:
        open_guides(spec, WORDS)
    assert "--guide" in caught.value.line()
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize(
    ("spec", "request_"), [("clip", WORDS), ("palette", NONSENSE), ("images", WORDS), ("motif+clip-RN50", WORDS)]
)
def test_a_name_that_cannot_serve_is_an_error(spec, request_):
    with pytest.raises(UserError):
        open_guides(spec, request_)


def test_nothing_to_go_by():
    with pytest.raises(UserError, match="no words and no pictures"):
        open_guides("auto", Request("  "))


@pytest.mark.parametrize("name", ["palette", "images"])
def test_what_guides_may_not_judge(pictures, name):
    request = Request(WORDS.prompt, images=pictures.images)
    pulls, _ = open_guides(name, request)
    with pytest.raises(UserError, match="own work"):
        open_judge(name, request, pulls)
    other = "images" if name == "palette" else "palette"
    judge, _ = open_judge(other, request, pulls)
    assert judge.name == other


def test_clip_guides_and_another_clip_judges(clip_folder):
    pulls, notes = open_guides("auto", WORDS, clip_weights=clip_folder)
    assert names(pulls) == {"clip-ViT-B-32": 1.0}
    assert notes == []
    judge, notes = open_judge("auto", WORDS, pulls, clip_weights=clip_folder)
    assert (judge.name, notes) == ("clip-RN50", [])
    with pytest.raises(UserError, match="own work"):
        open_judge("clip-ViT-B/32", WORDS, pulls, clip_weights=clip_folder)
    # One file holds the guide alone: the judge is motif, and a line says why.
    judge, notes = open_judge("auto", WORDS, pulls, clip_weights=clip_folder / "ViT-B-32.safetensors")
    assert judge.name == "motif"
    assert len(notes) == 1
    assert notes[0].startswith("CLIP guides and does not judge: no weights of CLIP RN50")


def test_clip_by_the_name_of_a_model_judges_what_motif_guided(clip_folder):
    pulls, _ = open_guides("motif", WORDS)
    judge, _ = open_judge("auto", WORDS, pulls, "RN50", clip_folder)
    assert judge.name == "clip-RN50"
    assert works(judge)
    assert names(open_guides("clip-RN50:0.5+palette", WORDS, None, clip_folder)[0]) == {"clip-RN50": 0.5, "palette": 0.5}


def test_a_model_that_was_asked_for_is_never_replaced(clip_folder):
    with pytest.raises(UserError, match="ViT-B-16"):
        open_guides("auto", WORDS, "ViT-B/16", clip_folder)
    with pytest.raises(UserError, match="no such file"):
        open_guides("auto", WORDS, clip_weights=clip_folder / "none.pt")
    pulls, _ = open_guides("motif", WORDS)
    with pytest.raises(UserError, match="ViT-B-16"):
        open_judge("auto", WORDS, pulls, "ViT-B/16", clip_folder)


def test_every_guide_has_a_name_and_a_weight():
    assert set(NAMES) == set(WEIGHTS)
