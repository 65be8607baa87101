"""The prior: a small transformer that knows which codes follow which in space and time, and dreams loops that never were.

Called by `dreaming` and `commands`, offline; the show needs none of it. A loop of codes is [frames, rows, columns]. Some
codes are hidden and told from the others (MaskGIT, Chang 2022). Attention goes over the codes of one frame, then over one
place in all frames. Time is a circle: it enters as sines and cosines of whole turns, so that frame 0 is as near to the last
as to frame 1, and a loop that is dreamt has no seam that differs from any other step.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.tools.runs.recovery import Recovery
from phosphene.tools.vqvae.trainer import quick_bfloat

_TURNS = 6  # harmonics of a loop that time is told in
_NO_CLASS = 0.15  # share of loops whose sketch is not told, so that dreams can be free of it
_CLIP_NORM = 1.0
_EVALUATE_EVERY = 50  # steps
_LEAST_HIDDEN = 0.15  # of a loop, in training: a loop with less hidden teaches little


@dataclass(frozen=True)
class Shape:
    """What a prior is. classes: sketches that it tells apart. high, wide: codes of a token, which are told together."""

    frames: int
    rows: int
    columns: int
    codes: int
    classes: int
    width: int = 96
    layers: int = 4
    heads: int = 4
    high: int = 1
    wide: int = 1

    def __post_init__(self) -> None:
        if self.width % self.heads or min(asdict(self).values()) < 1:
            raise UserError("the prior's shape", where="width, heads", allowed="a multiple of the heads", got=self.width)
        if self.rows % self.high or self.columns % self.wide:
            grid, token = f"{self.rows} x {self.columns}", f"{self.high} x {self.wide}"
            raise UserError("the prior's shape", where="high, wide", allowed=f"what divides {grid}", got=token)

    @property
    def places(self) -> int:
        """Tokens of a frame."""
        return self.rows // self.high * (self.columns // self.wide)

    def tokens(self, x: Tensor) -> Tensor:
        """Return [..., rows, columns] as [..., places, high * wide]."""
        down, across = self.rows // self.high, self.columns // self.wide
        split = x.unflatten(-2, (down, self.high)).unflatten(-1, (across, self.wide))
        return split.transpose(-3, -2).flatten(-4, -3).flatten(-2)

    def grid(self, x: Tensor) -> Tensor:
        """Return [..., places, high * wide] as [..., rows, columns]."""
        down, across = self.rows // self.high, self.columns // self.wide
        split = x.unflatten(-2, (down, across)).unflatten(-1, (self.high, self.wide))
        return split.transpose(-3, -2).flatten(-4, -3).flatten(-2)


class Attention(nn.Module):
    """Self-attention over axis 1 of [groups, tokens, width]. around: tokens of a circle, on which each distance has a
    learned bias; 0: none.
    """

    def __init__(self, width: int, heads: int, around: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.bias = nn.Parameter(torch.zeros(heads, around)) if around else None
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        groups, tokens, width = x.shape
        q, k, v = self.mix(self.norm(x)).reshape(groups, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Written out: on a CPU the fused attention takes twice the time of these small products, most of it backwards.
        near = q @ (k / math.sqrt(q.shape[-1])).mT
        if self.bias is not None:
            at = torch.arange(tokens)
            near = near + self.bias[:, (at[None] - at[:, None]) % tokens].to(q.dtype)
        seen = near.softmax(-1).to(v.dtype) @ v
        return self.out(seen.transpose(1, 2).reshape(groups, tokens, width))


class Layer(nn.Module):
    """Attention in space, attention in time, a perceptron."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.space, self.time = Attention(width, shape.heads), Attention(width, shape.heads, shape.frames)
        self.think = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """x: [n, frames, places, width]."""
        n, frames, places, width = x.shape
        x = x + self.space(x.reshape(n * frames, places, width)).reshape(x.shape)
        over = x.transpose(1, 2).reshape(n * places, frames, width)
        x = x + self.time(over).reshape(n, places, frames, width).transpose(1, 2)
        return x + self.think(x)


class Prior(nn.Module):
    """Logits of every code from those that are shown. `shape.codes` stands for a hidden one."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        codes = shape.high * shape.wide  # of a token, each with a table of its own
        self.codes = nn.ModuleList(nn.Embedding(shape.codes + 1, width) for _ in range(codes))
        self.kinds = nn.Embedding(shape.classes + 1, width)
        self.places = nn.Parameter(torch.randn(shape.places, width) * 0.2)
        self.when = nn.Linear(2 * _TURNS, width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.tell = nn.Linear(width, codes * shape.codes)
        # Codes as loud as time from the start: at the usual 0.02 attention looks at nothing but the clock for 500 steps.
        for table in self.codes:
            nn.init.normal_(table.weight, std=0.5 / math.sqrt(codes))
        nn.init.normal_(self.kinds.weight, std=0.1)

    def forward(self, codes: Tensor, kind: Tensor) -> Tensor:
        """codes: int64 [n, frames, rows, columns]; kind: int64 [n]. Returns [n, frames, rows * columns, codes]."""
        shape = self.shape
        each = shape.tokens(codes).unbind(-1)
        x = sum(table(of) for table, of in zip(self.codes, each, strict=True))
        x = x + self.places + self.when(circle(shape.frames))[None, :, None] + self.kinds(kind)[:, None, None]
        for layer in self.layers:
            x = layer(x)
        told = self.tell(self.norm(x)).unflatten(-1, (len(self.codes), shape.codes)).movedim(-1, 0)
        return shape.grid(told).flatten(-2).movedim(0, -1)


def circle(frames: int) -> Tensor:
    """Return what tells the time in a loop, [frames, 12]: sine and cosine of 1 to 6 turns. Frame `frames` would be frame
    0.
    """
    angle = torch.arange(frames)[:, None] / frames * 2 * math.pi * torch.arange(1, _TURNS + 1)
    return torch.cat([angle.sin(), angle.cos()], 1)


@dataclass
class PriorTrainer:
    """loops: uint8 [n, frames, rows, columns]; kinds: int64 [n], the sketch of each. held_out: loops that are only
    measured. A loss that is not finite goes back to the last good weights, at half the rate.
    """

    shape: Shape
    loops: np.ndarray
    kinds: np.ndarray
    held_out: np.ndarray
    seed: int = 0
    lr: float = 2e-3
    steps: int = 2000
    minutes: float = 0.0
    batch: int = 2
    step: int = 0
    spent: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.prior = Prior(self.shape)
        self.optimiser = torch.optim.AdamW(self.prior.parameters(), lr=self.lr, betas=(0.9, 0.98), weight_decay=0.02)
        self._recovery = Recovery(self.prior, self.optimiser)
        self._loss: list[float] = []

    @property
    def progress(self) -> float:
        by_time = self.spent / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(self.step / self.steps, by_time))

    def advance(self) -> dict[str, float] | None:
        """Take one step; return a record each time the held-out loops were measured. Raises FloatingPointError."""
        began = clock.now()
        rate = self.lr * min(1.0, (self.step + 1) / 60) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * self.progress)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng([self.seed, 5, self.step])
        pick = rng.integers(len(self.loops), size=self.batch)
        codes = np.stack([self._varied(self.loops[i], rng) for i in pick])
        kinds = np.where(rng.random(self.batch) < _NO_CLASS, self.shape.classes, self.kinds[pick])
        self.prior.train()
        loss = self._guess(codes, kinds, rng)
        if math.isfinite(loss.item()):
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.prior.parameters(), _CLIP_NORM)
            self.optimiser.step()
            self._loss.append(loss.item())
            self._recovery.bad = 0
        else:
            self.lr, _ = self._recovery.step_back("the prior's loss is not finite", self.step, self.lr)
        self.step += 1
        record = None
        if self.step % _EVALUATE_EVERY == 0 or self.progress >= 1.0:
            record = {"step": float(self.step), "loss": float(np.mean(self._loss or [math.nan])), "held_out": self.measure()}
            self.history.append(record)
            self._loss = []
            if self._recovery.bad == 0 and (math.isfinite(record["held_out"]) or not len(self.held_out)):
                self._recovery.remember()
        self.spent += clock.now() - began
        return record

    @torch.no_grad()
    def measure(self) -> float:
        """Return nats a hidden code of held-out loops costs, half of them hidden, sketch not told; NaN where none are."""
        self.prior.eval()
        losses = []
        for i, loop in enumerate(self.held_out[:16]):
            rng = np.random.default_rng([self.seed, 6, i])
            losses.append(self._guess(loop[None], np.array([self.shape.classes]), rng, share=0.5).item())
        return float(np.mean(losses)) if losses else math.nan

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs."""
        return {
            "shape": asdict(self.shape), "step": self.step, "spent": self.spent, "lr": self.lr, "history": self.history,
            "prior": self.prior.state_dict(), "optimiser": self.optimiser.state_dict(), "loss": self._loss,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned. Raises UserError for another shape."""
        if state["shape"] != asdict(self.shape):
            raise UserError("the prior is of another shape", allowed=str(asdict(self.shape)), got=state["shape"])
        self.prior.load_state_dict(state["prior"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent, self.lr = state["step"], state["spent"], state["lr"]
        self.history, self._loss = list(state["history"]), list(state["loss"])
        self._recovery.remember()

    def _varied(self, loop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A loop begins anywhere, and runs backwards as well."""
        loop = np.roll(loop, int(rng.integers(len(loop))), axis=0)
        return loop[::-1] if rng.random() < 0.5 else loop

    def _guess(self, codes: np.ndarray, kinds: np.ndarray, rng: np.random.Generator, share: float | None = None) -> Tensor:
        """Return the cross-entropy of hidden codes. Whole frames are hidden in a third of the loops: motion must be told."""
        hidden = np.empty(codes.shape, bool)
        for i in range(len(codes)):
            part = share if share is not None else max(_LEAST_HIDDEN, math.cos(math.pi / 2 * rng.random()))
            whole = share is None and rng.random() < 1 / 3
            shape, frames = self.shape, codes.shape[1]
            some = rng.random((frames, shape.rows // shape.high, shape.columns // shape.wide)) < part
            some = some.repeat(shape.high, 1).repeat(shape.wide, 2)  # a token is hidden as a whole
            hidden[i] = (rng.random((frames, 1, 1)) < part) if whole else some
            if not hidden[i].any():
                hidden[i, 0] = True
        real = torch.from_numpy(codes.astype(np.int64))
        mask = torch.from_numpy(hidden)
        shown = torch.where(mask, self.shape.codes, real)
        with torch.autocast("cpu", torch.bfloat16, enabled=quick_bfloat()):
            logits = self.prior(shown, torch.from_numpy(kinds.astype(np.int64)))
        flat = mask.flatten(2)
        return functional.cross_entropy(logits[flat].float(), real.flatten(2)[flat], label_smoothing=0.0)


@torch.no_grad()
def dream(
    prior: Prior, seed: int, kinds: tuple[int, ...] = (), rounds: int = 20, temperature: float = 1.0, spread: float = 4.0
) -> np.ndarray:
    """Return a new loop of codes, uint8 [frames, rows, columns]: all hidden at first, each round the surest are kept.

    kinds: sketches whose mean guess is followed; none: any. temperature: of the draw of a code. spread: of the noise on what
    counts as sure, which falls to 0; without it loops come out still and alike.
    """
    shape = prior.shape
    prior.eval()
    generator = torch.Generator().manual_seed(seed)
    total = shape.frames * shape.places
    codes = torch.full((1, shape.frames, shape.rows, shape.columns), shape.codes)
    chosen = torch.tensor(kinds or (shape.classes,))
    for k in range(rounds):
        with torch.autocast("cpu", torch.bfloat16, enabled=quick_bfloat()):
            each = prior(codes.expand(len(chosen), -1, -1, -1), chosen).float()
        chance = torch.softmax(each.mean(0).flatten(0, 1) / temperature, 1)
        drawn = torch.multinomial(chance, 1, generator=generator)
        sure = torch.log(chance.gather(1, drawn)[:, 0] + 1e-9).reshape(codes.shape)
        known = codes != shape.codes
        drawn = torch.where(known, codes, drawn.reshape(codes.shape))
        noise = -torch.log(-torch.log(torch.rand(total, generator=generator).clamp(1e-9, 1 - 1e-7)))
        surest = shape.tokens(sure).mean(-1).flatten() + spread * (1 - (k + 1) / rounds) * noise
        surest = torch.where(shape.tokens(known)[..., 0].flatten(), math.inf, surest)
        left = int(total * math.cos(math.pi / 2 * (k + 1) / rounds)) if k + 1 < rounds else 0
        tokens = shape.tokens(drawn).reshape(total, -1)
        if left:
            tokens[surest.topk(left, largest=False).indices] = shape.codes
        codes = shape.grid(tokens.reshape(1, shape.frames, shape.places, -1))
    return codes[0].numpy().astype(np.uint8)
