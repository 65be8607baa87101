"""Trains generators that decks play: networks, losses, augmentation, runs, measures. Used by `tools/train_gan.py`."""
