"""Train the network that hears kick, snare and hat: engine/audio/weights/drums.npz.

    python tools/lab/ears/train_drums.py --samples DIR [--mixes 3200] [--steps 8000] [--workers 2] [--out FILE]

DIR: the folder etc/samples of https://github.com/sonic-pi-net/sonic-pi (CC0), of whose one-shots a third is held out.
Without it the drums are synthetic alone. Everything else is made from seeds: `drum_mixes.py`. What a mix is heard at is
drawn anew at every step: its level over 38 dB, and an equaliser.

The thresholds are those of the best F on other mixes of the same one-shots. Then held-out mixes are scored: other one-shots,
other voices and notes, other rhythms; beside the bands, the network before training, and each one's hits turned round in
time (the null). Some six minutes of a core for the mixes, four for the training, three for the scores.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from phosphene.engine.audio.drum_network import HIDDEN, TAPS, WEIGHTS, Crossing, DrumNetwork
from phosphene.engine.audio.drums import CLASSES, Drums
from phosphene.engine.core.signals import HOP, MEL_BANDS, SAMPLE_RATE
from phosphene.tools.lab.ears.drum_examples import Example, examples, log_mel, stacked, steady_examples
from phosphene.tools.lab.ears.drum_mixes import SECONDS
from phosphene.tools.lab.ears.drum_scoring import HeardDrums, Tally, heard, tallied
from phosphene.tools.lab.ears.mels import COMPRESSION

_BOX = 800  # mixes that share a box of made sounds
_VOICES = 150  # of a name, in a box
_STEADY = 16  # mixes to one sound that has no hits
_LEARNT, _TUNED, _HELD_OUT = 0, 100_000, 200_000  # first seeds of the mixes
_STRETCHES, _HOPS = 96, 96  # a step learns from so many stretches of so many hops, each at a level of its own
_RATE, _DECAY = 3e-3, 1e-4
_LOUDER_DB = (-30.0, 8.0)
_THRESHOLDS = np.round(np.arange(0.15, 0.9, 0.05), 2)


def network() -> nn.Sequential:
    """Return the network as the engine runs it, without its last sigmoid."""
    sizes = (len(TAPS) * MEL_BANDS, *HIDDEN, len(CLASSES))
    layers: list[nn.Module] = []
    for into, out in pairwise(sizes):
        layers += [nn.Linear(into, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(found: list[Example], steps: int, seed: int = 0, model: nn.Sequential | None = None) -> nn.Sequential:
    """Return a network trained for so many steps; model: goes on with this one, at a third of the rate.

    The rate falls along a cosine to nothing.
    """
    power, wanted, weight = (torch.from_numpy(x) for x in stacked(found))
    mixes, hops, _ = power.shape
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    rate = _RATE if model is None else _RATE / 3.0
    model = network() if model is None else model
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=_DECAY)
    bands = torch.linspace(-1.0, 1.0, MEL_BANDS)
    scale = float(np.log(COMPRESSION))
    total = 0.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * np.cos(np.pi * step / steps)) * min(1.0, (step + 1) / 100)
        which = torch.randint(mixes, (_STRETCHES, 1), generator=rng)
        at = torch.randint(TAPS[-1], hops - _HOPS, (_STRETCHES, 1), generator=rng) + torch.arange(-TAPS[-1], _HOPS)
        gain = torch.empty(_STRETCHES, 1).uniform_(*_LOUDER_DB, generator=rng)
        tilt, bow = (torch.randn(_STRETCHES, 1, generator=rng) * db for db in (4.0, 3.0))
        curve = gain + tilt * bands + bow * torch.sin(3.0 * bands + 6.28 * torch.rand(_STRETCHES, 1, generator=rng))
        shift = (scale + curve * float(np.log(10.0)) / 10.0)[:, None, :]
        mel = nn.functional.softplus(power[which, at].float() + shift)
        x = torch.stack([mel[:, TAPS[-1] - tap :][:, :_HOPS] for tap in TAPS], dim=2)
        now_at = at[:, TAPS[-1] :]
        y, counts = wanted[which, now_at].float(), weight[which, now_at].float()
        said = model(x.flatten(2))
        loss = (nn.functional.binary_cross_entropy_with_logits(said, y, reduction="none") * counts).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += float(loss.detach())
        if (step + 1) % 500 == 0:
            print(f"step {step + 1}: loss {total / 500:.4f}", flush=True)
            total = 0.0
    return model


def exported(model: nn.Sequential, threshold: np.ndarray, lag_s: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights as they are shipped, float16; threshold and lag float32."""
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    out = {}
    for k, layer in enumerate(layers):
        out[f"weight{k}"] = layer.weight.detach().numpy().T.astype(np.float16)
        out[f"bias{k}"] = layer.bias.detach().numpy().astype(np.float16)
    return out | {"threshold": threshold.astype(np.float32), "lag_s": lag_s.astype(np.float32)}


def heard_all(found: list[Example], weights: dict[str, np.ndarray] | None, seed: int) -> list[HeardDrums]:
    """Return what the network, or without weights the bands, hear of every mix, at levels that are drawn."""
    levels = np.random.default_rng(seed).uniform(*_LOUDER_DB, len(found))
    network = None if weights is None else {name: w.astype(np.float32) for name, w in weights.items()}
    return [
        heard(Drums(None if network is None else DrumNetwork(network), (True,) * len(CLASSES)), log_mel(power, float(db)))
        for (power, _), db in zip(found, levels, strict=True)
    ]


def tuned(model: nn.Sequential, found: list[Example]) -> dict[str, np.ndarray]:
    """Return the weights with the best threshold of every class, and how late it is then."""
    untuned = exported(model, np.full(len(CLASSES), 0.5), np.zeros(len(CLASSES)))
    network = DrumNetwork({name: w.astype(np.float32) for name, w in untuned.items()})
    levels = np.random.default_rng(1).uniform(*_LOUDER_DB, len(found))
    told = []
    for (power, _), db in zip(found, levels, strict=True):
        logits = np.zeros((len(power), len(CLASSES)))
        for k, mel in enumerate(log_mel(power, float(db))):
            network.step(mel)
            logits[k] = network.logits
        told.append(logits)
    best = [(0.0, 0.5, 0.0)] * len(CLASSES)
    for k, name in enumerate(CLASSES):
        for threshold in _THRESHOLDS:
            first, second = Tally(), Tally()
            crossed = [_crossed(logits[:, k], float(threshold)) for logits in told]
            for times, (_, hits) in zip(crossed, found, strict=True):
                first.add(name, HeardDrums({name: times}, {name: times}, {}), hits[name], SECONDS)
            lag = float(np.median(first.late)) if first.late else 0.0
            for times, (_, hits) in zip(crossed, found, strict=True):
                second.add(name, HeardDrums({name: times - lag}, {name: times}, {}), hits[name], SECONDS)
            best[k] = max(best[k], (second.f, float(threshold), lag))
    return exported(model, np.array([b[1] for b in best]), np.array([b[2] for b in best]))


def _crossed(logits: np.ndarray, threshold: float) -> np.ndarray:
    """Return when hits are flagged, float64 s."""
    crossing = Crossing(threshold)
    return (np.flatnonzero([crossing.step(logit) for logit in logits.tolist()]) + 1) * (HOP / SAMPLE_RATE)


def main() -> None:
    """Make the mixes, train, tune, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, help="a folder of one-shots")
    parser.add_argument("--mixes", type=int, default=3200)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()

    def made(first: int, count: int, box: int, held_out: bool) -> list[Example]:
        return examples(range(first, first + count), box, _VOICES, options.samples, held_out, options.workers)

    found: list[Example] = []
    for box, first in enumerate(range(_LEARNT, _LEARNT + options.mixes, _BOX)):
        found += made(first, min(_BOX, _LEARNT + options.mixes - first), 10 + box, False)
        print(f"{len(found)} mixes", flush=True)
    tuned_on, unheard = made(_TUNED, 120, 1, False), made(_HELD_OUT, 200, 900, True)
    model = train(found, options.steps)
    # Then a quarter as long with sounds among them that have no hits: without them it hears two hits a second in hiss.
    found += steady_examples(range(_LEARNT, _LEARNT + options.mixes // _STEADY))
    model = train(found, options.steps // 4, 1, model)
    weights = tuned(model, tuned_on)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, **weights)
    torch.manual_seed(1)
    untrained = exported(network(), weights["threshold"], weights["lag_s"])
    for name, which in (("network", weights), ("bands", None), ("untrained", untrained)):
        said = heard_all(unheard, which, 2)
        for drum, tally in tallied((w, hits, SECONDS) for w, (_, hits) in zip(said, unheard, strict=True)).items():
            print(f"held out, {name}, {drum}: {tally.figures()}")
    print(f"{options.out}: {options.out.stat().st_size} bytes, thresholds {weights['threshold']}, lags {weights['lag_s']}")


if __name__ == "__main__":
    main()
