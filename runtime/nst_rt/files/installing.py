"""Install lines for what an installation lacks. nst-rt lies on no package index: pip takes it from its checkout."""

_CONSTRAINED = ("export",)
"""Extras with torch, whose newest build brings gigabytes of CUDA libraries where constraints.txt does not pin it."""


def install_line(extra: str, *packages: str) -> str:
    """A line for a shell, which ends with a comment that says where it is to be run.

    Args:
        extra: one of pyproject.toml's.
        packages: what to install along with it, as pip names it.
    """
    constraints = "-c constraints.txt " if extra in _CONSTRAINED else ""
    wanted = " ".join(f'"{one}"' for one in (f".[{extra}]", *packages))
    return f"pip install {constraints}{wanted}  # in the checkout of nst-rt"
