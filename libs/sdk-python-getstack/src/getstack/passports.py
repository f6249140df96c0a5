"""Re-exports of `sallyport`."""

from sallyport import Mission as Mission
from sallyport import PassportService as PassportService
