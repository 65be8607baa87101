"""CLIP as a guide: real architectures at random weights, since the published weights are a download of 350 MB and more.

What weights would change is what the scores mean; gradients, preprocessing, precision and refusals are the same.
"""

from __future__ import annotations

import gc
import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from phosphene.engine.core.errors import UserError  # noqa: E402
from phosphene.engine.core.frame import Size  # noqa: E402
from phosphene.engine.models.cppn import CppnSpec, random_weights  # noqa: E402
from phosphene.tools.cppn.network import TorchCppn  # noqa: E402
from phosphene.tools.guides import clip  # noqa: E402
from phosphene.tools.guides.base import Request  # noqa: E402
from phosphene.tools.guides.clip import MODELS, ClipGuide, find_weights, judge_models, model_name  # noqa: E402

WORDS = Request("cosmic nebula, purple and blue", "mud")


@pytest.fixture(autouse=True)
def empty_caches(monkeypatch, tmp_path):
    """No test may find weights that happen to lie on the machine, or reach for the network."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: pytest.fail("asked the network"))
    monkeypatch.setattr("open_clip.pretrained.hf_hub_download", lambda *a, **k: pytest.fail("asked the network"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)


@pytest.fixture(scope="module")
def small():
    """ViT-B-32, the fastest."""
    return ClipGuide.with_random_weights(WORDS, "ViT-B-32")


@pytest.mark.parametrize("model", ["RN50", "RN101", "ViT-B-32", "ViT-B-16"])
def test_gradients_reach_every_weight_of_a_cppn(model):
    guide = ClipGuide.with_random_weights(WORDS, model)
    assert guide.name == f"clip-{model}"
    assert guide.side == 224
    spec = CppnSpec(width=16, layers=3)
    network = TorchCppn(spec, random_weights(spec, 1, gain=1.5))
    uniforms = np.random.default_rng(2).uniform(0.2, 1.0, (1, len(spec.uniform)))
    picture = network.paint(uniforms, Size(96, 96))
    score = guide.score(picture)
    assert score.shape == (1,)
    assert score.dtype == torch.float32
    assert abs(float(score.detach())) < 1.0
    score.sum().backward()
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).all(), f"{name}: {int((parameter.grad == 0).sum())} weights get no gradient"
    assert all(parameter.grad is None for parameter in guide._network.parameters())
    del guide
    gc.collect()


def test_the_largest_model_can_be_made():
    with clip._Unfilled():  # as when a file follows: 1.7 GB of random numbers would be 4 s
        guide = ClipGuide.with_random_weights(Request("fire"), "ViT-L/14")
    assert (guide.name, guide.side) == ("clip-ViT-L-14", 224)
    assert sum(p.numel() for p in guide._network.parameters()) == 427_616_513
    del guide
    gc.collect()


def test_a_step_along_the_gradient_climbs(small):
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    before = small.score(picture)
    (gradient,) = torch.autograd.grad(before.sum(), picture)
    after = small.score((picture + 1e-3 * gradient / gradient.abs().max()).detach())
    assert after > before


@pytest.mark.parametrize("size", [(224, 224), (256, 256), (512, 512), (100, 150), (320, 180), (333, 471), (64, 64)])
def test_preprocessing_is_open_clips_own(small, size):
    width, height = size
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    file = Image.fromarray(coarse).resize(size, Image.Resampling.NEAREST)  # flat blocks with hard edges: all overshoot
    theirs = open_clip.image_transform(224, is_train=False)(file)
    pixels = torch.from_numpy(np.asarray(file, np.float32) / 255.0).permute(2, 0, 1)
    ours = small.prepare(pixels[None])[0]
    assert ours.shape == theirs.shape == (3, 224, 224)
    # They round to 8 bits after each of the two passes: one and a half steps of 1/255, over the smallest deviation.
    assert (ours - theirs).abs().max() <= 1.5 / 255.0 / 0.26130258
    assert (ours - theirs).abs().mean() <= 0.35 / 255.0 / 0.26130258


@pytest.mark.parametrize("size", [(512, 512), (100, 150), (320, 180)])
def test_preprocessing_is_exactly_open_clips_own_where_nothing_is_rounded_or_clipped(small, size):
    width, height = size
    smooth = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2
    pixels = torch.nn.functional.interpolate(smooth, (height, width), mode="bilinear")
    resize, crop, *_, normalise = open_clip.image_transform(224, is_train=False).transforms
    assert (small.prepare(pixels) - normalise(crop(resize(pixels)))).abs().max() <= 1e-5


def test_preprocessing_takes_mean_and_deviation_from_the_model(small):
    grey = torch.full((1, 3, 224, 224), 0.5)
    config = small._network.visual.preprocess_cfg
    expected = (0.5 - torch.tensor(config["mean"])) / torch.tensor(config["std"])
    assert torch.allclose(small.prepare(grey)[0].mean((1, 2)), expected, atol=1e-6)


def test_it_is_float32_even_under_autocast(small):
    picture = torch.rand(2, 3, 80, 80, generator=torch.Generator().manual_seed(5))
    plain = small.score(picture)
    with torch.autocast("cpu", torch.bfloat16):
        inside = small.score(picture)
    assert inside.dtype == plain.dtype == torch.float32
    assert torch.equal(inside, plain)
    assert {p.dtype for p in small._network.parameters()} == {torch.float32}
    # Half precision gives multiples of 2**-13 at this size; float32 does not.
    steps = plain.detach().double() * 2**13
    assert (steps - steps.round()).abs().max() > 1e-3


def test_the_negative_prompt_counts_half(small):
    words, mud = small._text(WORDS.prompt), small._text("mud")
    expected = torch.nn.functional.normalize(words - 0.5 * mud, dim=-1)
    assert torch.allclose(small._target, expected, atol=1e-6)
    assert torch.allclose(small._aim(Request(WORDS.prompt)), words, atol=1e-6)


def test_pictures_can_be_the_request(small, tmp_path):
    rng = np.random.default_rng(1)
    paths = []
    for i in range(2):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(rng.integers(0, 256, (230, 260, 3), np.uint8)).save(paths[-1])
    target = small._aim(Request(images=(paths[0],)))
    with Image.open(paths[0]) as image:
        same = torch.from_numpy(np.asarray(image, np.float32) / 255.0).permute(2, 0, 1)[None]
    assert float(small._embed(same)[0] @ target) == pytest.approx(1.0, abs=1e-5)
    both = small._aim(Request("fire", images=tuple(paths)))
    assert float(both.norm()) == pytest.approx(1.0, abs=1e-6)


def test_similarities_are_cosines_with_each_prompt(small):
    picture = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    table = small.similarities(picture, ["fire", WORDS.prompt, "sea " * 2000])
    assert table.shape == (3, 3)
    assert table.abs().max() <= 1.0
    with torch.no_grad():
        assert torch.allclose(table[:, 0], small._embed(picture) @ small._text("fire"), atol=1e-6)


def test_the_same_seed_gives_the_same_random_network_and_leaves_the_generator_alone(small):
    state = torch.get_rng_state()
    again = ClipGuide.with_random_weights(WORDS, "ViT-B-32")
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(again._target, small._target)


def test_both_spellings_of_a_model():
    assert model_name("ViT-B/32") == model_name("vit-b-32") == "ViT-B-32"
    assert [model_name(name) for name in ("RN50", "RN101", "ViT-B/32", "ViT-B/16", "ViT-L/14")] == list(MODELS)
    with pytest.raises(UserError, match="ViT-H"):
        model_name("ViT-H/14")


@pytest.mark.parametrize("guide", MODELS)
def test_a_judge_is_another_model_and_of_the_other_kind(guide):
    judges = judge_models({guide})
    assert guide not in judges
    assert len(judges) == 4
    assert judges[0].startswith("RN") != guide.startswith("RN")


@pytest.mark.parametrize("model", [None, *MODELS])
def test_without_weights_one_line_says_how_to_get_them(model):
    with pytest.raises(UserError, match="no weights of CLIP") as caught:
        ClipGuide(WORDS, "guide", model)
    line = caught.value.line()
    assert "\n" not in line
    assert "open_clip.create_model(" in line
    assert "--clip-weights" in line


def test_an_empty_request_is_refused():
    with pytest.raises(UserError, match="words or pictures"):
        ClipGuide(Request("  "), "guide", "RN50")


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        ClipGuide(WORDS, "guide", "RN50", tmp_path / "RN50.safetensors")
    with pytest.raises(UserError, match="RN50"):
        ClipGuide(WORDS, "guide", "RN50", tmp_path)  # an empty folder


class Payload:
    """A pickle that leaves a file behind if it is ever run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def broken_files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"RN50{name}" for name in ("-text.pt", "-cut.safetensors", "-empty.bin", "-tensor.pt", ".txt")}
    files["-text.pt"].write_bytes(b"these are not weights\n" * 40)
    files["-cut.safetensors"].write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00{")
    files["-empty.bin"].write_bytes(b"")
    torch.save(torch.zeros(3), files["-tensor.pt"])
    files[".txt"].write_bytes(b"weights")
    for name, content in (("-none.pt", {}), ("-other.pt", {"layers.0.weight": torch.zeros(2, 2)})):
        files[name] = folder / f"RN50{name}"
        torch.save(content, files[name])
    return files


def test_files_that_are_no_weights_are_refused_in_one_line(tmp_path):
    for path in broken_files(tmp_path).values():
        with pytest.raises(UserError) as caught:
            ClipGuide(WORDS, "guide", "RN50", path)
        assert "\n" not in caught.value.line()
        assert path.name in caught.value.line()


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_file_that_would_run_code_does_not(tmp_path, how):
    path, proof = tmp_path / "RN50.pt", tmp_path / "ran"
    content = {"state_dict": {"x": Payload(proof)}}
    if how == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match="RN50"):
        ClipGuide(WORDS, "guide", "RN50", path)
    assert not proof.exists()


def test_weights_from_a_file_a_folder_and_the_cache(small, tmp_path, monkeypatch):
    half = {name: t.half().contiguous() for name, t in small._network.state_dict().items()}
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file(half, folder / "ViT-B-32.safetensors")
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))
    for weights, model in ((folder / "ViT-B-32.safetensors", None), (folder, "ViT-B/32")):
        guide = ClipGuide(WORDS, "guide", model, weights)
        assert guide.model == "ViT-B-32"
        assert {p.dtype for p in guide._network.parameters()} == {torch.float32}
        assert torch.allclose(guide.score(picture), small.score(picture), atol=2e-3)
    # As huggingface_hub lays it out.
    place = tmp_path / "hub/models--timm--vit_base_patch32_clip_224.openai"
    (place / "snapshots/abc").mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs/main").write_text("abc")
    (folder / "ViT-B-32.safetensors").rename(place / "snapshots/abc/open_clip_model.safetensors")
    guide = ClipGuide(WORDS, "guide")
    assert torch.allclose(guide.score(picture), small.score(picture), atol=2e-3)
    # A model's weights are no other model's.
    file = place / "snapshots/abc/open_clip_model.safetensors"
    with pytest.raises(UserError, match="ViT-B-16"):
        ClipGuide(WORDS, "guide", "ViT-B-16", file)
    file.unlink()  # 300 MB, of which pytest would keep three


def test_published_trainings_bring_their_own_activation(tmp_path):
    for name, quick in (
        ("ViT-B-32.pt", True),
        ("ViT-B-32-laion2b_s34b_b79k.safetensors", False),
        ("vit_b_32-quickgelu-laion400m_e32-46683a32.pt", True),
        ("ViT-B-16-laion400m-e32.safetensors", False),
    ):
        path = tmp_path / name
        path.touch()
        model = "ViT-B-16" if "B-16" in name else "ViT-B-32"
        assert find_weights("guide", model, path)[1].quick_gelu is quick, name


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_openais_own_archive_is_read_only_if_it_is_theirs(tmp_path, monkeypatch):
    class Archive(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("input_resolution", torch.tensor(224))
            self.text_projection = torch.nn.Parameter(torch.ones(2, 2).half())

        def forward(self, x):
            return x

    path = tmp_path / "RN50.pt"
    torch.jit.script(Archive()).save(str(path))
    with pytest.raises(UserError, match="TorchScript"):
        ClipGuide(WORDS, "guide", "RN50", path)
    tensors = clip._script_weights(path)
    assert list(tensors) == ["text_projection"]
    assert tensors["text_projection"].dtype == torch.float32
    monkeypatch.setattr(clip, "_is_published", lambda model, path: True)
    with pytest.raises(UserError, match="cannot be read as the weights"):  # theirs by name, but not all of it
        ClipGuide(WORDS, "guide", "RN50", path)
