"""The demonstration on the documentation of the installed packages."""
