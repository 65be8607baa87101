"""Generators make pixels from frozen values: the CPPN, the idle scene."""
