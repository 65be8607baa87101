"""Backends run a network: cpu (chunked BLAS), glsl. select.py says which and why."""
