"""The log panel over a real log: it follows while new parts begin."""

from __future__ import annotations

from pathlib import Path

from console.app import SpoolApp
from console.screens.job import JobScreen
from tests.console.conftest import screen_text, shows, until
from workers.client import open_client
from workers.config import load_settings
from workers.joblog import LogFile
from workers.logs import old_part


async def test_it_follows_over_the_turn_of_a_part(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    client = open_client(settings)
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x"]})
    path = settings.paths.job_log(job.id)
    file = LogFile(path, 16_384)
    file.append(b"the first line\n")
    app = SpoolApp(settings, start=None)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.feed.figures.worker is not None)
        screen = JobScreen(job.id)
        await app.push_screen(screen)
        screen.show_tab("log")
        await shows(pilot, "the first line")
        for number in range(1500):
            file.append(b"line %05d of the tool\n" % number)
            if number % 300 == 299:
                client.set_priority([job.id], job.priority)  # something is committed, so the console looks
                screen.log_view.read_on()
                await shows(pilot, f"line {number:05}")
        assert old_part(path).exists() and path.stat().st_size < 10_000
        shown = [int(line.split()[1]) for line in screen.log_view._texts if line.startswith("line ")]
        assert shown == sorted(set(shown)) and shown[-1] == 1499
        assert "the first line" not in screen_text(app)
    file.close()
    client.close()
