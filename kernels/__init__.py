"""Device code (CUDA, GLSL) and plain numpy references beside it. Imports numpy only."""
