"""Links beside the text: only addresses that a person may be sent to, on the words that carry them."""

import pymupdf
import pytest

from assets.documents.extraction import extract_pages
from assets.documents.links import Link, moved, safe_target


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://bank.example/rates?year=2026#fees", True),
        ("HTTP://bank.example", True),
        ("mailto:help@bank.example?subject=Fees", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("data:text/html,<script>", False),
        ("https://bank.example@evil.example/", False),
        ("https://user:secret@bank.example/", False),
        ("https://bank.example/a) [b](https://evil.example", False),
        ("https://bank.example/\u202eexe.fdp", False),
        ("https://bank.example/\nX: y", False),
        ("https:///rates", False),
        ("https://[bank", False),
        ("https://bank.example/" + "a" * 2000, False),
        ("mailto:help@bank.example,other", False),
        ("", False),
    ],
)
def test_only_web_and_mail_addresses_without_tricks_are_safe(address, safe):
    assert safe_target(address) == (address if safe else "")


@pytest.fixture(scope="module")
def linked_pdf() -> bytes:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 90), "Our rates are at bank.example/rates, or write to help@bank.example.", fontsize=11)
    page.insert_text((72, 120), "The account costs 4 dollars a month.", fontsize=11)
    for words, target in [
        ("bank.example/rates,", "https://bank.example/rates"),
        ("help@bank.example", "mailto:help@bank.example"),
        ("costs", "javascript:alert(1)"),
        ("account", "https://bank.example/account"),
    ]:
        page.insert_link({"kind": pymupdf.LINK_URI, "from": page.search_for(words)[0], "uri": target})
    return document.tobytes()


def test_links_lie_on_their_words_and_leave_the_text_alone(linked_pdf):
    [page] = extract_pages(linked_pdf, "a.pdf")
    assert [(page.markdown[link.start : link.end], link.target) for link in page.links] == [
        ("bank.example/rates", "https://bank.example/rates"),
        ("help@bank.example", "mailto:help@bank.example"),
        ("account", "https://bank.example/account"),
    ]
    assert "https" not in page.markdown
    assert (page.word_recall, page.number_recall) == (1.0, 1.0)


def test_a_page_whose_link_leads_elsewhere_is_another_page(linked_pdf):
    document = pymupdf.open(stream=linked_pdf)
    link = next(one for one in document[0].get_links() if one["uri"].endswith("/account"))
    document[0].update_link({**link, "uri": "https://bank.example/closed"})
    [before], [after] = extract_pages(linked_pdf, "a.pdf"), extract_pages(document.tobytes(), "a.pdf")
    assert before.page_sha != after.page_sha
    assert after.links[2].target == "https://bank.example/closed"


def test_links_move_to_another_reading_of_the_page():
    links = (Link(4, 9, "https://a.example"), Link(10, 14, "https://b.example"))
    assert moved(links, "see rates fees", "# Rates\n\nour  rates") == (Link(14, 19, "https://a.example"),)
