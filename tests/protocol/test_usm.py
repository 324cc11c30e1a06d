"""Keys, digests and ciphers of SNMPv3 against published vectors, and pysnmp where nobody published any."""

from __future__ import annotations

import hashlib

import pytest
from pyasn1.type import univ
from pysnmp.proto.secmod.rfc3414 import localkey, service

from domain.errors import BadReply
from engine.protocols import usm
from engine.protocols.usm import Keys, SnmpUser, localize_key, master_key

aes, aes192, aes256, des = service.aes, service.aes192, service.aes256, service.des
hmacmd5, hmacsha, hmacsha2 = service.hmacmd5, service.hmacsha, service.hmacsha2
ENGINE = bytes.fromhex("000000000000000000000002")
AUTHS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
PYSNMP_AUTH = {
    "md5": hmacmd5.HmacMd5.SERVICE_ID,
    "sha1": hmacsha.HmacSha.SERVICE_ID,
    "sha224": hmacsha2.HmacSha2.SHA224_SERVICE_ID,
    "sha256": hmacsha2.HmacSha2.SHA256_SERVICE_ID,
    "sha384": hmacsha2.HmacSha2.SAH384_SERVICE_ID,
    "sha512": hmacsha2.HmacSha2.SHA512_SERVICE_ID,
}


@pytest.mark.parametrize(
    ("auth", "master", "localized"),
    [
        ("md5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        (
            "sha1",
            "9fb5cc0381497b3793528939ff788d5d79145211",
            "6695febc9288e36282235fc7151f128497b38f3f",
        ),
    ],
)
def test_the_samples_of_rfc_3414_a3_come_out(auth: str, master: str, localized: str) -> None:
    assert master_key(auth, "maplesyrup").hex() == master
    assert localize_key(auth, bytes.fromhex(master), ENGINE).hex() == localized


@pytest.mark.parametrize("auth", AUTHS)
def test_every_hash_makes_the_keys_that_pysnmp_makes(auth: str) -> None:
    """RFC 7860 gives no sample: it takes RFC 3414's way with another hash."""
    theirs = localkey.password_to_key("Bergahorn 9", univ.OctetString(ENGINE), getattr(hashlib, auth))
    assert localize_key(auth, master_key(auth, "Bergahorn 9"), ENGINE) == bytes(theirs)


@pytest.mark.parametrize(
    ("auth", "key_bytes", "digest"),
    [
        ("md5", 16, "9294727a3638bb1c13f48ef8158bfc9d"),  # RFC 2202, case 1
        ("sha1", 20, "b617318655057264e28bc0b6fb378c8ef146be00"),
        ("sha224", 20, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),  # RFC 4231, case 1
        ("sha256", 20, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            "sha384",
            20,
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6",
        ),
        (
            "sha512",
            20,
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
    ],
)
def test_the_hmacs_of_rfc_2202_and_4231_come_out_cut_as_the_rfcs_of_usm_say(
    auth: str, key_bytes: int, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usm, "localize_key", lambda *_: b"\x0b" * key_bytes)
    keys = Keys(SnmpUser("anna", auth, "x"), ENGINE)  # type: ignore[arg-type]
    sent = {"md5": 12, "sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}[auth]
    assert keys.digest(b"Hi There").hex() == digest[: 2 * sent]
    assert keys.sent_bytes == sent
    assert keys.vouch_for(b"Hi There", bytes.fromhex(digest)[:sent])
    assert not keys.vouch_for(b"Hi There", bytes.fromhex(digest)[: sent - 1])
    assert not keys.vouch_for(b"Hi there", bytes.fromhex(digest)[:sent])
    assert not keys.vouch_for(b"Hi There", b"")


@pytest.mark.parametrize(
    ("privacy", "key", "ciphertext"),
    [
        ("aes128", "2b7e151628aed2a6abf7158809cf4f3c", "3b3fd92eb72dad20333449f8e83cfb4a"),
        (
            "aes192",
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "cdc80d6fddf18cab34c25909c99a4174",
        ),
        (
            "aes256",
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "dc7e84bfda79164b7ecd8486985d3860",
        ),
    ],
)
def test_aes_is_cfb128_with_boots_time_and_salt_as_the_vector(
    privacy: str, key: str, ciphertext: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NIST SP 800-38A, F.3.13, F.3.15 and F.3.17; the vector is 00 01 02 ... 0f."""
    monkeypatch.setattr(usm, "localize_key", lambda *_: bytes.fromhex(key))
    keys = Keys(SnmpUser("anna", "sha512", "x", privacy, "y"), ENGINE)  # type: ignore[arg-type]
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    salt, hidden = keys.encrypt(0, plain, 0x00010203, 0x04050607, 0x08090A0B0C0D0E0F)
    assert (salt.hex(), hidden.hex()) == ("08090a0b0c0d0e0f", ciphertext)
    assert keys.decrypt(0, hidden, 0x00010203, 0x04050607, salt) == plain


@pytest.mark.parametrize(
    ("auth", "extended"),
    [
        ("md5", "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"),
        (
            "sha1",
            "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9cd2d5065547743fb5",
        ),
    ],
)
def test_the_samples_of_reeders_draft_come_out(auth: str, extended: str) -> None:
    """draft-reeder-snmpv3-usm-3desede-00, appendix B."""
    key = bytes.fromhex(extended)[: hashlib.new(auth).digest_size]
    assert usm._extend_by_stretching(auth, key, ENGINE, len(extended) // 2).hex() == extended


PYSNMP_CIPHERS = {
    ("des", 0): des.Des(),
    ("aes128", 0): aes.Aes(),
    ("aes192", 0): aes192.AesBlumenthal192(),
    ("aes256", 0): aes256.AesBlumenthal256(),
    ("aes192", 1): aes192.Aes192(),
    ("aes256", 1): aes256.Aes256(),
}


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize(("privacy", "choice"), PYSNMP_CIPHERS)
def test_what_one_encrypts_the_other_decrypts(auth: str, privacy: str, choice: int) -> None:
    keys = Keys(SnmpUser("anna", auth, "x", privacy, "Bergahorn 9"), ENGINE)  # type: ignore[arg-type]
    theirs, of_auth = PYSNMP_CIPHERS[privacy, choice], PYSNMP_AUTH[auth]
    if choice >= keys.choices:  # the hash is as long as the key: nothing to extend, nothing to choose
        assert hashlib.new(auth).digest_size >= {"aes192": 24, "aes256": 32}[privacy]
        return
    localized = theirs.localize_key(
        of_auth, theirs.hash_passphrase(of_auth, "Bergahorn 9"), univ.OctetString(ENGINE)
    )
    plain = bytes(range(45))
    salt, hidden = keys.encrypt(choice, plain, 7, 1234, 99)
    read = bytes(
        theirs.decrypt_data(
            univ.OctetString(localized), (7, 1234, univ.OctetString(salt)), univ.OctetString(hidden)
        )
    )
    assert read[: len(plain)] == plain
    hidden, salt = theirs.encrypt_data(univ.OctetString(localized), (7, 1234, None), plain)
    assert keys.decrypt(choice, bytes(hidden), 7, 1234, bytes(salt))[: len(plain)] == plain
    assert len(hidden) == len(plain) + (-len(plain) % 8 if privacy == "des" else 0)


def test_a_salt_or_ciphertext_of_a_wrong_size_is_a_bad_reply() -> None:
    keys = Keys(SnmpUser("anna", "md5", "x", "des", "y"), ENGINE)
    with pytest.raises(BadReply, match="a privacy salt of 7 bytes"):
        keys.decrypt(0, bytes(16), 1, 1, bytes(7))
    with pytest.raises(BadReply, match="multiple of 8"):
        keys.decrypt(0, bytes(17), 1, 1, bytes(8))


def test_a_passphrase_is_hashed_once_for_all_engines() -> None:
    master_key.cache_clear()
    user = SnmpUser("anna", "sha256", "hashed once", "aes128", "and this one")
    for number in range(200):
        Keys(user, number.to_bytes(8, "big"))
    assert master_key.cache_info().misses == 2
    assert master_key.cache_info().maxsize == usm.MASTER_KEYS_CAP


def test_a_user_does_not_show_its_passphrases() -> None:
    shown = repr(SnmpUser("anna", "sha1", "hunter2hunter2", "des", "canary canary"))
    assert "hunter2" not in shown
    assert "canary" not in shown
    assert "anna" in shown
