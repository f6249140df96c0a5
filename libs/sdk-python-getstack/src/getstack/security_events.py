"""Re-exports of `sallyport`."""

from sallyport import SecurityEventService as SecurityEventService
