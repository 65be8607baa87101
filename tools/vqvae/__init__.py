"""The VQ-VAE: its training, the prior that dreams loops of codes, their export. Used by `tools/train_vqvae.py`."""
