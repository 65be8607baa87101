"""The laboratory: benchmarks, comparisons, plain recipes to compare with, and what makes the pictures of the documents.

It is in the source archive and not in the wheel. The rest of `tools/` reaches it by `tools/laboratory.py` alone.
"""
