"""How long steps take on this machine: what `--dry-run` tells, and how many steps `--minutes` has room for."""

from __future__ import annotations

import dataclasses

from phosphene.engine.core import clock
from phosphene.tools.cppn.options import Options
from phosphene.tools.cppn.run import Run, begin
from phosphene.tools.cppn.trainer import trainer_of

_TRIAL_STEPS = 2
_FEW = 100  # steps at a resolution: with fewer, half the resolution teaches more
_SMALLEST = 64  # px wide


def seconds_per_pixel(run: Run) -> float:
    """Return what a step costs for each pixel of its picture, s, by a trial that is thrown away."""
    trainer = begin(run)
    began = clock.now()
    for _ in range(_TRIAL_STEPS):
        trainer.advance()
    return (clock.now() - began) / _TRIAL_STEPS / trainer.size(run.options.resolutions[0]).pixels


def fitted(options: Options, minutes: float, per_pixel: float, *, shrinks: bool) -> Options:
    """Return `options` with as many iterations as `minutes` have room for, at least one.

    per_pixel: s, of `seconds_per_pixel`. shrinks: halve the resolutions while the iterations are few.
    """
    size, sizes = trainer_of(options).size, options.resolutions
    while True:
        taken = per_pixel * sum(size(width).pixels for width in sizes)
        iterations = int(60.0 * minutes / taken)
        if iterations >= _FEW or not shrinks or sizes[0] // 2 < _SMALLEST:
            return dataclasses.replace(options, iterations=min(100_000, max(1, iterations)), resolutions=sizes)
        sizes = tuple(width // 2 for width in sizes)
