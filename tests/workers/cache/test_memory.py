from __future__ import annotations

from workers.cache.flights import Flights
from workers.cache.memory import Kept, Memory

S1, S2 = b"one", b"two"


def kept(text: str) -> Kept:
    return Kept("metadata", S1, "", text, 0.1, 0.0, 0.0)


def test_the_least_recently_used_gives_way() -> None:
    one = kept("x" * 1000)
    memory = Memory(one.size * 3)
    for name in (b"a", b"b", b"c"):
        memory.put(name, kept("x" * 1000))
    assert memory.get(b"a")
    memory.put(b"d", kept("x" * 1000))
    assert [name for name in (b"a", b"b", b"c", b"d") if memory.get(name)] == [b"a", b"c", b"d"]
    assert memory.bytes <= one.size * 3 and len(memory) == 3


def test_bytes_are_counted_through_replacing_and_dropping() -> None:
    memory = Memory(1 << 20)
    memory.put(b"a", kept("x" * 1000))
    memory.put(b"a", kept("y"))
    assert memory.bytes == kept("y").size
    memory.drop(b"a")
    memory.drop(b"a")
    assert memory.bytes == 0 == len(memory)


def test_what_is_too_large_pushes_nothing_out() -> None:
    memory = Memory(3000)
    memory.put(b"a", kept("x"))
    memory.put(b"b", kept("y" * 10_000))
    assert memory.get(b"a") and memory.get(b"b") is None


def test_one_maker_for_one_key_and_stamp() -> None:
    flights = Flights()
    assert flights.begin(1, b"k", S1) and not flights.begin(1, b"k", S1)
    assert flights.waits(2, b"k", S1) and not flights.waits(1, b"k", S1)
    assert not flights.waits(2, b"k", S2)  # the file is another one for that owner
    assert flights.begin(2, b"k", S2)
    flights.end(1, [b"k"])  # it is no longer 1 who makes it
    assert flights.waits(1, b"k", S2)
    flights.release(2)
    assert not flights.waits(1, b"k", S2) and len(flights) == 0
    flights.release(2)
    flights.end(2, [b"k"])
