"""Sound in: the capture process, the feature analyzer, sources, the demo track. Runs mostly in its own process."""
