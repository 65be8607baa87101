"""Motif: a small text-image contrastive model, trained on pictures and captions that the project makes itself.

`subject` says what can be in a picture, `pictures` paints it, `captions` says it in words, `model` learns to match the
two. `tools/train_motif.py` trains; `tools/guides/motif.py` uses the trained weights to pull and to judge styles.
"""
