"""Names that scikit-learn keeps private, imported here and nowhere else."""

from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

__all__ = ["HasMethods", "Interval", "Options", "StrOptions"]
