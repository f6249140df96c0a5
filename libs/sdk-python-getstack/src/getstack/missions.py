"""Re-exports of `sallyport`."""

from sallyport import MissionsService as MissionsService
