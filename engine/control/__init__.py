"""Control: the OSC address table, the bus, the server, feedback."""
