"""Every error that suimon raises on purpose, so that a caller can catch one class.

The command line turns any of them into one line on standard error and exit code 2; a message
therefore names the thing, its value and the remedy.
"""


class SuimonError(Exception):
    """Base of all errors that suimon raises on purpose."""


class ConfigError(SuimonError, ValueError):
    """An option has a value that cannot work; the message names the accepted range."""


class DataError(SuimonError, ValueError):
    """An input file, text or table cannot be used as given."""


class ShapeError(SuimonError, RuntimeError, ValueError):
    """A tensor has the wrong shape or dtype.

    ``torch.nn`` raises ``RuntimeError`` for some wrong shapes and ``ValueError`` for others;
    being both keeps ``except`` clauses written for ``torch.nn`` working.
    """


class BackendError(SuimonError, RuntimeError):
    """A backend that was asked for by name cannot run; the message says why."""


class CheckpointError(SuimonError):
    """A run directory or weight file is missing, damaged, or from another version."""


class NotFittedError(SuimonError, ValueError, AttributeError):
    """An estimator is used before ``fit``; its bases are those of scikit-learn's own."""
