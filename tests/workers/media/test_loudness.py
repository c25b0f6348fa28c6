from __future__ import annotations

from pathlib import Path

from workers.media.av import Facts, StreamFacts
from workers.media.loudness import Measured, Target, close, filters, measure_command, parse

LINES = [
    "[Parsed_loudnorm_0 @ 0x7fa114001d80] ",
    "{",
    '\t"input_i" : "-21.75",',
    '\t"input_tp" : "-18.06",',
    '\t"input_lra" : "0.00",',
    '\t"input_thresh" : "-31.75",',
    '\t"output_i" : "-22.95",',
    '\t"target_offset" : "-0.05"',
    "}",
]


def test_figures_are_read() -> None:
    assert parse(LINES) == Measured(-21.75, -18.06, 0.0, -31.75, -0.05)
    assert parse(LINES[:4]) is None
    silent = parse([line.replace("-21.75", "-inf") for line in LINES])
    assert silent is not None and silent.silent


def test_what_is_close_enough_stays() -> None:
    target = Target(-16)
    assert close(Measured(-16.4, -3, 5, -26, 0), target)
    assert not close(Measured(-17, -3, 5, -26, 0), target)
    assert not close(Measured(-16, -0.5, 5, -26, 0), target), "the peak is too high"


def test_the_second_pass_knows_the_first() -> None:
    loud, rate = filters(Measured(-21.75, -18.06, 4.5, -31.75, -0.05), Target(-23, -2, 7), 44100)
    assert loud.startswith("loudnorm=I=-23:TP=-2:LRA=7:measured_I=-21.75:measured_TP=-18.06:measured_LRA=4.5")
    assert loud.endswith(":offset=-0.05:linear=true")
    assert rate == "aresample=44100", "loudnorm gives 192 kHz"


def test_the_command_is_guarded() -> None:
    sound = StreamFacts(1, "audio", "aac")
    words = measure_command(Facts(Path("/in/-y.mp4"), "mp4", 1, 1.0, 1, (sound,)), sound, Target(-23), ffmpeg="ff")
    assert words[words.index("-i") + 1] == "file:/in/-y.mp4"
    assert words.index("-f") < words.index("-protocol_whitelist") < words.index("-i")
