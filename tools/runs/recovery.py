"""The way back from a bad step: the last good state of a network and its optimiser. Called by the trainers, main thread.

A loss that is not finite changes no weights for good; after six in a row the training gives up.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn
from torch.optim import Optimizer

PATIENCE = 6  # bad steps in a row


class Recovery:
    """Begins with the state as it is. bad: bad steps in a row."""

    def __init__(self, network: nn.Module, optimiser: Optimizer) -> None:
        self._network, self._optimiser = network, optimiser
        self.bad = 0
        self.remember()

    def remember(self) -> None:
        """The state as it is now is good."""
        self.state: tuple[dict[str, Any], dict[str, Any]] = copy.deepcopy(
            (self._network.state_dict(), self._optimiser.state_dict())
        )

    def go_back(self) -> None:
        """Bring the last good state back. The optimiser's rate is set by whoever sets it at each step."""
        network, optimiser = copy.deepcopy(self.state)
        self._network.load_state_dict(network)
        self._optimiser.load_state_dict(optimiser)

    def step_back(self, why: str, step: int, rate: float) -> tuple[float, str]:
        """Count a bad step and go back; return the factor of the rate, halved, and what a person should be told.

        Raises FloatingPointError at the sixth in a row.
        """
        self.bad += 1
        self.go_back()
        if self.bad >= PATIENCE:
            raise FloatingPointError(f"{why} {self.bad} times in a row, at last at step {step}")
        return 0.5 * rate, f"step {step}: {why}; back to the last good weights, rate x {0.5 * rate:g}"
