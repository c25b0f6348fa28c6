"""Texts as they lie in the store: compressed when long, with a checksum, so that nothing broken is taken for a result.

One byte tells the kind, four are the CRC-32 of kind, key, stamp and text, the rest is the text in UTF-8, plain or by
zlib. Key and stamp are beside it in the store, and are covered so that no result is taken for that of another file.
"""

from __future__ import annotations

import zlib

PLAIN, PACKED = b"P", b"Z"
LONG = 1024  # bytes; shorter texts gain nothing worth the time
_LARGEST = 64 << 20  # of a text that is unpacked, in bytes
_HEAD = 5


class Broken(Exception):
    """What was kept is not what was written."""


def pack(text: str, key: bytes, stamp: bytes) -> bytes:
    """`text`, the result for this key and stamp, as bytes for the store; lone surrogates survive."""
    data = text.encode("utf-8", "surrogatepass")
    kind, body = PLAIN, data
    if len(data) > LONG:
        packed = zlib.compress(data, 1)
        if len(packed) < len(data):
            kind, body = PACKED, packed
    return kind + _checksum(kind, key, stamp, body) + body


def _checksum(kind: bytes, key: bytes, stamp: bytes, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(kind + key + stamp)).to_bytes(4, "big")


def unpack(data: bytes, key: bytes, stamp: bytes) -> str:
    """The text that was packed for this key and stamp; Broken when that cannot be told."""
    kind, body = data[:1], data[_HEAD:]
    if kind not in (PLAIN, PACKED) or _checksum(kind, key, stamp, body) != data[1:_HEAD]:
        raise Broken("the checksum is wrong")
    if kind == PACKED:
        try:
            state = zlib.decompressobj()
            body = state.decompress(body, _LARGEST)
        except zlib.error as error:
            raise Broken(str(error)) from None
        if not state.eof:
            raise Broken("the text is cut short or too long")
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Broken(str(error)) from None
