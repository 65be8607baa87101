"""Tries an ISF shader: does it compile, does it end, is what it paints a number, and does each input change the picture?

Runs in the worker (`isf_worker.py`), which may hang or die of it; needs a current GL context. The pictures and the sound
that it is tried with are made here, by formula: on one machine, two of the same file have the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phosphene.engine.backends.isf_program import IsfProgram, Moment
from phosphene.engine.core import clock
from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.engine.gpu.texture import RenderTarget
from phosphene.engine.models.isf import Isf, imported_pictures
from phosphene.engine.models.isf_input import IsfInput

TRIAL_SIZE = Size(96, 54)
FRAMES, LEAST_FRAMES = 14, 3  # of a run: more than shaders keep of the past
STEP_S = 0.21  # from frame to frame: no multiple of a rate that anything has
_RUN_S = 3.0  # that a run should take at most: of a shader that is slow here, runs have fewer frames
_OTHER_SIZE = Size(64, 64)  # of a second picture: how it is fitted to the first one shows
_FIRED = (7, 11)  # the frames in which an event comes: shaders shut it out at their beginning
MOST_BAD = 0.95  # share of pixels that are no numbers in a run's last frame
_SEEN = 1.5 / 255.0  # a change of the picture that 8 bits show
_SETTINGS = 14  # of the other inputs, that an input is tried in
_MOST_RUNS = 600
_THOROUGH_S = 10.0  # after which an input that has not answered is taken not to

Values = dict[str, tuple[float, ...]]


@dataclass
class Verdict:
    """What came of a trial. ok: fit for the show; else reason, where and remedy say why not.

    opaque: it never says how much its picture covers (alpha is 0 throughout, as authors forget it): to be taken for opaque.
    bad: share of pixels that were no numbers at the end. ms: mean time of a frame of TRIAL_SIZE. answers: name of each input
    -> whether the picture changed with it. notes: what a person should know.
    """

    ok: bool
    reason: str = ""
    where: str = ""
    remedy: str = ""
    opaque: bool = False
    bad: float = 0.0
    ms: float = 0.0
    answers: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def judge(isf: Isf, thorough: bool) -> Verdict:
    """Return the verdict on a shader. thorough: also try each input; else that it runs, with its inputs at their ends."""
    try:
        program = IsfProgram(isf, imported_pictures(isf))
    except UserError as error:
        got = "" if error.got is None else f": {error.got}"
        return Verdict(False, error.what + got, error.where, error.remedy or "mend the shader, or ask its author")
    trial = _Trial(isf, program)
    try:
        return trial.verdict(thorough)
    except UserError as error:
        return Verdict(False, error.what, error.where, error.remedy)
    finally:
        trial.close()
        program.close()


class _Trial:
    """Runs of one shader, each from its beginning."""

    def __init__(self, isf: Isf, program: IsfProgram) -> None:
        self.isf, self.program = isf, program
        self.target = RenderTarget(TRIAL_SIZE, "rgba32f")
        self.pictures = [{each.name: Film(each, n, other) for n, each in enumerate(isf.inputs) if each.is_picture}
                         for other in (False, True)]  # fmt: skip
        self.runs, self.opaque, self.count = 0, False, 1
        self.began = clock.now()

    def verdict(self, thorough: bool) -> Verdict:
        self.run({})  # drivers compile at the first draw
        began = clock.now()
        self.run({})
        seconds = clock.now() - began
        self.count = max(LEAST_FRAMES, min(FRAMES, int(_RUN_S / max(seconds, 1e-6))))
        began = clock.now()
        frames = self.run({})
        ms = (clock.now() - began) * 1e3 / self.count
        bad = 1.0 - float(np.isfinite(frames[-1]).all(axis=-1).mean())
        self.opaque = bool(_seen(frames)[..., 3].max() < _SEEN <= _seen(frames, True)[..., :3].max())
        found = Verdict(True, opaque=self.opaque, bad=bad, ms=ms)
        if bad > MOST_BAD:
            found.ok, found.where = False, str(self.isf.path)
            found.reason = f"{bad:.0%} of its picture is no number after {self.count} frames"
            found.remedy = "look for a division by 0, a root or a power of what is negative"
            return found
        if bad:
            found.notes.append(f"{bad:.1%} of its pixels are no numbers: they are black here")
        for place in (1.0, -1.0):
            self.run({each.name: each.at((place,) * len(each.default)) for each in self.isf.values})
        if thorough:
            found.answers = self._answers(frames)
            found.notes += _notes(self.isf, _seen(frames, self.opaque), found.answers)
        if self.opaque:
            found.notes.append("its alpha is 0 all over: it is taken for opaque")
        return found

    def run(self, values: Values, *, fired: str = "", other: str = "") -> np.ndarray:
        """Return `count` frames, [n, h, w, 4], as the shader has them.

        fired: an event that comes in some frames. other: a picture input that gets another film.
        """
        self.program.reset()
        self.runs += 1
        frames = []
        for k in range(self.count):
            now: Values = dict(values)
            if fired:
                now[fired] = (float(k in _FIRED),)
            films = {name: film if name != other else self.pictures[1][name] for name, film in self.pictures[0].items()}
            shown = {name: film.frames[k] for name, film in films.items()}
            self.program.render(self.target, Moment(k * STEP_S, STEP_S), now, shown)
            frames.append(self.target.read())
        return np.stack(frames)

    def _answers(self, plain: np.ndarray) -> dict[str, bool]:
        answers = dict.fromkeys((each.name for each in self.isf.inputs), False)
        for setting, base in self._settings(plain):
            before = _seen(base, self.opaque)
            for each in self.isf.inputs:
                if answers[each.name]:
                    continue
                for values, fired, other in _changes(each, setting):
                    if self.runs > _MOST_RUNS or clock.now() - self.began > _THOROUGH_S:
                        return answers
                    after = _seen(self.run({**setting, **values}, fired=fired, other=other), self.opaque)
                    if np.abs(after - before).max() > _SEEN:
                        answers[each.name] = True
                        break
            if all(answers.values()):
                break
        return answers

    def _settings(self, plain: np.ndarray) -> Iterator[tuple[Values, np.ndarray]]:
        """Yield values of all inputs and the frames that they give: the defaults first, then some by chance, always the
        same ones. What does nothing at an amount of 0 shows in those."""
        yield {}, plain
        rng = np.random.default_rng(7)
        for n in range(_SETTINGS - 1):
            values = [each for each in self.isf.values if each.kind != "event"]
            setting = {each.name: _by_chance(each, rng) if n else each.at((1.0,) * len(each.default)) for each in values}
            yield setting, self.run(setting)

    def close(self) -> None:
        self.target.close()
        for films in self.pictures:
            for film in films.values():
                film.close()


def _changes(each: IsfInput, setting: Mapping[str, tuple[float, ...]]) -> Iterator[tuple[Values, str, str]]:
    """Yield ways to change one input: values, an event that is fired, a picture that is another."""
    if each.is_picture:
        yield {}, "", each.name
    elif each.kind == "event":
        yield {}, each.name, ""
    elif each.kind == "bool":
        yield {each.name: (1.0 - setting.get(each.name, each.default)[0],)}, "", ""
    elif each.kind == "long":
        step = max(1, len(each.values) // 6)
        for value in each.values[::step][:7]:
            yield {each.name: (float(value),)}, "", ""
    elif len(each.default) > 1:
        for places in ((1.0, -1.0, 0.5, 1.0), (-1.0, 1.0, -0.5, 0.2), (0.37, 0.61, -0.9, -1.0)):
            yield {each.name: each.at(places[: len(each.default)])}, "", ""
    else:
        for place in (1.0, -1.0, 0.53):
            yield {each.name: each.at((place,))}, "", ""


def _by_chance(each: IsfInput, rng: np.random.Generator) -> tuple[float, ...]:
    if each.kind == "long":
        return (float(rng.choice(each.values)),)
    if each.kind == "bool":
        return (float(rng.integers(2)),)
    return tuple(float(rng.uniform(low, high)) for low, high in zip(each.minimum, each.maximum, strict=True))


def _seen(frames: np.ndarray, opaque: bool = False) -> np.ndarray:
    """Return the frames as a screen has them: 0 to 1, light and cover."""
    frames = np.clip(np.nan_to_num(frames, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    if opaque:
        frames[..., 3] = 1.0
    return np.concatenate([frames[..., :3] * frames[..., 3:], frames[..., 3:]], axis=-1)


def _notes(isf: Isf, seen: np.ndarray, answers: Mapping[str, bool]) -> list[str]:
    found = []
    silent = [name for name, answered in answers.items() if not answered]
    if silent:
        found.append(f"no change of the picture with {', '.join(silent)}")
    if seen[..., 3].max() < _SEEN:
        found.append("its picture is transparent all over: with its inputs as they come nothing is seen")
    elif isf.kind == "generator" and np.ptp(seen[..., :3], axis=(1, 2)).max() < _SEEN:
        found.append("its picture is one flat colour")
    return found


class Film:
    """What a picture input is tried with: discs and stripes that move over a gradient, grain, a hole; or a sound.

    number: which input it is, other: the second film of that input. All of them differ.
    """

    def __init__(self, each: IsfInput, number: int, other: bool) -> None:
        rng = np.random.default_rng([number, int(other), 3])
        self.frames = []
        for k in range(FRAMES):
            if each.kind == "image":
                size = TRIAL_SIZE if number == 0 else _OTHER_SIZE
                array = _picture(size, rng.permutation(3), number + (0.5 if other else 0.0), k, rng)
            else:
                columns = each.samples or 256
                wave = np.sin(np.arange(columns) * (0.11 + 0.2 * other) + k) * (0.2 if other else 0.8)
                level = 0.5 + 0.5 * wave if each.kind == "audio" else np.abs(wave) * np.linspace(1.0, 0.1, columns)
                array = np.repeat(level.astype(np.float32)[None, :, None], 3, axis=2)
            frame = RenderTarget(Size(1, 1), "rgba8" if each.kind == "image" else "rgba16f")
            frame.upload(array)
            self.frames.append(frame)

    def close(self) -> None:
        for frame in self.frames:
            frame.close()


def _picture(size: Size, order: Any, shift: float, k: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32)
    u, v = x / size.width, y / size.height
    disc = np.hypot(u * 1.78 - 0.4 - 0.13 * k - 0.17 * shift, v - 0.5 + 0.11 * shift) < 0.24
    stripes = 0.5 + 0.5 * np.sin((u + v * (1.0 + shift)) * 28.0 + k + shift)
    channels = [0.15 + 0.7 * u, 0.9 * np.where(disc, 1.0 - v, v * 0.4), 0.6 * stripes]
    picture = np.stack([channels[c] for c in order] + [np.ones_like(u)], axis=-1)
    picture[..., :3] += rng.uniform(-0.08, 0.08, picture.shape[:2])[..., None]
    picture[-9:, int(20 * shift) : int(20 * shift) + 20, 3] = 0.0
    return (np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
