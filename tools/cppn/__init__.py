"""What `tools/train_style.py` is made of: the differentiable picture, its cut-outs, the terms of the loss, runs, scores."""
