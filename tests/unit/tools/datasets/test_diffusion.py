"""Prompt files, the plan made of them, what is said where something is missing, and a tiny model of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from phosphene.engine.core.errors import UserError
from phosphene.tools.datasets import diffusion
from phosphene.tools.datasets.manifest import load_manifest
from phosphene.tools.datasets.painting import FIVE
from phosphene.tools.datasets.writer import Writer

SMALL = """
model: nowhere/none
seed: 3
width: 64
height: 64
images: 4
steps: 2
cfg: [6.5, 8.5]
negative: text
buckets:
  flux: {prompts: [red waves, blue waves]}
  silk: {prompts: [veils], images: 1, cfg: [2, 2], steps: 1, negative: ""}
"""


@pytest.fixture
def prompts(tmp_path: Path) -> diffusion.Prompts:
    pytest.importorskip("yaml", reason="no PyYAML")
    (tmp_path / "p.yaml").write_text(SMALL)
    return diffusion.read_prompts(tmp_path / "p.yaml")


def test_the_plan_has_seeds_scales_and_steps_of_its_own(prompts: diffusion.Prompts) -> None:
    shots = list(diffusion.plan(prompts))
    assert [shot.name for shot in shots] == [*(f"flux-0000{k}" for k in range(4)), "silk-00000"]
    assert [shot.prompt for shot in shots[:3]] == ["red waves", "blue waves", "red waves"]
    assert [shot.group for shot in shots[:3]] == ["flux/0", "flux/1", "flux/0"]
    assert len({shot.seed for shot in shots}) == 5
    assert all(6.5 <= shot.cfg <= 8.5 for shot in shots[:4])
    assert len({shot.cfg for shot in shots[:4]}) > 1
    assert (shots[4].cfg, shots[4].steps, shots[4].negative) == (2.0, 1, "")
    assert (shots[0].steps, shots[0].negative) == (2, "text")
    assert list(diffusion.plan(prompts)) == shots
    assert len(list(diffusion.plan(prompts, limit=2))) == 3
    assert next(diffusion.plan(prompts.model_copy(update={"seed": 4}))).seed != shots[0].seed


def test_the_shipped_prompt_file_has_the_five_buckets() -> None:
    pytest.importorskip("yaml", reason="no PyYAML")
    shipped = diffusion.read_prompts(Path(diffusion.__file__).with_name("prompts.yaml"))
    assert tuple(shipped.buckets) == FIVE
    assert (shipped.steps, shipped.cfg, shipped.images, shipped.width) == (28, (6.5, 8.5), 1000, 512)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("width: 64", "width: 63", "width"),
        ("cfg: [6.5, 8.5]", "cfg: [8.5, 6.5]", "cfg"),
        ("steps: 2", "steps: many", "steps"),
        ("negative: text", "negativ: text", "negativ"),
        ("prompts: [veils]", "prompts: []", "buckets.silk.prompts"),
        ("silk:", "../silk:", "buckets"),
        ("seed: 3", "seed: [", "cannot be read"),
        ("seed: 3", "seed: !!python/object/apply:os.getcwd []", "cannot be read"),
    ],
)
def test_a_bad_prompt_file_is_refused_by_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    pytest.importorskip("yaml", reason="no PyYAML")
    (tmp_path / "p.yaml").write_text(SMALL.replace(old, new))
    with pytest.raises(UserError, match=key):
        diffusion.read_prompts(tmp_path / "p.yaml")
    with pytest.raises(UserError, match="no such prompt file"):
        diffusion.read_prompts(tmp_path / "nothing.yaml")


def test_prompts_that_stand_for_a_billion_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="no PyYAML")
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    for text in (laughs, "[" * 3000, "seed: " + "9" * 5000):
        (tmp_path / "p.yaml").write_text(text)
        with pytest.raises(UserError, match="prompt file"):
            diffusion.read_prompts(tmp_path / "p.yaml")


@pytest.mark.filterwarnings("ignore")  # the packages warn of themselves
def test_missing_package_or_weights_are_named(tmp_path: Path, prompts: diffusion.Prompts) -> None:
    writer = Writer(tmp_path / "d", "diffusers", {})
    # Without the package its remedy is named, with it the weights that are not here.
    with pytest.raises(UserError, match=r"diffusers>=0.42|nowhere/none"):
        diffusion.paint_prompts(writer, prompts)
    assert not (tmp_path / "d").exists()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A Stable Diffusion pipeline of a few thousand random weights, made on the spot."""
    pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
    transformers = pytest.importorskip("transformers", reason="the extra `diffusion` is not installed")
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    letters = [chr(code) for code in range(33, 127)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *[f"{letter}</w>" for letter in letters]]
    (tmp_path / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(0)
    tokenizer = transformers.CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"), model_max_length=77)
    text = transformers.CLIPTextConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        projection_dim=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=16,
        attention_head_dim=2, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    StableDiffusionPipeline(
        vae=vae, text_encoder=transformers.CLIPTextModel(text), tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(tmp_path / "model", safe_serialization=True)  # fmt: skip
    return tmp_path / "model"


@pytest.mark.filterwarnings("ignore")  # the packages warn of themselves
def test_a_pipeline_paints_the_plan_and_repeats_it(tmp_path: Path, prompts: diffusion.Prompts, tiny: Path) -> None:
    for name in "ab":
        writer = Writer(tmp_path / name, "diffusers", {})
        with np.errstate(all="ignore"):
            diffusion.paint_prompts(writer, prompts, model=str(tiny), limit=2)
        writer.finish(0)
    one, other = (load_manifest(tmp_path / name) for name in "ab")
    assert len(one.entries) == 3
    pixels = {e.path.stem: e.path.read_bytes() for e in one.entries}
    assert pixels == {e.path.stem: e.path.read_bytes() for e in other.entries}
    assert len(set(pixels.values())) == 3
    about = json.loads((tmp_path / "a" / "images" / "flux" / "flux-00000.json").read_text())
    shot = next(diffusion.plan(prompts))
    assert (about["prompt"], about["seed"], about["cfg"], about["steps"]) == (shot.prompt, shot.seed, shot.cfg, shot.steps)
    assert about["scheduler"] == "DDIMScheduler"
    assert about["model"] == "model"


INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.0",
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "requires_safety_checker": True,
}


@pytest.mark.parametrize(
    "more",
    [
        {"_class_name": ["my_pipeline", "Pipeline"]},
        {"unet": ["my_unet", "Unet"]},
        {"unet": ["os", "system"]},
        {"unet": [["diffusers"], "Unet"]},
        {"_class_name": None},
    ],
)
def test_a_model_that_brings_code_is_refused(tmp_path: Path, more: dict) -> None:
    """Diffusers runs `my_unet.py` of a folder on the disk without a question."""
    path = tmp_path / "model_index.json"
    path.write_text(json.dumps(INDEX))
    diffusion.check_model(tmp_path)
    path.write_text(json.dumps(INDEX | more))
    with pytest.raises(UserError, match="code of its own"):
        diffusion.check_model(tmp_path)
    path.write_text("[]")
    with pytest.raises(UserError):
        diffusion.check_model(tmp_path)


def test_a_model_of_the_hubs_cache_is_its_folder_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants", reason="the extra `diffusion` is not installed")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("nobody/model", "no name at all", "." * 300):
        with pytest.raises(UserError, match="not on this machine"):
            diffusion.model_folder(name)
    commit = "0" * 40
    folder = tmp_path / "models--nobody--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "model_index.json").write_text(json.dumps(INDEX | {"unet": ["my_unet", "Unet"]}))
    assert diffusion.model_folder("nobody/model") == snapshot
    with pytest.raises(UserError, match="code of its own"):
        diffusion.check_model(diffusion.model_folder("nobody/model"))
