import json
import re
import shlex
import shutil

import numpy as np
import pytest

from seal_sk import SEALSuperpixels
from seal_sk.cli import main
from seal_sk.datasets import load_image_folder
from seal_sk.pan.training.state import read_checkpoint

# The smallest training that validates twice.
SMALL = (
    "--width 4 --max-iter 4 --validate-every 2 --batch-size 1 --crop-size 24 "
    "--train-segment-size 40 --validation-fraction 0.4 --jobs 2"
)
TRAIN = f"train --data data -o net.safetensors {SMALL}"


def estimator(**changes):
    """The estimator that TRAIN stands for."""
    params = {
        "width": 4,
        "max_iter": 4,
        "validate_every": 2,
        "batch_size": 1,
        "crop_size": 24,
        "train_segment_size": 40,
        "validation_fraction": 0.4,
        "random_state": 0,
        **changes,
    }
    return SEALSuperpixels(**params)


def same_network(path, wanted):
    found = SEALSuperpixels.load(path).net_.state_dict()
    wanted = wanted.net_.state_dict()
    return found.keys() == wanted.keys() and all(
        np.array_equal(found[name], wanted[name])
        for name in found
        if "num_batches" not in name
    )


def test_training(data, here, capsys, run):
    assert run(f"{TRAIN} --history course.json") == 0
    out, err = capsys.readouterr()
    dataset = load_image_folder(data / "images", data / "annotations")
    wanted = estimator().fit(dataset.images, dataset.annotations)
    assert same_network("net.safetensors", wanted)
    history = json.loads((here / "course.json").read_text())
    assert [line["iteration"] for line in history] == [2, 4]
    scores = [line["asa"] for line in wanted.history_]
    assert [line["asa"] for line in history] == scores
    assert out == f"ASA {max(scores):.4f} on 1 held-out images\n"
    assert re.fullmatch(r"seal-sk: trained 4 steps in \d+ s: net.safetensors\n", err)
    # What it would have gone on from is not needed any longer.
    assert sorted(path.name for path in here.iterdir()) == [
        "course.json",
        "data",
        "net.safetensors",
    ]


def test_what_is_said(data, capsys, run):
    assert run(f"{TRAIN} -q") == 0
    assert capsys.readouterr().err == ""
    assert run(f"{TRAIN} --force -v") == 0
    err = capsys.readouterr().err
    assert re.search(r"step 2: loss [\d.]+, ASA 0\.\d{4}, \d+ s\n", err)
    assert run(f"{TRAIN} --force -q --validation-fraction 0") == 0
    assert "no ASA: no image was held out" in capsys.readouterr().out


def test_fine_tuning(data, run):
    SEALSuperpixels(
        width=4, max_iter=1, batch_size=1, crop_size=24, loss="bce", random_state=3
    ).fit(*load_pairs(data)).save("first.safetensors")
    command = "train --data data -o net.safetensors --weights first.safetensors -q"
    assert run(f"{command} --max-iter 2 --lr 1e-4 --validation-fraction 0") == 0
    wanted = SEALSuperpixels(
        weights="first.safetensors",
        width=4,
        max_iter=2,
        batch_size=1,
        crop_size=24,
        loss="bce",
        lr=1e-4,
        validation_fraction=0,
        random_state=0,
    )
    assert same_network("net.safetensors", wanted.fit(*load_pairs(data)))


def load_pairs(data):
    dataset = load_image_folder(data / "images", data / "annotations")
    return dataset.images, dataset.annotations


def test_an_ignore_label_reaches_the_training(data, run):
    assert run(f"{TRAIN} -q --ignore-label 1") == 0
    assert SEALSuperpixels.load("net.safetensors").ignore_label == 1
    wanted = estimator(ignore_label=1).fit(*load_pairs(data))
    assert same_network("net.safetensors", wanted)


@pytest.mark.slow
def test_going_on_after_the_end_of_the_time(data, here, capsys, run):
    # No step ends before a microsecond has passed.
    assert run(f"{TRAIN} --max-time 1e-6 --history h.json") == 0
    err = capsys.readouterr().err
    assert "stopped by --max-time after 1 steps" in err
    command = err.splitlines()[-1].removeprefix("seal-sk: to continue: seal-sk ")
    assert command.endswith("--resume --force")
    assert (here / "net.checkpoint/checkpoint.pt").is_file()
    for _ in range(3):
        assert main(shlex.split(command)) == 0
    assert same_network("net.safetensors", estimator().fit(*load_pairs(data)))
    assert not (here / "net.checkpoint").exists()


@pytest.mark.parametrize("more", ["", "--max-time 1000"])
def test_the_end_of_patience_is_told_and_is_the_end(data, here, capsys, run, more):
    """The patience may be that of the file of --weights."""
    parameters = {"n_iter_no_change": 1, "validation_fraction": 0.3, "lr": 1e-6}
    first = estimator(max_iter=1, validate_every=1, **parameters)
    first.fit(*load_pairs(data)).save("first.safetensors")
    command = "train --data data -o net.safetensors --weights first.safetensors"
    assert run(f"{command} --max-iter 12 {more}") == 0
    err = capsys.readouterr().err
    assert re.search(r"stopped after \d of 12 steps: in 1 validations the ASA did", err)
    assert "--max-time" not in err
    assert "--resume" not in err
    assert not (here / "net.checkpoint").exists()
    assert run(f"{command} --max-iter 3 --n-iter-no-change 9 --force") == 0
    assert "stopped" not in capsys.readouterr().err


def test_a_validation_set_of_ones_own(data, here, capsys, run):
    shutil.copytree(data, here / "other")
    small = TRAIN.replace("--validation-fraction 0.4", "--validation-data other")
    assert run(f"{small} -q") == 0
    assert re.fullmatch(r"ASA 0\.\d{4} on 3 held-out images\n", capsys.readouterr().out)
    wanted = estimator(validation_fraction=0.1)
    X, y = load_pairs(data)
    assert same_network("net.safetensors", wanted.fit(X, y, X_val=X, y_val=y))


def test_a_training_that_diverges_goes_on_at_a_smaller_rate(data, here, capsys, run):
    large = TRAIN.replace("--max-iter 4", "--max-iter 30") + " --validate-every 1"
    assert run(f"{large} -q --lr 1e36") == 2
    err = capsys.readouterr().err
    assert "--lr" in err
    assert "warm_start" not in err
    if "--resume" in err:
        assert run(f"{large} -q --lr 1e-4 --resume") == 0
    else:
        assert run(f"{large} -q --lr 1e-4 --force") == 0


@pytest.mark.slow
def test_ctrl_c_and_going_on_bit_for_bit(data, here, terminal, run):
    long = TRAIN.replace("--max-iter 4 --validate-every 2", "--max-iter 120")
    one = terminal(*long.split(), "--validate-every", "10")
    one.wait_for("ASA=0.")
    one.press_ctrl_c()
    status, out, seen = one.end()
    assert (status, out) == (130, "")
    assert "loss=" in seen
    assert {path.name for path in here.iterdir()} == {"data", "net.checkpoint"}
    said = seen.replace("\r", "").splitlines()[-2:]
    command = f"{long} --validate-every 10 --resume"
    assert said == [f"seal-sk: to continue: seal-sk {command}", "seal-sk: interrupted"]
    _, state = read_checkpoint(here / "net.checkpoint/checkpoint.pt")
    assert 10 <= state["iteration"] < 120
    assert run(f"{command} -q") == 0
    wanted = estimator(max_iter=120, validate_every=10).fit(*load_pairs(data))
    assert same_network("net.safetensors", wanted)


@pytest.mark.slow
def test_a_checkpoint_is_kept_where_it_was_asked_for(data, here, capsys, run):
    assert run(f"{TRAIN} -q --checkpoint state") == 0
    state = here / "state/checkpoint.pt"
    before = state.read_bytes()
    again = TRAIN.replace("net.", "other.")
    capsys.readouterr()
    assert run(f"{again} --checkpoint state") == 2
    err = capsys.readouterr().err
    assert "'state' holds a saved training: continue it with --resume" in err
    assert run(f"{again} -q --checkpoint state --resume --seed 1") == 2
    err = capsys.readouterr().err
    assert "The training in --checkpoint was started with other values: seed=" in err
    assert state.read_bytes() == before
    more = again.replace("--max-iter 4", "--max-iter 6")
    assert run(f"{more} -q --checkpoint state --resume") == 0
    assert len(SEALSuperpixels.load("other.safetensors").get_params()) > 10
    assert run(f"{again} -q --checkpoint state --force") == 0
    assert same_network("other.safetensors", estimator().fit(*load_pairs(data)))


def test_the_folder_of_the_checkpoint_is_tried_and_kept(
    data, here, capsys, run, monkeypatch
):
    (here / "state").mkdir()
    (here / "state").chmod(0o700)
    before = (here / "state").stat().st_mode
    assert run(f"{TRAIN} -q --checkpoint state") == 0
    assert (here / "state").stat().st_mode == before
    (here / "file").write_text("")
    again = TRAIN.replace("net.", "other.")
    monkeypatch.setattr(SEALSuperpixels, "fit", lambda *_: pytest.fail("it trains"))
    capsys.readouterr()
    assert run(f"{again} -q --checkpoint file") == 2
    assert "'file' is a file; give a folder" in capsys.readouterr().err


def test_bad_parameters_cost_no_checkpoint(data, here, capsys, run):
    assert run(f"{TRAIN} -q --checkpoint state") == 0
    command = f"{TRAIN} -q --checkpoint state --force --crop-size 3"
    assert run(command) == 2
    assert "crop_size" in capsys.readouterr().err
    assert (here / "state/checkpoint.pt").is_file()


def test_a_network_that_was_saved_to_be_kept_is_not_trained_for_no_steps(
    data, capsys, run
):
    images, _ = load_pairs(data)
    SEALSuperpixels(weights="bsds500", max_iter=0).fit(images).save("kept.safetensors")
    command = "train --data data -o net.safetensors -q --weights kept.safetensors"
    assert run(command) == 2
    assert "give the number of steps, --max-iter" in capsys.readouterr().err
    assert run(f"{command} --max-iter 1 --batch-size 1 --crop-size 24") == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--averaging 0.5", "training in --checkpoint was started.*--averaging 0.5 "),
        ("--lr 1e-5", "--max-iter 4 steps are done.* --lr 1e-05 .*raise --max-iter"),
    ],
)
def test_what_may_not_change_is_named_by_its_option(data, capsys, run, option, message):
    assert run(f"{TRAIN} -q --checkpoint state") == 0
    again = f"{TRAIN.replace('net.', 'other.')} -q --checkpoint state --resume"
    assert run(f"{again} {option}") == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("-o net.bin", "'net.bin' must end in .safetensors."),
        ("-o nowhere/net.safetensors", "no folder 'nowhere'"),
        ("-o there.safetensors", "'there.safetensors' exists already"),
        ("--history there.json", "'there.json' exists already"),
        ("--history course.csv", "'course.csv' must end in .json"),
        ("--data nothing", "no data set 'nothing'"),
        ("--data scenes --subset x", "has no subsets"),
        ("--resume", "no saved training in 'net.checkpoint'"),
        ("--weights nowhere.pkl", "No weights at 'nowhere.pkl'"),
        ("--weights bsds500 --network pan", "leave out --network"),
        ("--weights bsds500 --width 3", "16 channels wide"),
        ("--annotations mean", "annotations='mean'"),
        ("--device rubbish", "device='rubbish'"),
        ("--lr 1e36 --width 4 --max-iter 30 --crop-size 24", "smaller --lr"),
        ("--validation-data data --validation-fraction 0.3", "leave out one of them"),
        ("--validation-data nothing", "no data set 'nothing'"),
    ],
)
def test_refusals(data, here, capsys, run, options, message):
    (here / "there.safetensors").write_text("old")
    (here / "there.json").write_text("old")
    command = "train --data data -o net.safetensors -q"
    assert run(f"{command} {options}") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seal-sk: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (here / "net.safetensors").exists()
    assert (here / "there.safetensors").read_text() == "old"
    assert (here / "there.json").read_text() == "old"
