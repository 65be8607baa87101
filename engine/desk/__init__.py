"""The desk: the page from which a show is played in a browser, and its server."""
