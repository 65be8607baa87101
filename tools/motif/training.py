"""One training of `motif`: its steps, all deterministic in the seed, and its state. Called by `tools/train_motif.py`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.models.style import write_atomic
from phosphene.tools.motif.captions import caption
from phosphene.tools.motif.dataset import Pictures, camouflage, in_colours_of, vary
from phosphene.tools.motif.evaluate import retrieval
from phosphene.tools.motif.model import SHAPES, SIDE, Motif
from phosphene.tools.motif.subject import (
    COLOURS,
    CONTRASTS,
    DENSITIES,
    FAMILIES,
    GROUNDS,
    SHARPNESSES,
    SYMMETRIES,
    TREATMENTS,
    Subject,
)
from phosphene.tools.runs.files import packed

_WARM_UP = 60
_CLASSES = {
    "family": (*FAMILIES, "abstract"), "ground": GROUNDS, "treatment": TREATMENTS, "contrast": CONTRASTS,
    "density": DENSITIES, "symmetry": SYMMETRIES, "sharpness": SHARPNESSES,
}  # fmt: skip
_KNOWN_OF_NETWORKS = ("family", "ground")  # the rest of their attributes was not measured


@dataclass(frozen=True)
class Options:
    """What a training is. minutes: ends then at the latest, the rate falling in time; 0: as long as it takes."""

    output: str
    seed: int
    pictures: int = 50000
    steps: int = 1500
    batch: int = 256
    rate: float = 1.5e-3
    minutes: float = 0.0
    device: str = "cpu"


class Attributes(nn.Module):
    """Reads the attributes off an image's vector. Only in training: in a thousand steps captions alone, which mention half
    of what is there, teach less."""

    def __init__(self, space: int) -> None:
        super().__init__()
        self.read = nn.Linear(space, sum(len(names) for names in _CLASSES.values()) + len(COLOURS))

    def loss(self, vectors: Tensor, labels: dict[str, Tensor]) -> Tensor:
        """Return the weighted cross-entropy over attributes. vectors: unit [n, space]."""
        logits = self.read(vectors * math.sqrt(vectors.shape[1]))
        loss, at = vectors.new_zeros(()), 0
        for name, names in _CLASSES.items():
            weight = 1.0 if name == "family" else 0.08
            loss = loss + weight * F.cross_entropy(logits[:, at : at + len(names)], labels[name], ignore_index=-1)
            at += len(names)
        return loss + F.binary_cross_entropy_with_logits(logits[:, at:], labels["colours"])


class Training:
    """One training and all of its state; `step` goes on by one batch."""

    def __init__(self, options: Options, pictures: Pictures) -> None:
        self.options, self.pictures = options, pictures
        torch.manual_seed(options.seed)
        self.model = Motif(SHAPES[options.output]).to(options.device)
        self._standardise()
        self.attributes = Attributes(self.model.shape.space).to(options.device)
        parameters = [*self.model.parameters(), *self.attributes.parameters()]
        matrices = [p for p in self.model.parameters() if p.ndim > 1 and p.shape[0] < 1000]
        chosen = {id(p) for p in matrices}
        others = [p for p in parameters if id(p) not in chosen]
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98))
        self.labels = label(pictures.subjects)
        self.rng = np.random.default_rng(options.seed)
        self.taken = 0
        self.spent = 0.0  # s, over all sittings
        self.history: list[dict[str, float]] = []
        self.weights: Path | None = None  # where they were written
        self._alike: dict[tuple[str, ...], list[int]] = {}
        for i, subject in enumerate(pictures.subjects):
            self._alike.setdefault(_colour_key(subject), []).append(i)

    @torch.no_grad()
    def _standardise(self) -> None:
        """Measure what the features of training pictures are, once: mean and deviation of 2048 of them."""
        features = self.model.image.features
        count = len(self.pictures.subjects)
        index = np.unique(np.linspace(0, count - 1, min(count, 2048)).astype(int))
        shown = vary(self.pictures.tensor(index), SIDE).to(self.options.device)
        raw = torch.cat([features.raw(part) for part in shown.split(128)])
        features.centre.copy_(raw.mean(0))
        features.spread.copy_(raw.std(0) + 0.02)

    def progress(self) -> float:
        """Return how far the training is, 0..1: in steps or in time, whichever is farther."""
        by_time = self.spent / (60.0 * self.options.minutes) if self.options.minutes else 0.0
        return min(1.0, max(self.taken / self.options.steps, by_time))

    def step(self) -> dict[str, float]:
        """Take one step; return loss and the batch's retrieval at 1 of 32 beside chance.

        A loss that is not finite changes nothing.
        """
        begun = clock.now()
        device = self.options.device
        self.model.train()
        rate = self.options.rate * min(1.0, (self.taken + 1) / _WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * self.progress()))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, 1e-6)
        index = self._draw()
        subjects = [self.pictures.subjects[i] for i in index]
        # Two sentences a picture: one as people write, and one that says everything. Text costs a tenth of pictures.
        texts = [caption(s, self.rng) for s in subjects] + [caption(s, self.rng, full=True) for s in subjects]
        shown = vary(self.pictures.tensor(index).to(device), SIDE)
        rivals = self._rivals(shown)
        seen = self.model.image(torch.cat((shown, rivals)))
        images, wrong = seen[: len(index)], seen[len(index) :]
        said = self.model.text(texts)
        plain, full = said.chunk(2)
        right = torch.arange(len(index), device=device)
        contrast = images.new_zeros(())
        for sentences in (plain, full):
            logits = self.model.scale * images @ sentences.T
            found = torch.cat(
                (logits.T, self.model.scale * sentences @ wrong.T), 1
            )  # a sentence has the rivals to refuse, too
            contrast = contrast + (F.cross_entropy(logits, right) + F.cross_entropy(found, right)) / 4
        labels = {name: values[index].to(device) for name, values in self.labels.items()}
        loss = contrast + self.attributes.loss(images, labels)
        if not torch.isfinite(loss):
            raise UserError("the loss is not finite", got=float(loss), remedy="--resume with a lower --rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in self.optimizer.param_groups for p in g["params"]], 1.0)
        self.optimizer.step()
        self.taken += 1
        self.spent += clock.now() - begun
        scores = retrieval(images.detach().cpu(), plain.detach().cpu(), min(32, len(index)))
        entry = {"step": self.taken, "loss": round(float(contrast.detach()), 4), "retrieval": scores["image_to_text"]}
        self.history.append(entry)
        return entry

    def _rivals(self, shown: Tensor) -> Tensor:
        """Return what has a picture's very colours and another structure, for a quarter of the pictures: half of it
        camouflage, half with the structure of another picture. Each sentence must find its picture among all of these, too.
        """
        count = len(shown) // 8
        warped = camouflage(shown[:count])
        other = shown.roll(count, 0)[count : 2 * count].mean(1)
        return torch.cat((warped, in_colours_of(other, shown[count : 2 * count])))

    def _draw(self) -> np.ndarray:
        """Return the next batch's indices: half of it any pictures, half two clusters of the same first two colours.

        Colours are easy and patterns are hard: in batches of any pictures a model that sees colours alone finds three of
        four sentences among 32, and then a wrong pattern in the right colours scores like the right one. In batches of
        clusters alone it is the colours' turn to be half learned.
        """
        total = len(self.pictures.subjects)
        batch = min(self.options.batch, total)
        index = np.full(batch, -1)
        for cluster in np.array_split(np.arange(batch // 2), 2):
            alike = self._alike[_colour_key(self.pictures.subjects[int(self.rng.integers(total))])]
            members = self.rng.permutation(alike)[: len(cluster)]
            index[cluster[: len(members)]] = members
        free = index < 0
        index[free] = self.rng.integers(total, size=int(free.sum()))
        return index[self.rng.permutation(batch)]

    def save(self, path: Path) -> None:
        """Write everything that `load` needs, whole or not at all."""
        state = {
            "options": asdict(self.options), "key": self.pictures.key, "taken": self.taken, "spent": self.spent,
            "history": self.history, "rng": json.dumps(self.rng.bit_generator.state),
            "torch_rng": torch.get_rng_state(), "model": self.model.state_dict(),
            "attributes": self.attributes.state_dict(), "optimizer": self.optimizer.state_dict(),
        }  # fmt: skip
        write_atomic(path, packed(state))

    def load(self, state: dict) -> None:
        """Go on where `save` left off."""
        self.taken, self.spent, self.history = state["taken"], state["spent"], state["history"]
        self.rng.bit_generator.state = json.loads(state["rng"])
        torch.set_rng_state(state["torch_rng"])
        self.model.load_state_dict(state["model"])
        self.attributes.load_state_dict(state["attributes"])
        self.optimizer.load_state_dict(state["optimizer"])


def _colour_key(subject: Subject) -> tuple[str, ...]:
    return tuple(sorted(subject.colours[:2]))


def label(subjects: list[Subject]) -> dict[str, Tensor]:
    """Return each attribute's class int64 [n], -1 where unknown, and `colours` as float32 [n, colours] of 0 and 1."""
    found = {}
    for name, names in _CLASSES.items():
        place = {value: i for i, value in enumerate(names)}
        known = name in _KNOWN_OF_NETWORKS
        found[name] = torch.tensor([place[getattr(s, name)] if known or s.family != "abstract" else -1 for s in subjects])
    colours = list(COLOURS)
    found["colours"] = torch.tensor([[float(name in s.colours) for name in colours] for s in subjects])
    return found
