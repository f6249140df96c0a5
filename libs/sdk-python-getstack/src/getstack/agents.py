"""Re-exports of `sallyport`."""

from sallyport import AgentService as AgentService
