"""Re-exports of `sallyport`."""

from sallyport import ServiceService as ServiceService
