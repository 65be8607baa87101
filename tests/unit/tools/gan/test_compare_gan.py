"""The comparison's table: means over seeds, beside what real pictures and an untrained network score."""

from __future__ import annotations

from tools.compare_gan import _ROWS, table


def scores(kid: float) -> dict[str, float]:
    found = {key: 1.0 for row in _ROWS for key in (row[0], row[2], row[3]) if key}
    return found | {"kid": kid, "kid_real": 0.01, "kid_untrained": 4.0}


def test_means_and_deviations_stand_beside_both_nulls():
    said = table({"ours": [scores(1.0), scores(2.0)], "seed004": [scores(3.0), scores(3.0)]}, "some features")
    row = next(line for line in said.splitlines() if line.startswith("| KID"))
    assert row == "| KID, lower is better | 1.5 ± 0.5 | 3 | 0.01 | 4 |"
    assert "2 seeds" in said
    assert "some features" in said
