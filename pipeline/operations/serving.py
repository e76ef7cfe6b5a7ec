"""The verbs of the public face that bring a promotion to the users."""

from pipeline.operations.opening import Opening


class Serving(Opening):
    """A workspace whose versions have an index and a service; `Workspace` adds the other verbs."""
