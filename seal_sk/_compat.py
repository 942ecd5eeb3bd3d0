"""Private names of scikit-learn, imported only here, and tags of estimators."""

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
    """Change the tags of an estimator to say that it takes images."""
    tags.input_tags.two_d_array = False
    tags.input_tags.three_d_array = True
    tags.no_validation = True
    return tags


def check_params(estimator):
    """Check the parameters of an estimator, as its `fit` would."""
    estimator._validate_params()
