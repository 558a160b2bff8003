"""Haystack 3: its in-memory store, embedding retriever and extractive reader.

Settings: ten passages retrieved and one row of 384 tokens each, as its own tutorial on extractive
question answering has it; ONNX for embedding questions is not faster here than torch.
"""

from pathlib import Path

from haystack import Document
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack_integrations.components.readers.transformers import TransformersExtractiveReader
from measure import Passage, main

TOP = 10


def index(folder: Path, passages: list[Passage]) -> None:
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    embedder = SentenceTransformersDocumentEmbedder(
        model=str(folder / "embedder"), meta_fields_to_embed=["title"], progress_bar=False
    )
    embedder.warm_up()
    documents = [Document(content=one["text"], meta={"title": one["title"]}) for one in passages]
    store.write_documents(embedder.run(documents)["documents"], policy="overwrite")
    store.save_to_disk(str(folder / "haystack.json"))


def load(folder: Path):
    store = InMemoryDocumentStore.load_from_disk(str(folder / "haystack.json"))
    embedder = SentenceTransformersTextEmbedder(model=str(folder / "embedder"), progress_bar=False)
    retriever = InMemoryEmbeddingRetriever(store, top_k=TOP)
    reader = TransformersExtractiveReader(model=str(folder / "reader"), no_answer=False, top_k=1)
    embedder.warm_up()
    reader.warm_up()

    def answer(question: str) -> str:
        vector = embedder.run(question)["embedding"]
        documents = retriever.run(vector)["documents"]
        answers = reader.run(question, documents)["answers"]
        return answers[0].data or "" if answers else ""

    return answer


if __name__ == "__main__":
    main(index, load)
