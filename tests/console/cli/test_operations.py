from __future__ import annotations

from collections.abc import Callable

from console.cli.forms import ParamOption
from console.cli.operations import command_of, job_options, known_operations
from tests.console.cli.conftest import Ran
from workers.client import load_registry
from workers.operations.contract import flag_of


def test_the_operations_are_those_of_the_front_door() -> None:
    assert known_operations() == load_registry()


def test_every_parameter_has_its_flag_and_no_flag_means_two_things() -> None:
    for operation in known_operations():
        command = command_of(operation)
        flags = [opt for param in command.params for opt in (*param.opts, *param.secondary_opts)]
        assert len(flags) == len(set(flags)), operation.name
        assert {"-h", "--help"}.isdisjoint(flags)
        for name in operation.params.model_fields:
            assert name == "inputs" or flag_of(name) in flags


def test_every_flag_has_help() -> None:
    for operation in known_operations():
        for param in command_of(operation).params:
            if isinstance(param, ParamOption):
                assert param.help, (operation.name, param.name)
    assert all(option.help for option in job_options())


def test_help_has_its_lists_and_examples(spool: Callable[..., Ran]) -> None:
    text = spool("transcode", "--help").out
    titles = ["Options:", "Advanced options:", "Options of every job:", "Examples:"]
    places = [text.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert places[0] < text.index("--preset") < places[1] < text.index("--hardware") < places[2]
    assert "[web|mobile|archive|small|webm|audio]" in text
    assert "-o, --output PATH" in text
    assert "spool transcode holiday.mov" in text


def test_the_examples_are_right(spool: Callable[..., Ran]) -> None:
    import shlex

    (first,) = spool("download", "http://127.0.0.1:9/x.mp4", "--hold").lines
    for operation in known_operations():
        for example in operation.examples:
            words = shlex.split(example)
            assert words[:2] == ["spool", operation.name]
            asked = [word for word in words[1:] if word != "--wait"]  # held ones never end
            ran = spool(*asked, "--hold", "--after", first)  # so that files need not be there
            assert (ran.code, ran.err.count("spool:")) == (0, 0), (example, ran.err)
