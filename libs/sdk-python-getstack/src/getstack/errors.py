"""Re-exports of `sallyport`."""

from sallyport.errors import *  # noqa: F403
