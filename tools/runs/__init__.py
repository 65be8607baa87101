"""What every training run has: a folder, options, a checkpoint, a loop, ways back from bad steps, a report."""
