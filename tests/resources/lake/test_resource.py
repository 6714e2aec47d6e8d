"""Where the lake is: what cannot be a lake is a settings error that shows no password."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from resources.errors import SettingsError
from resources.lake.resource import LakeResource, _reach


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
    _reach.cache_clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(SettingsError, match=r"lake_url s3://bucket/lake cannot be used: .*127\.0\.0\.1:9/"):
        LakeResource(url="s3://bucket/lake").open()


@contextmanager
def bucket(status: int, body: str) -> Generator[str]:
    """The address of a store on this machine that gives one answer to everything."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (200, "<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount></ListBucketResult>", ""),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", "404 Not Found"),
        (403, "<Error><Code>AccessDenied</Code></Error>", "403|permission|denied"),
    ],
)
def test_a_store_is_asked_once_whether_it_lets_us_in(monkeypatch, status, body, refused) -> None:
    _reach.cache_clear()
    with bucket(status, body) as address:
        for name, value in {"ENDPOINT_URL": address, "ALLOW_HTTP": "true", "REGION": "us-east-1"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        if not refused:
            assert LakeResource(url="s3://bucket/lake").open().root == "s3://bucket/lake"
        else:
            with pytest.raises(SettingsError, match=f"lake_url s3://bucket/lake cannot be used: .*({refused})"):
                LakeResource(url="s3://bucket/lake").open()
