"""OpenGL: contexts, textures, shaders. The only package, with output, that makes GL calls through one seam."""
