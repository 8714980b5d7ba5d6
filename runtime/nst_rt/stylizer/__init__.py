"""Stylizers: a network, a style, and a call that turns frames into stylised frames."""
