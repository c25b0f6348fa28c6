"""Lines out of pieces."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.runner.lines import LineReader, write_whole
from workers.runner.wire import WireError


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b".")), max_size=12), st.data())
def test_lines_come_out_whole_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines) + b"rest"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader, heard = LineReader(limit=64), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        heard += reader.feed(stream[start:end])
    assert heard == lines
    assert reader.held == len(b"rest")


@pytest.mark.parametrize("pieces", [[b"x" * 64], [b"x" * 40, b"x" * 40], [b"x" * 64 + b"\n"], [b"ok\n" + b"x" * 70]])
def test_a_line_without_end_is_an_error_before_it_fills_the_memory(pieces: list[bytes]) -> None:
    reader = LineReader(limit=64)
    with pytest.raises(WireError, match="more than 64 bytes"):
        for piece in pieces:
            reader.feed(piece)


def test_the_longest_line_fits() -> None:
    assert LineReader(limit=64).feed(b"x" * 63 + b"\n") == [b"x" * 63]


def test_a_line_longer_than_a_pipe_is_written_whole() -> None:
    reader, writer = os.pipe()
    line = b"x" * 300_000 + b"\n"
    teller = threading.Thread(target=write_whole, args=(writer, line))
    teller.start()
    read = b""
    while not read.endswith(b"\n"):
        read += os.read(reader, 1 << 16)
    teller.join()
    os.close(reader)
    os.close(writer)
    assert read == line
