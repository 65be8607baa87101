"""The show document: scenes, mappings, setlists. Plain data and pure functions; no sound, no pixels, no sockets."""
