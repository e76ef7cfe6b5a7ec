"""Generation: queries for documents, asked of a language model behind an HTTP endpoint."""

from pipeline.generation.generate import Cost, Generate

__all__ = ["Cost", "Generate"]
