from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import UsageError
from workers.jobs import QUEUES, Priority, State
from workers.query import KEYS, Term, bare_name, parse, seconds


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", ()),
        ("   ", ()),
        ("state:failed", (Term("state", ":", ("failed",)),)),
        ("state:failed,Cancelled,", (Term("state", ":", ("failed", "cancelled")),)),
        ("-queue:video", (Term("queue", ":", ("video",), True),)),
        ("age>1.5d", (Term("age", ">", ("1.5d",)),)),
        ("id<12", (Term("id", "<", ("12",)),)),
        ("older:1.5d -newer:1h", (Term("age", ">", ("1.5d",)), Term("age", "<", ("1h",), True))),
        ("id:12,15-20,105-,-7", (Term("id", ":", ("12", "15-20", "105-", "-7")),)),
        ('batch:"my films" x', (Term("batch", ":", ("my films",)), Term("text", ":", ("x",)))),
        ('"state:failed"', (Term("text", ":", ("state:failed",)),)),
        ('-"two words"', (Term("text", ":", ("two words",), True),)),
        ("http://example.org/a?b=1", (Term("text", ":", ("http://example.org/a?b=1",)),)),
        ("-https://example.org", (Term("text", ":", ("https://example.org",), True),)),
        ("-", (Term("text", ":", ("-",)),)),
        ('""', ()),
        ("50% a_b", (Term("text", ":", ("50%",)), Term("text", ":", ("a_b",)))),
    ],
)
def test_words(query: str, terms: tuple[Term, ...]) -> None:
    assert parse(query) == terms


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stat:failed", "no such word 'stat'; did you mean state:?"),
        ("zzz:1", "no such word 'zzz'; known are state"),
        ("state:faild", "no such value 'faild'; did you mean failed?"),
        ("queue:q", "no such value 'q'; one of downloads"),
        ("priority:asap", "no such value 'asap'"),
        ("state:", "a value is missing"),
        ('batch:""', "a value is missing"),
        ("state>failed", "state takes a colon"),
        ("age:2d", "write older:2d or newer:1h"),
        ("older>2d", "older takes a colon"),
        ("older:2d,3d", "one span of time, as in older:2d"),
        ("newer:2", "'2' is not a span of time"),
        ("newr:2d", "did you mean newer:?"),
        ("age>2", "'2' is not a span of time"),
        ("age>2d,3d", "takes one value"),
        ("age>99999999999d", "is not a span of time"),
        ("id:x", "write id:12, id:12-20"),
        ("id:-", "write id:12, id:12-20"),
        ("id<3,4", "takes one value"),
        ("id<3-4", "write id:12, id:12-20"),
        ("id:٣", "write id:12, id:12-20"),
        ("x" * 1001, "at most 1000"),
    ],
)
def test_what_is_wrong_is_named(query: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(f"holiday {query}")
    assert told in str(refused.value)


@given(st.text())
def test_any_text_is_parsed_or_refused_in_words(query: str) -> None:
    try:
        terms = parse(query)
    except UsageError as error:
        assert str(error)
        return
    for term in terms:
        assert term.key in (*KEYS, "text") and term.op in ":<>" and term.values and all(term.values)


_VALUES = st.text("abcxyz0189-_.%", min_size=1, max_size=8).filter(lambda text: not text.startswith("-"))
_TERMS = st.one_of(
    st.builds(Term, st.just("state"), st.just(":"), st.lists(st.sampled_from(State), min_size=1).map(tuple)),
    st.builds(Term, st.just("queue"), st.just(":"), st.lists(st.sampled_from(QUEUES), min_size=1).map(tuple)),
    st.builds(Term, st.just("priority"), st.just(":"), st.sampled_from(Priority).map(lambda p: (p.word,))),
    st.builds(Term, st.sampled_from(["site", "batch", "by", "operation"]), st.just(":"), _VALUES.map(lambda v: (v,))),
    st.builds(Term, st.just("id"), st.sampled_from(":<>"), st.integers(0, 10**15 - 1).map(lambda n: (str(n),))),
    st.builds(Term, st.just("age"), st.sampled_from("<>"), st.integers(0, 999).map(lambda n: (f"{n}h",))),
    st.builds(Term, st.just("text"), st.just(":"), _VALUES.map(lambda v: (v,))),
)


@given(st.lists(st.tuples(_TERMS, st.booleans())))
def test_what_is_written_is_read(chosen: list[tuple[Term, bool]]) -> None:
    terms = tuple(Term(term.key, term.op, tuple(map(str, term.values)), negated) for term, negated in chosen)
    words = [
        ("-" if term.negated else "")
        + (f'"{term.values[0]}"' if term.key == "text" else f"{term.key}{term.op}{','.join(term.values)}")
        for term in terms
    ]
    assert parse("  ".join(words)) == terms


def test_spans() -> None:
    spans = {"90s": 90, "30m": 1800, "2h": 7200, "1.5d": 129_600, " 1w ": 604_800}
    assert {text: seconds(text) for text in spans} == spans
    for wrong in ("", "h", "2", "-2h", "1e9s", "2 h", "infd", "9" * 10 + "w"):
        with pytest.raises(UsageError, match="write 90s, 30m"):
            seconds(wrong)


def test_items_takes_its_two_words() -> None:
    assert parse("items:failed") == (Term("items", ":", ("failed",)),)
    with pytest.raises(UsageError, match="did you mean failed"):
        parse("items:faild")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("operation:hash age", "age"),
        ("-id x", "id"),
        ('"age" older:2d', ""),
        ("age>2d ages https://example.org/id", ""),
        ("", ""),
    ],
)
def test_a_name_without_its_value_is_noticed(query: str, name: str) -> None:
    assert bare_name(query) == name
