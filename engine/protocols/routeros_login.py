"""The start of a RouterOS API connection, in the form of its version. Counterpart: `routeros.py`, what is said after it.

One rule: a password is put into bytes for one sentence, and kept nowhere.
"""

from __future__ import annotations

import hashlib

from domain.errors import BadCredentials, BadReply, Refused
from engine.protocols.routeros import Kind, SentenceReader, decode_reply, encode_sentence


class Login:
    """The start of a connection: send `start()`, feed what comes, send what `feed` returns, until `done`.

    Name and password are sent as RouterOS 6.43 and later want them. An older one answers with a challenge instead, which
    is answered by its MD5 with the password. `!trap` is BadCredentials, `!fatal` is Refused.
    """

    def __init__(self, user: str, password: str, reader: SentenceReader) -> None:
        self._user = user
        self._password = password
        self._reader = reader
        self._challenged = False
        self.done = False

    def start(self) -> bytes:
        """Return the first sentence to send."""
        return encode_sentence(("/login", f"=name={self._user}", f"=password={self._password}"))

    def feed(self, data: bytes) -> bytes:
        """Return what to send next, often nothing; BadCredentials, Refused or BadReply when the router says no."""
        to_send = b""
        for sentence in self._reader.feed(data):
            reply = decode_reply(sentence)
            message = reply.attributes.get("message", "")
            if reply.kind is Kind.FATAL:
                raise Refused(message or "the router closed the session at login")
            if reply.kind is Kind.TRAP:
                raise BadCredentials(message or "the router refused the login")
            if reply.kind is Kind.DONE:
                to_send += self._on_done(reply.attributes.get("ret", ""))
        return to_send

    def _on_done(self, challenge: str) -> bytes:
        if not challenge or self.done:
            self.done = True
            return b""
        if self._challenged:
            raise BadReply("a second challenge after the answer to the first")
        self._challenged = True
        try:
            salt = bytes.fromhex(challenge)
        except ValueError:
            salt = b""
        if len(salt) != 16:
            raise BadReply("expected a login challenge of 32 hexadecimal digits")
        digest = hashlib.md5(b"\x00" + self._password.encode() + salt, usedforsecurity=False)
        return encode_sentence(("/login", f"=name={self._user}", f"=response=00{digest.hexdigest()}"))
