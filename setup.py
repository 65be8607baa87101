"""The packages of the wheel: the repository's folders below `phosphene`. Everything else is in pyproject.toml."""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

_FOLDERS = ["engine", "engine.*", "kernels", "kernels.*", "tools", "tools.*"]
_LABORATORY = ["tools.lab", "tools.lab.*"]  # stays with the source: it measures and compares what the wheel holds


class BuildWithoutThis(build_py):
    """The root is the package: this file lies in it and is none of its modules."""

    def find_package_modules(self, package, package_dir):
        return [found for found in super().find_package_modules(package, package_dir) if found[1] != "setup"]


setup(
    package_dir={"phosphene": "."},
    packages=["phosphene", *(f"phosphene.{name}" for name in find_packages(include=_FOLDERS, exclude=_LABORATORY))],
    cmdclass={"build_py": BuildWithoutThis},
)
