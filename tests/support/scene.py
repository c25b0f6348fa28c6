"""A busy evening in a small studio, the same every time: for the picture in the README and for snapshots."""

from __future__ import annotations

from tests.support.fake_client import NOW_MS, FakeStore, make_job
from workers.client import HostFigures
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, ItemOutcome, Job, Outcome, Priority, Progress, State, Waiting

_MIB = 1 << 20


def _download(job_id: int, title: str, site: str, fraction: float, rate: float, total: int, started: int) -> Job:
    done = int(total * fraction)
    progress = Progress(fraction, "video", done, total, rate, (total - done) / rate, "bytes")
    params = {"inputs": [f"https://{site}/v/{job_id}"], "quality": "best"}
    return make_job(
        job_id,
        State.RUNNING,
        operation="download",
        queue="downloads",
        title=title,
        site=site,
        progress=progress,
        params=params,
        started_at=NOW_MS - started * 1000,
        submitted_at=NOW_MS - started * 1000 - 4000,
    )


def _encode(job_id: int, name: str, fraction: float, speed: float, length_s: int, started: int) -> Job:
    progress = Progress(
        fraction,
        "encoding",
        int(length_s * 1000 * fraction),
        length_s * 1000,
        speed * 1000,
        length_s * (1 - fraction) / speed,
        "ms",
    )
    return make_job(
        job_id,
        State.RUNNING,
        title=f"{name} → archive",
        progress=progress,
        started_at=NOW_MS - started * 1000,
        params={"inputs": [f"/media/incoming/{name}"], "preset": "archive"},
        batch="dailies",
    )


def _running() -> list[Job]:
    bulk = make_job(
        412,
        State.RUNNING,
        operation="thumbnail",
        queue="images",
        title="photos → 320 px jpeg",
        progress=Progress(0.638, "", 6688, 10482, 52.0, 73.0, "items"),
        items=ItemCounts(10482, 5904, 7, 12, 765),
        started_at=NOW_MS - 128_000,
        params={"inputs": ["/media/photos"], "output": "/media/thumbs"},
    )
    return [
        _download(
            431, "Harbour lights, part 2 - Deutsche Kinemathek", "kinemathek.example", 0.412, 8.4e6, 780 * _MIB, 41
        ),
        _download(430, "Interview: 映画音楽の作り方 (full session)", "archive.example", 0.873, 12.1e6, 1420 * _MIB, 96),
        _download(428, "Live at the Round House, 4K master", "roundhouse.example", 0.067, 3.9e6, 6100 * _MIB, 112),
        _encode(419, "DJI_0412_coast_take3.mov", 0.554, 1.9, 1260, 365),
        _encode(418, "roundhouse-2019-multicam-A.mxf", 0.213, 0.8, 5400, 1410),
        bulk,
        make_job(
            415,
            State.PAUSED,
            title="roundhouse-2019-multicam-B.mxf → archive",
            batch="dailies",
            progress=Progress(0.48, "encoding", 2_592_000, 5_400_000, None, None, "ms"),
            started_at=NOW_MS - 2_400_000,
        ),
    ]


def _waiting() -> list[Job]:
    return [
        make_job(433, title="trailer-de-final.mov → web", priority=Priority.URGENT, submitted_at=NOW_MS - 62_000),
        make_job(
            432,
            operation="download",
            queue="downloads",
            title="Night train, episode 7",
            site="kinemathek.example",
            submitted_at=NOW_MS - 30_000,
            params={"inputs": ["https://kinemathek.example/v/432"]},
        ),
        make_job(
            429,
            operation="download",
            queue="downloads",
            title="Open air archive reel 12",
            site="archive.example",
            run_after=NOW_MS + 43_000,
            failures=1,
            attempts=1,
            submitted_at=NOW_MS - 300_000,
            failure=Failure(
                ErrorClass.THROTTLED, "HTTP Error 429: Too Many Requests", "https://archive.example/reel/12"
            ),
        ),
        make_job(420, title="DJI_0413_coast_take4.mov → archive", batch="dailies", submitted_at=NOW_MS - 420_000),
        make_job(421, title="DJI_0414_coast_take5.mov → archive", batch="dailies", submitted_at=NOW_MS - 419_000),
        make_job(422, title="DJI_0415_coast_take6.mov → archive", batch="dailies", submitted_at=NOW_MS - 418_000),
        make_job(
            423, title="DJI_0416_harbour.mov → archive", batch="dailies", after=(419,), submitted_at=NOW_MS - 417_000
        ),
        make_job(424, title="client review cut v3.mov → web", hold=True, submitted_at=NOW_MS - 900_000),
        make_job(
            425,
            operation="transcode",
            title="rushes and 41 more → small",
            run_after=NOW_MS + 9_100_000,
            submitted_at=NOW_MS - 1_000_000,
            priority=Priority.LOW,
        ),
    ]


def _ended() -> list[Job]:
    failed = make_job(
        427,
        State.FAILED,
        operation="download",
        queue="downloads",
        title="Private screening 2026-09-12",
        site="vault.example",
        attempts=1,
        finished_at=NOW_MS - 190_000,
        params={"inputs": ["https://vault.example/s/91"]},
        failure=Failure(
            ErrorClass.AUTH,
            "This video is only available to registered users",
            "https://vault.example/s/91",
            "[vault] 91: Downloading webpage\nERROR: This video is only available to registered users",
        ),
    )
    broken = make_job(
        413,
        State.FAILED,
        title="GX010231.mp4 → web",
        attempts=1,
        finished_at=NOW_MS - 1_900_000,
        failure=Failure(
            ErrorClass.BAD_INPUT,
            "GX010231.mp4 is damaged or no media: Invalid data found when processing input",
            "/media/incoming/GX010231.mp4",
        ),
    )
    titles = [
        "Harbour lights, part 1",
        "DJI_0410_coast_take1.mov → archive",
        "DJI_0411_coast_take2.mov → archive",
        "wedding-2026-ceremony.mts → web",
        "wedding-2026-speeches.mts → web",
        "Night train, episode 6",
        "poster-A2-print.tiff → 320 px jpeg",
        "poster-A3-print.tiff → 320 px jpeg",
        "Night train, episode 5",
        "interview-raw-cam1.mov → web",
        "interview-raw-cam2.mov → web",
    ]
    done = [
        make_job(
            410 - place,
            State.SUCCEEDED,
            title=title,
            started_at=NOW_MS - (3000 + 700 * place) * 1000,
            finished_at=NOW_MS - (2500 + 640 * place) * 1000,
            operation="download"
            if "art" in title or "train" in title
            else "thumbnail"
            if "poster" in title
            else "transcode",
            queue="downloads" if "art" in title or "train" in title else "images" if "poster" in title else "video",
        )
        for place, title in enumerate(titles)
    ]
    cancelled = make_job(411, State.CANCELLED, title="wrong-folder-test.mov → web", finished_at=NOW_MS - 2_100_000)
    return [failed, broken, cancelled, *done]


def studio(*, worker: bool = True) -> FakeStore:
    """The whole scene: 6 jobs at work, 1 paused, 9 waiting, and what ended before."""
    store = FakeStore([*_running(), *_waiting(), *_ended()], worker=worker)
    store.slots = {"downloads": 3, "video": 2, "images": 4, "metadata": 2, "default": 2}
    store.figures = HostFigures(64.0, 3.1, 8, 43.0, "/media", 412_000_000_000, 78.0, 6.0, 2.0, 0.0)
    store.report = (
        "2 jobs were running when the last worker died: 2 queued again",
        "by name: 405 Night train, episode 6, 406 wedding-2026-speeches.mts → web",
        "temporary folders that it left and that were removed: 1",
    )
    store.reasons[432] = (
        Waiting("site", "2 downloads from kinemathek.example are running", "it starts when one of them ends"),
        Waiting("slot", "3 of 3 slots of downloads are taken", "it starts when one ends"),
    )
    store.logs[431] = "\n".join(
        [
            "[kinemathek] 431: downloading the page",
            "[info] format 248+251 chosen: 2160p vp9, opus",
            "[download] destination: Harbour lights, part 2 [431].f248.webm",
            "[download] resuming at byte 41943040",
            "",
        ]
    )
    store.item_rows[412] = [
        ItemOutcome(f"/media/photos/IMG_{number:05}.jpg", Outcome.DONE, (f"/media/thumbs/IMG_{number:05}.thumb.jpg",))
        for number in range(400)
    ]
    return store
