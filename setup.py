"""The packages of the wheel: the repository's folders below `phosphene`. Everything else is in pyproject.toml."""

from setuptools import find_packages, setup

_FOLDERS = ["engine", "engine.*", "kernels", "kernels.*", "tools", "tools.*"]
_LABORATORY = ["tools.bench", "tools.bench.*", "tools.moodboards"]

setup(
    package_dir={"phosphene": "."},
    packages=["phosphene", *(f"phosphene.{name}" for name in find_packages(include=_FOLDERS, exclude=_LABORATORY))],
)
