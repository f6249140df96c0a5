"""The import name `getstack`, answered by `sallyport`: re-exports only."""

from sallyport import *  # noqa: F403
from sallyport import __all__ as __all__
from sallyport import __version__ as __version__
