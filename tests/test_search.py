"""Model selection: what does not depend on a parameter is not computed again."""

from collections import deque
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    PredefinedSplit,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seal_sk import (
    EdgeAffinity,
    ERSSuperpixels,
    FeatureAffinity,
    GraphSuperpixels,
    LearnedAffinity,
    SEALSuperpixels,
)
from seal_sk.datasets.lazy import LazySequence
from seal_sk.metrics import asa_scorer, boundary_recall_scorer
from seal_sk.sources.caching import described

TRAINING = {
    "width": 2,
    "max_iter": 2,
    "batch_size": 1,
    "crop_size": 24,
    "validation_fraction": 0.0,
    "random_state": 0,
}
COUNTS = [4, 5, 6, 8, 10, 12, 15, 18, 20, 25, 30, 40]
GRID = {"n_segments": COUNTS, "balance": [0.1, 0.5, 2.0]}


LOOKS = deque()  # a list would be taken for a constant of `colours`


def colours(image):
    LOOKS.append(image.shape)
    return np.moveaxis(image / 255.0, -1, 0)


@pytest.fixture
def five(scenes):
    return scenes[0][:5], scenes[1][:5]


@pytest.fixture
def counted(monkeypatch):
    """How many trainings and looks of a network there have been."""
    from seal_sk.pan import prediction
    from seal_sk.pan.training import fitting

    counts = {"trainings": 0, "looks": 0}

    def watch(module, name, what):
        call = getattr(module, name)

        def watched(*args, **kwargs):
            counts[what] += 1
            return call(*args, **kwargs)

        monkeypatch.setattr(module, name, watched)

    class Watched(prediction.Predictor):
        def __call__(self, images):
            for affinity in super().__call__(images):
                counts["looks"] += 1
                yield affinity

    watch(fitting, "train", "trainings")
    # Where the training validates, it has taken the other one already.
    monkeypatch.setattr(prediction, "Predictor", Watched)
    return counts


def search(estimator, cv, grid=GRID, refit=True):
    return GridSearchCV(
        estimator, grid, scoring=asa_scorer, cv=cv, refit=refit, error_score="raise"
    )


@pytest.mark.slow
def test_a_search_over_cuts_trains_once(five, counted, tmp_path):
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path))
    split = PredefinedSplit([-1, -1, -1, 0, 0])
    result = search(seal, split, refit=False).fit(*five)
    assert len(result.cv_results_["params"]) == 36
    assert counted == {"trainings": 1, "looks": 2}
    # Trained on all, for the refit; the cut of another segmenter costs nothing.
    both = {"segmenter": ["ers", "fh"], "connectivity": [4, 8]}
    result = search(seal, split, both).fit(*five)
    assert counted == {"trainings": 2, "looks": 2}
    result.transform(five[0])
    assert counted == {"trainings": 2, "looks": 7}


def test_a_search_over_boundary_costs_trains_once(five, counted, tmp_path):
    costs = {"boundary_cost": [None, "auto", 0.0, 20.0]}
    split = PredefinedSplit([-1, -1, -1, 0, 0])
    seal = SEALSuperpixels(20, **TRAINING, memory=str(tmp_path))
    result = search(seal, split, costs, refit=False).fit(*five)
    assert counted == {"trainings": 1, "looks": 2}
    assert len(set(result.cv_results_["mean_test_score"])) > 1


@pytest.mark.slow
def test_the_kept_results_are_those_without_memory(five, tmp_path):
    kept = search(SEALSuperpixels(**TRAINING, memory=str(tmp_path)), KFold(2))
    anew = search(SEALSuperpixels(**TRAINING), KFold(2), grid={"n_segments": [5, 20]})
    kept.set_params(param_grid={"n_segments": [5, 20]}).fit(*five)
    anew.fit(*five)
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        assert np.array_equal(kept.cv_results_[name], anew.cv_results_[name])
    assert kept.best_score_ == anew.best_score_
    assert np.array_equal(
        kept.best_estimator_.transform(five[0])[0],
        anew.best_estimator_.transform(five[0])[0],
    )
    assert kept.best_estimator_.history_[0]["loss"] == pytest.approx(
        anew.best_estimator_.history_[0]["loss"]
    )


@pytest.mark.slow
def test_one_training_a_fold(five, counted, tmp_path):
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path))
    search(seal, KFold(5)).fit(*five)
    assert counted == {"trainings": 6, "looks": 5}


@pytest.mark.slow
def test_processes_share_one_training(five, tmp_path):
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path / "memory"))
    split = PredefinedSplit([-1, -1, -1, 0, 0])
    GridSearchCV(
        seal,
        {"n_segments": [5, 20], "balance": [0.1, 0.5]},
        scoring=asa_scorer,
        cv=split,
        refit=False,
        n_jobs=2,
        error_score="raise",
    ).fit(*five)
    assert len(list(tmp_path.glob("memory/joblib/**/_fitted/*/output.pkl"))) == 1


@pytest.mark.slow
def test_a_frozen_source_is_never_trained_again(five, counted, tmp_path):
    learned = LearnedAffinity(**TRAINING).fit(*five)
    graph = GraphSuperpixels(affinity=FrozenEstimator(learned), memory=str(tmp_path))
    search(graph, KFold(5)).fit(*five)
    assert counted == {"trainings": 1, "looks": 5}


def test_what_decides_the_training_trains_again(five, counted, tmp_path):
    images, truths = five
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path))
    seal.fit(images, truths)
    changes = [
        {"lr": 1e-2},
        {"loss": "bce"},
        {"random_state": 1},
        {"train_segment_size": 100.0},
    ]
    for n, change in enumerate(changes):
        seal.set_params(**change).fit(images, truths)
        assert counted["trainings"] == 2 + n
    seal.fit(images[::-1], truths[::-1])
    darker = [image // 2 for image in images]
    seal.fit(darker, truths)
    seal.fit(LazySequence(darker.__getitem__, range(5)), truths)
    assert counted["trainings"] == 7
    # Neither threads nor the place of the data decide anything.
    seal.set_params(n_jobs=2, n_segments=7, balance=3.0, verbose=False)
    seal.set_params(boundary_cost=2.0)
    seal.fit(darker, [truth.copy() for truth in truths])
    assert counted["trainings"] == 7


def test_other_truths_train_again(five, counted, tmp_path):
    images, truths = five
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path))
    seal.fit(images, truths).fit(images, [truth[::-1] for truth in truths])
    assert counted["trainings"] == 2


def test_other_images_held_out_train_again(five, counted, tmp_path):
    images, truths = five
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path))
    seal.set_params(validation_fraction=0.5)
    own = {"X_val": images[:1], "y_val": truths[:1]}
    ways = [{}, {"groups": [0, 0, 1, 1, 2]}, {"groups": [0, 1, 1, 2, 2]}, own]
    ways.append({**own, "y_val": truths[1:2]})
    for n, given in enumerate(ways):
        for _ in range(2):
            seal.fit(images, truths, **given)
        assert counted["trainings"] == 1 + n


@pytest.fixture
def network(five, tmp_path):
    path = tmp_path / "net.safetensors"
    SEALSuperpixels(**TRAINING).fit(*five).save(path)
    return path


def test_weights_that_are_trained_further_are_trained_once(five, network, counted):
    graph = GraphSuperpixels(
        affinity=LearnedAffinity(**TRAINING, weights=network),
        memory=str(network.parent / "memory"),
    )
    split = PredefinedSplit([-1, -1, -1, 0, 0])
    search(graph, split, {"n_segments": [5, 20]}, refit=False).fit(*five)
    assert counted["trainings"] == 1
    graph.fit(five[0])
    assert counted["trainings"] == 1
    assert graph.affinity_.n_iter_ == 0


@pytest.mark.parametrize("memory", [False, True])
def test_a_search_over_a_given_network_trains_nothing(five, network, counted, memory):
    images, truths = five
    seal = SEALSuperpixels(
        weights=network,
        max_iter=0,
        memory=str(network.parent / "memory") if memory else None,
    )
    result = search(seal, KFold(2), {"n_segments": [5, 20], "oversegmentation": [1, 2]})
    result.fit(images, truths)
    assert counted["trainings"] == 0
    for params, score in zip(
        result.cv_results_["params"], result.cv_results_["mean_test_score"], strict=True
    ):
        given = SEALSuperpixels(weights=network, **params)
        folds = [(images[i], truths[i]) for i in (slice(3), slice(3, 5))]
        assert score == pytest.approx(np.mean([given.score(*fold) for fold in folds]))
    assert result.best_estimator_.n_iter_ == 0
    assert len(result.transform(images)) == 5


def test_damage_in_the_memory_is_found(five, network, tmp_path):
    memory = str(tmp_path / "memory")
    seal = SEALSuperpixels(5, weights=network, memory=memory)
    (expected,) = seal.transform(five[0][:1])
    assert np.array_equal(seal.transform(five[0][:1])[0], expected)
    (file,) = (tmp_path / "memory").glob("joblib/**/_kept_affinity/*/output.pkl")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 16
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"memory='.*' is damaged; delete the folder"):
        seal.transform(five[0][:1])


def test_what_goes_on_is_not_kept(five, counted, tmp_path):
    seal = SEALSuperpixels(**TRAINING, memory=str(tmp_path), warm_start=True)
    for estimator in (seal, clone(seal)):
        estimator.fit(*five)
    assert counted["trainings"] == 2


def scaled(image, by=1.0, *, shift=0.0):
    return image * by + shift


def nested(by):
    return lambda image: image * by


def test_functions_and_networks_are_told_apart_by_what_they_do():
    import torch

    class Scaled(torch.nn.Module):
        def __init__(self, by, weight=1.0):
            super().__init__()
            self.by = by
            self.weight = torch.nn.Parameter(torch.tensor(weight))

        def forward(self, x):
            return x * self.by * self.weight

    class Call:
        def __init__(self, by):
            self.by = by

        def __call__(self, image):
            return image * self.by

    values = [
        partial(scaled, by=1.0),
        partial(scaled, by=2.0),
        partial(scaled, 2.0),
        partial(scaled, 3.0),
        nested(1.0),
        nested(2.0),
        Call(1.0),
        Call(2.0),
        Scaled(1.0),
        Scaled(2.0),
        Scaled(1.0, 2.0),
        torch.nn.Sequential(Scaled(1.0)),
        torch.nn.Sequential(Scaled(2.0)),
    ]
    hashes = [joblib.hash(described(value)) for value in values]
    assert len(set(hashes)) == len(values)
    assert hashes[5] == joblib.hash(described(nested(2.0)))
    assert hashes[8] == joblib.hash(described(Scaled(1.0)))


class Flat(TransformerMixin, BaseEstimator):
    value = 0.25

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [np.full((*image.shape[:2], 2), self.value) for image in X]


class Flatter(Flat):
    value = 0.75


def test_sources_are_told_apart_by_their_class(five, tmp_path):
    for source in (Flat(), Flatter()):
        graph = GraphSuperpixels(affinity=source, memory=str(tmp_path))
        (affinity,) = graph.fit(*five).predict_affinity(five[0][:1])
        assert (affinity == source.value).all()


def test_without_memory_nothing_is_kept(five, counted):
    seal = SEALSuperpixels(**TRAINING)
    seal.fit(*five).fit(*five)
    assert counted["trainings"] == 2


def test_a_curve_over_counts_takes_one_look(five, counted):
    seal = SEALSuperpixels(**TRAINING).fit(*five)
    curves = seal.transform_counts(five[0], COUNTS)
    assert counted["looks"] == 5
    assert [[int(m.max()) + 1 for m in maps] for maps in curves] == [COUNTS] * 5


@pytest.mark.slow
def test_features_are_looked_at_once(five, tmp_path):
    LOOKS.clear()
    source = FeatureAffinity(colours, metric="l2", scale=0.1)
    graph = GraphSuperpixels(affinity=source, memory=str(tmp_path))
    search(graph, KFold(5)).fit(*five)
    assert len(LOOKS) == 5


def test_an_edited_function_is_called_again(five, tmp_path):
    images, _ = five
    image = images[0]

    def maps_of(code):
        scope = {"np": np, "__name__": "user"}
        exec(code, scope)
        source = FeatureAffinity(scope["features"], metric="l2", scale=0.1)
        graph = GraphSuperpixels(affinity=source, memory=str(tmp_path))
        return graph.predict_affinity([image])[0]

    code = "def features(image): return np.moveaxis(image / {}, -1, 0)"
    assert not np.array_equal(maps_of(code.format(255)), maps_of(code.format(100)))


def along(image, axis):
    return np.abs(np.gradient(image.mean(axis=2) / 255.0)[axis]).clip(0, 1)


class Gradients:
    def __init__(self, axis=0):
        self.axis = axis

    def rows(self, image):
        return along(image, 0)

    def columns(self, image):
        return along(image, 1)

    def either(self, image):
        return along(image, self.axis)


class Channel(torch.nn.Module):
    def __init__(self, channel, dtype=torch.float32):
        super().__init__()
        self.channel = channel
        self.factor = torch.nn.Parameter(torch.ones((), dtype=dtype))

    def forward(self, planes):
        return planes[:, self.channel : self.channel + 1] * self.factor


class Weighted(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights), persistent=False)

    def forward(self, planes):
        return (planes * self.weights[None, :, None, None]).sum(1, keepdim=True)


CODE = """
from functools import partial
import numpy as np
AXES = {{"one": {}}}
AXIS = {}
def along(image, axis): return np.abs(np.gradient(image.mean(axis=2) / 255)[axis])
def gradient(image): return along(image, {})
def calls(image): return gradient(image)
def reads(image): return along(image, AXIS)
def looks_up(image): return along(image, AXES["one"])
def defaults(image, *, axis=AXIS): return along(image, axis)
def calls_what_it_is_given(f, image): return f(image)
given = partial(calls_what_it_is_given, gradient)
class Callable:
    def __call__(self, image): return gradient(image)
instance = Callable()
"""


def edited(name, axis):
    scope = {"__name__": "user"}
    exec(CODE.format(axis, axis, axis), scope)
    return scope[name]


NAMES = ["gradient", "calls", "reads", "looks_up", "defaults", "given", "instance"]


def by_edges(one, other):
    return EdgeAffinity(one), EdgeAffinity(other)


def by_features(one, other):
    return [FeatureAffinity(net, metric="l2", scale=0.1) for net in (one, other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        by_edges(Gradients().rows, Gradients().columns),
        by_edges(Gradients(0).either, Gradients(1).either),
        by_edges(*[lambda i: along(i, 0), lambda i: along(i, 1)]),
        *[by_edges(*[edited(name, axis) for axis in (0, 1)]) for name in NAMES],
        by_features(Channel(0), Channel(2)),
        by_features(Channel(0, torch.bfloat16), Channel(2, torch.bfloat16)),
        by_features(Weighted([1.0, 0.0, 0.0]), Weighted([0.0, 0.0, 1.0])),
    ],
)
def test_what_computes_otherwise_is_told_apart(five, tmp_path, one, other):
    images = five[0][:1]

    def maps_of(source, memory=None):
        return GraphSuperpixels(affinity=source, memory=memory).predict_affinity(images)

    assert not np.array_equal(maps_of(one)[0], maps_of(other)[0])
    for _ in range(2):
        for source in (one, other):
            assert np.array_equal(maps_of(source, str(tmp_path))[0], maps_of(source)[0])
    assert len(list(tmp_path.glob("joblib/**/output.pkl"))) == 2


def test_weights_replaced_inside_a_pipeline_are_noticed(five, tmp_path):
    images, truths = five
    path, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    learned = LearnedAffinity(**TRAINING).fit(images, truths)
    learned.save(path)
    learned.set_params(random_state=1).fit(images, truths).save(other)
    pipeline = make_pipeline(FunctionTransformer(), LearnedAffinity(weights=path))
    graph = GraphSuperpixels(affinity=FrozenEstimator(pipeline), memory=str(tmp_path))
    first = graph.predict_affinity(images)[0]
    path.write_bytes(other.read_bytes())
    second = graph.predict_affinity(images)[0]
    assert not np.array_equal(first, second)
    assert np.array_equal(second, pipeline.transform(images)[0])


def test_what_cannot_be_kept_is_refused(five, tmp_path):
    source = FeatureAffinity(lambda image: np.moveaxis(image / 255.0, -1, 0))
    graph = GraphSuperpixels(affinity=source, memory=str(tmp_path))
    with pytest.raises(ValueError, match="functions of a module instead of lambdas"):
        graph.fit(*five)


SCORING = {"asa": asa_scorer, "br": boundary_recall_scorer}


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True], ids=["one truth", "annotators"])
def test_scorers_everywhere(scenes, several):
    images, truths = scenes
    if several:
        truths = [[truth, truth[::-1]] for truth in truths]
    estimator = ERSSuperpixels(20)
    single = cross_validate(estimator, images, truths, cv=3, scoring=asa_scorer)
    multi = cross_validate(estimator, images, truths, cv=3, scoring=SCORING)
    assert np.array_equal(single["test_score"], multi["test_asa"])
    halving = HalvingGridSearchCV(
        estimator,
        {"n_segments": [5, 20, 60]},
        scoring=asa_scorer,
        cv=2,
        min_resources=6,
        random_state=0,
    ).fit(images, truths)
    assert halving.best_params_ == {"n_segments": 60}
    sizes, _, scores = learning_curve(
        estimator, images, truths, cv=3, scoring=asa_scorer, train_sizes=[0.5, 1.0]
    )
    assert scores.shape == (2, 3)
    # Nothing is learned.
    assert np.array_equal(scores[0], scores[1])
    assert list(sizes) == [8, 16]


def test_the_smallest_count_that_is_good_enough(scenes):
    def smallest(results):
        reached = results["mean_test_score"] >= 0.75
        counts = np.asarray(results["param_n_segments"], dtype=float)
        return int(np.argmin(np.where(reached, counts, np.inf)))

    result = GridSearchCV(
        ERSSuperpixels(),
        {"n_segments": [80, 5, 20, 40]},
        scoring=asa_scorer,
        cv=2,
        refit=smallest,
    ).fit(*scenes)
    scores = dict(
        zip(
            result.cv_results_["param_n_segments"],
            result.cv_results_["mean_test_score"],
            strict=True,
        )
    )
    chosen = result.best_params_["n_segments"]
    assert scores[chosen] >= 0.75
    assert all(scores[count] < 0.75 for count in scores if count < chosen)


def test_masks_through_metadata_routing(scenes):
    images, truths = scenes[0][:6], scenes[1][:6]
    masks = [np.zeros(truth.shape, dtype=bool) for truth in truths]
    for i, mask in enumerate(masks):
        mask[: 20 + i] = True
    estimator = ERSSuperpixels(10)
    with config_context(enable_metadata_routing=True):
        estimator.set_score_request(mask=True)
        scores = cross_validate(
            estimator, images, truths, cv=3, params={"mask": masks}
        )["test_score"]
    expected = [
        estimator.score(images[i : i + 2], truths[i : i + 2], mask=masks[i : i + 2])
        for i in (0, 2, 4)
    ]
    assert np.allclose(scores, expected)
    whole = cross_validate(estimator, images, truths, cv=3)["test_score"]
    assert not np.allclose(scores, whole)
