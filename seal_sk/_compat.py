"""scikit-learn: names it keeps private, imported here only, and tags of estimators."""

from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

__all__ = [
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "check_params",
    "tags_of_images",
]


def tags_of_images(tags):
    """Change the tags of an estimator to those of one that takes images."""
    tags.input_tags.two_d_array = False
    tags.input_tags.three_d_array = True
    tags.no_validation = True
    return tags


def check_params(estimator):
    """Raise what is wrong with the parameters of an estimator, as its `fit` would."""
    estimator._validate_params()
