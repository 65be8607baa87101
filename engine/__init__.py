"""Phosphene: a live instrument that lets neural networks paint music.

Importing this package loads nothing: every subpackage is imported by whoever needs it.
"""

__version__ = "0.1.0"
