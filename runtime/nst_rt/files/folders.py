"""Where nst-rt keeps files of its own: models and styles of the user's, and caches."""

import os
from pathlib import Path

import platformdirs

APPLICATION = "nst-rt"


def data_folder() -> Path:
    """The user's models and styles: `$NST_RT_HOME`, else the platform's data folder. May not exist yet."""
    home = os.environ.get("NST_RT_HOME")
    return Path(home) if home else platformdirs.user_data_path(APPLICATION, appauthor=False)


def models_folder() -> Path:
    """Model files that `--model NAME` and `--style NAME` find by name."""
    return data_folder() / "models"


def styles_folder() -> Path:
    """Named style vectors that the user added, one folder per network."""
    return data_folder() / "styles"


def cache_folder() -> Path:
    """What can be made again (TensorRT engines ...): `$NST_RT_HOME/cache`, else the platform's cache folder."""
    home = os.environ.get("NST_RT_HOME")
    return Path(home) / "cache" if home else platformdirs.user_cache_path(APPLICATION, appauthor=False)
