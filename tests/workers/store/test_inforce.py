from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from workers.jobs import Pause, Scope
from workers.store.inforce import ChangedNumber, Changes, InForce, changes, read


def _pause(name: str, until: int | None = None, by: str = "ann") -> Pause:
    return Pause(Scope.QUEUE, name, 1, until, by)


def test_what_is_the_same_in_both_is_no_change() -> None:
    held = InForce((_pause("video", 9000),), (("images", 3),), (("night", 0),))
    assert changes(held, held) == Changes()


def test_both_directions() -> None:
    one = InForce((_pause("video"), _pause("images")), (("images", 3),), (("night", 0),))
    two = InForce((_pause("images", 9000), _pause("default")), (), (("night", 0), ("day", 2)))
    assert changes(one, two) == Changes(
        lifted=(_pause("video"),),
        again=(_pause("default"),),
        otherwise=((_pause("images"), _pause("images", 9000)),),
        numbers=(ChangedNumber("slots", "images", 3, None), ChangedNumber("limit", "day", None, 2)),
    )
    back = changes(two, one)
    assert (back.lifted, back.again) == ((_pause("default"),), (_pause("video"),))


def test_a_table_of_the_first_version_is_read_too() -> None:
    later = int(time.time() * 1000) + 3_600_000
    with closing(sqlite3.connect(":memory:")) as old:
        old.execute("CREATE TABLE queue_setting (queue, slots, paused, paused_until, paused_by)")
        rows = [("video", 3, 1, later, "ann"), ("images", None, 0, None, ""), ("default", None, 1, 4000, "bob")]
        old.executemany("INSERT INTO queue_setting VALUES (?, ?, ?, ?, ?)", rows)
        found = read(old, {"queue_setting"})
    assert found == InForce((Pause(Scope.QUEUE, "video", 0, later, "ann"),), (("video", 3),), ())
