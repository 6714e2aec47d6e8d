"""What stands around a chunk, and that an edit changes it for few chunks."""

import random
import re
from collections import Counter

from assets.chunks.contexts import passages
from assets.chunks.windows import first_words, last_words, section_windows
from resources.llm.context_prompts import context_messages
from resources.options import ContextualizationOptions
from resources.tokens import count_tokens

MAX_TOKENS = 120


def prompts(chunks) -> Counter[str]:
    """The user messages of a document's chunks in window mode."""
    around = passages(chunks, "Guide to accounts", ContextualizationOptions().within(MAX_TOKENS), whole=False)
    return Counter(
        context_messages(one.title, one.chunk["heading_path"], one.chunk["text"], one.around)[-1].content
        for one in around
    )


def test_the_neighbours_of_a_chunk_are_the_text_on_either_side_of_it(pages, chunks_of):
    chunks = chunks_of(pages, MAX_TOKENS)
    windows = section_windows(chunks, "Guide to accounts", 30)
    middle = next(index for index in range(1, len(chunks) - 1) if windows[index].before and windows[index].after)
    assert chunks[middle - 1]["text"].endswith(windows[middle].before)
    assert chunks[middle + 1]["text"].startswith(windows[middle].after)
    assert 15 <= count_tokens(windows[middle].before) <= 30


def test_another_section_is_no_neighbour(pages, chunks_of):
    chunks = chunks_of(pages, MAX_TOKENS)
    windows = section_windows(chunks, "Guide to accounts", 30)
    tops = [chunk["heading_path"][0] for chunk in chunks]
    borders = [index for index in range(1, len(chunks)) if tops[index] != tops[index - 1]]
    assert len(borders) == 3
    assert [windows[index].before for index in borders] == ["", "", ""]
    assert [windows[index - 1].after for index in borders] == ["", "", ""]


def test_the_outline_holds_the_headings_of_the_section_alone(pages, chunks_of):
    chunks = chunks_of(pages, MAX_TOKENS)
    for chunk, window in zip(chunks, section_windows(chunks, "Guide to accounts", 30), strict=True):
        assert set(window.outline) <= {"Fees", "Opening"}
        assert window.outline or len(chunk["heading_path"]) == 0


def test_an_edited_sentence_changes_the_requests_of_at_most_three_chunks(pages, chunks_of):
    before = prompts(chunks_of(pages, MAX_TOKENS))
    choice = random.Random(11)
    for _ in range(60):
        page = choice.randrange(len(pages))
        text = pages[page]
        start, end = choice.choice([match.span() for match in re.finditer(r"[A-Z][^.\n]*\.", text)])
        edited = choice.choice(["", text[start:end] + " This holds from the first of March.", "Ask at the counter."])
        after = prompts(chunks_of([*pages[:page], text[:start] + edited + text[end:], *pages[page + 1 :]]))
        assert 1 <= (after - before).total() <= 3


def test_a_renamed_heading_changes_its_own_section_alone(pages, chunks_of):
    before = prompts(chunks_of(pages, MAX_TOKENS))
    renamed = [pages[0].replace("## Opening", "## How to open one"), *pages[1:]]
    changed = prompts(chunks_of(renamed)) - before
    assert 1 <= changed.total() <= len(chunks_of(pages[:1]))
    assert all("Everyday" in prompt for prompt in changed)


def test_words_are_taken_up_to_the_limit_whatever_stands_further_away():
    text = "alpha beta gamma delta epsilon zeta eta theta"
    assert first_words(text, 3).startswith("alpha")
    assert last_words("something else entirely " + text, 6) == last_words(text, 6) != ""
    assert first_words(text, 0) == last_words(text, 0) == ""
    assert last_words("月费是五元。每月收取一次。", 6).endswith("一次。")
