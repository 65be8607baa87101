"""Effects change pixels: parameter zero is identity, output is finite and premultiplied."""
