"""Two pieces of music in, one new piece out: matching, warping, masks, measures. Pure functions over arrays."""
