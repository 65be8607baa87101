"""Network definitions, the one input encoding, style files. numpy only; nothing here draws."""
