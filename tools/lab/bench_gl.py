"""What every pass costs on this machine's OpenGL.

`python tools/lab/bench_gl.py [--size 320x180] [--output 640x360] [--json]`

Whole calls with glFinish, Python and GPU together, and the start-up cost of compiling everything. Sharp effects are drawn at
the output's size, all others at the internal one: give both alike to compare them. The least time is the
one to compare on a busy machine. The budget on two cores of software GL: two effects, a transition and the output pass in
under 10 ms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping

import numpy as np

from phosphene.engine.compositor.mixer import Mixer
from phosphene.engine.compositor.output_pass import OutputPass
from phosphene.engine.core.clock import now
from phosphene.engine.core.frame import Frame, Size
from phosphene.engine.core.params import Param, defaults
from phosphene.engine.core.signals import BeatPosition, Signals, signals_at
from phosphene.engine.effects.enlarge import Enlarger
from phosphene.engine.effects.registry import EFFECTS
from phosphene.engine.generators.base import Generator
from phosphene.engine.generators.idle import Idle
from phosphene.engine.gpu.context import HeadlessContext, info
from phosphene.engine.gpu.gl import GL
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.show.catalogue import TRANSITIONS
from phosphene.engine.show.state import DeckFrame, ShowFrame

_SIGNALS = signals_at(0.0, [], BeatPosition(0.1))
_RUNS = 40


class Plain(Generator):
    """A generator that costs next to nothing."""

    params: tuple[Param, ...] = ()

    def render(self, frame: Frame, signals: Signals, params: Mapping[str, float], target: RenderTarget) -> None:
        target.clear(0.2, 0.5, 0.8, 1.0)

    def close(self) -> None:
        """Nothing is held."""


def cost(draw: Callable[[int], object], runs: int = _RUNS) -> tuple[float, float]:
    """Return median and least ms of `draw(index)` with what the GPU does for it; the first runs compile, do not count."""
    spent = []
    for index in range(runs + 3):
        GL.glFinish()
        start = now()
        draw(index)
        GL.glFinish()
        spent.append(now() - start)
    return 1e3 * float(np.median(spent[3:])), 1e3 * min(spent[3:])


def measure(size: Size, output: Size) -> dict[str, tuple[float, float]]:
    """Return {what: (median ms, least ms)} at internal `size` and `output` size."""
    start = now()
    mixer = Mixer()
    once = 1e3 * (now() - start)
    numbers = {"mixer start-up": (once, once)}
    picture = np.random.default_rng(0).random((size.height, size.width, 4), np.float32)
    source, target, screen = RenderTarget(size), RenderTarget(size), RenderTarget(output, "rgba8")
    source.upload(picture)
    large, drawn = RenderTarget(output), RenderTarget(output)
    final, idle, enlarger = OutputPass(mixer.passes), Idle(), Enlarger(mixer.passes)

    def frame(index: int) -> Frame:
        return Frame(index, index / 60, index / 60, 1 / 60, 60.0)

    numbers["upload float32 rgb"] = cost(lambda i: source.upload(picture[..., :3]))
    numbers["idle"] = cost(lambda i: idle.render(frame(i), _SIGNALS, {}, target))
    numbers["enlarge to the output's size"] = cost(lambda i: enlarger.draw(source, large))
    for name, make in EFFECTS.items():
        effect = make(mixer.passes)
        params = defaults(effect.params) | {"amount": 0.7}
        pair = (large, drawn) if effect.sharp else (source, target)
        numbers[name] = cost(lambda i, e=effect, p=params, at=pair: e.apply(*at, frame(i), _SIGNALS, p))
        effect.close()
    numbers["output pass"] = cost(lambda i: final.draw(source, screen, index=i))
    numbers["output pass, same size"] = cost(lambda i: final.draw(source, target, index=i))

    for deck in ("a", "b"):
        mixer.set_generator(deck, Plain())
    chain = tuple((name, defaults(EFFECTS[name].params) | {"amount": 0.7}) for name in ("feedback", "bloom"))

    def played(kind: str, mix: float, chain: tuple, index: int) -> None:
        decks = DeckFrame("x", {}, chain), DeckFrame("x", {}, ())
        show = ShowFrame(*decks, mix=mix, transition=kind)
        final.draw(mixer.render(frame(index), _SIGNALS, show, size), screen, index=index)

    for kind in TRANSITIONS:
        numbers[f"{kind} + output"] = cost(lambda i, k=kind: played(k, 0.4, (), i))
    numbers["feedback + bloom + interlock + output"] = cost(lambda i: played("interlock", 0.4, chain, i))
    for each in (mixer, final, idle, enlarger, source, target, large, drawn, screen):
        each.close()
    return numbers


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=Size.parse, default=Size(320, 180))
    parser.add_argument("--output", type=Size.parse, default=Size(640, 360))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    context = HeadlessContext()
    numbers = measure(options.size, options.output)
    if options.json:
        print(
            json.dumps(
                {"renderer": info()["renderer"], "ms": {k: [round(x, 3) for x in v] for k, v in numbers.items()}}, indent=2
            )
        )
    else:
        print(f"{info()['renderer']}, {options.size} to {options.output}")
        print(f"{'':40s} {'median':>8s} {'least':>8s} ms")
        for name, (median, least) in numbers.items():
            print(f"{name:40s} {median:8.2f} {least:8.2f}")
    context.close()


if __name__ == "__main__":
    main()
