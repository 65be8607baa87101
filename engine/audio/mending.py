"""What is no sound becomes silence: samples that are not numbers, infinite, or 80 dB over full scale. The one rule for it.

Called for everything that comes in, on whatever thread carries it: by `decode` for files and by `listener` for every hop, so
that neither an analysis, a recording nor an encoder ever meets such a sample. It is counted, because it has to be said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ABSURD = 1e4  # no input is 80 dB over full scale: a broken file or driver, whose powers would overflow float32


def is_sound(peak: float) -> bool:
    """Tell whether samples whose largest magnitude is `peak` are all sound; a NaN among them makes the peak one."""
    return peak < ABSURD


def all_sound(samples: np.ndarray) -> bool:
    """Tell whether all of `samples`, floats of any shape, are sound."""
    # Twice as fast as by magnitudes. Where there is a NaN both are, and max() keeps its first.
    return is_sound(max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0))))


def mend(samples: np.ndarray) -> int:
    """Set those of `samples`, floats of any shape, that are no sound to 0, in place; return how many they were."""
    with np.errstate(invalid="ignore"):
        broken = ~(np.abs(samples) < ABSURD)  # the comparison is false for a NaN
    samples[broken] = 0.0
    return int(np.count_nonzero(broken))


@dataclass
class SoundFaults:
    """What was wrong with a sound and was made good. broken: samples that were no sound; ended: why its file breaks off."""

    broken: int = 0
    ended: str = ""

    def lines(self) -> list[str]:
        """Return a line for each fault, for people."""
        found = [broken_line(self.broken)] if self.broken else []
        return [*found, f"the file breaks off: {self.ended}"] if self.ended else found


def broken_line(count: int) -> str:
    """Return what is said of so many broken samples."""
    return f"{count} samples are no sound (not a number, infinite or absurd): silence in their place"
