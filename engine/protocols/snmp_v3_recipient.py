"""SNMPv3 from the side that is notified: opens traps and informs, answers informs (RFC 3414). Counterpart: `usm.py`.

Theory: of a trap its sender is the authority. The keys are made of the engine id it bears, and its clock is followed from the
first message on that was signed rightly: what is older than the time window is a replay. Of an inform we are the authority.
Its sender asks who we are (a Report tells the engine id), then what time it is (a Report again, signed), and then sends it.
Our boots need no file: the caller gives a number that grows with the wall clock, so a later start has a higher one.
One rule: a message is believed only at the very level of a user that is known here; nothing is remembered of an engine
before a digest of it was right.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from domain.errors import BadReply
from domain.text import text_from_bytes
from engine.protocols.ber import (
    COUNTER32,
    OCTET_STRING,
    SEQUENCE,
    decode_expected,
    encode_integer,
    encode_oid,
    encode_tlv,
)
from engine.protocols.notifications import Notification, as_response, decode_notification_pdu
from engine.protocols.sealed import (
    AUTHENTICATED,
    MAX_ENGINE_ID_BYTES,
    MAX_NUMBER,
    PRIVATE,
    REPORTABLE,
    Sealed,
    decode_octets,
    encode_sealed,
)
from engine.protocols.snmp import Pdu
from engine.protocols.snmp_v3 import MAX_CONTEXT_BYTES, TIME_WINDOW_S
from engine.protocols.usm import Keys, SnmpUser

ENGINES_CAP = 4_096
"""Engines whose clock is followed, and keys that are kept; the one unheard for longest goes first."""

TRIED_CAP = 8
"""Credentials of one user name and level that a message is held against: each costs a digest."""

_MIN_ENGINE_ID_BYTES = 5
_STATS = "1.3.6.1.6.3.15.1.1."
_NO_SUCH_LEVEL, _NOT_IN_TIME, _NO_SUCH_USER, _NO_SUCH_ENGINE, _WRONG_DIGEST, _NOT_DECRYPTED = (
    f"{_STATS}{n}.0" for n in range(1, 7)
)


class Opened(NamedTuple):
    """What a message comes to: a notification, or in `doubt` why there is none ("" in a mere exchange of who and when).

    `answer` is what to send back in either case, None where nothing.
    """

    notification: Notification | None
    answer: bytes | None
    doubt: str


class _Heard(NamedTuple):
    """What an engine said its boots and time are, and when by our clock."""

    boots: int
    time_s: int
    at_s: float


class Recipient:
    """One engine id with its users. `clock` gives monotonic seconds, `salt` is random: 64 bits."""

    def __init__(self, engine_id: bytes, boots: int, *, clock: Callable[[], float], salt: int) -> None:
        self.engine_id = engine_id
        self._boots = boots
        self._clock = clock
        self._started_s = clock()
        self._salt = salt
        self._users: dict[bytes, list[SnmpUser]] = {}
        self._keys: OrderedDict[tuple[SnmpUser, bytes], Keys] = OrderedDict()
        self._heard: OrderedDict[bytes, _Heard] = OrderedDict()
        self._reports = dict.fromkeys((f"{_STATS}{n}.0" for n in range(1, 7)), 0)

    def set_users(self, users: Iterable[SnmpUser]) -> None:
        """Open messages of these users from now on; keys of the former ones are forgotten."""
        self._keys.clear()
        self._users = {}
        for user in users:
            self._users.setdefault(user.name.encode(), []).append(user)

    def open(self, sealed: Sealed, at_s: float) -> Opened:
        """Take a message that came at `at_s` of our clock. Raises BadReply for what is no notification."""
        if not 0 <= sealed.message_id <= MAX_NUMBER:
            raise BadReply(f"message id {sealed.message_id}, expected 31 bits")
        is_ours = sealed.engine_id == self.engine_id
        if not is_ours and sealed.flags & REPORTABLE:
            return Opened(None, self._report(sealed, _NO_SUCH_ENGINE), "")
        if not is_ours and not _MIN_ENGINE_ID_BYTES <= len(sealed.engine_id) <= MAX_ENGINE_ID_BYTES:
            raise BadReply(f"an engine id of {len(sealed.engine_id)} bytes, expected 5 to 32")
        name = text_from_bytes(sealed.user, 40)
        users = self._users.get(sealed.user, [])
        if not users:
            return self._refuse(sealed, _NO_SUCH_USER, f"SNMPv3 user {name!r} is not known here")
        level = sealed.flags & (AUTHENTICATED | PRIVATE)
        fitting = [user for user in users if _level(user) == level][:TRIED_CAP]
        if not fitting:
            said = f"SNMPv3 user {name!r} sends with another level of security than {users[0].level}"
            return self._refuse(sealed, _NO_SUCH_LEVEL, said)
        signers = []
        for user in fitting:
            keys = self._keys.get((user, sealed.engine_id)) or Keys(user, sealed.engine_id)
            if not user.auth or _is_signed(sealed, keys):
                signers.append((user, keys))
        if signers:
            return self._read(sealed, signers, at_s)
        said = f"SNMPv3 user {name!r} signs with another password or protocol than is known here"
        return self._refuse(sealed, _WRONG_DIGEST, said)

    # Receiving

    def _read(self, sealed: Sealed, signers: Sequence[tuple[SnmpUser, Keys]], at_s: float) -> Opened:
        """Read a message whose digest, if its user has one, is that of each of these: they differ in their privacy."""
        user, keys = signers[0]
        if user.auth:
            for signer, its_keys in signers:
                self._remember(signer, sealed.engine_id, its_keys)
            if sealed.engine_id == self.engine_id:
                if sealed.boots != self._boots or abs(sealed.time_s - self._time_s(at_s)) > TIME_WINDOW_S:
                    answer = self._report(sealed, _NOT_IN_TIME, keys)
                    return Opened(None, answer, "")
            elif not self._follow(sealed, at_s):
                return Opened(None, None, f"a message of SNMPv3 user {user.name!r} is old: it came before")
        if not sealed.flags & PRIVATE:
            return self._notified(sealed, user, keys, None)
        for user, keys in signers:
            for choice in range(keys.choices):
                with suppress(BadReply):  # nonsense: it may be the other way to extend a key, or another key
                    return self._notified(sealed, user, keys, choice)
        said = f"what SNMPv3 user {user.name!r} encrypts cannot be read: another privacy password or protocol"
        return self._refuse(sealed, _NOT_DECRYPTED, said)

    def _remember(self, user: SnmpUser, engine_id: bytes, keys: Keys) -> None:
        self._keys[user, engine_id] = keys
        self._keys.move_to_end((user, engine_id))
        if len(self._keys) > ENGINES_CAP:
            self._keys.popitem(last=False)

    def _notified(self, sealed: Sealed, user: SnmpUser, keys: Keys, choice: int | None) -> Opened:
        """Read the content, decrypted by a choice of keys where it is encrypted."""
        if choice is None:
            data, start, end = sealed.data, sealed.content_at, sealed.end
        else:
            start, end = decode_expected(
                sealed.data, sealed.content_at, sealed.end, OCTET_STRING, "a content"
            )
            hidden = sealed.data[start:end]
            data = keys.decrypt(choice, hidden, sealed.boots, sealed.time_s, sealed.salt)
            start, end = 0, len(data)
        at, end = decode_expected(data, start, end, SEQUENCE, "a scoped PDU")
        _, at = decode_octets(data, at, end, MAX_ENGINE_ID_BYTES, "a context engine id")
        _, at = decode_octets(data, at, end, MAX_CONTEXT_BYTES, "a context name")
        found = decode_notification_pdu(data, at, end, "v3", user.name)
        if not found.confirmed or sealed.engine_id != self.engine_id:
            return Opened(found, None, "")
        content = as_response(data[:end], at)[start:]
        answer = self._seal(sealed, sealed.flags & (AUTHENTICATED | PRIVATE), content, keys, choice)
        return Opened(found, answer, "")

    def _follow(self, sealed: Sealed, at_s: float) -> bool:
        """Follow the clock of a sender; False for what it sent too long ago (RFC 3414, 3.2, step 7b)."""
        boots, time_s = sealed.boots, sealed.time_s
        heard = self._heard.get(sealed.engine_id)
        if heard is not None:
            expected_s = heard.time_s + at_s - heard.at_s
            is_old = boots < heard.boots or (boots == heard.boots and time_s < expected_s - TIME_WINDOW_S)
            if is_old or boots == MAX_NUMBER:
                return False
            if boots == heard.boots and time_s <= expected_s:
                self._heard.move_to_end(sealed.engine_id)
                return True
        self._heard[sealed.engine_id] = _Heard(boots, time_s, at_s)
        self._heard.move_to_end(sealed.engine_id)
        if len(self._heard) > ENGINES_CAP:
            self._heard.popitem(last=False)
        return True

    # Answering

    def _refuse(self, sealed: Sealed, oid: str, why: str) -> Opened:
        """Tell a sender who asks for it what is wrong; a trap's does not."""
        is_asked = sealed.engine_id == self.engine_id and sealed.flags & REPORTABLE
        return Opened(None, self._report(sealed, oid) if is_asked else None, why)

    def _report(self, sealed: Sealed, oid: str, keys: Keys | None = None) -> bytes:
        """Return a Report, signed where keys are given."""
        self._reports[oid] = self._reports[oid] + 1 & 0xFFFF_FFFF
        varbind = encode_tlv(SEQUENCE, encode_oid(oid) + encode_integer(self._reports[oid], COUNTER32))
        numbers = encode_integer(0) * 3  # request id, error status and index
        pdu = encode_tlv(Pdu.REPORT, numbers + encode_tlv(SEQUENCE, varbind))
        scope = encode_tlv(OCTET_STRING, self.engine_id) + encode_tlv(OCTET_STRING, b"")
        return self._seal(sealed, AUTHENTICATED if keys else 0, encode_tlv(SEQUENCE, scope + pdu), keys, None)

    def _seal(
        self, sealed: Sealed, flags: int, content: bytes, keys: Keys | None, choice: int | None
    ) -> bytes:
        """Return a message that answers another one."""
        time_s, salt = self._time_s(self._clock()), b""
        if choice is not None and keys is not None:
            self._salt = self._salt + 1 & 0xFFFF_FFFF_FFFF_FFFF
            salt, hidden = keys.encrypt(choice, content, self._boots, time_s, self._salt)
            content = encode_tlv(OCTET_STRING, hidden)
        size = keys.sent_bytes if keys is not None and flags & AUTHENTICATED else 0
        data, at = encode_sealed(
            sealed.message_id,
            flags,
            content,
            engine_id=self.engine_id,
            clock=(self._boots, time_s),
            user=sealed.user,
            digest_bytes=size,
            salt=salt,
        )
        if not size or keys is None:
            return data
        return b"".join((data[:at], keys.digest(data), data[at + size :]))

    def _time_s(self, at_s: float) -> int:
        return min(MAX_NUMBER, max(0, int(at_s - self._started_s)))


def _level(user: SnmpUser) -> int:
    return (AUTHENTICATED if user.auth else 0) | (PRIVATE if user.privacy else 0)


def _is_signed(sealed: Sealed, keys: Keys) -> bool:
    return len(sealed.digest) == keys.sent_bytes and keys.vouch_for(sealed.without_digest(), sealed.digest)
