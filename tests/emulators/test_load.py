"""The emulator holds many callers at once and waits beside them, not one after the other."""

import asyncio
import json
import time

PARALLEL = 64


async def post(url: str, key: str, number: int) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": f"hello {number}"}]}).encode()
    head = f"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: {host}\r\napi-key: {key}\r\nconnection: close\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    return answer.split(b"\r\n", 1)[0]


def test_calls_wait_side_by_side(emulator) -> None:
    emulator.configure(latency=0.5)

    async def all_at_once() -> list[bytes]:
        return await asyncio.gather(*(post(emulator.url, emulator.key, number) for number in range(PARALLEL)))

    started = time.monotonic()
    lines = asyncio.run(all_at_once())
    assert time.monotonic() - started < 5 * 0.5
    assert set(lines) == {b"HTTP/1.1 200 OK"}
    assert emulator.peak_in_flight() == PARALLEL
