"""Results that name a folder: a new workspace, an exported version."""

from pipeline.results.result import Result


class InitResult(Result):
    """A new workspace: its folder, its settings file, and the folders to put data into."""

    workspace: str
    settings: str
    folders: tuple[str, ...]


class ExportResult(Result):
    """A version's model as a plain sentence-transformers folder."""

    version: int
    directory: str
