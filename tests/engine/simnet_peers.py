"""Foreign and bare clients that the tests of the simulator speak with. Counterpart: `simnet`.

One rule: nothing here knows how the simulator encodes anything; the tools are net-snmp and librouteros, and where those
cannot do a thing (tags, streams), words are put together by hand.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import librouteros

Address = tuple[str, int]
T = TypeVar("T")

DAYTIME_S = 1_760_000_000.0


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = DAYTIME_S

    def __call__(self) -> float:
        return self.now_s


def run(test: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine; one that hangs fails."""
    return asyncio.run(asyncio.wait_for(test, 120))


async def snmp(
    tool: str,
    address: Address,
    *oids: str,
    community: str = "public",
    options: str = "-v2c",
    timeout_s: float = 30,
) -> str:
    """Run one of net-snmp's tools with numbers for names and return what it says, errors too."""
    command = [tool, *options.split(), "-c", community, "-On", "-t", str(timeout_s), "-r", "0"]
    process = await asyncio.create_subprocess_exec(
        *command,
        f"udp:{address[0]}:{address[1]}",
        *oids,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode()


async def snmp_values(tool: str, address: Address, *oids: str, **how: Any) -> list[str]:
    """Return only the values that a tool prints, strings without quotes."""
    said = await snmp(tool, address, *oids, **how)
    return [
        line.partition(" = ")[2].partition(": ")[2].strip('" ') for line in said.splitlines() if " = " in line
    ]


def ask_bare(address: Address, datagram: bytes, timeout_s: float = 0.3) -> tuple[bytes, Address] | None:
    """Send a datagram and return the first answer and who sent it, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(timeout_s)
        asker.sendto(datagram, address)
        try:
            return asker.recvfrom(65_535)
        except TimeoutError:
            return None


def get_sys_name(request_id: int, community: bytes = b"public") -> bytes:
    """A GET of sysName.0 in SNMP v2c, written out."""
    binding = bytes.fromhex("300c06082b060102010105000500")
    pdu = bytes.fromhex("0204") + struct.pack(">I", request_id) + bytes.fromhex("020100020100300e") + binding
    body = bytes.fromhex("0201010404".replace("0404", f"04{len(community):02x}")) + community
    body += bytes((0xA0, len(pdu))) + pdu
    return bytes((0x30, len(body))) + body


async def api(address: Address, password: str = "alpenglow", username: str = "monitor", **how: Any) -> Any:
    """Log in with librouteros' async client."""
    return await librouteros.async_connect(
        host=address[0],
        port=address[1],
        username=username,
        password=password,
        encoding="utf-8",
        timeout=30,
        **how,
    )


async def rows(client: Any, *words: str) -> list[dict[str, Any]]:
    """Give a command's words as they are and gather the rows of the answer."""
    return [row async for row in client.rawCmd(*words)]


class BareClient:
    """A RouterOS API client of a few lines: short words out, sentences in, tags as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, address: Address) -> BareClient:
        return cls(*await asyncio.open_connection(*address))

    def say(self, *words: str) -> None:
        for word in (*words, ""):
            data = word.encode()
            assert len(data) < 0x80
            self.writer.write(bytes((len(data),)) + data)

    async def hear(self) -> list[str]:
        """One sentence; words of up to 16 kB."""
        words: list[str] = []
        while True:
            length = (await self.reader.readexactly(1))[0]
            if length & 0x80:
                length = (length & 0x3F) << 8 | (await self.reader.readexactly(1))[0]
            if length == 0:
                return words
            words.append((await self.reader.readexactly(length)).decode("utf-8", "replace"))

    async def hear_until(self, *ends: str) -> list[list[str]]:
        """All sentences up to the first that begins with one of these words."""
        heard = [await self.hear()]
        while heard[-1][0] not in ends:
            heard.append(await self.hear())
        return heard

    async def log_in(self, password: str = "alpenglow", username: str = "monitor") -> list[str]:
        self.say("/login", f"=name={username}", f"=password={password}")
        return (await self.hear_until("!done", "!fatal"))[0]

    def close(self) -> None:
        self.writer.transport.abort()


def ping(address: str, timeout_s: float = 0.4) -> bool:
    """Send one echo request from a raw socket (root) and tell whether an answer came."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        body = b"\x08\x00\x00\x00\x12\x34\x00\x01" + address.encode().ljust(16, b"\0")
        total = sum(struct.unpack(f"!{len(body) // 2}H", body))
        checksum = ~((total >> 16) + (total & 0xFFFF)) & 0xFFFF
        sock.sendto(body[:2] + struct.pack("!H", checksum) + body[4:], (address, 0))
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                packet, sender = sock.recvfrom(2048)
            except TimeoutError:
                return False
            if sender[0] == address and packet[20] == 0:
                return True
    return False
