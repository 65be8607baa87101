"""How the autopilot is set: a part of the show document, so that takes, snapshots and rerenders hold it. Frozen values.

Who flies is `engine/app/autopilot.py`; a document without anybody there to read this is the same show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from phosphene.engine.core.params import Param

PHRASE = 32.0  # counted beats: four a bar whatever its metre, two in a bar of two
ORDERS = ("list", "shuffle", "tags")

# A scene stands a phrase at least: in less, half of what is seen would be crossfades.
BEATS = Param("beats", "Beats", PHRASE, 1024.0, 64.0, "How long a scene stands", "beats")
CHANCE = Param("chance", "Chance", 0.0, 1.0, 0.0, "How likely it stands one phrase longer")
RETURN = Param("return", "Return", 0.0, 64.0, 0.0, "After how many phrases the autopilot comes back", "phrases")


@dataclass(frozen=True, slots=True)
class Piloting:
    """on: it changes scenes. comes_back: phrases after a hand's move until it is on again; 0: only by its button."""

    on: bool = False
    beats: float = BEATS.default
    chance: float = CHANCE.default
    order: str = ORDERS[0]
    comes_back: int = 0

    def fitted(self) -> Piloting:
        """Return these settings in range: those of a file may be any."""
        return replace(
            self,
            beats=BEATS.clamp(self.beats),
            chance=CHANCE.clamp(self.chance),
            order=self.order if self.order in ORDERS else ORDERS[0],
            comes_back=int(RETURN.clamp(self.comes_back)),
        )


PILOTING = Piloting()  # off
