"""Effects: one fragment shader per pass, and the same arithmetic in numpy (`reference.py`)."""
