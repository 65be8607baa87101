"""Transitions between decks and the output pass; the interlock field in numpy."""
