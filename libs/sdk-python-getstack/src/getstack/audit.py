"""Re-exports of `sallyport`."""

from sallyport import AuditService as AuditService
