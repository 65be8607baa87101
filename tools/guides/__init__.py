"""Guides pull the training of a style towards words or pictures; judges, never the same network, score the result."""
