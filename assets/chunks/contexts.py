"""From chunks to contextualized chunks: the line that says where in its document a chunk stands."""

from collections.abc import Mapping, Sequence
from typing import Any

from resources.llm.prompts import CONTEXT_PROMPT_VERSION, context_messages
from resources.llm.resource import ChatModel


def contextualize(
    contextualizer: ChatModel, chunks: Sequence[Mapping[str, Any]], titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The rows of `contextualized_chunks` for rows of `chunks`. `titles` are those of their documents."""
    requests = [
        contextualizer.request(
            context_messages(titles[chunk["document_id"]], chunk["heading_path"], chunk["text"]),
            CONTEXT_PROMPT_VERSION,
            sources=[chunk["version"]],
        )
        for chunk in chunks
    ]
    contexts = [completion.text.strip() for completion in contextualizer.complete(requests)]
    return [
        {**chunk, "context": line, "contextual_text": f"{line}\n\n{chunk['text']}"}
        for chunk, line in zip(chunks, contexts, strict=True)
    ]
