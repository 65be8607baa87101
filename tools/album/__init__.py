"""The album renderer: an `album.toml` and its songs to films with evidence. `tools/render_album.py` is its program."""
