"""A virtual MIDI controller in a process of its own: plays what stdin says, a message a line in hex, prints what it is sent.

python tests/live/midi_controller.py NAME. A line `sleep 0.02` waits; `at` before the bytes prints when they were sent.
"""

from __future__ import annotations

import sys

import rtmidi

from phosphene.engine.core import clock


def main(name: str) -> None:
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=f"{name}_capture")
    lights = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=f"{name}_playback")
    lights.set_callback(lambda event, _: print("light", bytes(event[0]).hex(" "), flush=True))
    lights.open_virtual_port("midi")
    out.open_virtual_port("midi")
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "sleep":
            clock.sleep(float(words[1]))
            continue
        if words[0] == "at":
            print("sent", clock.now(), flush=True)
        out.send_message([int(word, 16) for word in words if word != "at"])


if __name__ == "__main__":
    main(sys.argv[1])
