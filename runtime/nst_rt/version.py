"""The version of nst-rt: below every room that records it, and read by the build."""

__version__ = "0.1.0"
