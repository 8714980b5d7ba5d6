"""Exported models for other runtimes: repositories for Triton and KServe, ORT files."""
