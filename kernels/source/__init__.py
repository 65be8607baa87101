"""How pictures from outside are looked at: the shader, and its reference in numpy."""
