"""The text-image model `motif`: two towers that put pictures and sentences into one space of unit vectors.

Called by `tools.guides.motif` (loaded weights), and by the training and evaluation. Runs on the caller's thread. Never
reads a data set, never changes weights once loaded. Learned contrastively after CLIP (Radford et al. 2021); what the image
tower sees is not learned (`features`), since what it must know are textures and colours, not objects.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import parse_json
from phosphene.engine.models.tensor_file import read_tensors
from phosphene.tools.handing_over import hand_over
from phosphene.tools.motif.features import Features, Sight
from phosphene.tools.motif.tokens import MAX_WORDS, NGRAM_ROWS, WORD_ROWS, split_words, word_rows

SIDE = 64
WEIGHTS = Path(__file__).resolve().parent / "weights"
Name = Literal["guide", "judge"]
_MOST_BYTES, _WIDEST = 256 << 20, 4096
_REMEDY = "train it: python tools/train_motif.py --output {}"


@dataclass(frozen=True)
class Shape:
    """How large the towers are. sight: what the image tower sees; hidden: its width; text: that of the text tower; space:
    length of the vectors both towers end in."""

    sight: Sight
    hidden: int = 512
    text: int = 128
    space: int = 256


# Different on purpose, in what they see and in size: two equal networks tend to share their mistakes.
SHAPES: dict[str, Shape] = {
    "guide": Shape(Sight(orientations=8, size=7, wave=4.0, colours=5), hidden=512, text=128),
    "judge": Shape(Sight(orientations=6, size=9, wave=5.0, colours=4), hidden=576, text=112),
}


class ImageTower(nn.Module):
    """Pictures float32 [n, 3, 64, 64] in 0..1 -> unit vectors [n, space]. Smooth everywhere, because it is climbed by
    gradient."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.features = Features(shape.sight)
        width = shape.hidden
        self.enter = nn.Sequential(nn.Dropout(0.15), nn.Linear(self.features.count, width), nn.GELU(), nn.Dropout(0.15))
        self.deepen = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(0.15))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, shape.space))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return float32 unit vectors [n, space]; n may be 0."""
        if not len(pictures):
            return pictures.new_zeros((0, self.leave[-1].out_features))
        x = self.enter(self.features(pictures))
        return F.normalize(self.leave(x + self.deepen(x)).float(), dim=1)


class TextTower(nn.Module):
    """Sentences -> unit vectors [n, space]: hashed words, two transformer layers, the mean over words."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.text
        self.words = nn.Embedding(WORD_ROWS, width)
        self.grams = nn.EmbeddingBag(NGRAM_ROWS, width, mode="sum")
        self.start = nn.Parameter(torch.randn(width) * 0.5)  # stands before every sentence, so that none is empty
        for table in (self.words, self.grams):
            nn.init.normal_(table.weight, std=0.5)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, shape.space)
        )
        self.register_buffer("places", _places(MAX_WORDS + 1, width), persistent=False)
        # In training: how often a whole word is left out, so that its n-grams must do.
        self.forget = 0.3

    def forward(self, texts: list[str]) -> Tensor:
        """Return float32 unit vectors [len(texts), space]; texts: at least one, any strings."""
        sentences = [split_words(text) for text in texts]
        vocabulary = {word: i for i, word in enumerate(dict.fromkeys(w for s in sentences for w in s))}
        length = 1 + max(len(s) for s in sentences)
        device = self.start.device
        # Row 0 of the bank is the start, the last one fills up short sentences.
        index = torch.full((len(texts), length), len(vocabulary) + 1, dtype=torch.long)
        index[:, 0] = 0
        for row, sentence in enumerate(sentences):
            index[row, 1 : 1 + len(sentence)] = torch.tensor([1 + vocabulary[w] for w in sentence], dtype=torch.long)
        index = index.to(device)
        empty = index == len(vocabulary) + 1
        bank = torch.cat((self.start[None], self._embed(list(vocabulary)), torch.zeros_like(self.start[None])))
        x = bank[index] + 0.3 * self.places[:length]
        x = self.layers(x, src_key_padding_mask=empty)
        said = (~empty).to(x.dtype).unsqueeze(2)
        return F.normalize(self.head((x * said).sum(1) / said.sum(1)).float(), dim=1)

    def _embed(self, vocabulary: list[str]) -> Tensor:
        """Return one row [len(vocabulary), width] per word: its own, plus its n-grams'."""
        if not vocabulary:
            return self.start.new_zeros((0, len(self.start)))
        rows = [word_rows(word) for word in vocabulary]
        device = self.start.device
        flat = torch.tensor([g for _, grams in rows for g in grams], device=device)
        counts = torch.tensor([len(grams) for _, grams in rows])
        offsets = (counts.cumsum(0) - counts).to(device)
        # By the root of the count: long words would be louder otherwise.
        share = torch.repeat_interleave(counts.float().rsqrt(), counts).to(device)
        grams = self.grams(flat, offsets, per_sample_weights=share)
        whole = self.words(torch.tensor([word for word, _ in rows], device=device))
        if self.training:
            whole = whole * (torch.rand(len(rows), 1, device=device) >= self.forget)
        return whole + grams


def _places(length: int, width: int) -> Tensor:
    """Return sinusoidal places [length, width] (Vaswani et al. 2017): nothing to learn for rare long sentences."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
    angle = torch.arange(length)[:, None] * rate
    return torch.stack((angle.sin(), angle.cos()), 2).flatten(1)


class Motif(nn.Module):
    """Both towers and the temperature that they were trained at."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.image = ImageTower(shape)
        self.text = TextTower(shape)
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by before the softmax, at most 60."""
        return self.log_scale.clamp(max=math.log(60.0)).exp()


def untrained(name: Name, seed: int = 0) -> Motif:
    """Return the network of that name with random weights, in evaluation mode: what every score is set beside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Motif(SHAPES[name]).eval().requires_grad_(False)


def save_motif(model: Motif, path: Path) -> Path:
    """Write the weights as fp16 safetensors and return where; the shape goes into the file's metadata.

    Weights of that name are kept under a number. Raises UserError.
    """
    tensors = {name: value.detach().to("cpu", torch.float16).contiguous() for name, value in model.state_dict().items()}
    return hand_over(path, save(tensors, {"shape": json.dumps(asdict(model.shape))}))


def weights_path(name: Name) -> Path:
    """Return where the shipped weights of that name lie."""
    return WEIGHTS / f"{name}.safetensors"


@lru_cache(maxsize=4)
def load_motif(name: Name, path: Path | None = None) -> Motif:
    """Return the trained model, float32, in evaluation mode, its weights closed to gradients; read once.

    path: another file than the shipped one. Raises UserError when it is missing or damaged.
    """
    path = path or weights_path(name)
    remedy = _REMEDY.format(name)
    if not path.is_file():
        raise UserError("motif has no weights", where=str(path), remedy=remedy)
    try:
        tensors, notes = read_tensors(path, _MOST_BYTES, "weights")
        shape = parse_json(notes["shape"], str(path))
        if any(not 0 < shape[name] <= _WIDEST for name in ("hidden", "text", "space")):
            raise ValueError(f"a tower of another size: {shape}")
        model = Motif(Shape(**{**shape, "sight": Sight(**shape["sight"])}))
        model.load_state_dict({key: torch.from_numpy(np.array(value, np.float32)) for key, value in tensors.items()})
    except (UserError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = error.what if isinstance(error, UserError) else (str(error) or type(error).__name__).splitlines()[0]
        raise UserError("motif's weights are damaged", where=str(path), got=reason, remedy=remedy) from error
    if not all(torch.isfinite(value).all() for value in model.parameters()):
        raise UserError("motif's weights are damaged", where=str(path), got="numbers that are not finite", remedy=remedy)
    return model.eval().requires_grad_(False)
