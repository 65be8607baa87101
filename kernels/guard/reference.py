"""What a flash is, how flashes are counted, and how the guard holds them back: the arithmetic of the shaders beside it.

Used by the tests, by the plan of an offline render and by the analysis of films. Imports numpy only. Sources: WCAG 2.2,
"general flash and red flash thresholds"; ISO 9241-391:2016; the red measure is that of IRIS (Electronic Arts).

A flash is a pair of opposing changes of relative luminance, each of a tenth of white or more, where the darker of the two is
below 0.8; or of saturated red. What counts is the mean over a tenth of the visual field: the picture is measured in 24 x 24
tiles, of which 8 x 8 make a region a third of the picture wide and high; regions overlap by half, and the 26th is all of it.

    tiles --decide--> factor and fading of each region --field--> 6 x 6 cells --apply--> picture --measure--.
               ^-------------------- settle: what is shown is counted --------------------------------------'
"""

from __future__ import annotations

import numpy as np

TILES = 24  # along each side
CELLS = 6  # along each side; a region is 2 x 2 of them
REGIONS = (CELLS - 1) ** 2 + 1
AGES = 8  # transitions remembered; six may fall into a second

WINDOW_S = 1.0
MOST_FLASHES = 3  # in any WINDOW_S
LUMINANCE_STEP = 0.1  # of white, a transition
DARK = 0.8  # where the darker picture is above this, a change is none
RED_STEP = 20.0 / 320.0  # of mean R - G - B where red is saturated
SATURATED = 0.8  # R / (R + G + B)

# The guard counts a little earlier than the definition and holds a little lower: what follows it (scaling, eight bits, an
# encoder) moves the mean of a region by up to a hundredth. For the same reason a transition is as young as it can be: it has
# its age from where it passes 1.1 steps. Light that fades out passes 0.9, 1 and 1.1 of them some frames apart. Red is
# counted twice, as it is saturated and as it is nearly so: H.264 has one colour for four pixels, which crosses the edge.
CAUTION = 0.9
NEARLY_SATURATED = 0.77
HOLD = 0.5  # of a step above the last dark picture: how far a flash that is held back may rise
HOLD_RED = 0.8  # red is faded whole where it is more
STEADY = 1.5  # frames by which distance and length of flashes may differ that count as steady
SPACING_S = 0.25  # least distance of flashes for a second after one was held back: three of four kicks at 240 bpm
HELD_S = 0.5  # a flash that is held back stays so for this long if it lasts: a rise in its middle would be one more flash
RELEASE_S = 0.4  # then a region comes back from black to full in this time
FADED = 0.5  # how far towards grey held red is moved: pure red then has 0.74 of R + G + B, not nearly saturated
FADED_ENOUGH = 0.46  # from here on pure red is not nearly saturated
RED_RELEASE_S = 0.6

NEVER = 99.0  # s, the age of a transition that has not been

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)


def measure(light: np.ndarray) -> np.ndarray:
    """Return the means of each tile, float32 [24, 24, 3]: relative luminance, saturated red, and red that is nearly so.

    Row 0 is at the top. light: float [h, w, 3], linear, 0..1.
    """
    light = np.asarray(light, np.float32)
    luminance = light @ _WEIGHTS
    red, rest = light[..., 0], light[..., 1] + light[..., 2]
    excess = np.maximum(red - rest, 0.0)
    reds = (np.where(red >= least * (red + rest), excess, 0.0) for least in (SATURATED, NEARLY_SATURATED))
    means = np.stack([luminance, *reds], axis=-1)
    for axis in (0, 1):
        pixels = light.shape[axis]
        starts = np.arange(TILES) * pixels // TILES
        counts = np.maximum(np.diff(starts, append=pixels), 1)  # of fewer pixels than tiles, some are in several tiles
        means = np.add.reduceat(means, starts, axis=axis) / np.expand_dims(counts, (1 - axis, 2)).astype(np.float32)
    return means


def regions(tiles: np.ndarray) -> np.ndarray:
    """Return float32 [..., 26, n]: the means of all regions of tiles [..., 24, 24, n]; the last is the whole picture."""
    size = TILES // CELLS
    lead, measures = tiles.shape[:-3], tiles.shape[-1]
    cells = tiles.reshape(*lead, CELLS, size, CELLS, size, measures).mean(axis=(-4, -2), dtype=np.float32)
    windows = 0.25 * (cells[..., :-1, :-1, :] + cells[..., 1:, :-1, :] + cells[..., :-1, 1:, :] + cells[..., 1:, 1:, :])
    whole = cells.mean(axis=(-3, -2), dtype=np.float32)[..., None, :]
    return np.concatenate([windows.reshape(*lead, REGIONS - 1, measures), whole], axis=-2)


class Transitions:
    """Counts opposing changes of `n` values, each by itself. steps: [n], how much is one; dark: [n], see `DARK`, or inf.

    ages: float32 [n, memory], s since the newest transitions, newest first; rising: whether the newest one went up. Before
    the first one the search goes both ways, unless `dark_before` says that there was darkness. latest: [n], the change at
    which a transition is over and its age begins; before, `steps`.
    """

    def __init__(
        self,
        steps: np.ndarray,
        dark: np.ndarray,
        memory: int = AGES,
        dark_before: bool = False,
        latest: np.ndarray | None = None,
    ) -> None:
        self.steps, self.dark = np.asarray(steps, np.float32), np.asarray(dark, np.float32)
        self.latest = self.steps if latest is None else np.asarray(latest, np.float32)
        self.extreme = np.zeros(len(self.steps), np.float32)  # the darkest value since the last rise, or brightest since ...
        self.base = np.full(len(self.steps), NEVER, np.float32)  # the extreme before that; NEVER: none has been
        self.lasted = np.zeros((len(self.steps), 2), np.float32)  # s, the newest flash and the one before
        self._highest: np.ndarray | None = None  # of those that have had no transition yet; then the extreme is the darkest
        self._before = dark_before
        self.rising = np.zeros(len(self.steps), bool)
        self.ages = np.full((len(self.steps), memory), NEVER, np.float32)

    def add(self, values: np.ndarray, dt: float) -> np.ndarray:
        """Take the next values, `dt` s after the last ones; return where a transition is counted, bool [n]."""
        self.ages = np.minimum(self.ages + np.float32(dt), np.float32(NEVER))
        if self._highest is None:
            self._highest = np.full(len(values), -np.inf, np.float32) if self._before else np.array(values, np.float32)
            self.extreme = self.extreme if self._before else self._highest.copy()
        self._highest = np.where(self._highest > -np.inf, np.maximum(self._highest, values), self._highest)
        extreme = np.where(self.rising, np.maximum(self.extreme, values), np.minimum(self.extreme, values))
        up = ~self.rising & (extreme < self.dark) & (values >= extreme + self.steps)
        down = self.rising & (values < self.dark) & (values <= extreme - self.steps)
        first_down = ~self.rising & ~up & (values < self.dark) & (values <= self._highest - self.steps)
        turned = up | down | first_down
        goes_on = (extreme != self.extreme) & (np.abs(self.extreme - self.base) < self.latest)
        self.ages[goes_on, 0] = 0.0
        self.lasted = np.where(down[:, None], np.stack([self.ages[:, 0], self.lasted[:, 0]], axis=1), self.lasted)
        self.base = np.where(turned, np.where(first_down, self._highest, extreme), self.base)
        self.extreme = np.where(turned, values, extreme).astype(np.float32)
        self._highest = np.where(turned, np.float32(-np.inf), self._highest)
        self.rising = self.rising ^ (up | down)
        pushed = np.concatenate([np.zeros((len(values), 1), np.float32), self.ages[:, :-1]], axis=1)
        self.ages = np.where(turned[:, None], pushed, self.ages)
        return turned

    def recent(self, dt: float) -> np.ndarray:
        """Return which of the remembered transitions lie within the last second, bool [n, memory]."""
        return self.ages < WINDOW_S - 0.5 * dt


class Guard:
    """The shaders' state and rules. For each frame `decide` what to do to it, then `settle` what was made of it.

    What was made of it has to be measured: a red that is faded in part may be saturated or not, as each pixel has it.
    """

    def __init__(self) -> None:
        steps = np.repeat(np.float32([LUMINANCE_STEP, RED_STEP, RED_STEP]), REGIONS) * np.float32(CAUTION)
        dark = np.repeat(np.float32([DARK, np.inf, np.inf]), REGIONS)
        self._seen = Transitions(steps, dark, dark_before=True, latest=steps * np.float32((2.0 - CAUTION) / CAUTION))
        # Of red a frame more than the second: it takes little to tip a pixel into saturation, a frame earlier or later.
        self._window = np.repeat(np.float32([0.5, -1.5, -1.5]), REGIONS)
        self._held = np.full(3 * REGIONS, NEVER, np.float32)  # s since a flash was last begun to be held back
        self.factor = np.ones(REGIONS, np.float32)  # on the light of each region
        self.fading = np.zeros(REGIONS, np.float32)  # 0 as it is .. 1 grey

    def decide(self, tiles: np.ndarray, dt: float, plan: np.ndarray | None = None) -> np.ndarray:
        """Return float32 [6, 6, 2], factor and fading at the cells, for a frame that comes `dt` s after the last one.

        tiles: its measures, float32 [24, 24, 3]. plan: what is held back anyway, in `tiles` already; it is part of what
        comes back.
        """
        began = self._decide(regions(tiles), np.float32(dt))
        self._held = np.where(began, np.float32(0.0), np.minimum(self._held + np.float32(dt), np.float32(NEVER)))
        cells = field(self.factor, self.fading)
        if plan is None:
            return cells
        return np.stack([cells[..., 0] * plan[..., 0], np.maximum(cells[..., 1], plan[..., 1])], axis=-1)

    def settle(self, tiles: np.ndarray, dt: float) -> None:
        """Count what is shown of the frame: float32 [24, 24, 3], the measures of the picture as it was held back."""
        self._seen.add(regions(tiles).T.reshape(-1), dt)

    def _decide(self, values: np.ndarray, dt: np.float32) -> np.ndarray:
        """Set factor and fading for the regions' `values`, [26, 3]; return where holding back begins, bool [78]."""
        seen = self._seen
        values, reds = values.T.reshape(-1), 2  # as saturated and as nearly so, and faded as one
        was_held = np.concatenate([self.factor < 1.0, *reds * [self.fading > 0.0]])
        limit = seen.extreme + np.repeat(np.float32([HOLD, *reds * [HOLD_RED]]), REGIONS) * seen.steps
        light, red = values[:REGIONS], values[REGIONS:]
        # What is dark enough by itself needs no holding, and the next flash that may come through is whole.
        factor = np.where(light <= limit[:REGIONS], np.float32(1.0), self.factor + dt / np.float32(RELEASE_S))
        factor = np.minimum(np.float32(1.0), factor)
        fading = np.maximum(np.float32(0.0), self.fading - dt * np.float32(FADED / RED_RELEASE_S))
        fading = np.where((red <= limit[REGIONS:]).reshape(reds, -1).all(axis=0), np.float32(0.0), fading)
        above = ~seen.rising & (seen.extreme < seen.dark)
        full, rise = above & ~self._allowed(dt), seen.extreme + seen.steps
        still = above & was_held & (self._held + dt < HELD_S) & (values > limit)
        too_light = (full[:REGIONS] & (light * factor >= rise[:REGIONS])) | still[:REGIONS]
        self.factor = np.where(too_light, limit[:REGIONS] / np.maximum(light, np.float32(1e-6)), factor).astype(np.float32)
        # Red comes in the light as it is held: where that falls by itself, holding it lets go faster than `RELEASE_S`.
        red = np.where(np.tile(fading < FADED_ENOUGH, reds), red * np.tile(self.factor, reds), np.float32(0.0))
        too_red = ((full[REGIONS:] & (red >= rise[REGIONS:])) | still[REGIONS:]).reshape(reds, -1).any(axis=0)
        self.fading = np.where(too_red, np.float32(FADED), fading)
        return np.concatenate([too_light, *reds * [too_red]]) & ~was_held

    def _allowed(self, dt: np.float32) -> np.ndarray:
        """Return where one more rise keeps to three flashes a second, bool [78]. The newest transitions there are falls."""
        ages = self._seen.ages + dt
        end = np.float32(WINDOW_S) - self._window * dt
        recent = ages < end[:, None]
        rises, changes = recent[:, 1::2].sum(axis=1), recent.sum(axis=1)
        # A fall will follow. With five transitions in the second behind, it would be the seventh of its second, unless the
        # oldest one has left by then: only of steady flashes is it known that it will.
        periods = np.stack([ages[:, 1], ages[:, 3] - ages[:, 1], ages[:, 5] - ages[:, 3]])
        uneven = np.maximum(np.ptp(periods, axis=0), np.ptp(self._seen.lasted, axis=1))
        leaves = (uneven <= STEADY * dt) & (ages[:, 4] + self._seen.lasted.min(axis=1) - uneven >= end)
        # Once flashes are held back those that come through keep an even distance: three at once and then none for the
        # rest of the second, over and over, would be a pattern of its own.
        spaced = (self._held + dt >= WINDOW_S) | (ages[:, 1] >= SPACING_S - 0.5 * dt)
        return (rises < MOST_FLASHES) & ((changes <= 4) | ((changes == 5) & leaves)) & spaced


def field(factor: np.ndarray, fading: np.ndarray) -> np.ndarray:
    """Return float32 [6, 6, 2]: at each cell the least factor and the most fading of all regions that touch it.

    Whatever lies between cells is a mean of four of them, so no place of a region is held back less than the region asks.
    """
    k, s = (np.pad(x[:-1].reshape(CELLS - 1, CELLS - 1), 2, mode="edge") for x in (factor, fading))
    near = [(slice(i, i + CELLS), slice(j, j + CELLS)) for i in range(4) for j in range(4)]
    k, s = np.min([k[at] for at in near], axis=0), np.max([s[at] for at in near], axis=0)
    return np.stack([np.minimum(k, factor[-1]), np.maximum(s, fading[-1])], axis=-1)


def spread(cells: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return float32 [height, width, 2]: the cells' values at every pixel, smooth, flat at the cells' centres."""
    (top, ty), (left, tx) = _between(height), _between(width)
    below, right = np.minimum(top + 1, CELLS - 1), np.minimum(left + 1, CELLS - 1)
    top, left = np.maximum(top, 0), np.maximum(left, 0)
    tx, ty = tx[None, :, None], ty[:, None, None]
    upper = cells[top][:, left] + tx * (cells[top][:, right] - cells[top][:, left])
    lower = cells[below][:, left] + tx * (cells[below][:, right] - cells[below][:, left])
    return (upper + ty * (lower - upper)).astype(np.float32)  # not a(1-t) + bt: of equal values that is not always their own


def _between(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    place = (np.arange(pixels, dtype=np.float32) + 0.5) / pixels * CELLS - 0.5
    first = np.floor(place)
    t = place - first
    return first.astype(int), (t * t * (3 - 2 * t)).astype(np.float32)


def apply(light: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return float32 [h, w, 3], the light that is shown: `light` (linear, 0..1) faded and dimmed by the cells' values."""
    at = spread(cells, *light.shape[:2])
    grey = (light @ _WEIGHTS)[..., None]
    return ((light + at[..., 1:] * (grey - light)) * at[..., :1]).astype(np.float32)
