"""Pictures from outside: stills, clips and cameras as frames of 8 bits. Knows files and devices, no networks, no OpenGL."""
