"""Generation: queries for documents, asked of a language model behind an HTTP endpoint."""

from pipeline.generation.endpoint import Endpoint, EndpointFault
from pipeline.generation.generate import Cost, Generate

__all__ = ["Cost", "Endpoint", "EndpointFault", "Generate"]
