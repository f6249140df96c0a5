"""The asynchronous modules, source of their synchronous twins (see `scripts/generate_sync.py`)."""
