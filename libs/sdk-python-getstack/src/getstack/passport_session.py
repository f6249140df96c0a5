"""Re-exports of `sallyport`."""

from sallyport import PassportSession as PassportSession
