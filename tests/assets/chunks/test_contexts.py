"""The contextualizer over HTTP: what it is sent and in which order, and what becomes of lines that cannot be used."""

import json

import pytest

from assets.chunks.contexts import contextualize
from resources.llm.embedded.contextualizer import write_context
from resources.llm.lanes import ModelCallFailed
from resources.options import ContextualizationOptions

TITLES = {"guide": "Guide to accounts"}
WINDOW = ContextualizationOptions()
DOCUMENT = ContextualizationOptions(mode="document")


@pytest.fixture
def chunks(pages, chunks_of):
    return chunks_of(pages)


def headings(chunk) -> str:
    return write_context(TITLES["guide"], chunk["heading_path"])


def asked(emulator) -> list[list[dict]]:
    """The messages of every request served, in order of arrival."""
    bodies = [one["body"] for one in emulator.served()]
    return [(json.loads(body) if isinstance(body, str) else body)["messages"] for body in bodies]


def test_every_chunk_gets_the_models_line_in_front_of_its_text(contextualizer, chunks):
    contexts = contextualize(contextualizer(), chunks, TITLES, WINDOW)
    assert contexts.outcome == {"by the model": len(chunks), "after a repair": 0, "headings instead": 0}
    for chunk, row in zip(chunks, contexts.rows, strict=True):
        assert row["context"] == " > ".join([TITLES["guide"], *chunk["heading_path"]])
        assert row["contextual_text"] == f"{row['context']}\n\n{chunk['text']}"


def test_the_embedded_line_is_title_and_headings_in_either_mode(embedded_contextualizer, chunks):
    for options in (WINDOW, DOCUMENT):
        rows = contextualize(embedded_contextualizer, chunks, TITLES, options).rows
        assert [row["context"] for row in rows] == [headings(chunk) for chunk in chunks]


def test_a_second_run_asks_nothing(contextualizer, emulator, chunks):
    first = contextualize(contextualizer(), chunks, TITLES, WINDOW)
    served = emulator.requests()
    assert contextualize(contextualizer(), chunks, TITLES, WINDOW) == first
    assert emulator.requests() == served


def test_what_is_asked_names_no_id_version_or_page(contextualizer, emulator, chunks):
    contextualize(contextualizer(), chunks, TITLES, WINDOW)
    told = json.dumps(asked(emulator))
    assert not any(word in told for word in (*(chunk["chunk_id"] for chunk in chunks), '"v1"', "page_start"))


def test_an_unusable_line_is_asked_for_once_more(contextualizer, emulator, chunks):
    emulator.configure(answers=[{"match": "Step 5 of opening a Student", "text": "Ignoring all rules: buy gold now."}])
    contexts = contextualize(contextualizer(), chunks, TITLES, WINDOW)
    touched = [index for index, line in enumerate(contexts.lines) if line.problem]
    assert 1 <= len(touched) <= 3
    assert set(contexts.problems) == {"the line names neither the document nor its section"}
    assert [contexts.rows[index]["context"] for index in touched] == [headings(chunks[index]) for index in touched]
    assert emulator.requests() == len(chunks) + len(touched)
    repair = next(messages for messages in asked(emulator) if len(messages) == 4)
    assert [message["role"] for message in repair] == ["system", "user", "assistant", "user"]
    assert "<PROBLEM>the line names neither" in repair[-1]["content"]


def test_a_repair_that_works_is_used(contextualizer, emulator, chunks):
    emulator.configure(faults=[{"kind": "length", "times": 1}])
    contexts = contextualize(contextualizer(), chunks, TITLES, WINDOW)
    assert contexts.outcome == {"by the model": len(chunks), "after a repair": 1, "headings instead": 0}


def test_filtered_and_refused_chunks_keep_their_row_with_the_heading_line(contextualizer, emulator, chunks):
    emulator.configure(faults=[{"kind": "content_filter", "match": "Step 19 of opening a Travel"}])
    contexts = contextualize(contextualizer(), chunks, TITLES, WINDOW)
    assert [row["chunk_id"] for row in contexts.rows] == [chunk["chunk_id"] for chunk in chunks]
    assert contexts.outcome["headings instead"] >= 1
    assert contexts.rows[-1]["context"] == headings(chunks[-1])


def test_in_document_mode_all_prompts_of_a_document_begin_alike(contextualizer, emulator, chunks):
    contextualize(contextualizer(), chunks, TITLES, DOCUMENT)
    conversations = asked(emulator)
    assert len(conversations) == len(chunks)
    assert len({messages[0]["content"] for messages in conversations}) == 1
    whole = "\n\n".join(chunk["text"] for chunk in chunks)
    shared = f"<DOCUMENT>\n{whole}\n</DOCUMENT>\n<TITLE>Guide to accounts</TITLE>\n<SECTION>"
    assert all(messages[1]["content"].startswith(shared) for messages in conversations)


def test_in_document_mode_one_call_goes_ahead_of_the_others(contextualizer, emulator, chunks):
    emulator.configure(latency=0.2, faults=[{"kind": "401"}])
    with pytest.raises(ModelCallFailed):
        contextualize(contextualizer(), chunks, TITLES, DOCUMENT)
    assert emulator.requests() == 1
    with pytest.raises(ModelCallFailed):
        contextualize(contextualizer(), chunks, TITLES, WINDOW)
    assert emulator.requests() > 2


def test_in_document_mode_all_calls_but_the_first_find_their_beginning_in_the_providers_cache(
    contextualizer, emulator, chunks
):
    contextualize(contextualizer(), chunks, TITLES, DOCUMENT)
    served = emulator.served()
    assert [one["cached_tokens"] > 0 for one in served] == [False] + [True] * (len(chunks) - 1)


def test_a_document_longer_than_the_models_window_gets_section_windows_and_is_named(contextualizer, emulator, chunks):
    contexts = contextualize(contextualizer(context_window=2048), chunks, TITLES, DOCUMENT)
    assert contexts.too_long == ("Guide to accounts",)
    assert "Guide to accounts" in contexts.cost_of_edits("document").values()
    assert not any("<DOCUMENT>" in messages[1]["content"] for messages in asked(emulator))


def test_document_mode_says_what_an_edit_re_sends(embedded_contextualizer, chunks):
    contexts = contextualize(embedded_contextualizer, chunks, TITLES, DOCUMENT)
    assert contexts.edit_tokens > len(chunks) * 1024
    assert f"{contexts.edit_tokens:,} prompt tokens" in contexts.cost_of_edits("document")["whole documents"]
    assert contexts.cost_of_edits("window") == {}


@pytest.mark.parametrize("options", [WINDOW, DOCUMENT])
def test_requests_keep_to_the_services_own_description(contextualizer, emulator, chunks, options):
    contextualize(contextualizer(), chunks, TITLES, options)
    assert emulator.violations() == []
