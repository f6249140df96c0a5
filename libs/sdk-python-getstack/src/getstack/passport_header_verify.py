"""Re-exports of `sallyport`."""

from sallyport import verify_passport_header as verify_passport_header
