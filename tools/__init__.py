"""Offline programs: they train, render, export and measure."""

if __name__ == "tools":  # by its old name, from a checkout on the path
    from phosphene.engine.core.old_names import take

    take(__name__)
