"""A CUDA driver without a GPU (`driver.cpp`), what is asked of a binding (`calls.py`), and a process that asks it."""
