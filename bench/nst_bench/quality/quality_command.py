"""`nst-rt bench quality`. Imports nothing heavy until it runs."""

from nst_export.pytorch import require_torch
from nst_rt.cli.messages import say
from nst_rt.cli.option_fields import option_fields

from nst_bench.quality.quality_options import QualityOptions


@option_fields(QualityOptions)
def quality(options: QualityOptions) -> None:
    """Compare networks with paintings, photographs, the optimisation method and each other.

    Writes tables, all raw numbers and contact sheets to a folder. A run that was stopped continues where it was.
    """
    require_torch("measuring quality", options.threads)
    from nst_bench.quality.measure_quality import measure_quality

    measure_quality(options, say)
