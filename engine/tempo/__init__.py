"""Tempo: the causal beat tracker and the Timeline, a line (beat0, t0, bpm) that never jumps."""
