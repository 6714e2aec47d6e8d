"""Keys of hosted models appear nowhere: not under the home, not in what is printed, not when they are refused."""

from pathlib import Path

import pytest

from tests.end_to_end.hosted.conftest import MakeHome, role

pytestmark = pytest.mark.slow

RIGHT = "sk-planted-right-5d0e7f3a"
WRONG = "sk-planted-wrong-91b2c44d"


def leaks(folder: Path, secret: str) -> list[str]:
    """The files that hold a secret in any of the ways in which bytes are written."""
    spellings = (secret.encode(), secret.encode("utf-16-le"))
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if any(spelling in path.read_bytes() for spelling in spellings)]


def test_neither_a_refused_key_nor_the_right_one_is_written_anywhere(emulator, make_home: MakeHome) -> None:
    emulator.configure(key=RIGHT, echo_key=True)
    home = make_home(emulator, "teacher", key=WRONG)
    said = ""
    for provider in ("openai_compatible", "azure_openai"):
        home.set(roles={"teacher": role("teacher", emulator, provider)})
        before = emulator.requests()
        refused = home.run("refresh")
        assert refused.code == 1
        assert "key" in refused.text.casefold()
        assert 1 <= emulator.requests() - before <= 40, "a wrong key must not be tried for every chunk"
        said += refused.text

    said += home.with_key(RIGHT).refresh().text
    assert {entry["status"] for entry in emulator.served()} == {401, 200}
    for secret in (WRONG, RIGHT):
        assert leaks(home.path.parent, secret) == []
        assert secret not in said
