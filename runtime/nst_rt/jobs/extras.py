"""Parts of nst-rt in its other packages: the runtime knows their names, and imports them when they are used."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

from nst_rt.errors import DependencyError, install_line

EXPORT_PACKAGES = ("torch", "onnx")
"""What the extra `export` brings, by the names they are imported under."""


@dataclass(frozen=True)
class LazyImport:
    """Something in a module that is imported when it is asked for."""

    module: str
    attribute: str
    extra: str
    """The extra that brings the packages which the module needs."""

    @property
    def installed(self) -> bool:
        """The package of the module is here; whether it can be imported is another question."""
        return find_spec(self.module.partition(".")[0]) is not None

    def load(self) -> Any:
        """Import the module.

        Raises:
            ImportError: the module, or a package that it needs, is missing.
        """
        return getattr(import_module(self.module), self.attribute)

    def load_for(self, purpose: str) -> Any:
        """As `load`, for a job that cannot go on without it.

        Args:
            purpose: the activity that needs it, for the message.

        Raises:
            DependencyError: a package is missing; the message holds the install line.
        """
        try:
            return self.load()
        except ModuleNotFoundError as error:
            if not self.installed:
                raise DependencyError(f"{purpose} needs another part of nst-rt: {install_line(self.extra)}") from error
            refuse_missing(error, purpose)


COMMANDS = {
    "export": LazyImport("nst_export.commands", "app", "export"),
    "bench": LazyImport("nst_bench.bench_commands", "app", "bench"),
    "train": LazyImport("nst_train.train_commands", "app", "export"),
    "optimize": LazyImport("nst_train.optimize_command", "optimize", "export"),
    "compare": LazyImport("nst_bench.compare.compare_command", "compare", "bench"),
}
"""Commands of the other packages: a `typer.Typer`, or a function that is one command."""

PROVIDERS = {
    "tuner": LazyImport("nst_train.tuning.painting_tuning", "tune_to_painting", "export"),
    "optimizer": LazyImport("nst_train.optimization.image_optimizer", "NetworkOptimizer", "export"),
}
"""What other packages do for the runtime's jobs: a `jobs.tuning.Tuner`, a `jobs.optimizing.OptimizerLoader`."""


def refuse_missing(error: ModuleNotFoundError, purpose: str) -> NoReturn:
    """Raise in place of a failed import of the exporter's or the trainer's.

    Args:
        purpose: the activity that needs the package.

    Raises:
        DependencyError: with the install line.
        ModuleNotFoundError: the error itself, where the extra would not help.
    """
    package = (error.name or "").partition(".")[0]
    if package not in EXPORT_PACKAGES:
        raise error
    raise DependencyError(f"{purpose} needs {package}: {install_line('export')}") from error
