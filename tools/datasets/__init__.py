"""Data for the trainers: pictures and loops in a folder with a manifest.

Made by `tools/make_dataset.py`, read through `tools.datasets.manifest.load_manifest`. Nothing here uses torch.
"""
