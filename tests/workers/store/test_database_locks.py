"""Opening the database again in a process that uses it must not drop the locks of that process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from workers.store.database import open_database

_CLOSE_AS_THE_LAST = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM t").fetchone()
connection.close()
"""


def test_a_second_opening_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """POSIX drops a process's locks on a file when it closes any descriptor of it; SQLite leans on those locks.

    Without them another process that leaves believes to be the last one, and removes the log that we still write.
    """
    path = tmp_path / "spool.db"
    first = open_database(str(path))
    first.execute_sql("CREATE TABLE t (x)")
    open_database(str(path)).connect()
    subprocess.run([sys.executable, "-c", _CLOSE_AS_THE_LAST, str(path)], check=True)
    first.execute_sql("INSERT INTO t VALUES (1)")
    found = sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone()
    assert found == (1,)
