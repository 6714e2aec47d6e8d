"""Pages as the permissive extractor reads them."""

from collections.abc import Callable

import pytest

from assets.documents.parsing import Page
from assets.documents.permissive.pdfium import page_hashes
from assets.documents.permissive.reading import parse_pages


@pytest.fixture(scope="session")
def read() -> Callable[[bytes], list[Page]]:
    """The pages of a PDF, read in this process."""

    def pages(data: bytes) -> list[Page]:
        hashes = page_hashes(data)
        assert isinstance(hashes, list)
        found = parse_pages(data, list(range(len(hashes))), hashes)
        assert isinstance(found, list)
        return found

    return pages
