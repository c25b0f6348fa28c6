"""How far pictures should reach by their own structure: BMP, TIFF, JPEG 2000, GIF. A few reads, nothing is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workers.media.findings import Finding

Read = Callable[[int, int], bytes]  # so many bytes from an offset; fewer at the end

_BMP_SLACK = 3  # bytes of filling that some writers leave out at the very end
_FILLED = (0, 3, 6)  # ways of a BMP to hold pixels that are rows of equal length
_MAX_DIRECTORIES, _MAX_VALUES = 10_000, 1 << 20  # of a TIFF
_PLACES = {273: 279, 324: 325}  # where strips or tiles lie, and how long they are
_SIZES = {3: 2, 4: 4, 16: 8}  # bytes of a number, by its type
_CODE_END = b"\xff\xd9"  # of a codestream of JPEG 2000
_PIECE = 1 << 16


def cut_short(size: int, wanted: int, what: str) -> Finding:
    """The finding of a file of `size` bytes whose `what` reaches to `wanted`."""
    return Finding("cut_short", f"the {what} reaches past the end of the file", {"size": size, "wanted": wanted})


def no_end(size: int) -> Finding:
    """The finding of a file of `size` bytes without its end marker."""
    return Finding("no_end", "the end marker is missing: cut short", {"size": size})


def bmp(read: Read, size: int) -> Iterator[Finding]:
    """The pixels that the header tells, within the file; its own field of the file's size is often wrong."""
    head = read(0, 54)
    if len(head) < 26:
        return
    start, old = _number(head[10:14]), _number(head[14:18]) == 12  # of OS/2
    if old:
        width, height, depth, way, told = _number(head[18:20]), _number(head[20:22]), _number(head[24:26]), 0, 0
    else:
        width, height = _number(head[18:22]), abs(int.from_bytes(head[22:26], "little", signed=True))
        depth, way, told = _number(head[28:30]), _number(head[30:34]), _number(head[34:38])
    wanted = start + ((width * depth + 31) // 32 * 4 * height if way in _FILLED else told)
    if wanted > size + _BMP_SLACK:
        yield cut_short(size, wanted, "picture")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def tiff(read: Read, size: int) -> Iterator[Finding]:
    """Directories, and the strips or tiles that they name, within the file."""
    head = read(0, 16)
    order = "little" if head[:2] == b"II" else "big"
    big = head[2:4] in (b"\x2b\0", b"\0\x2b")
    width = 8 if big else 4

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)  # type: ignore[arg-type]

    at, furthest, seen = number(head[8:16] if big else head[4:8]), 0, set[int]()
    while at and at not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(at)
        count = number(read(at, 8 if big else 2))
        first, step = (at + 8, 20) if big else (at + 2, 12)
        furthest = max(furthest, first + step * count)
        if furthest > size:
            break
        table = read(first, step * count + width)
        entries = {number(table[n : n + 2]): table[n : n + step] for n in range(0, step * count, step)}
        for place, length in _PLACES.items():
            starts, end = _values(read, entries.get(place, b""), width, number)
            lengths, other = _values(read, entries.get(length, b""), width, number)
            furthest = max([furthest, end, other, *(a + b for a, b in zip(starts, lengths, strict=False))])
        at = number(table[step * count :])
    if furthest > size:
        yield cut_short(size, furthest, "picture")


def _values(read: Read, entry: bytes, width: int, number: Callable[[bytes], int]) -> tuple[list[int], int]:
    """The numbers of an entry of a TIFF's directory, and where they end; 0 when in the entry itself."""
    each, count = _SIZES.get(number(entry[2:4]), 0), number(entry[4 : 4 + width])
    if not entry or not each or count > _MAX_VALUES:
        return [], 0
    data, end = entry[4 + width :], 0
    if each * count > width:
        end = number(data) + each * count
        data = read(number(data), each * count)
    return [number(data[n : n + each]) for n in range(0, min(each * count, len(data)), each)], end


def jpeg_2000(read: Read, size: int) -> Iterator[Finding]:
    """Boxes within the file; where the last one has no length, the end marker of what is in it."""
    at = 0
    while at + 8 <= size:
        head = read(at, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length == 0:
            if _CODE_END not in read(max(0, size - 64), 64):
                yield no_end(size)
            return
        if length < 8:
            return  # something was appended that is no box
        at += length
        if at > size:
            yield cut_short(size, at, "picture")
            return
        if head[4:8] == b"jp2c":
            return
    yield cut_short(size, at + 8, "picture")  # it was cut between its boxes


def gif(read: Read, size: int) -> Iterator[Finding]:
    """Every block up to the end marker. That marker is an ordinary byte, so that looking for it alone proves little."""
    start, piece = 0, b""

    def byte(at: int) -> int:
        nonlocal start, piece
        if not start <= at < start + len(piece):
            start, piece = at, read(at, _PIECE)
        return piece[at - start] if at - start < len(piece) else -1

    at = 13 + _table(byte(10))
    while (kind := byte(at)) in (0x21, 0x2C):  # an extension, a picture
        at += 2 if kind == 0x21 else 11 + _table(byte(at + 9))
        while (length := byte(at)) > 0:
            at += 1 + length
        if length < 0:
            break
        at += 1
    if at >= size:
        yield no_end(size)
    elif kind not in (0x21, 0x2C, 0x3B) and _rest(read, at, size):
        yield Finding("broken_block", "there is something between the blocks that is none", {"at": at})


def _rest(read: Read, at: int, size: int) -> bytes:
    """What stands from `at` on besides filling, as far as one look goes."""
    return read(at, min(size - at, _PIECE)).strip(b"\0")


def _table(flags: int) -> int:
    """Bytes of the table of colours that flags announce."""
    return 3 << ((flags & 7) + 1) if flags >= 0 and flags & 0x80 else 0
