"""Which extractor a setting chooses, and what a fingerprint says of it."""

import pytest

from assets.documents.extraction import extract_many
from assets.documents.isolation import run_isolated
from assets.documents.readers import LAYOUT_READER, PERMISSIVE_READER, read_by, reader_of
from resources.errors import SettingsError
from resources.options import ExtractionOptions

PERMISSIVE = ExtractionOptions(extractor="permissive")


def test_the_setting_chooses_the_extractor_and_switching_makes_pages_out_of_date():
    assert (reader_of(ExtractionOptions()), reader_of(PERMISSIVE)) == (LAYOUT_READER, PERMISSIVE_READER)
    layout, permissive = read_by(ExtractionOptions())["extractor"], read_by(PERMISSIVE)["extractor"]
    assert layout.startswith("layout ")
    assert permissive.startswith("permissive ")


def test_the_permissive_extractor_has_no_ocr_and_says_so(project):
    with pytest.raises(SettingsError, match="needs extractor: layout"):
        project(extraction={"extractor": "permissive", "ocr": "auto"})


def test_a_bare_off_in_yaml_is_the_word(project):
    assert project(extraction={"ocr": False}).extraction.ocr == "off"


def test_languages_are_names_and_nothing_else(project):
    with pytest.raises(SettingsError, match="ocr_languages"):
        project(extraction={"ocr_languages": "../../etc/passwd"})


def test_the_permissive_extractor_imports_no_pymupdf_even_where_it_is_installed(make_pdf):
    [result] = extract_many(
        [("a.pdf", make_pdf([(72, 90, "It costs $4.00.", 11, "helv")]))], {}, reader=PERMISSIVE_READER
    )
    assert result.pages[0].markdown == "It costs $4.00."
    loaded = "sorted({'pymupdf', 'onnxruntime', 'pypdfium2'} & set(__import__('sys').modules))"
    assert run_isolated(eval, (loaded,), 30, parsers=PERMISSIVE_READER.parsers) == ["pypdfium2"]
