"""The flash guard's shaders and, in `reference.py`, the same arithmetic in numpy."""
