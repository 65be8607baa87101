"""Phosphene: a live instrument that lets neural networks paint music.

This folder, the root of the repository, is the package `phosphene`: `engine/` is `phosphene.engine`, and so on. Importing it
loads nothing: every subpackage is imported by whoever needs it.
"""

__version__ = "0.1.0"
