"""A question-answering application of thirty lines, traced with MLflow: its traces are a log.

`data.log = ["mlflow:rag@http://127.0.0.1:5000"]` in anchorhold.toml reads what it leaves there:
what was asked, what was found, and which of it people liked.

    mlflow server --port 5000 &
    python examples/traced_rag.py http://127.0.0.1:5000 corpus.jsonl MODEL < questions.txt
"""

import json
import sys
from pathlib import Path

import mlflow
from mlflow.entities import AssessmentSource, Document, SpanType
from sentence_transformers import SentenceTransformer


class Assistant:
    """Finds documents for a question, and answers with them."""

    def __init__(self, corpus: list[dict[str, str]], model: SentenceTransformer) -> None:
        self.corpus, self.model = corpus, model
        self.vectors = model.encode([each["text"] for each in corpus], normalize_embeddings=True)

    @mlflow.trace(span_type=SpanType.RETRIEVER)
    def retrieve(self, query: str, k: int = 10) -> list[Document]:
        """Return the documents that are nearest to a query."""
        scores = self.vectors @ self.model.encode(query, normalize_embeddings=True)
        found = [(self.corpus[place], float(scores[place])) for place in (-scores).argsort()[:k]]
        return [Document(each["text"], {"score": score}, each["id"]) for each, score in found]

    @mlflow.trace(span_type=SpanType.CHAIN)
    def answer(self, question: str, user: str) -> str:
        """Answer a question of a user."""
        mlflow.update_current_trace(metadata={"mlflow.trace.user": user})
        found = self.retrieve(question)
        return f"According to {found[0].id}: {found[0].page_content}"  # here a model would write


def rate(trace: str, document: str, liked: bool, user: str) -> None:
    """Log the thumb that a person gave one of the sources of an answer."""
    source = AssessmentSource(source_type="HUMAN", source_id=user)
    about = {"document_id": document}
    mlflow.log_feedback(trace_id=trace, name="thumbs", value=liked, source=source, metadata=about)


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_experiment("rag")
    lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    assistant = Assistant([json.loads(line) for line in lines], SentenceTransformer(sys.argv[3]))
    for question in sys.stdin:
        print(assistant.answer(question.strip(), user="me"))
