"""PyTorch for a command: there, and on as many threads as were asked for. Imports nothing heavy until it is called."""


def require_torch(what: str, threads: int | None = None) -> None:
    """Import PyTorch before the modules that are made of it, so that its absence is told and no traceback.

    Args:
        what: the activity that needs it.
        threads: CPU threads of its operators; as many as it takes by itself if None.

    Raises:
        DependencyError: with the install line.
    """
    try:
        import torch
    except ImportError as error:
        from nst_rt.errors import DependencyError, install_line

        raise DependencyError(f"{what} needs PyTorch: {install_line('export')}") from error
    if threads:
        torch.set_num_threads(threads)
