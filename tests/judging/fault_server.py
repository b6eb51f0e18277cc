"""A judge's API on loopback that speaks the OpenAI protocol and fails on purpose.

Item `n` (the response holds "item n") is answered with the score n modulo 11, so a verdict that reached the wrong item
shows. Whether a request fails is a hash of the item and of how often it was asked, so runs repeat.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

FAULTS = (
    "429", "429-after", "500", "502", "503", "520", "hang", "drop", "cut-body", "broken-json", "no-completion", "html",
    "cut-answer",
)  # fmt: skip
MOST_FAULTS_OF_AN_ITEM = 4

Body = dict[str, Any]


@dataclass
class FaultServer:
    """faults: share of failing requests. latency: seconds before an answer. script: answers a request itself.

    `script` gets the request's body and returns (status, body), or None for the usual answer.
    """

    faults: float = 0.0
    latency: float = 0.0
    script: Callable[[Body], tuple[int, Any] | None] | None = None
    batch_polls: int = 2
    batch_keeps: float = 1.0
    served: Counter[int] = field(default_factory=Counter)
    faulted: Counter[str] = field(default_factory=Counter)
    requests: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    batches: dict[str, Body] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    most_at_once: int = 0
    url: str = ""
    _asked: Counter[int] = field(default_factory=Counter)
    _at_once: int = 0

    @contextmanager
    def running(self) -> Iterator[FaultServer]:
        """Serve in a thread until the block ends."""
        loop, ready = asyncio.new_event_loop(), threading.Event()

        def serve() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(self.start())
            ready.set()
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)

    async def start(self, port: int = 0) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server ends
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line = await reader.readline()
        if not line:
            return False
        method, path, _ = line.decode().split()
        headers = {}
        while (header := (await reader.readline()).decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        self.headers.append(headers)
        self.paths.append(path)
        if not path.startswith("/v1/chat/completions"):
            return await _send(writer, *self._batch_api(method, path, data))
        self.times.append(time.monotonic())
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._chat(json.loads(data), writer)
        finally:
            self._at_once -= 1

    async def _chat(self, body: Body, writer: asyncio.StreamWriter) -> bool:
        self.requests.append(body)
        await asyncio.sleep(self.latency)
        scripted = self.script(body) if self.script else None
        if scripted is not None:
            return await _send(writer, *scripted)
        number = item_number(body)
        fault = self._fault(number)
        if fault is not None:
            self.faulted[fault] += 1
            return await self._fail(fault, body, number, writer)
        self.served[number] += 1
        return await _send(writer, 200, completion(body, number % 11))

    def _fault(self, number: int) -> str | None:
        attempt = self._asked[number]
        self._asked[number] += 1
        draw = int(hashlib.sha256(f"{number}/{attempt}".encode()).hexdigest()[:12], 16)
        if attempt >= MOST_FAULTS_OF_AN_ITEM or draw % 10_000 >= self.faults * 10_000:
            return None
        return FAULTS[draw // 10_000 % len(FAULTS)]

    async def _fail(self, fault: str, body: Body, number: int, writer: asyncio.StreamWriter) -> bool:
        if fault.isdigit():
            return await _send(writer, int(fault), {"error": {"message": "overloaded", "type": "server_error"}})
        if fault == "429-after":
            return await _send(writer, 429, {"error": {"message": "slow down"}}, {"Retry-After": "0.2"})
        if fault == "hang":
            await asyncio.sleep(30)
            return False
        if fault == "drop":
            return False
        whole = json.dumps(completion(body, number % 11))
        if fault == "cut-body":
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n".encode()
            )
            writer.write(whole[: len(whole) // 2].encode())
            await writer.drain()
            return False
        if fault == "broken-json":
            return await _send(writer, 200, whole[: len(whole) // 2])
        if fault == "html":
            return await _send(writer, 200, "<html>gateway</html>", {"Content-Type": "text/html"})
        if fault == "cut-answer":
            return await _send(writer, 200, completion(body, number % 11, text='{"sco', finish="length"))
        return await _send(writer, 200, {"object": "chat.completion", "choices": []})

    # The Batch API.

    def _batch_api(self, method: str, path: str, data: bytes) -> tuple[int, Body | str]:
        path = path.removeprefix("/v1").partition("?")[0]
        if (method, path) == ("POST", "/files"):
            found = re.search(rb'name="file".*?\r\n\r\n(.*)\r\n--[^\r\n]+', data, re.DOTALL)
            assert found is not None
            name = f"file-{len(self.files)}"
            self.files[name] = found.group(1).split(b"\r\n--")[0]
            return 200, {"id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": "f", "purpose": "batch"}
        if (method, path) == ("POST", "/batches"):
            name = f"batch_{len(self.batches)}"
            self.batches[name] = {
                "id": name, "object": "batch", "endpoint": "/v1/chat/completions", "completion_window": "24h",
                "created_at": 0, "status": "in_progress", "polls": 0, **json.loads(data),
            }  # fmt: skip
            return 200, self.batches[name]
        if (method, path) == ("GET", "/batches"):
            return 200, {"object": "list", "data": list(self.batches.values()), "has_more": False}
        if path.startswith("/batches/"):
            batch = self.batches[path.removeprefix("/batches/")]
            batch["polls"] += 1
            if batch["polls"] >= self.batch_polls and batch["status"] == "in_progress":
                self._end(batch)
            return 200, batch
        name = path.removeprefix("/files/").removesuffix("/content")
        return 200, self.files[name].decode()

    def _end(self, batch: Body) -> None:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines() if line]
        kept = lines[: math.ceil(len(lines) * self.batch_keeps)]
        output = []
        for line in reversed(kept):  # results come in any order
            number = item_number(line["body"])
            self.served[number] += 1
            response = {"status_code": 200, "body": completion(line["body"], number % 11)}
            output.append({"id": "r", "custom_id": line["custom_id"], "response": response, "error": None})
        expired = [
            {
                "id": "r",
                "custom_id": line["custom_id"],
                "response": None,
                "error": {"code": "batch_expired", "message": "expired"},
            }
            for line in lines[len(kept) :]
        ]
        for kind, rows in (("output", output), ("error", expired)):
            name = f"{batch['id']}-{kind}"
            self.files[name] = "\n".join(json.dumps(row) for row in rows).encode()
            batch[f"{kind}_file_id"] = name if rows else None
        batch["status"] = "expired" if expired else "completed"


def item_number(body: Body) -> int:
    found = re.search(r"\bitem (\d+)", body["messages"][-1]["content"])
    return int(found.group(1)) if found else 0


def completion(body: Body, score: int, *, text: str | None = None, finish: str = "stop") -> Body:
    """A chat completion that answers `score`; 60% of the probability on it, the rest on its neighbours."""
    structured = body.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties", {})
    verdict = {"score": score}
    if "low" in structured:
        verdict |= {"low": max(0, score - 1), "high": min(10, score + 1)}
    answer = json.dumps(verdict) if text is None else text
    choice: Body = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": answer}}
    if body.get("logprobs"):
        choice["logprobs"] = {"content": [_logprobs(token, score) for token in re.findall(r"\d+|\D+", answer)]}
    prompt = sum(len(message["content"]) for message in body["messages"]) // 4
    usage = {"prompt_tokens": prompt, "completion_tokens": 8, "total_tokens": prompt + 8}
    head = {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"]}
    return head | {"choices": [choice], "usage": usage}


def _logprobs(token: str, score: int) -> Body:
    shares = {token: 1.0}
    if token.isdigit():
        shares = {str(other): 1e-9 for other in range(11)}
        shares |= {str(score): 0.6, str((score + 1) % 11): 0.3, str((score + 2) % 11): 0.1}
    top = [{"token": text, "logprob": math.log(p), "bytes": None} for text, p in shares.items()]
    return {"token": token, "logprob": math.log(shares.get(token, 0.6)), "bytes": None, "top_logprobs": top}


async def _send(
    writer: asyncio.StreamWriter, status: int, body: Body | str, headers: dict[str, str] | None = None
) -> bool:
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data)
    await writer.drain()
    return True


def main() -> None:
    """Serve on a port of its own choice and print the address; for measurements in another process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--faults", type=float, default=0.0)
    options = parser.parse_args()
    with FaultServer(faults=options.faults, latency=options.latency).running() as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
