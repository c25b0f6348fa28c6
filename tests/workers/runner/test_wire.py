"""The wire: what is said is heard unchanged, and nothing that comes up the pipe can do harm."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import ErrorClass, Failure
from workers.jobs import ItemRecord, Outcome, Progress
from workers.runner import decoding, wire

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
paths = texts.map(lambda text: "/" + text.replace("\0", ""))
whole = st.integers(0, (1 << 64) - 1)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats(allow_nan=False, allow_infinity=False)
facts = st.dictionaries(texts, plain | texts | st.lists(texts, max_size=3), max_size=4)
many = st.lists(texts, max_size=4).map(tuple)

failures = st.builds(Failure, st.sampled_from(ErrorClass), texts, texts, texts, numbers)
progress = st.builds(
    Progress, st.none() | st.floats(0, 1), texts, st.none() | whole, st.none() | whole, numbers, numbers, texts
)
hexadecimal = st.binary(min_size=32, max_size=32).map(bytes.hex)
records = st.builds(
    ItemRecord,
    texts,
    st.sampled_from(Outcome),
    many,
    st.none() | failures,
    texts.filter(bool),
    st.floats(0, 1e9),
    st.just("") | hexadecimal,
)
keys = st.lists(texts, max_size=4).map(tuple)
offered = keys.flatmap(
    lambda named: st.builds(
        wire.Offered, whole, st.just(named), st.just("") | st.just("0123456789abcdef" * 4 * len(named))
    )
)
places = st.lists(st.integers(0, 1000), max_size=4).map(tuple)
published = st.builds(wire.Published, texts, paths, whole, whole, whole)

ups = st.one_of(
    st.builds(wire.Hello, whole),
    st.builds(wire.Progressed, progress),
    st.just(wire.Alive()),
    st.builds(wire.Staging, paths),
    st.builds(wire.Publishing, texts, paths, whole, whole, whole),
    st.builds(wire.Total, whole),
    offered,
    st.builds(wire.ItemsEnded, st.lists(records, max_size=3).map(tuple)),
    st.builds(wire.FilesKept, texts, whole, whole, whole, st.floats(0, 1e9)),
    st.just(wire.Yielded()),
    st.builds(wire.Finished, many, facts),
    st.builds(wire.Failed, failures),
)
downs = st.one_of(
    st.builds(
        wire.JobMessage,
        whole,
        whole,
        whole,
        texts,
        facts,
        paths,
        facts,
        st.booleans(),
        st.lists(published, max_size=3).map(tuple),
        whole,
        st.dictionaries(texts, texts, max_size=3),
    ),
    st.builds(wire.Known, whole, places, places, places),
    st.builds(wire.Yield, st.booleans()),
    st.builds(wire.Granted, texts),
    st.builds(wire.Refused, texts, texts),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "/a", "failed", "disk", "\0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["path", "class"]), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ["class", "v", "pid", "path", "item", "inode", "size", "fraction", "done", "outputs", "detail", "error", "key"]


@given(ups)
def test_what_a_runner_says_arrives_unchanged(message: wire.Up) -> None:
    line = wire.encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert wire.decode_up(line) == message


@given(downs)
def test_what_the_worker_says_arrives_unchanged(message: wire.Down) -> None:
    line = wire.encode(message)
    assert line.count(b"\n") == 1
    assert wire.decode_down(line) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_wire_error(line: bytes) -> None:
    for decode in (wire.decode_up, wire.decode_down):
        with pytest.raises(wire.WireError):
            decode(line)


@given(
    st.sampled_from([*decoding._UP, *decoding._DOWN, "job"]),
    st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6),
    st.sampled_from([1, 2, "1", None]),
)
def test_any_object_is_a_message_or_a_wire_error(name: str, values: dict[str, Any], version: object) -> None:
    line = json.dumps(values | {"t": name, "v": version}).encode()
    for decode in (wire.decode_up, wire.decode_down):
        try:
            decode(line)
        except wire.WireError:
            pass


@pytest.mark.parametrize(
    "line",
    [
        b'{"t":"hello","v":2,"pid":1}',
        b'{"t":"hello","pid":1}',
        b'{"t":"hello","v":1,"pid":true}',
        b'{"t":"hello","v":1,"pid":-1}',
        b'{"t":"staging","path":"relative"}',
        b'{"t":"staging","path":"/nul\\u0000"}',
        b'{"t":"item","key":"a","outcome":"lost"}',
        b'{"t":"failure","class":"nice","message":""}',
        b'{"t":"progress","fraction":NaN}',
        b'{"t":"result","outputs":["a",1]}',
        b'{"t":"granted","path":"/a"}',
        b'{"t":["hello"]}',
        b"[]",
        b"[" * 100_000,
        b"",
    ],
)
def test_wrong_words_of_a_runner_are_refused(line: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_up(line)


def test_a_job_of_another_version_is_refused_with_both_versions() -> None:
    line = wire.encode(wire.JobMessage(1, 1, 1, "noop", {}, "/work")).replace(b'"v":1', b'"v":9')
    with pytest.raises(wire.WireError, match="version 9, this side speaks 1"):
        wire.decode_down(line)


def test_a_name_that_is_no_utf8_survives() -> None:
    path = os.fsdecode(b"/tmp/\xff\xfe name")
    assert wire.decode_up(wire.encode(wire.Staging(path))) == wire.Staging(path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_progress_without_a_number_is_unknown(value: float) -> None:
    said = wire.decode_up(wire.encode(wire.Progressed(Progress(fraction=value, rate=value))))
    assert said == wire.Progressed(Progress())


@pytest.mark.parametrize(("said", "heard"), [(-0.5, 0.0), (1.5, 1.0)])
def test_a_fraction_stays_between_nothing_and_all(said: float, heard: float) -> None:
    assert wire.decode_up(wire.encode(wire.Progressed(Progress(said)))) == wire.Progressed(Progress(heard))


def test_facts_that_json_cannot_hold_do_not_cost_the_result() -> None:
    looped: dict[Any, Any] = {"path": Path("/a"), "nan": math.nan, ("a", 1): {1, 2}}
    looped["self"] = looped
    said = wire.decode_up(wire.encode(wire.Finished(("/out",), looped)))
    assert isinstance(said, wire.Finished)
    assert said.outputs == ("/out",)
    assert said.detail["path"] == "/a" and said.detail["nan"] is None


@pytest.mark.parametrize(
    "message",
    [
        wire.Finished(("/out",), {"text": "x" * (2 << 20)}),
        wire.Finished(tuple(f"/out/{number:0100}" for number in range(20_000))),
        wire.Failed(Failure(ErrorClass.TOOL, "m" * (1 << 20), detail="d" * (2 << 20))),
        wire.ItemsEnded((ItemRecord("key", Outcome.DONE, ("/out",), detail="x" * (2 << 20)),)),
    ],
)
def test_what_is_too_long_is_cut_and_still_told(message: wire.Up) -> None:
    line = wire.encode(message)
    assert len(line) <= wire.MAX_LINE
    said = wire.decode_up(line)
    assert type(said) is type(message)
    if isinstance(said, wire.Finished):
        assert said.outputs[0].startswith("/out")
        assert said.detail["cut"] is True


def test_a_long_record_costs_its_neighbours_nothing() -> None:
    small = ItemRecord("a", Outcome.DONE, detail='{"x":1}', kept="a" * 64)
    large = ItemRecord("b", Outcome.DONE, detail="x" * (2 << 20), kept="b" * 64)
    long_names = tuple(f"/{chr(233) * 4000}/{number}" for number in range(100))  # six bytes for each letter
    many = ItemRecord("c", Outcome.DONE, long_names)
    said = wire.decode_up(wire.encode(wire.ItemsEnded((small, large, many, small))))
    assert isinstance(said, wire.ItemsEnded)
    assert said.items[0] == said.items[3] == small
    assert (said.items[1].detail, said.items[1].kept) == ('{"cut":true,"outputs_left_off":0}', "")
    told = said.items[2].outputs
    assert told == long_names[: len(told)] and 0 < len(told) < 100
    assert said.items[2].detail == f'{{"cut":true,"outputs_left_off":{100 - len(told)}}}'


def test_a_question_that_is_too_long_is_an_error() -> None:
    with pytest.raises(wire.WireError, match="too long"):
        wire.encode(wire.Staging("/" + "x" * (2 << 20)))


def test_a_job_may_name_very_many_inputs() -> None:
    job = wire.JobMessage(
        1, 1, 1, "items", {}, "/work", settings={"inputs": [f"/some/where/{n:060}" for n in range(100_000)]}
    )
    assert wire.decode_down(wire.encode(job)) == job
