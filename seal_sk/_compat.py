"""scikit-learn: names it keeps private, imported here only, and tags of estimators."""

from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

__all__ = ["HasMethods", "Interval", "Options", "StrOptions", "tags_of_images"]


def tags_of_images(tags):
    """Change the tags of an estimator to those of one that takes images."""
    tags.input_tags.two_d_array = False
    tags.input_tags.three_d_array = True
    tags.no_validation = True
    return tags
