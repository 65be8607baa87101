"""Play Phosphene from a Python program, and listen to what it says back. Needs: pip install python-osc

Start a show first, with a picture to change (`vj live --scene tide`). Then, on the same machine:

    python osc_client.py                    # a sweep of deck a's zoom, the next scene, and what the show answers
    python osc_client.py --host 192.168.1.20 --seconds 30
"""

from __future__ import annotations

import argparse
import math
import threading
import time

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient


def main() -> None:
    parser = argparse.ArgumentParser(description="Sweep the zoom of deck a, call the next scene, print the state.")
    parser.add_argument("--host", default="127.0.0.1", help="the machine that plays (it must listen: --osc-host)")
    parser.add_argument("--port", type=int, default=9000, help="where the show listens")
    parser.add_argument("--state-port", type=int, default=9001, help="where the show sends its state")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to play")
    options = parser.parse_args()

    # The show sends its state to every host that it has heard from: begin to listen before the first message.
    dispatcher = Dispatcher()
    dispatcher.map("/state/scene", lambda _, name: print(f"scene    {name}", flush=True))
    dispatcher.map("/state/message", lambda _, text: print(f"message  {text}", flush=True) if text else None)
    dispatcher.map("/state/tempo/bpm", lambda _, bpm: print(f"tempo    {bpm:.1f} bpm", flush=True))
    dispatcher.map("/state/beat", lambda _, beat: print(f"beat     {beat}", flush=True))
    server = BlockingOSCUDPServer(("0.0.0.0", options.state_port), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    client = SimpleUDPClient(options.host, options.port)
    begun = time.monotonic()
    called = False
    while (t := time.monotonic() - begun) < options.seconds:
        client.send_message("/deck/a/zoom", 1.0 + 0.5 * math.sin(2 * math.pi * t / 5.0))  # 0.5 to 1.5, every 5 s
        if not called and t > options.seconds / 2:
            client.send_message("/scene/next", [])
            called = True
        time.sleep(1 / 50)
    client.send_message("/deck/a/zoom", 1.0)
    server.shutdown()


if __name__ == "__main__":
    main()
