"""The terms of the loss besides the guide: what makes a picture an instrument and not a poster.

All are hinges: 0 while the picture behaves, so that they cost the guide nothing then. Called by the trainer each step, on
small pictures.

    reactivity   other sound, same time: the picture changes by what `growth.calibrate` aims at, and not by much more
    smoothness   same sound, a little later: it moves, not too fast, and without jerks
    contrast     it uses the range from dark to bright
    loop         after `loop_s` of integrated time it is where it was (a function of the weights alone)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from phosphene.engine.core.frame import Size
from phosphene.engine.models.cppn import CppnSpec
from phosphene.engine.models.growth import SOUND_TARGET, TIME_TARGET
from phosphene.tools.cppn.footage import Music
from phosphene.tools.cppn.network import TorchCppn

SMALL = Size(64, 36)
_STEP_S = 0.25  # of integrated time between the three pictures of `smoothness`
_SLOWEST, _FASTEST = 0.6, 3.0  # times TIME_TARGET
_LEAST, _MOST = 0.5, 1.6  # times the change of picture that the change of sound should cause
_JERK = 0.6  # second difference over first: a straight movement has 0, noise 1.7
_CONTRAST = 0.21  # standard deviation of luma: a ramp from black to white has 0.29
_LUMA = (0.2126, 0.7152, 0.0722)


def liveliness(
    network: TorchCppn, music: Music, scales: Mapping[str, float], rng: np.random.Generator
) -> dict[str, torch.Tensor]:
    """Return {"reactivity", "smoothness"}, scalars >= 0, at a random moment."""
    names = network.spec.uniform
    here, there, time = music.draw(rng), music.draw(rng), rng.uniform(0.0, 300.0)
    wanted = expected_change(network.spec, music.levels[here], music.levels[there])
    moments = [(here, time), (there, time), (here, time + _STEP_S), (here, time + 2 * _STEP_S)]
    a, b, c, d = network.paint(np.stack([music.uniforms(names, scales, k, t) for k, t in moments]), SMALL)
    found = {}
    change = _rms(a - b)
    # Relative, so that a small change of sound counts like a large one; 0.03 is a change that is hardly seen.
    found["reactivity"] = (torch.relu(_LEAST * wanted - change) + torch.relu(change - _MOST * wanted - 0.03)) / (
        wanted + 0.03
    )
    first, second = _rms(c - a), _rms(d - 2.0 * c + a)
    pace = first / (TIME_TARGET * _STEP_S)
    found["smoothness"] = (
        torch.relu(_SLOWEST - pace) + 0.5 * torch.relu(pace - _FASTEST) + torch.relu(second / (first + 1e-4) - _JERK)
    )
    return found


def expected_change(spec: CppnSpec, before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the root mean square change of sRGB that sound should cause between two frames' audio levels.

    The inputs' shares are added: they rise together, and untrained networks answer by 0.9 times this sum, where the root of
    the summed squares is off by 3.
    """
    return sum(SOUND_TARGET[name] * abs(after[name] - before[name]) for name in SOUND_TARGET if name in spec.inputs)


def contrast(pictures: torch.Tensor) -> torch.Tensor:
    """Return how far the luma of `pictures` [n, 3, h, w] falls short of a full range, a scalar in 0..1."""
    luma = sum(w * pictures[:, i] for i, w in enumerate(_LUMA))
    return torch.relu(1.0 - luma.std((1, 2)) / _CONTRAST).mean()


def loop(network: TorchCppn, scale: float, period_s: float) -> torch.Tensor:
    """Return how far the first layer's phases are from whole turns after `period_s`, a scalar in 0..2: 0 is seamless.

    Each neuron of a periodic first layer repeats when its time weight x scale x period is a whole number of turns.
    """
    weights = network.w[0][:, network.spec.inputs.index("time")]
    return (1.0 - torch.cos(weights * (scale * period_s))).mean()


def close_loop(weights: Sequence[tuple[np.ndarray, np.ndarray]], spec: CppnSpec, scale: float, period_s: float) -> None:
    """Move the time weights, in place, to the nearest whole number of turns in `period_s`: the seam is then exactly 0."""
    if not scale * period_s:
        return  # time does not move this network: it has no seam
    column = weights[0][0][:, spec.inputs.index("time")]
    turn = 2.0 * math.pi / (scale * period_s)
    column[:] = np.round(column / turn) * turn


def _rms(difference: torch.Tensor) -> torch.Tensor:
    return (difference.square().mean() + 1e-12).sqrt()
