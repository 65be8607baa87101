"""The command line: `vj`, one module for each command or family of them. Nothing else imports from here."""
