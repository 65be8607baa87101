"""Nothing that is there is ever replaced or lost, whoever writes, and whoever else does so at the same moment."""

from __future__ import annotations
