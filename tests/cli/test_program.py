"""What holds for all commands: help, exit status, errors, pipes."""

import os
import re
import subprocess
import sys

import pytest

from seal_sk import SEALSuperpixels, __version__
from seal_sk.cli import main

COMMANDS = (
    "segment",
    "train",
    "evaluate",
    "bench",
    "report",
    "demo",
    "export",
    "weights",
    "weights list",
    "weights info",
    "completion",
)


def help_of(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_version(start):
    done = start("--version")
    assert (done.returncode, done.stdout) == (0, f"seal-sk {__version__}\n")


def test_help_lists_the_commands_and_statuses(capsys):
    text = help_of("", capsys)
    for command in COMMANDS:
        assert re.search(rf"^    {command.split()[0]}\b", text, re.MULTILINE)
    for status in (0, 1, 2, 130):
        assert re.search(rf"^  {status} ", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, help_of(command, capsys).splitlines())) < 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_is_understood(command, capsys, monkeypatch):
    text = help_of(command, capsys).replace("\\\n", " ")
    examples = [
        line.strip().split(" > ")[0]
        for line in text.splitlines()
        if line.strip().startswith(f"seal-sk {command}")
    ]
    assert examples
    import shlex

    from seal_sk.cli import _parser

    for example in examples:
        args = _parser().parse_args(shlex.split(example)[1:])
        assert callable(args.run)


def test_options_of_one_name_mean_the_same():
    """The same option has the same other names and the same type everywhere."""
    from seal_sk.cli import _parser

    seen = {}
    for parser in commands_of(_parser()):
        for action in parser._actions:
            for name in action.option_strings:
                what = (tuple(action.option_strings), action.type, action.nargs)
                assert seen.setdefault(name, what) == what, name
    assert {"-n", "-o", "--out", "--jobs", "--device", "--weights", "--force"} < set(
        seen
    )
    assert {"-q", "-v", "--debug"} < set(seen)


@pytest.mark.parametrize(
    "number", ["-1", "-1.", "-.5", "-0.001", "-1e-3", "-2.5E+10", "-1e5"]
)
def test_negative_numbers_are_values(number):
    from seal_sk.cli import _parser

    command = ["segment", "x.tif", "-o", "out", "--value-range", number, "9"]
    args = _parser().parse_args([*command, "--balance", number])
    assert args.value_range == [[float(number), 9.0]]
    assert args.balance == float(number)


def commands_of(parser):
    import argparse

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command
                yield from commands_of(command)


def test_help_loads_nothing_heavy():
    code = """
import sys
from seal_sk.cli import main
try:
    main(["segment", "--help"])
except SystemExit:
    pass
heavy = {"torch", "numpy", "sklearn", "skimage", "matplotlib", "shtab"}
heavy &= set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--drop-alpha" in done.stdout


def test_module_runs_as_a_program(here):
    done = subprocess.run(
        [sys.executable, "-m", "seal_sk", "segment", "no.png", "-o", "out"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "seal-sk: error: There is no image 'no.png'.\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "required: COMMAND; see seal-sk --help"),
        ("rubbish", "invalid choice: 'rubbish'"),
        ("segment photos", "required: -o/--output/--out; see seal-sk segment --help"),
        ("segment -o out", "required: IMAGE"),
        ("segment photos -o out -n 0", "'0' is not a whole number of 1 or more"),
        ("segment photos -o out -n 1.5", "'1.5' is not a whole number"),
        ("segment photos -o out --jobs 0", "--jobs"),
        ("segment photos -o out --connectivity 6", "--connectivity"),
        ("segment photos -o out --n-seg 6", "unrecognized arguments: --n-seg 6"),
        ("segment photos -o out --bands 0", "--bands"),
        ("segment photos -o out --balance nan", "'nan' is not a finite number"),
        ("segment photos -o out --balance -inf", "'-inf' is not a finite number"),
        ("segment photos -o out --boundary-cost -1", "'-1' is neither a number of at"),
        ("segment photos -o out --boundary-cost inf", "'inf' is neither a number"),
        ("segment photos -o out --boundary-cost low", "'low' is neither a number"),
        ("segment photos -o out --segment-size -.5", "'-.5' is not a number above 0"),
        ("segment photos -o out -n 9 --segment-size 9", "not allowed with argument -n"),
        ("train -o net.safetensors", "required: --data"),
        ("train --data x -o n.safetensors --lr fast", "'fast' is not a number above 0"),
        ("train --data x -o n.safetensors --averaging 1", "less than 1"),
        ("train --data x -o n.safetensors --seed x", "'x' is not a whole number"),
        ("demo --max-time 0", "'0' is not a number above 0"),
        ("demo --max-time soon", "'soon' is not a number above 0"),
        ("weights", "required: ACTION"),
        ("completion powershell", "invalid choice: 'powershell'"),
    ],
)
def test_usage_errors_are_one_sentence(command, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(command.split())
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seal-sk: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_an_empty_name_is_not_the_current_folder(here, capsys):
    for command in (["segment", "x.png", "-o", ""], ["report", ""]):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 2
        assert "the name of a file or folder is empty" in capsys.readouterr().err


def raising(error):
    def transform(self, X):
        raise error

    return transform


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_is_said_to_be_one(photos, capsys, monkeypatch, run, debug):
    monkeypatch.setattr(SEALSuperpixels, "transform", raising(KeyError("what")))
    assert run("segment photos -o out" + " --debug" * debug) == 2
    err = capsys.readouterr().err
    assert "this is a bug in seal-sk (KeyError: 'what')" in err
    assert "--debug" in err
    assert ("Traceback" in err) == debug
    assert err.count("\n") == 1 or debug


def test_debug_says_where_an_expected_error_is_from(here, capsys, run):
    assert run("segment no.png -o out --debug") == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("seal-sk: error: There is no image 'no.png'.\n")


def test_memory_runs_out(photos, capsys, monkeypatch, run):
    monkeypatch.setattr(SEALSuperpixels, "transform", raising(MemoryError()))
    assert run("segment photos -o out") == 2
    assert "memory ran out" in capsys.readouterr().err


def test_interrupt(photos, capsys, monkeypatch, run):
    monkeypatch.setattr(SEALSuperpixels, "transform", raising(KeyboardInterrupt()))
    assert run("segment photos -n 30 -o out --quiet") == 130
    assert capsys.readouterr().err == "seal-sk: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows has other pipes")
@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_a_closed_pipe_is_no_error(program, arguments):
    # Python then writes at the end, when argparse no longer hides the error.
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    process = subprocess.Popen(
        [program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has /dev/full")
def test_a_full_disk_is_told(start):
    with open("/dev/full", "w") as full:
        done = start(
            "completion",
            "bash",
            stdout=full,
            stderr=subprocess.PIPE,
            capture_output=False,
        )
    assert done.returncode == 2
    assert done.stderr == "seal-sk: error: No space left on device.\n"
