"""The optimiser's loop body: Adam on reconstruction + beta x commitment, step by step, with the codebook's care.

Called by `run`. It knows nothing of files, progress bars or signals. All randomness comes from (seed, step), so that a run
that was interrupted goes on to the same bits; with `minutes` the rate follows the clock, and then it cannot.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from phosphene.engine.core import clock
from phosphene.tools.runs.recovery import Recovery
from phosphene.tools.vqvae.metrics import Totals
from phosphene.tools.vqvae.network import VqVae, to_tensor
from phosphene.tools.vqvae.options import BETA, Options
from phosphene.tools.vqvae.quantisers import Codebook

_BATCHES_OF_START = 25  # from which the codebook begins, and at most so many vectors:
_VECTORS_OF_START = 16_384
_CLIP_NORM = 1.0
_MIN_DELTA = 1e-4  # of the objective, below which an epoch is no better
_PLATEAU = 6  # epochs without a better one before the plain recipe halves its rate
_LEAST_RATE = 1e-6
_WARM_UP = 100  # steps, of the rate
_SHARP = 1.0  # weight of the error of gradients in colour: without it lines blur
_SETTLED = 40  # steps after which the encoder's running statistics are 99 % of the data's: before, all codes may look alike
_COLLAPSED = 2.0  # perplexity below which a codebook is no codebook
_MOST_MENDED = 3
_WARM_SHARE = 0.15  # of the minutes: then the codebook begins, however long an epoch is
_EVALUATED = 2048  # pictures of training that stand for it where nothing is held out


@dataclass
class Best:
    """The weights of the lowest objective so far."""

    objective: float
    epoch: int
    model: dict[str, Tensor]
    scores: dict[str, float]


@dataclass
class Trainer:
    """Make one by `begin`. train, validation: uint8 [n, h, w] or [n, h, w, 3]; validation may be empty.

    history: one record an epoch. notes: what a person should be told. spent: s of the run, over all sittings; who opens
    data and writes files adds what that took. waiting: the codebook has not begun, since the encoder does not know the data.
    """

    options: Options
    model: VqVae
    train: np.ndarray
    validation: np.ndarray
    optimiser: torch.optim.Adam
    step: int = 0
    spent: float = 0.0
    rate_factor: float = 1.0
    best: Best | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    stale: int = 0
    waiting: bool = False
    _sums: dict[str, float] = field(default_factory=dict)
    _mended: int = 0
    _order: tuple[int, np.ndarray] | None = None
    _recovery: Recovery = field(init=False)

    def __post_init__(self) -> None:
        self._recovery = Recovery(self.model, self.optimiser)

    @classmethod
    def begin(cls, options: Options, train: np.ndarray, validation: np.ndarray) -> Trainer:
        """Return a trainer at step 0."""
        model = VqVae.begin(options)
        model.mixed = options.precision == "mixed" or (options.precision == "auto" and quick_bfloat())
        optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=options.lr)
        trainer = cls(options, model, train, validation, optimiser)
        trainer.waiting = options.start == "data" and options.quantiser != "vae"
        if options.start == "before":
            trainer._start_codebook(options.seed, trained=False)
        trainer._recovery.remember()
        return trainer

    @property
    def epoch_steps(self) -> int:
        return math.ceil(len(self.train) / self.options.batch)

    @property
    def epoch(self) -> int:
        """Whole epochs that were trained."""
        return self.step // self.epoch_steps

    @property
    def progress(self) -> float:
        """How far the training is, 0..1: in epochs or in time, whichever is farther."""
        return min(1.0, max(self.step / (self.epoch_steps * self.options.epochs), self._by_time))

    @property
    def _by_time(self) -> float:
        seconds = 60 * self.options.minutes * self.options.share
        return self.spent / seconds if seconds else 0.0

    @property
    def done(self) -> bool:
        """At the end, or without progress for so long that it is one."""
        return self.progress >= 1.0 or bool(self.options.patience and self.stale >= self.options.patience)

    def advance(self) -> dict[str, Any] | None:
        """Take one step; return the epoch's record after its last. Raises FloatingPointError when it keeps failing."""
        began = clock.now()
        options = self.options
        if self.waiting and (self.step >= options.warm * self.epoch_steps or self._by_time >= _WARM_SHARE):
            self._end_waiting()
        self._set_rate()
        seed = options.seed * 1_000_003 + self.step
        generator = torch.Generator().manual_seed(seed)
        pictures = self._draw()
        self.model.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # of the noise of a VAE
            logits, found = self.model(pictures, quantised=not self.waiting)
        reconstruction = functional.binary_cross_entropy_with_logits(logits, pictures)
        loss = reconstruction + options.beta(self.epoch) * found.commitment + found.pull
        if not options.gray:
            loss = loss + _SHARP * gradient_error(logits.sigmoid(), pictures)
        self.optimiser.zero_grad(set_to_none=True)
        healthy = math.isfinite(loss.item())
        if healthy:
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP_NORM)
            healthy = math.isfinite(norm.item())
        if healthy:
            self.optimiser.step()
            restarted = 0 if self.waiting or found.codes is None else self.model.quantiser.learn(found, generator)
            self._recovery.bad = 0
            values = {"loss": loss.item(), "bce": reconstruction.item(), "commitment": found.commitment.item()}
            for name, value in (values | {"restarted": float(restarted), "steps": 1.0}).items():
                self._sums[name] = self._sums.get(name, 0.0) + value
        else:
            self._step_back("the loss is not finite")
        self.step += 1
        now = clock.now()
        self.spent += now - began
        if self.step % self.epoch_steps and self.progress < 1.0:
            return None
        record = self._close_epoch()
        self.spent += clock.now() - now
        return record

    def close(self) -> dict[str, Any] | None:
        """Measure an epoch that time ended between two steps, and return its record; None where nothing is unmeasured."""
        return self._close_epoch() if self._sums else None

    def conclude(self) -> None:
        """See to it that there are best weights, however early training ended: the codebook begins, if it still waits, and
        what there is is measured. Ends the training: what follows would not be what an undisturbed run does."""
        if self.best is not None:
            return
        if self.waiting:
            self._end_waiting()
        for _ in range(2):
            totals = self._measured()
            scores = totals.scores(BETA)
            if math.isfinite(scores["objective"]):
                self.best = Best(scores["objective"], self.epoch, copy.deepcopy(self.model.state_dict()), scores)
                self.counts = totals.counts
                return
            self._recovery.go_back()

    @torch.no_grad()
    def measure(self, pictures: np.ndarray, batch: int = 64) -> Totals:
        """Return the scores of reconstructing all of `pictures` with the weights as they are, in evaluation."""
        self.model.eval()
        totals = Totals(self.options.entries)
        for start in range(0, len(pictures), batch):
            real = to_tensor(pictures[start : start + batch])
            logits, found = self.model(real, quantised=not self.waiting)
            totals.add(real, logits, found.commitment, found.codes)
        return totals

    def use_best(self) -> None:
        """Take the best weights so far."""
        if self.best is not None:
            self.model.load_state_dict(self.best.model)

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs: tensors and plain values only."""
        best = self.best
        return {
            "step": self.step, "spent": self.spent, "rate_factor": self.rate_factor, "history": self.history,
            "notes": self.notes, "stale": self.stale,
            "waiting": self.waiting, "sums": self._sums, "bad": self._recovery.bad, "mended": self._mended,
            "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "good": self._recovery.state,
            "counts": torch.from_numpy(self.counts.copy()),
            "best": None if best is None else vars(best),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent, self.rate_factor = state["step"], state["spent"], state["rate_factor"]
        self.history, self.notes, self.stale = list(state["history"]), list(state["notes"]), state["stale"]
        self.waiting = state["waiting"]
        self._sums, self._recovery.bad, self._mended = dict(state["sums"]), state["bad"], state["mended"]
        self._recovery.state, self.counts = state["good"], state["counts"].numpy()
        self.best = None if state["best"] is None else Best(**state["best"])

    def _draw(self) -> Tensor:
        """Return the step's batch: every picture once an epoch; in colour half of them mirrored."""
        epoch, place = divmod(self.step, self.epoch_steps)
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.options.seed, 1, epoch]).permutation(len(self.train))
        batch = self.options.batch
        index = np.sort(self._order[1][place * batch : (place + 1) * batch])
        pictures = to_tensor(self.train[index])
        if not self.options.gray:
            flips = np.random.default_rng([self.options.seed, 2, self.step]).random(len(index)) < 0.5
            pictures = torch.where(torch.from_numpy(flips)[:, None, None, None], pictures.flip(3), pictures)
        return pictures

    def _set_rate(self) -> None:
        options = self.options
        rate = options.lr * self.rate_factor
        if options.schedule == "cosine":
            rate *= min(1.0, (self.step + 1) / min(_WARM_UP, self.epoch_steps)) * (
                0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * self.progress))
            )
        for group in self.optimiser.param_groups:
            group["lr"] = max(rate, _LEAST_RATE)

    @torch.no_grad()
    def _start_codebook(self, seed: int, trained: bool) -> None:
        """Put the codes on data. trained: the encoder normalises by the batch, as it does in the steps to come; else it is
        evaluated with fresh statistics, which is what the plain recipe does."""
        self.model.train(trained)
        rng = np.random.default_rng([seed, 3])
        generator = torch.Generator().manual_seed(seed)
        order = rng.permutation(len(self.train))[: _BATCHES_OF_START * self.options.batch]
        vectors = []
        for start in range(0, len(order), self.options.batch):
            index = np.sort(order[start : start + self.options.batch])
            z = self.model.encoder(to_tensor(self.train[index]))
            vectors.append(self.model.quantiser(z).vectors)
        every = torch.cat(vectors)
        most = _VECTORS_OF_START if trained else 50_000
        kept = every[torch.from_numpy(np.sort(rng.permutation(len(every))[:most]))]
        self.model.quantiser.begin(kept, generator)
        if not trained and isinstance(self.model.quantiser, Codebook):
            quantiser = self.model.quantiser
            quantiser.count.fill_(1.0)
            quantiser.total.copy_(quantiser.vectors)

    def _end_waiting(self) -> None:
        self._start_codebook(self.options.seed + 1, trained=True)
        self.waiting = False

    def _measured(self) -> Totals:
        """Return the scores of all that is held out; where nothing is, of some of the training pictures."""
        every = -(-len(self.train) // _EVALUATED)
        return self.measure(self.validation if len(self.validation) else self.train[::every])

    def _close_epoch(self) -> dict[str, Any]:
        totals = self._measured()
        scores = totals.scores(BETA)
        steps = self._sums.get("steps", 0.0)
        # An epoch is called by its number from 1; a last one that time cut short is as good as a whole one.
        record: dict[str, Any] = {
            "epoch": -(-self.step // self.epoch_steps), "step": self.step, "beta": self.options.beta(self.epoch),
            "rate": self.optimiser.param_groups[0]["lr"], "warm": self.waiting,
            "train": {k: v / steps for k, v in self._sums.items() if k != "steps"} if steps else {},
            "validation": scores, "counts": totals.counts.tolist(),
        }  # fmt: skip
        self._sums = {}
        objective = scores["objective"]
        collapsed = self.step >= _SETTLED and 0.0 < scores.get("perplexity", _COLLAPSED) < _COLLAPSED
        record["collapsed"] = collapsed
        if not math.isfinite(objective):
            self._step_back("the evaluation is not finite")
        elif collapsed and self.options.mend and self._mended < _MOST_MENDED:
            if self.best is None:
                self._compare(objective, record["epoch"], scores, totals.counts)
            self._mend()
        else:
            if collapsed and not any("collapsed" in note for note in self.notes):
                self.notes.append(
                    f"epoch {record['epoch']}: the codebook has collapsed (perplexity {scores['perplexity']:.2f})"
                )
            self._recovery.remember()
            if not self.waiting:
                self._compare(objective, record["epoch"], scores, totals.counts)
        self.history.append(record)
        return record

    def _compare(self, objective: float, epoch: int, scores: dict[str, float], counts: np.ndarray) -> None:
        better = self.best is None or objective < self.best.objective - _MIN_DELTA
        self.stale = 0 if better else self.stale + 1
        if self.best is None or objective < self.best.objective:
            self.best = Best(objective, epoch, copy.deepcopy(self.model.state_dict()), scores)
            self.counts = counts
        if self.options.schedule == "plateau" and self.stale and self.stale % (_PLATEAU + 1) == 0:
            self.rate_factor *= 0.5

    def _step_back(self, why: str) -> None:
        self.rate_factor, said = self._recovery.step_back(why, self.step, self.rate_factor)
        self.notes.append(said)

    def _mend(self) -> None:
        """Return to the last weights whose codebook was alive, and begin the codebook anew from data there."""
        self._mended += 1
        self.rate_factor *= 0.5
        self._recovery.go_back()
        self._start_codebook(self.options.seed + 100 + self._mended, trained=True)
        self.notes.append(f"step {self.step}: the codebook collapsed; begun anew from data, rate x {self.rate_factor:g}")


def quick_bfloat() -> bool:
    """Return whether this processor multiplies matrices of bfloat16: a step then takes 0.4 of the time (AMX)."""
    return bool(getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16", False))


def gradient_error(made: Tensor, real: Tensor) -> Tensor:
    """Return the mean absolute difference of the gradients, across and down, of two stacks of pictures."""
    error = made - real
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return across.abs().mean() + down.abs().mean()
