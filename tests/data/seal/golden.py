#!/usr/bin/env python3
"""Second implementation of the key derivation and sealing, written from the header comments of
core/crypto/keyring.h and seal.h.  Prints the values that tests/unit/test_keyring.c and
test_seal.c pin.  Needs the module "cryptography"; nothing in the test suite runs it.

Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


repository = bytes(range(16))
writer = bytes(range(0x20, 0x40))
reader = bytes(range(0x60, 0x80))
reader_public = X25519PrivateKey.from_private_bytes(reader).public_key().public_bytes(
    ser.Encoding.Raw, ser.PublicFormat.Raw)
source = b"documents"
run_key = bytes(range(0xA0, 0xC0))

# Key file.
for name, value in (("repository", repository), ("reader-public", reader_public),
                    ("writer-secret", writer), ("reader-secret", reader)):
    text = value + hashlib.sha256(name.encode() + value).digest()[:3]
    text = base64.b32encode(text).decode().rstrip("=")
    groups = [text[i:i + 5] for i in range(0, len(text), 5)]
    lines = ["-".join(groups[i:i + 7]) for i in range(0, len(groups), 7)]
    print(name.ljust(15) + ("\n" + " " * 15).join(lines))

# Keys of the source: one HKDF block is all that 32 bytes take.
prk = mac(repository, writer)


def derive(label, name=source):
    return mac(prk, label.encode(), b"\0", name, b"\x01")


keys = {label: derive(label)
        for label in ("chunk id", "index", "salt", "chunker", "psk", "item cache")}
for label, key in keys.items():
    print("%-11s %s" % (label, key.hex()))
print("descriptor ", derive("descriptor", b"").hex())


def aad(kind, plain, stored):
    return (b"sme1" + bytes([kind]) + repository + struct.pack("<I", len(source)) + source +
            struct.pack("<QQ", plain, stored))


# A block of two chunks, stored raw, and the same facts with codec 1, level 3.
chunks = [b"first chunk", b"the second chunk"]
ids = [mac(keys["chunk id"], c) for c in chunks]
print("chunk ids  ", *[i.hex() for i in ids])
plain = b"".join(chunks)


def block(kind, codec, level, stored):
    head = b"sme-backup block 1" + bytes([kind, codec, level])
    head += struct.pack("<III", len(plain), len(stored), len(chunks))
    body = b"".join(struct.pack("<I", len(c)) + i for c, i in zip(chunks, ids))
    key = mac(run_key, head, body)
    return AESGCM(key).encrypt(bytes(12), stored, aad(kind, len(plain), len(stored)))


print("block raw  ", block(1, 0, 0, plain).hex())
print("block zstd ", block(2, 1, 3, b"not really zstd").hex())

# An object of type 4 under the index key.
text = b"an index object"
salt = mac(keys["salt"], b"sme-backup salt 1", b"\x04", text)
key = mac(keys["index"], b"sme-backup object 1", b"\x04", salt)
print("object     ", (salt + AESGCM(key).encrypt(bytes(12), text, aad(4, len(text), len(text)))).hex())
