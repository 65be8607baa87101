"""The mixer: two decks, effect chains, transitions, master."""
