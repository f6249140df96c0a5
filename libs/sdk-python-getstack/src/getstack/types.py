"""Re-exports of `sallyport`."""

from sallyport.answers import *  # noqa: F403
