"""Names that scikit-learn keeps private, imported here and nowhere else."""

from sklearn.utils._param_validation import Interval, Options, StrOptions

__all__ = ["Interval", "Options", "StrOptions"]
