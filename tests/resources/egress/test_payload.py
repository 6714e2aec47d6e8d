"""The texts that the door sees in a body, whatever its shape."""

import json

import pytest

from resources.egress.payload import texts_of

LINE = json.dumps({"custom_id": "1", "body": {"messages": [{"role": "user", "content": "line\n中文"}]}})
PART = '--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps({"input": ["line\n中文"]}), "application/json"),
        (json.dumps([{"deep": [["line\n中文"]]}]), "application/json; charset=utf-8"),
        (f"{PART}{LINE}\n{LINE}\r\n--b--\r\n", "multipart/form-data; boundary=b"),
        (LINE, "text/plain"),
    ],
)
def test_a_text_is_found_in_every_shape(body, kind) -> None:
    assert "line\n中文" in texts_of(body.encode(), kind)


def test_what_is_not_the_json_it_says_is_read_as_lines() -> None:
    assert texts_of(b'{"torn": "text', "application/json") == ['{"torn": "text']
    assert texts_of(b"\xff4111", "application/octet-stream") == ["\ufffd4111"]
    assert texts_of(b"", "application/json") == []


def test_pictures_are_no_texts() -> None:
    assert texts_of(json.dumps({"url": "data:image/png;base64,AAAA"}).encode(), "application/json") == []
