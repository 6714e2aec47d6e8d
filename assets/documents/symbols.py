"""Pictogram fonts read as what they show: a ZapfDingbats tick is `✓`, never the digit 3 that encodes it.

The font's ToUnicode table is rewritten in memory before anything reads the page. No glyph moves, so layout, boxes
and the text around stay as they are, and every reader (MuPDF, pdfium) sees the same characters.
"""

import re
from collections.abc import Iterable
from typing import Any

TICK = "✓"
CROSS = "✗"
MARK = "•"  # a pictogram without a meaning in words

_TICKS = "✓✔☑🗸🗹"
_CROSSES = "✕✖✗✘☒🗴🗵🗷"
_PICTOGRAM_FONTS = ("dingbat", "wingding", "webding")
_DINGBAT_EXCEPTIONS = {
    0x25: "☎", 0x2A: "☛", 0x2B: "☞", 0x48: "★", 0x6C: "●", 0x6E: "■", 0x73: "▲", 0x74: "▼", 0x75: "◆", 0x77: "◗",
    0xA8: "♣", 0xA9: "♦", 0xAA: "♥", 0xAB: "♠", 0xD5: "→", 0xD6: "↔", 0xD7: "↕",
}  # fmt: skip
_WINGDINGS = {
    0xFC: TICK, 0xFE: TICK, 0xFB: CROSS, 0xFD: CROSS, 0xA8: "□", 0x6F: "□", 0x71: "□", 0x72: "□", 0x6C: "●",
    0x6E: "■", 0xA7: "▪", 0xE0: "→", 0xDF: "←", 0xE8: "→", 0xF0: "→",
}  # fmt: skip
_WINGDINGS_2 = {0x50: TICK, 0x52: TICK, 0x4F: CROSS, 0x51: CROSS, 0x53: CROSS, 0x54: CROSS, 0xA3: "□", 0x2A: "□"}
_WEBDINGS = {0x61: TICK, 0x72: CROSS}


def spell_out_pictograms(document: Any, pages: Iterable[int]) -> bool:
    """Rewrite the pictogram fonts that these pages use; whether there were any. Call it before any page is loaded."""
    fonts = {
        font[0]: font[3]
        for page in pages
        for font in document.get_page_fonts(page, full=True)
        if font[0] and any(name in font[3].lower() for name in _PICTOGRAM_FONTS)
    }
    for xref, name in sorted(fonts.items()):
        kind, reference = document.xref_get_key(xref, "ToUnicode")
        if kind == "xref":
            codes = read_cmap(document.xref_stream(int(reference.split()[0])).decode("latin-1"))
        elif document.xref_get_key(xref, "Subtype")[1] == "/Type0":
            continue  # glyph numbers of an embedded subset say nothing about what they show
        else:
            codes = {f"{code:02X}": chr(code) for code in range(0x21, 0xFF)}
        stream = document.get_new_xref()
        document.update_object(stream, "<<>>")
        document.update_stream(stream, write_cmap({code: pictogram(text, name) for code, text in codes.items()}))
        document.xref_set_key(xref, "ToUnicode", f"{stream} 0 R")
    return bool(fonts)


def pictogram(text: str, font: str) -> str:
    """What the glyph shows whose extracted text is `text` in a pictogram font of that name."""
    if len(text) != 1:
        return text
    code = ord(text)
    if 0xF000 <= code <= 0xF0FF:  # the private range in which symbol fonts repeat their codes
        code -= 0xF000
    if code > 0xFF:
        return plain_marks(text)
    if code <= 0x20 or code == 0xA0:
        return " "
    font = font.lower().replace(" ", "").replace("-", "")
    if "webding" in font:
        return _WEBDINGS.get(code, MARK)
    if "wingdings2" in font:
        return _WINGDINGS_2.get(code, MARK)
    if "wingding" in font:
        return MARK if "wingdings3" in font else _WINGDINGS.get(code, MARK)
    return plain_marks(_DINGBAT_EXCEPTIONS.get(code) or _dingbat(code))


def _dingbat(code: int) -> str:
    """ZapfDingbats is the order of Unicode's Dingbats block, circled digits aside."""
    if code <= 0x7E:
        return chr(0x26E0 + code)
    if 0xAC <= code <= 0xB5:
        return chr(0x2460 + code - 0xAC)
    return chr(0x2761 + code - 0xA1) if code >= 0xA1 else MARK


def plain_marks(text: str) -> str:
    """The text with every form of tick as `✓`, every form of cross as `✗`, private-use glyphs as a bullet."""
    return _MARKS.sub(lambda match: TICK if match[0] in _TICKS + "\uf0fc\uf0fe" else _other_mark(match[0]), text)


def _other_mark(character: str) -> str:
    return CROSS if character in _CROSSES + "\uf0fb\uf0fd" else MARK


_MARKS = re.compile(f"[{_TICKS}{_CROSSES}\ue000-\uf8ff]")


def read_cmap(cmap: str) -> dict[str, str]:
    """Character code (hex digits as written) to text, from the bfchar and bfrange sections of a ToUnicode table."""
    codes: dict[str, str] = {}
    for section in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in re.findall(r"<\s*(\w+)\s*>\s*<\s*(\w+)\s*>", section):
            codes[code.upper()] = _utf16(text)
    for section in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for low, high, first, several in re.findall(
            r"<\s*(\w+)\s*>\s*<\s*(\w+)\s*>\s*(?:<\s*(\w+)\s*>|\[(.*?)\])", section, re.DOTALL
        ):
            texts = [_utf16(text) for text in re.findall(r"<\s*(\w+)\s*>", several)]
            count = min(int(high, 16) - int(low, 16) + 1, 0x10000)
            for step in range(len(texts) if several else count):
                text = texts[step] if several else _successor(_utf16(first), step)
                codes[f"{int(low, 16) + step:0{len(low)}X}"] = text
    return codes


def write_cmap(codes: dict[str, str]) -> bytes:
    """A ToUnicode table with one bfchar line per code."""
    widths = sorted({len(code) for code in codes}) or [2]
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CMapName /Pictograms def /CMapType 2 def",
        f"{len(widths)} begincodespacerange",
        *(f"<{'0' * width}> <{'F' * width}>" for width in widths),
        "endcodespacerange",
    ]
    entries = [f"<{code}> <{text.encode('utf-16-be').hex().upper()}>" for code, text in sorted(codes.items())]
    for start in range(0, len(entries), 100):  # the format allows 100 entries per section
        section = entries[start : start + 100]
        lines += [f"{len(section)} beginbfchar", *section, "endbfchar"]
    return "\n".join([*lines, "endcmap CMapName currentdict /CMap defineresource pop end end"]).encode()


def _utf16(digits: str) -> str:
    return bytes.fromhex(digits.zfill((len(digits) + 3) // 4 * 4)).decode("utf-16-be", "replace")


def _successor(text: str, step: int) -> str:
    return text[:-1] + chr(ord(text[-1]) + step) if text else text
