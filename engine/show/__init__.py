"""The show: its document, the scenes and setlists it is made of, and the mappings from music to parameters."""
