"""The command line: one file per command, each a thin layer over a verb of `Workspace`."""
