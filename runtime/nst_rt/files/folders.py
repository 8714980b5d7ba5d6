"""The folders of nst-rt: the user's models and styles, and caches."""

import os
from pathlib import Path

import platformdirs

APPLICATION = "nst-rt"


def data_folder() -> Path:
    """The user's models and styles: `$NST_RT_HOME`, else the platform's data folder. It may not exist yet."""
    home = os.environ.get("NST_RT_HOME")
    return Path(home) if home else platformdirs.user_data_path(APPLICATION, appauthor=False)


def models_folder() -> Path:
    """The user's model files, which are found by name."""
    return data_folder() / "models"


def styles_folder() -> Path:
    """The user styles, one folder for each network."""
    return data_folder() / "styles"


def cache_folder() -> Path:
    """Files that can be made again, such as engines: `$NST_RT_HOME/cache`, else the platform's cache folder."""
    home = os.environ.get("NST_RT_HOME")
    return Path(home) / "cache" if home else platformdirs.user_cache_path(APPLICATION, appauthor=False)
