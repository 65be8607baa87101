"""Pacing: the resolution governor and the frame budget."""
