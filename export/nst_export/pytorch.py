"""Loads PyTorch for a command, and sets its threads. Imports nothing heavy until it is called."""


def require_torch(what: str, threads: int | None = None) -> None:
    """Import PyTorch before the modules that use it, so that a missing package gives a message and no traceback.

    Args:
        what: the activity that needs it.
        threads: CPU threads of its operators; None leaves its own choice.

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
