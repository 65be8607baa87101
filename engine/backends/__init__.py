"""Backends run a network: cuda (fused kernel), torch, glsl, cpu (chunked BLAS). select.py says which and why."""
