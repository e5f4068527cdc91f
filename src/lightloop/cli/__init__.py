"""The command line: one file for each group of commands, and no logic of its own."""
