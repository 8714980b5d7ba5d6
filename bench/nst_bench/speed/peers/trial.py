"""One peer at a tiny size in a process of its own: a library that crashes there is left out of the comparison.

`python -m nst_bench.speed.peers.trial NETWORK PEER [FILE]`; the last line of stderr is the reason of a failure.
"""

import sys
import tempfile
from pathlib import Path

from nst_rt.engine.session import first_line

from nst_bench.harness.workload import Case, moving_frames
from nst_bench.speed.networks import open_network
from nst_bench.speed.peers import peers

TRIAL = Case(64, 64)


def main() -> None:
    """Prepare the peer and stylise one frame."""
    with tempfile.TemporaryDirectory() as folder:
        network = open_network(sys.argv[1], Path(folder), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
        peer = next(peer for peer in peers(network, compiled=False) if peer.name == sys.argv[2])
        try:
            peer.prepare(TRIAL)
            peer.call(moving_frames(TRIAL)[0])
        except Exception as error:
            sys.exit(f"{type(error).__name__}: {first_line(error)}")


if __name__ == "__main__":
    main()
