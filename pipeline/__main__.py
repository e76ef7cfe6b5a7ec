"""`python -m pipeline` is the command `anchorhold`."""

from pipeline.cli import main

main()
