"""The library: styles that are installed, what people think of them, their previews; and new ones that are grown."""
