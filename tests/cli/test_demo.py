import imageio.v3 as iio
import pytest

from seal_sk.demo import run_demo


@pytest.mark.slow
def test_demo(here, capsys):
    table = run_demo(
        "demo.png",
        max_iter=3,
        n_train=3,
        n_test=2,
        shape=(64, 64),
        counts=(20, 40),
        verbose=1,
    )
    out = capsys.readouterr().out
    assert [(row["method"], row["asked"]) for row in table] == [
        (method, asked)
        for asked in (20, 40)
        for method in ("SEAL", "ERS", "SLIC", "oracle")
    ]
    for row in table:
        if row["method"] != "SLIC":
            assert row["superpixels"] == row["asked"]
        assert 0 < row["boundary_recall"] <= 1
        assert 0 < row["contour_density"] < 1
        assert f"{row['boundary_recall']:.3f}  {row['contour_density']:.3f}" in out
        assert f"{row['asa']:.3f}" in out
        assert row["method"] in out
        if row["method"] == "oracle":
            assert row["asa"] > 0.97
    assert "for 3 steps." in out
    assert "cut short" not in out
    assert "comes with the package" in out.replace("\n", " ")
    assert out.splitlines()[-1].endswith("demo.png")
    picture = iio.imread("demo.png")
    assert min(picture.shape[:2]) > 900
    assert [path.name for path in here.iterdir()] == ["demo.png"]


@pytest.mark.slow
def test_a_quiet_demo_prints_the_results_only(here, capsys):
    settings = {"max_iter": 2, "n_train": 3, "n_test": 1, "shape": (64, 64)}
    table = run_demo("demo.png", **settings, counts=(20,), verbose=0)
    out, err = capsys.readouterr()
    assert err == ""
    assert "Training" not in out
    assert "Segmenting" not in out
    for row in table:
        assert f"{row['asa']:.3f}" in out
    assert out.splitlines()[-1].endswith("demo.png")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("picture.jpg", "must end in .png"),
        ("nowhere/picture.png", "There is no folder 'nowhere'"),
        ("there.png", "'there.png' exists already"),
    ],
)
def test_refusals_before_the_training(here, capsys, run, output, message):
    (here / "there.png").write_text("old")
    assert run(f"demo --output {output}") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert (here / "there.png").read_text() == "old"


def test_options_reach_the_demo(here, monkeypatch, run):
    import seal_sk.demo

    called = []
    monkeypatch.setattr(seal_sk.demo, "run_demo", lambda *a, **k: called.append((a, k)))
    assert run("demo --max-time 3 --seed 7 -q --out x.png") == 0
    ((path,), settings) = called[0]
    assert str(path) == "x.png"
    assert settings == {"max_time": 3.0, "seed": 7, "verbose": 0}
    # Without a limit it is trained to the end.
    assert run("demo --out x.png") == 0
    assert called[1][1] == {"max_time": None, "seed": 0, "verbose": 1}


@pytest.mark.slow
def test_a_training_cut_short_is_said_to_be_so(here, capsys, monkeypatch):
    from matplotlib.figure import Figure

    written, text = [], Figure.text

    def watched(self, x, y, s, **style):
        written.append(s)
        return text(self, x, y, s, **style)

    monkeypatch.setattr(Figure, "text", watched)
    settings = {"n_train": 3, "n_test": 1, "shape": (64, 64), "verbose": 0}
    run_demo("demo.png", **settings, counts=(20,), max_iter=500, max_time=1e-6)
    out = capsys.readouterr().out
    warning = "The training was cut short after 1 of 500 steps"
    assert out.index(warning) < out.index("ASA")
    assert any(warning in line for line in written)
