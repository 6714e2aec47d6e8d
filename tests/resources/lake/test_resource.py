"""Where the lake is: what cannot be a lake is a settings error that shows no password."""

import pytest

from resources.errors import SettingsError
from resources.lake.resource import LakeResource


def test_a_folder_is_made_and_a_file_url_is_a_folder(tmp_path) -> None:
    LakeResource(url=str(tmp_path / "new")).open().put_file("a.txt", b"1")
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"1"
    LakeResource(url=f"file://{tmp_path}/new").open().put_file("b.txt", b"2")
    assert (tmp_path / "new" / "b.txt").read_bytes() == b"2"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://ada:secret@host/lake", "lake_url ftp://ada:\\*\\*\\*@host/lake cannot be used: .*recognise"),
        ("az://container/lake", "lake_url az://container/lake cannot be used: .*Account"),
        ("{file}/lake", "lake_url .*/lake cannot be used: "),
        ("file://{file}/lake", "lake_url file:.*/lake cannot be used: "),
    ],
)
def test_what_cannot_be_a_lake_is_named_with_its_setting(tmp_path, url, reason) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SettingsError, match=reason) as caught:
        LakeResource(url=url.format(file=tmp_path / "file")).open()
    assert "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_store_that_does_not_answer_is_named_within_seconds(monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(SettingsError, match="lake_url s3://bucket/lake cannot be used: "):
        LakeResource(url="s3://bucket/lake").open()
