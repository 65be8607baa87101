"""A controller whose eight knobs are all turned at once, as a process: sends so many messages a second through JACK.

Arguments: messages a second, seconds. Says how many it sent. `storm_mapping` is for the show that hears it.
"""

from __future__ import annotations

import sys

from phosphene.engine.core import clock
from phosphene.engine.core.child import python_child

NAME = "storm"
# Of the deck that is not seen: what is measured is the messages, and not what they change in the picture.
_ADDRESSES = ("zoom", "rotate", "pan_x", "pan_y", "speed", "react", "melt", "mutate")
_BURST_S = 0.005  # JACK loses messages where hundreds come in one of its periods of 5.3 ms


def command(a_second: int, seconds: float) -> list[str]:
    """Return the command that runs it."""
    return python_child("phosphene.tools.lab.midi_storm", str(a_second), str(seconds))


def storm_mapping() -> str:
    """Return the mapping file of the controller."""
    controls = (
        f'[[control]]\ninput = "cc 1 {k}"\naddress = "/deck/b/{name}"\nmode = "jump"\n' for k, name in enumerate(_ADDRESSES)
    )
    return f'version = 1\ndevice = "{NAME}_capture"\n' + "".join(controls)


def main(a_second: int, seconds: float) -> int:
    """Send them, evenly; return how many."""
    import rtmidi

    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=f"{NAME}_capture")
    out.open_virtual_port("midi")
    began, sent = clock.now(), 0
    while sent < a_second * seconds:
        due = min(a_second * seconds, a_second * (clock.now() - began + _BURST_S))
        while sent < due:
            out.send_message((0xB0, sent % len(_ADDRESSES), sent // len(_ADDRESSES) % 128))
            sent += 1
        clock.sleep(_BURST_S)
    out.delete()
    return sent


if __name__ == "__main__":
    sys.stdout.write(f"{main(int(sys.argv[1]), float(sys.argv[2]))}\n")
