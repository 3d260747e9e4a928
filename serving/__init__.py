"""The HTTP API and the web page, over the engine."""
