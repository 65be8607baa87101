"""The application: the one frame function, the live loop, takes, the command line."""
