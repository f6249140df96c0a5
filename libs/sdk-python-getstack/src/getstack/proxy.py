"""Re-exports of `sallyport`."""

from sallyport import ProxyOperation as ProxyOperation
from sallyport import ProxyResponse as ProxyResponse
from sallyport import ProxyService as ProxyService
