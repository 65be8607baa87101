"""CLIP as a guide or a judge: how well pictures answer words (Radford et al. 2021), through open_clip.

Called by `tools.guides.choose`, the trainer and the scorer. Weights come from a file or from what open_clip has
downloaded earlier; nothing here ever uses the network, and a checkpoint is read as numbers, never run.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.models.torch_file import asked_for
from phosphene.tools.datasets.pictures import load_picture
from phosphene.tools.guides.base import Request, Role

MODELS = ("RN50", "RN101", "ViT-B-32", "ViT-B-16", "ViT-L-14")
# The cheapest first: forwards and backwards through ViT-B-32 or RN50 cost a third of ViT-B-16. A judge is of the other
# kind where it can be: a transformer and a convolutional network are fooled by different pictures.
GUIDES = ("ViT-B-32", "RN50", "RN101", "ViT-B-16", "ViT-L-14")
JUDGES_OF_TRANSFORMERS = ("RN50", "RN101", "ViT-L-14", "ViT-B-16", "ViT-B-32")
JUDGES_OF_CONVOLUTIONS = ("ViT-B-32", "ViT-B-16", "ViT-L-14", "RN101", "RN50")
NEGATIVE = -0.5  # weight of what a picture should not be, beside 1.0 of what it should
SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class Found:
    """Weights at hand. quick_gelu: whether the network that they belong to approximates its GELU, as OpenAI's do."""

    path: Path
    quick_gelu: bool


class ClipGuide:
    """Scores square cut-outs by the cosine between CLIP's embedding of each and that of the request.

    role: a guide without `model` takes the fastest at hand, a judge one that is unlike the default guide. model: one of
    `MODELS`, "ViT-B/32" counts as "ViT-B-32". weights: a file, or a folder of files named after models; None: what
    open_clip has in its cache. Raises UserError: no open_clip, no such model, no weights, weights of something else, an
    empty request.
    """

    cutouts = True

    def __init__(self, request: Request, role: Role, model: str | None = None, weights: Path | None = None) -> None:
        _open_clip()
        if not request.prompt.strip() and not request.images:
            raise UserError("CLIP needs words or pictures", where="--prompt", remedy="give --prompt or --images")
        self.model, found = find_weights(role, model, weights)
        self._start(request, _load(self.model, found))

    @classmethod
    def with_random_weights(cls, request: Request, model: str, seed: int = 0) -> ClipGuide:
        """Return a guide that knows nothing: the real architecture, for tests of gradients and preprocessing."""
        guide = cls.__new__(cls)
        guide.model = str(model_name(model))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            guide._start(request, _open_clip().create_model(guide.model, precision="fp32", force_quick_gelu=True))
        return guide

    def _start(self, request: Request, network: torch.nn.Module) -> None:
        self.name = f"clip-{self.model}"
        self._network = network.float().eval().requires_grad_(False)
        self._tokenize = _open_clip().get_tokenizer(self.model)
        preprocess = network.visual.preprocess_cfg
        size = preprocess["size"]
        self.side = int(size if isinstance(size, int) else size[0])
        self._mean = torch.tensor(preprocess["mean"]).view(1, 3, 1, 1)
        self._std = torch.tensor(preprocess["std"]).view(1, 3, 1, 1)
        self._texts: dict[str, torch.Tensor] = {}
        self._target = self._aim(request)

    def score(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the cosine to the request, float32 [n]; 0.15 to 0.35 for words, more for pictures."""
        # A sum of products, not a matrix product: that would fall back to half precision under the caller's autocast.
        return (self._embed(pictures) * self._target.to(pictures.device)).sum(-1)

    def similarities(self, pictures: torch.Tensor, prompts: list[str]) -> torch.Tensor:
        """Return float32 [n, len(prompts)]: the cosine of each picture with each prompt alone."""
        texts = torch.stack([self._text(prompt) for prompt in prompts]).to(pictures.device)
        return (self._embed(pictures)[:, None] * texts).sum(-1)

    def prepare(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return what the network sees, float32 [n, 3, side, side]: short side to `side`, middle, mean and deviation.

        As open_clip's own transform of a file, but differentiable and without its rounding to 8 bits.
        """
        pictures = pictures.float()
        height, width = pictures.shape[-2:]
        if min(height, width) != self.side:
            # Rounded down, as torchvision does. Sideways, then upright, as Pillow does: a bicubic edge overshoots, and
            # what it clips after the first pass is missing from the second. antialias: also its kernel (a = -0.5).
            across = int(self.side * width / min(height, width))
            down = int(self.side * height / min(height, width))
            for size in ((height, across), (down, across)):
                pictures = F.interpolate(pictures, size, mode="bicubic", antialias=True).clamp(0.0, 1.0)
        top, left = (round((edge - self.side) / 2.0) for edge in pictures.shape[-2:])
        pictures = pictures[..., top : top + self.side, left : left + self.side]
        return (pictures - self._mean.to(pictures.device)) / self._std.to(pictures.device)

    def _embed(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return unit vectors [n, d]. Always in float32: half precision rounds a cosine of 0.2 to steps of 1/8192, more
        than a step of the training gains."""
        if pictures.device != next(self._network.parameters()).device:
            self._network.to(pictures.device)
        with torch.autocast(pictures.device.type, enabled=False):
            return F.normalize(self._network.encode_image(self.prepare(pictures)), dim=-1)

    @torch.no_grad()
    def _text(self, text: str) -> torch.Tensor:
        """Return the unit vector [d] of a text; what is beyond 77 tokens (about 50 words) CLIP cannot read."""
        if text not in self._texts:
            tokens = self._tokenize([text]).to(next(self._network.parameters()).device)
            self._texts[text] = F.normalize(self._network.encode_text(tokens), dim=-1)[0].cpu()
        return self._texts[text]

    @torch.no_grad()
    def _aim(self, request: Request) -> torch.Tensor:
        """Return the unit vector [d] that stands for the request."""
        parts = []
        if request.prompt.strip():
            parts.append(self._text(request.prompt))
        if request.images:
            seen = []
            for path in request.images:
                pixels = load_picture(path).astype(np.float32) / 255.0
                seen.append(self._embed(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0])
            parts.append(F.normalize(torch.stack(seen).mean(0), dim=-1))
        if request.negative.strip():
            parts.append(NEGATIVE * self._text(request.negative))
        return F.normalize(torch.stack(parts).sum(0), dim=-1)


def model_name(text: str, missing_ok: bool = False) -> str | None:
    """Return the name in `MODELS` for either spelling. Raises UserError for any other, or returns None if `missing_ok`."""
    name = text.strip().replace("/", "-")
    for model in MODELS:
        if name.lower() == model.lower():
            return model
    if missing_ok:
        return None
    raise UserError("no such CLIP model", where="--clip-model", allowed=", ".join(MODELS), got=text)


def judge_models(guiding: Collection[str]) -> list[str]:
    """Return the models that may judge while those in `guiding` guide, the most unlike first."""
    order = JUDGES_OF_CONVOLUTIONS if any(name.startswith("RN") for name in guiding) else JUDGES_OF_TRANSFORMERS
    return [model for model in order if model not in guiding]


def has_clip() -> bool:
    """Tell whether the weights of a CLIP that may guide are in open_clip's cache."""
    try:
        _open_clip()
        find_weights("guide", None, None)
    except UserError:
        return False
    return True


def find_weights(role: Role, model: str | None, weights: Path | None) -> tuple[str, Found]:
    """Return (name, weights) of the model asked for, or of the best at hand. Raises UserError when there is none."""
    if weights is not None and not weights.exists():
        raise UserError("no such file", where="--clip-weights", got=weights, remedy="name an existing file or folder")
    if model is not None:
        candidates = [str(model_name(model))]
    elif weights is not None and weights.is_file():
        candidates = [name for name in MODELS if name.lower() in weights.name.lower().replace("_", "-")][:1]
        if not candidates:
            raise UserError(
                "the file's name does not say which model it is", where="--clip-weights", got=weights.name,
                remedy=f"add --clip-model, one of {', '.join(MODELS)}",
            )  # fmt: skip
    else:
        candidates = list(GUIDES if role == "guide" else JUDGES_OF_TRANSFORMERS)
    for name in candidates:
        if found := (_given(name, weights) if weights is not None else _cached(name)):
            return name, found
    name = candidates[0]
    if weights is not None:
        raise UserError(f"no weights of CLIP {name}", where=str(weights), allowed=f"{name}.safetensors or {name}.pt")
    raise UserError(
        f"no weights of CLIP {name} on this machine",
        where=str(_cache_folder()),
        remedy=f"once, with a network: python -c \"import open_clip; open_clip.create_model('{name}', 'openai')\"; "
        "or --clip-weights FILE",
    )


def _open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise UserError("CLIP needs open_clip", got=error, remedy=install("torch", "clip")) from error
    return open_clip


def _cache_folder() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _tags(model: str) -> Iterator[tuple[str, dict]]:
    """Yield (tag, description) of every published training of a model, OpenAI's first: the seeds of this method used it."""
    pretrained = _open_clip().pretrained
    for tag in sorted(pretrained.list_pretrained_tags_by_model(model), key=lambda tag: tag != "openai"):
        yield tag, pretrained.get_pretrained_cfg(model, tag)


def _cached(model: str) -> Found | None:
    """Return what open_clip, or OpenAI's own package, has downloaded of a model earlier. Asks the disk alone."""
    from huggingface_hub import try_to_load_from_cache

    constants = _open_clip().constants
    for _, description in _tags(model):
        repository, name = os.path.split(description.get("hf_hub", ""))
        places = [try_to_load_from_cache(repository, each) for each in _file_names(name, constants)] if repository else []
        if url := description.get("url"):
            places.append(str(Path("~/.cache/clip").expanduser() / url.rsplit("/", 1)[1]))
        for path in places:
            if isinstance(path, str) and os.path.isfile(path):
                return Found(Path(path), bool(description.get("quick_gelu")))
    return None


def _file_names(name: str, constants: Any) -> list[str]:
    """Return what a file of a repository may be called, the safe format first."""
    if not name:
        return [constants.HF_SAFE_WEIGHTS_NAME, constants.HF_WEIGHTS_NAME]
    return [str(Path(name).with_suffix(".safetensors")), name]


def _given(model: str, weights: Path) -> Found | None:
    """Return the file, or the one of a folder that is named after the model."""
    if weights.is_dir():
        files = sorted(path for path in weights.iterdir() if path.suffix in SUFFIXES)
        named = [path for path in files if path.stem == model] + [
            path for path in files if path.stem.startswith(f"{model}-")
        ]
        if not named:
            return None
        weights = named[0]
    # OpenAI's own unless the name says otherwise: those are the models that bear these names.
    said = [description for tag, description in _tags(model) if tag in weights.as_posix().lower().replace("-", "_")]
    return Found(weights, bool(said[-1].get("quick_gelu")) if said else True)


def _load(model: str, found: Found) -> torch.nn.Module:
    """Return the network with its weights. Raises UserError for a file that is damaged, unsafe or another model's."""
    allowed = "safetensors, or a state_dict saved by torch"
    if found.path.suffix not in SUFFIXES:
        raise UserError("not weights", where=str(found.path), allowed=allowed, got=found.path.suffix or "no suffix")
    script = _is_script(found.path)
    if script and not _is_published(model, found.path):
        raise UserError(
            "a TorchScript archive, which is a program", where=str(found.path), allowed=f"{allowed}, or OpenAI's own file",
            remedy="convert its state_dict to safetensors",
        )  # fmt: skip
    create = _open_clip().create_model
    try:
        with _Unfilled():
            if script:
                network = create(model, load_weights=False, precision="fp32", force_quick_gelu=True)
                network.load_state_dict(_script_weights(found.path))
            else:
                network = create(
                    model, str(found.path), precision="fp32", force_quick_gelu=found.quick_gelu, weights_only=True
                )
    except Exception as error:  # boundary: a foreign file, read by a foreign library
        refused = isinstance(error, pickle.UnpicklingError)
        reason = asked_for(error) if refused else next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(
            f"cannot be read as the weights of CLIP {model}", where=str(found.path), allowed=allowed, got=reason,
            remedy="check --clip-model and --clip-weights",
        ) from error  # fmt: skip
    if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        raise UserError("weights are not finite", where=str(found.path), allowed="finite numbers")
    return network


class _Unfilled(TorchFunctionMode):
    """Makes networks without filling them with random numbers, which the file replaces: 0.2 s for ViT-B-32, not 1.5."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _is_script(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _is_published(model: str, path: Path) -> bool:
    """Tell whether a file is OpenAI's, bit for bit: its address holds its SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() in dict(_tags(model)).get("openai", {}).get("url", "")


def _script_weights(path: Path) -> dict[str, torch.Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit is on its way out; those files are from 2021
        tensors = torch.jit.load(str(path), map_location="cpu").state_dict()
    return {
        name: t.float() for name, t in tensors.items() if name not in ("input_resolution", "context_length", "vocab_size")
    }
