"""The filter banks and the window."""

from __future__ import annotations

import numpy as np
import pytest

from phosphene.engine.audio.spectrum import MelBank, attack_window, bin_frequencies, chroma_filters

FREQUENCIES = bin_frequencies(1024, 48_000)


def test_newest_hop_has_a_quarter_of_the_energy() -> None:
    energy = attack_window(1024, 256).astype(np.float64) ** 2
    assert energy[-256:].sum() / energy.sum() == pytest.approx(0.25, abs=0.01)


def test_mel_bank_is_triangles_that_add_up_to_one() -> None:
    """Summing over bands gives back every bin between the first and the last centre."""
    bank = MelBank(FREQUENCIES, 40)
    matrix = np.zeros((40, len(FREQUENCIES)), np.float32)
    for i in range(len(FREQUENCIES)):
        unit = np.zeros(len(FREQUENCIES), np.float32)
        unit[i] = 1.0
        bank.apply(unit, matrix[:, i])
    assert np.all(matrix >= 0)
    assert np.all(matrix.sum(axis=1) > 0)  # no empty band, however narrow
    inside = (FREQUENCIES > 100) & (FREQUENCIES < 14_000)
    assert matrix.sum(axis=0)[inside] == pytest.approx(np.ones(inside.sum()), abs=1e-5)
    assert np.all(np.diff(np.argmax(matrix, axis=1)) > 0)


def test_mel_bank_equals_the_dense_product() -> None:
    bank = MelBank(FREQUENCIES, 40)
    matrix = np.zeros((40, len(FREQUENCIES)), np.float32)
    for i in range(len(FREQUENCIES)):
        unit = np.zeros(len(FREQUENCIES), np.float32)
        unit[i] = 1.0
        bank.apply(unit, matrix[:, i])
    power = np.random.default_rng(0).random(len(FREQUENCIES)).astype(np.float32)
    out = np.zeros(40, np.float32)
    bank.apply(power, out)
    assert out == pytest.approx(matrix @ power, rel=1e-5)


def test_chroma_bins_belong_to_their_note() -> None:
    frequencies = bin_frequencies(4096, 48_000)
    filters, bins = chroma_filters(frequencies)
    a4 = int(np.argmin(np.abs(frequencies[bins] - 440.0)))
    assert int(np.argmax(filters[:, a4])) == 9
