"""Trains `motif`, the small text-image model that guides and judges styles where there is no CLIP.

`python tools/train_motif.py --output guide` and again with `--output judge`: two trainings that share nothing, neither
seed nor pictures nor shape. Paints its pictures first (once per seed, cached). Ctrl-C keeps what was learned; `--resume`
goes on. Ends with an evaluation, written beside the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional as F

from phosphene.engine.core import clock
from phosphene.engine.core.child import ignore_current_folder
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.paths import cache_dir
from phosphene.engine.models.style import write_atomic
from phosphene.tools.handing_over import check_place, hand_over
from phosphene.tools.motif.captions import caption
from phosphene.tools.motif.dataset import MOST_PICTURES, Pictures, Settings, open_pictures, vary
from phosphene.tools.motif.evaluate import evaluate, retrieval
from phosphene.tools.motif.model import SHAPES, SIDE, WEIGHTS, Motif, save_motif, untrained
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
from phosphene.tools.numbers_given import decimal, whole
from phosphene.tools.runs import files
from phosphene.tools.runs.boundary import exit_code
from phosphene.tools.runs.loop import take_steps

SEEDS = {"guide": 11, "judge": 47}
_WARM_UP = 60
_SAVE_EVERY_S = 120.0
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
        images = self.model.image(vary(self.pictures.tensor(index).to(device), SIDE))
        said = self.model.text(texts)
        plain, full = said.chunk(2)
        right = torch.arange(len(index), device=device)
        contrast = images.new_zeros(())
        for sentences in (plain, full):
            logits = self.model.scale * images @ sentences.T
            contrast = contrast + (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 4
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
        write_atomic(path, files.packed(state))

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


def read_checkpoint(path: Path) -> dict:
    """Return a saved state. Raises UserError where there is none, or it cannot be read."""
    if not path.is_file():
        raise UserError("nothing to resume", where=str(path), remedy="leave --resume out")
    return files.read_checkpoint(path, remedy="leave --resume out")


def train(
    options: Options, weights: Path, checkpoint: Path, resume: bool = False, report: Callable[[dict], None] | None = None
) -> Training:
    """Train and return the training. The checkpoint is saved every two minutes and at Ctrl-C, the weights at the end."""
    state = read_checkpoint(checkpoint) if resume else None
    if state:
        now = {k: v for k, v in asdict(options).items() if k in ("steps", "minutes", "device", "rate")}
        options = replace(Options(**state["options"]), **now)
    console = Console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=report is not None) as bar:
        settings = Settings(options.seed, options.pictures)
        task = bar.add_task("painting", total=options.pictures)
        pictures = open_pictures(settings, lambda done: bar.update(task, completed=done), state["key"] if state else None)
        bar.update(task, completed=options.pictures)
        training = Training(options, pictures)
        if state:
            training.load(state)
        task = bar.add_task("training", total=options.steps, completed=training.taken)

        def told(entry: dict[str, float]) -> None:
            recent = training.history[-20:]
            loss, hits = (float(np.mean([e[name] for e in recent])) for name in ("loss", "retrieval"))
            # Two of the unknowns: what pure guessing would score.
            chance = f"loss {loss:.3f} (guessing {math.log(options.batch):.2f}), 1 of 32: {hits:.2f} (guessing 0.03)"
            total = round(training.taken / training.progress())
            bar.update(task, completed=training.taken, total=total, description=chance)
            if report:
                report(entry)
            if entry["step"] % 25 == 0 and not console.is_terminal and not report:
                console.print(f"step {entry['step']} of about {total}, {training.spent / 60:.1f} min: {chance}")

        try:
            take_steps(
                training.step, lambda: training.progress() >= 1.0, told, lambda: training.save(checkpoint), _SAVE_EVERY_S
            )
        except KeyboardInterrupt:
            console.print("stopped: what was learned is saved, --resume goes on")
    training.save(checkpoint)
    # Only a whole training takes the place of weights that are in use; half of one is in the checkpoint.
    if training.progress() >= 1.0 or not weights.exists():
        training.weights = save_motif(training.model, weights)
    return training


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", choices=sorted(SHAPES), required=True, help="which of the two to train")
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1), help="of pictures, weights and captions (default: its own for each output)"
    )
    parser.add_argument("--pictures", type=whole(32, MOST_PICTURES), default=50000, help="how many to paint")
    parser.add_argument("--steps", type=whole(1, 100_000_000), default=1500)
    parser.add_argument("--batch", type=whole(2, 65_536), default=256)
    parser.add_argument("--rate", type=decimal(1e-9, 1.0), default=1.5e-3, help="highest learning rate")
    parser.add_argument("--minutes", type=decimal(0.0, 1e6), default=0.0, help="end by then, 0: when the steps are done")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=whole(0, 1024), default=0, help="0: as many as torch likes")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--weights", type=Path, help="where to write them (default: tools/motif/weights)")
    parser.add_argument(
        "--evaluate", type=whole(0, 1_000_000), default=1024, help="pictures to evaluate with, 0: none", metavar="N"
    )
    given = parser.parse_args(arguments)
    if given.evaluate % 32:
        raise UserError("evaluation is in groups of 32", where="--evaluate", allowed="multiples of 32", got=given.evaluate)
    return given


def main(arguments: list[str] | None = None) -> int:
    """Train, evaluate, write; return the exit code: 0 done, 2 a fault that is named on one line."""
    return exit_code(lambda: _run(parse(arguments)))


def _run(given: argparse.Namespace) -> int:
    if given.threads:
        torch.set_num_threads(given.threads)
    seed = SEEDS[given.output] if given.seed is None else given.seed
    options = Options(
        given.output, seed, given.pictures, given.steps, given.batch, given.rate, given.minutes, given.device,
    )  # fmt: skip
    weights = given.weights or WEIGHTS / f"{given.output}.safetensors"
    if weights.suffix != ".safetensors":
        raise UserError("not a name for weights", where="--weights", allowed="NAME.safetensors", got=weights)
    check_place(weights)
    checkpoint = cache_dir() / "motif" / f"{weights.stem}-{seed}.pt"
    training = train(options, weights, checkpoint, given.resume)
    if not given.evaluate:
        return 0
    model = training.model.to("cpu").eval()
    found = {
        "trained": asdict(training.options) | {"shape": asdict(model.shape)},
        "steps": training.taken,
        "presentations": training.taken * min(options.batch, options.pictures),
        "minutes": round(training.spent / 60, 1),
        "loss": round(float(np.mean([entry["loss"] for entry in training.history[-50:]])), 4),
        **evaluate(model, untrained(given.output), given.evaluate),
    }
    if training.weights is not None:  # those that are there otherwise were measured when they were made
        hand_over(training.weights.with_suffix(".json"), (json.dumps(found, indent=2) + "\n").encode())
    print(json.dumps({key: found[key] for key in ("chance", "retrieval", "attributes", "seven")}, indent=2))
    return 0


if __name__ == "__main__":
    ignore_current_folder()
    sys.exit(main())
