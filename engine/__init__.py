"""What runs in a show and in a render. Importing this package loads nothing."""

if __name__ == "engine":  # by its old name, from a checkout on the path
    from phosphene.engine.core.old_names import take

    take(__name__)
