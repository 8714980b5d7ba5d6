"""nst-rt beside its peers: one network at one size, in every runtime that can run it."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_bench.harness import launcher
from nst_bench.harness.workload import Case, Target
from nst_bench.speed.backend import Backend, NstRtBackend
from nst_bench.speed.interleaved import InterleavedRun
from nst_bench.speed.networks import Network, OwnNetwork, built_in_network, open_network
from nst_bench.speed.peers import NATIVE, peers

TRIAL_SECONDS = 60.0


@dataclass(frozen=True)
class Comparison:
    """A network at a size."""

    network: str
    """What the peers run, and nst-rt too; if nst-rt has no file of it, nst-rt runs the built-in network."""
    case: Case
    seconds: float
    """Of measuring; loading and compiling take more."""
    compiled: bool = False
    """Also `torch.compile`."""


class PeerComparisons:
    """Measures comparisons of one machine; each peer is tried once per network in a process of its own.

    Args:
        targets: devices and precisions of nst-rt.
        model: another conditional model in place of the built-in network.
        threads: of every backend; its own default if None.
        say: called with a few words on what is done.
    """

    def __init__(
        self, targets: Sequence[Target], model: Path | None, threads: int | None, say: Callable[[str], None]
    ) -> None:
        self._targets, self._model, self._threads, self._say = targets, model, threads, say
        self._trials: dict[tuple[str, str], str] = {}

    def measure(self, comparison: Comparison) -> dict[str, Any]:
        """Measure nst-rt and all peers in interleaved rounds.

        Returns:
            JSON-ready: `network` (of the peers), `ours` (the network of nst-rt), `weights`, `width`, `height`,
            `results` (see `InterleavedRun.measure`), `skipped` (`name`, `reason`).
        """
        with tempfile.TemporaryDirectory() as folder:
            network = open_network(comparison.network, Path(folder), self._model)
            own = network if isinstance(network, OwnNetwork) else built_in_network(Path(folder), self._model)
            backends, skipped = self._backends(comparison, network, own)
            run = InterleavedRun(comparison.case, comparison.seconds, self._say)
            results = run.measure(backends)
        return {
            "network": comparison.network,
            "ours": own.name,
            "weights": network.weights,
            "width": comparison.case.width,
            "height": comparison.case.height,
            "results": results,
            "skipped": skipped + run.skipped,
        }

    def _backends(
        self, comparison: Comparison, network: Network, own: OwnNetwork
    ) -> tuple[list[Backend], list[dict[str, str]]]:
        """nst-rt on every device, then the peers; and the peers that crash with this network."""
        backends: list[Backend] = [NstRtBackend(own, target) for target in self._targets]
        skipped: list[dict[str, str]] = []
        for peer in peers(network, compiled=comparison.compiled, threads=self._threads):
            tried = isinstance(peer, NATIVE) and not peer.unavailable()
            if tried and (reason := self._trial(comparison.network, peer.name)):
                skipped.append({"name": peer.name, "reason": reason})
            else:
                backends.append(peer)
        return backends, skipped

    def _trial(self, network: str, peer: str) -> str:
        """Why a peer cannot run a network; empty if it can."""
        if (network, peer) not in self._trials:
            self._say(f"tries {peer}")
            model = [str(self._model)] if self._model else []
            try:
                launcher.run_process(["-m", "nst_bench.speed.peers.trial", network, peer, *model], TRIAL_SECONDS)
                self._trials[network, peer] = ""
            except RuntimeError as error:
                self._trials[network, peer] = str(error)
        return self._trials[network, peer]
