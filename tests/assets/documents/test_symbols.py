"""Pictogram fonts by what their glyphs show."""

import pymupdf
import pytest

from assets.documents.symbols import pictogram, read_cmap, spell_out_pictograms, write_cmap


@pytest.mark.parametrize(
    ("text", "font", "shown"),
    [
        ("3", "NYWBBR+ZapfDingbatsITC", "✓"),
        ("4", "ZapfDingbats", "✓"),
        ("8", "ZapfDingbats", "✗"),
        ("l", "ZapfDingbats", "●"),
        ("\uf0fc", "ABCDEF+Wingdings-Regular", "✓"),
        ("ü", "Wingdings", "✓"),
        ("û", "Wingdings", "✗"),
        ("P", "Wingdings 2", "✓"),
        ("a", "Webdings", "✓"),
        ("✔", "ZapfDingbats", "✓"),
    ],
)
def test_a_glyph_is_read_as_what_it_shows(text, font, shown):
    assert pictogram(text, font) == shown


@pytest.mark.parametrize("font", ["ZapfDingbats", "Wingdings", "Wingdings 2", "Wingdings 3", "Webdings"])
def test_no_pictogram_is_a_letter_or_an_ascii_digit(font):
    assert not [code for code in range(0x21, 0x100) if pictogram(chr(code), font).isascii() and code != 0xA0]


def test_unicode_tables_are_read_in_every_notation_and_written_back():
    cmap = "beginbfchar <01> <0033> endbfchar beginbfrange <02><04><0041> <05><06>[<0034> <D83DDE00>] endbfrange"
    codes = {"01": "3", "02": "A", "03": "B", "04": "C", "05": "4", "06": "😀"}
    assert read_cmap(cmap) == codes
    assert read_cmap(write_cmap(codes).decode()) == codes


def test_digits_in_other_fonts_stay_digits():
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), "34", fontname="helv")
    page.insert_text((72, 99), "34", fontname="zadb")
    document = pymupdf.open(stream=document.tobytes())
    assert spell_out_pictograms(document, [0])
    assert document[0].get_text().split() == ["34", "✓✓"]
