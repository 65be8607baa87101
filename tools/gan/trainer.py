"""One step after another: discriminator, generator, running mean. Deterministic in (seed, step) on one device.

Called by `run` on the main thread, one process for each device under torchrun: all of them draw other pictures, and hold
the same weights after every step. Writes no file. A loss or slope that is not finite, or a generator that always paints the
same, brings back the last good state at half the rate; the sixth time it gives up, in that state.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.models.gan import GanNetwork
from phosphene.tools.gan import losses
from phosphene.tools.gan.augment import diff_augment
from phosphene.tools.gan.networks import Discriminator, Generator, unit
from phosphene.tools.gan.options import Options
from phosphene.tools.laboratory import laboratory
from phosphene.tools.option_words import PLAIN_RECIPES
from phosphene.tools.runs.files import reason

GOOD_EVERY = 50  # steps between two states that may be brought back
_GOOD_SHARE = 0.16  # of the real pictures' spread: what paints less variety is on its way into a collapse
_STUCK_STEPS = 100  # steps of sameness that are a collapse: a batch may look alike by chance, a hundred may not
_STUCK_SHARE = 0.08  # of the real pictures' spread
_LIVES = 6


@dataclass(frozen=True)
class Schedule:
    """What changes over the run; done: 0..1."""

    rate: float
    gamma: float
    beta2: float

    @classmethod
    def at(cls, rate: float, gamma: float, done: float) -> Schedule:
        """Cosine, as R3GAN's: rate to a quarter, gamma to a tenth, beta2 from 0.9 to 0.99."""
        fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, done))
        return cls(rate * (0.25 + 0.75 * fall), gamma * (0.1 + 0.9 * fall), 0.99 - 0.09 * fall)


def parts(pictures: np.ndarray, size: Size, rng: torch.Generator) -> np.ndarray:
    """Return a part of `size` out of each of uint8 [n, h, w, 3], anywhere; all of it where it has that size."""
    n, height, width = pictures.shape[:3]
    if (height, width) == (size.height, size.width) or not n:
        return pictures
    tops = torch.randint(height - size.height + 1, (n,), generator=rng).tolist()
    lefts = torch.randint(width - size.width + 1, (n,), generator=rng).tolist()
    places = zip(pictures, tops, lefts, strict=True)
    return np.stack([each[top : top + size.height, left : left + size.width] for each, top, left in places])


class Trainer:
    """Generator, discriminator, running mean of the generator (`shown`), optimisers. pictures: uint8 [n, h, w, 3].

    This is the full recipe. The plain one is a subclass (`tools/lab/plain_gan.py`), found by `trainer_of`. most_slope: the
    length to which a gradient is cut.
    """

    usual_rate: ClassVar[float] = 1e-3
    first_betas: ClassVar[tuple[float, float]] = (0.0, 0.9)
    decay: ClassVar[float] = 0.0
    most_slope: ClassVar[float] = 10.0

    def __init__(self, options: Options, pictures: np.ndarray, device: str = "cpu") -> None:
        self.options, self.device = options, torch.device(device)
        self.rank, self.ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self._pictures = pictures
        torch.manual_seed(options.seed)
        self.maker = self._generator(options.network())
        self.judge = Discriminator(options.judge)
        self.maker.to(self.device)
        self.judge.to(self.device)
        self.shown = copy.deepcopy(self.maker).requires_grad_(False)
        self._rate = options.lr or self.usual_rate
        trained = [p for p in self.maker.parameters() if p.requires_grad]
        make = {"lr": self._rate, "betas": self.first_betas, "weight_decay": self.decay}
        self.maker_steps = torch.optim.AdamW(trained, **make)
        self.judge_steps = torch.optim.AdamW(self.judge.parameters(), **make)
        self.step = self.seen = 0
        self.slower = 1.0
        self.lives, self._stuck = _LIVES, 0
        self.notes: list[str] = []
        self._good: dict[str, Any] | None = None
        self._bf16 = options.precision == "bfloat16" or (options.precision == "auto" and self.device.type == "cuda")

    def _generator(self, net: GanNetwork) -> Generator:
        return Generator(net)

    # One step

    def train_step(self, done: float) -> dict[str, float]:
        """Take one step of both networks and return what is logged. done: share of the budget that is spent, 0..1.

        Raises UserError when the last life is spent.
        """
        o = self.options
        if self._good is None:
            self._keep()
        rng = torch.Generator().manual_seed((o.seed * 1_000_003 + self.step) * 64 + self.rank)
        plan = Schedule.at(self._rate, o.gamma, done)
        for group in self._groups():
            group["lr"] = plan.rate * self.slower
        self._set_betas(plan)
        real = self._reals(rng)
        said = self._judge_step(real, plan.gamma, rng) | self._maker_step(real, rng)
        self.step += 1
        self.seen += o.batch * self.ranks
        self._mean()
        found = {name: float(value) for name, value in said.items()}
        fault = self._agreed(self._fault(found))
        if fault:
            self._restore(fault)
        elif self.step % GOOD_EVERY == 0 and found["spread"] >= _GOOD_SHARE * found["spread_real"] and self._finite():
            self._keep()
        return found

    def _groups(self) -> list[dict[str, Any]]:
        return [*self.maker_steps.param_groups, *self.judge_steps.param_groups]

    def _set_betas(self, plan: Schedule) -> None:
        for group in self._groups():
            group["betas"] = (0.0, plan.beta2)

    def _reals(self, rng: torch.Generator) -> Tensor:
        index = torch.randint(len(self._pictures), (self.options.batch,), generator=rng).numpy()
        real = self._pictures[np.sort(index)]
        real = torch.from_numpy(parts(real, self.options.picture, rng)).to(self.device)
        return self._changed(real.movedim(-1, 1).float() / 255.0, rng)

    def _changed(self, real: Tensor, rng: torch.Generator) -> Tensor:
        """Return real pictures as they are trained on."""
        if self.options.mirror:
            flips = (torch.rand(len(real), 1, 1, 1, generator=rng) < 0.5).to(self.device)
            real = torch.where(flips, real.flip(3), real)
        return real

    def _fakes(self, rng: torch.Generator) -> Tensor:
        inputs = self.maker.draw(self.options.batch, rng, mixing=0.5)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            return self.maker({k: v.to(self.device) for k, v in inputs.items()}).float()

    def _seen_by_judge(self, pictures: Tensor, rng: torch.Generator) -> Tensor:
        return diff_augment(pictures, self.options.augment, rng)

    def _judge_loss(self, real: Tensor, fake: Tensor, gamma: float) -> tuple[Tensor, dict[str, Tensor]]:
        return losses.relativistic_judge(self.judge, real, fake, gamma)

    def _maker_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return losses.relativistic_maker(self.judge, real, fake)

    def _judge_step(self, real: Tensor, gamma: float, rng: torch.Generator) -> dict[str, Tensor]:
        with torch.no_grad():
            fake = self._fakes(rng)
        spread = {"spread": fake.std(0).mean(), "spread_real": real.std(0).mean()}
        real, fake = self._seen_by_judge(real, rng), self._seen_by_judge(fake, rng)
        loss, said = self._judge_loss(real, fake, gamma)
        slope = self._climb(loss, self.judge, self.judge_steps)
        return {"judge": loss.detach(), "judge_slope": slope, **said, **spread}

    def _maker_step(self, real: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        self.judge.requires_grad_(False)
        fake = self._seen_by_judge(self._fakes(rng), rng)
        real = self._seen_by_judge(real, rng)
        loss = self._maker_loss(real, fake)
        slope = self._climb(loss, self.maker, self.maker_steps)
        self.judge.requires_grad_(True)
        return {"maker": loss.detach(), "maker_slope": slope}

    def _climb(self, loss: Tensor, network: nn.Module, steps: torch.optim.Optimizer) -> Tensor:
        """Step down, and return the slope's length before it was clipped. One that is not finite is not stepped."""
        steps.zero_grad(set_to_none=True)
        loss.backward()
        slopes = [p for p in network.parameters() if p.grad is not None]
        if self.ranks > 1:
            for p in slopes:
                dist.all_reduce(p.grad)
                p.grad /= self.ranks
        length = nn.utils.clip_grad_norm_(slopes, self.most_slope)
        if torch.isfinite(length):
            steps.step()
        return length.detach()

    @torch.no_grad()
    def _mean(self) -> None:
        """Bring the running means up to date: of the weights, and of what styles are mapped to."""
        o = self.options
        half = max(1.0, min(o.ema, 0.1 * self.seen))
        rng = torch.Generator().manual_seed(o.seed * 1_000_003 + self.step)  # the same in every process
        style = unit(torch.randn(64, self.maker.net.style, generator=rng)).to(self.device)
        self.maker.tensors["mapping.mean"].lerp_(self.maker.mapped(style).mean(0), 0.05)
        self._follow(0.5 ** (o.batch * self.ranks / half))

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        for mean, now in zip(self.shown.parameters(), self.maker.parameters(), strict=True):
            mean.lerp_(now, 1.0 - keep)

    # When it goes wrong

    def _fault(self, said: dict[str, float]) -> str:
        if not all(math.isfinite(v) for v in said.values()):
            return "a loss or a slope is not finite"
        same = said["spread"] < _STUCK_SHARE * said["spread_real"]
        self._stuck = self._stuck + 1 if same else 0
        return "the generator paints one picture" if self._stuck >= _STUCK_STEPS else ""

    def _agreed(self, fault: str) -> str:
        """Return the fault of any process: one that went back alone would no longer hold what the others hold."""
        if self.ranks == 1:
            return fault
        worst = torch.tensor(float(bool(fault)), device=self.device)
        dist.all_reduce(worst, dist.ReduceOp.MAX)
        return fault or ("another process met a fault" if worst > 0 else "")

    def _finite(self) -> bool:
        networks = (self.maker, self.judge, self.shown)
        return all(bool(torch.isfinite(p).all()) for network in networks for p in network.parameters())

    def _keep(self) -> None:
        self._good = copy.deepcopy(self.state())

    def _restore(self, fault: str) -> None:
        assert self._good is not None
        step, seen, lives, notes, slower = self.step, self.seen, self.lives - 1, self.notes, self.slower
        back = self._good["step"]
        self.load(copy.deepcopy(self._good))
        # Steps go on counting: other randomness, or the same fault would come again.
        self.step, self.seen, self.lives, self._stuck = step, seen, lives, 0
        self.slower = 0.5 * slower
        self.notes = [*notes, f"step {step}: {fault}: back to step {back} at half the rate"]
        if lives <= 0:
            remedy = "the last good state is kept; try a lower --lr or a higher --gamma"
            raise UserError("training keeps failing", where=f"step {step}", got=fault, remedy=remedy)

    # State

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed run needs: tensors, numbers, strings, and lists of them."""
        return {
            "maker": self.maker.state_dict(),
            "judge": self.judge.state_dict(),
            "shown": self.shown.state_dict(),
            "maker_steps": self.maker_steps.state_dict(),
            "judge_steps": self.judge_steps.state_dict(),
            "step": self.step,
            "seen": self.seen,
            "slower": self.slower,
            "lives": self.lives,
            "notes": list(self.notes),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned. Raises UserError for one of another architecture, or not finite."""
        try:
            for name in ("maker", "judge", "shown", "maker_steps", "judge_steps"):
                getattr(self, name).load_state_dict(state[name])
            self.step, self.seen, self.slower = int(state["step"]), int(state["seen"]), float(state["slower"])
            self.lives, self.notes = int(state["lives"]), [str(note) for note in state["notes"]]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            remedy = "resume with the options that the run was started with"
            raise UserError("the checkpoint is of another network", got=reason(error), remedy=remedy) from error
        if not self._finite():
            raise UserError("the checkpoint's weights are not finite", remedy="start another run")

    def start_from(self, state: dict[str, Any]) -> None:
        """Take another run's networks, not its optimisers or its place: what one data set taught helps with the next.

        Raises UserError for a state of another architecture.
        """
        self.load(self.state() | {name: state.get(name) for name in ("maker", "judge", "shown")})

    def paint(self, n: int, seed: int) -> np.ndarray:
        """Return `n` pictures of the running mean: uint8 [n, h, w, 3]; the same for the same seed and weights."""
        rng = torch.Generator().manual_seed(seed)
        return np.concatenate([self.painted(self.shown.draw(min(32, n - start), rng)) for start in range(0, n, 32)])

    @torch.no_grad()
    def painted(self, inputs: dict[str, Tensor]) -> np.ndarray:
        """Return what the running mean makes of inputs on the CPU: uint8 [n, h, w, 3]."""
        pictures = self.shown({k: v.to(self.device) for k, v in inputs.items()})
        return (pictures.clamp(0, 1) * 255.0 + 0.5).byte().movedim(1, -1).cpu().numpy()


def trainer_of(options: Options) -> type[Trainer]:
    """Return what trains by the recipe that the options name. Raises UserError where the plain one is not installed."""
    return Trainer if options.recipe == "full" else laboratory("plain_gan", PLAIN_RECIPES).PlainTrainer
