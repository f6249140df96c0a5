"""Re-exports of `sallyport`."""

from sallyport import verify_passport_offline as verify_passport_offline
