"""`python -m pipeline` is the command `anchorhold`."""

from pipeline.commands.cli import main

main()
