"""MIDI controllers: bytes, mapping files, learning, takeover, lights, clock, ports, and the surface that joins them."""
