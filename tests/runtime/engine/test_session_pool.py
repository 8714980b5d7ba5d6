"""Frames in flight: what comes out is what comes out one after the other, and the cores are divided."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import nst_rt.engine.cpu_cores as processors
import nst_rt.engine.session
import nst_rt.engine.session_cache
import nst_rt.engine.session_pool
import numpy as np
import pytest
from nst_rt import DeviceError, InputError, NstError, Stylizer
from nst_rt.contract import Frame
from nst_rt.engine.devices import Device
from nst_rt.engine.session import Session
from nst_rt.engine.session_pool import SessionPool, WeightedSemaphore, divided, frames_in_flight
from nst_rt.masks.mask import StillMask
from nst_rt.stylizer.masked_stylizer import MaskedStylizer
from numpy.typing import NDArray
from tiny_models import name_styles, tinting_model


def frame(seed: int, height: int = 24, width: int = 40) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_how_many_serve() -> None:
    full_hd, four_k = 1920 * 1080, 3840 * 2160
    assert frames_in_flight(full_hd, 2) == 2
    assert frames_in_flight(full_hd, 64) == 4  # no more pixels than one image of 4K
    assert frames_in_flight(four_k, 64) == 1
    assert frames_in_flight(4 * four_k, 64) == 1
    assert frames_in_flight(16 * 16, 3) == 3


def test_all_cores_are_divided() -> None:
    assert divided(8, 2) == [4, 4]
    assert divided(8, 3) == [3, 3, 2]
    assert divided(2, 3) == [1, 1, 1]


def test_cores_that_this_process_may_not_use_do_not_count() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system does not tie processes to cores")
    allowed = os.sched_getaffinity(0)
    assert 1 <= processors.physical_cores() <= processors.available_cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert processors.physical_cores() == processors.available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_two_threads_of_a_core_are_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        topology = tmp_path / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(siblings)
    monkeypatch.setattr(processors, "_TOPOLOGY", tmp_path)
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert processors.physical_cores() == 2
    monkeypatch.setattr(processors, "_TOPOLOGY", tmp_path / "nowhere")
    assert (processors.counted_cores(), processors.physical_cores()) == (None, 4)
    monkeypatch.delattr(processors.os, "sched_getaffinity")
    monkeypatch.setattr(processors.os, "cpu_count", lambda: 8)
    assert (processors.counted_cores(), processors.physical_cores()) == (None, 8)


def threads_of(sessions: list[Any]) -> list[int | None]:
    return [session.threads for session in sessions]


def at_once(stylizer: Stylizer, number: int) -> None:
    """Have so many calls wait for each other inside."""
    together = threading.Barrier(number)
    real = Session.run

    def run(self: Session, *arguments: Any, **options: Any) -> Any:
        together.wait(20)  # breaks unless as many come
        return real(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(number) as workers:
        patch.setattr(Session, "run", run)
        photos = [frame(seed) for seed in range(number)]
        for photo, made in zip(photos, workers.map(stylizer, photos), strict=True):
            assert np.array_equal(made, 255 - photo)


def test_calls_run_at_once_in_sessions_that_share_the_threads(inverting: Path, opened_sessions: list[Any]) -> None:
    with Stylizer.load(model=inverting, device="cpu", threads=5, in_flight=3) as stylizer:
        assert stylizer.in_flight(24, 40) == 3
        stylizer(frame(0))
        stylizer(frame(1))
        assert threads_of(opened_sessions) == [2]  # calls that do not overlap share one
        at_once(stylizer, 3)
        assert threads_of(opened_sessions) == [2, 2, 1]


def test_one_has_all_threads_to_itself(
    inverting: Path, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nst_rt.engine.session_cache, "counted_cores", lambda: 6)
    with Stylizer.load(model=inverting, device="cpu") as stylizer:
        assert stylizer.in_flight(24, 40) == 1
        with ThreadPoolExecutor(3) as workers:
            assert len(list(workers.map(stylizer, [frame(seed) for seed in range(9)]))) == 9
    assert threads_of(opened_sessions) == [6]


def test_by_itself_as_many_as_cores_and_pixels_allow(
    inverting: Path, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nst_rt.engine.session_cache, "counted_cores", lambda: None)
    monkeypatch.setattr(nst_rt.engine.session_cache, "physical_cores", lambda: 6)
    monkeypatch.setattr(nst_rt.engine.session_pool, "PIXELS", 4 * 24 * 40)
    with Stylizer.load(model=inverting, device="cpu", in_flight=None) as stylizer:
        assert [stylizer.in_flight(24, 40), stylizer.in_flight(48, 40), stylizer.in_flight(480, 400)] == [4, 2, 1]
        for height, width in ((24, 40), (48, 40), (480, 400)):
            stylizer(frame(0, height, width))
    # Where nothing tells how many physical cores there are, ONNX Runtime finds out.
    assert threads_of(opened_sessions) == [2, 3, None]


def test_what_is_prepared_keeps_its_style_whatever_is_set_later(tinting: Path) -> None:
    black = np.zeros((16, 16, 3), np.uint8)
    with Stylizer.load(np.array([100, 0, 0], np.float32), model=tinting, device="cpu", in_flight=2) as stylizer:
        prepared = []
        for blue in range(40):
            stylizer.set_style_vector(np.array([blue, 0, 2 * blue], np.float32))
            prepared.append(stylizer.prepare(black))
        with ThreadPoolExecutor(2) as workers:
            made = list(workers.map(lambda prepared: prepared.run(), prepared))
    assert [image[0, 0].tolist() for image in made] == [[blue, 0, 2 * blue] for blue in range(40)]


def test_masks_lie_over_the_frame_that_they_were_prepared_with(tmp_path: Path) -> None:
    model = tinting_model(tmp_path / "net.onnx", rows="styles")
    name_styles(tmp_path / "net.onnx")
    shares = np.linspace(0, 1, 20, dtype=np.float32)

    class Rising:
        """A mask video: with every frame more of the first region."""

        name, count = "rising", 2

        def __init__(self) -> None:
            self._shares = iter(shares)

        def weights(self, height: int, width: int) -> list[NDArray[np.float32]]:
            share = np.full((height, width), next(self._shares), np.float32)
            return [share, 1 - share]

    photo = np.zeros((16, 32, 3), np.uint8)
    results = []
    for number in (1, 3):
        with Stylizer.load("blue", model=model, device="cpu", threads=3, in_flight=number) as stylizer:
            masked = MaskedStylizer(stylizer, Rising(), [stylizer, "red"])
            assert masked.in_flight(16, 32) == number
            prepared = [masked.prepare(photo) for _ in shares]
            with ThreadPoolExecutor(number) as workers:
                results.append(list(workers.map(lambda prepared: prepared.run(), prepared)))
    assert np.array_equal(results[0], results[1])
    blues = [int(image[0, 0, 0]) for image in results[0]]
    assert blues == sorted(blues)
    assert (blues[0], blues[-1]) == (0, 100)


def test_other_networks_of_a_mask_bound_how_many(tmp_path: Path, inverting: Path) -> None:
    model = tinting_model(tmp_path / "net.onnx")
    mask = StillMask([np.ones((16, 32), np.float32), np.zeros((16, 32), np.float32)])
    with (
        Stylizer.load(np.zeros(3, np.float32), model=model, device="cpu", in_flight=3) as stylizer,
        Stylizer.load(model=inverting, device="cpu", in_flight=2) as other,
    ):
        assert MaskedStylizer(stylizer, mask, [stylizer, other]).in_flight(16, 32) == 2
        assert MaskedStylizer(stylizer, mask, [stylizer, None]).in_flight(16, 32) == 3


def test_errors_come_from_where_they_belong(inverting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stylizer.load(model=inverting, device="cpu", in_flight=2) as stylizer:
        with pytest.raises(InputError, match="too small"):
            stylizer.prepare(np.zeros((8, 8, 3), np.uint8))
        prepared = stylizer.prepare(frame(0))

        def fail(*_: object, **__: object) -> None:
            raise DeviceError("the device went away")

        with monkeypatch.context() as patch:
            patch.setattr(Session, "run", fail)
            for _ in range(3):
                with pytest.raises(DeviceError):
                    prepared.run()
        # A session whose run failed is free again.
        at_once(stylizer, 2)


class Idle:
    """What a Session looks like to `SessionPool`; calls that meet wait for each other."""

    device = Device("cpu")

    def __init__(self) -> None:
        self.runs = 0

    def run(self, feeds: Any, clock: Any = None, out: Any = None) -> Any:
        self.runs += 1
        if "together" in feeds:
            feeds["together"].wait(20)  # breaks unless as many come as should


class InterruptedError(BaseException):
    """Stands for KeyboardInterrupt, which would end pytest."""


@pytest.mark.parametrize("number", [1, 3])
def test_an_interrupt_at_any_time_leaves_every_session_free(number: int) -> None:
    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timers")

    def interrupt(*_: object) -> None:
        raise InterruptedError

    random = np.random.default_rng(0)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        sessions = SessionPool(cast(Session, Idle()), lambda _: cast(Session, Idle()), number)
        for at in range(2000):
            with suppress(InterruptedError):
                signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-5, 1e-4))
                while True:
                    sessions.run_each({}) if at % 2 else sessions.run({})
    finally:
        signal.signal(signal.SIGALRM, before)
    together = threading.Barrier(number)
    done: list[bool] = []

    def run() -> None:
        sessions.run(cast(Any, {"together": together}))
        done.append(True)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(done) == number


def test_a_session_that_cannot_be_opened_is_tried_again_only_where_none_is_free() -> None:
    tried: list[int] = []

    def open_another(at: int) -> Session:
        tried.append(at)
        raise DeviceError("no memory")

    first = Idle()
    sessions = SessionPool(cast(Session, first), open_another, 2)
    for _ in range(2):
        with pytest.raises(DeviceError):
            sessions.run_each({})
    assert tried == [1, 1]
    sessions.run({})
    assert (tried, first.runs) == ([1, 1], 3)


def test_warming_up_opens_and_runs_every_session(
    inverting: Path, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    real = Session.run

    def run(self: Session, *arguments: Any, **options: Any) -> Any:
        ran.append(id(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Session, "run", run)
    with Stylizer.load(model=inverting, device="cpu", threads=5, in_flight=3) as stylizer:
        stylizer.warm_up(24, 40)
        assert threads_of(opened_sessions) == [2, 2, 1]
        assert sorted(ran.count(one) for one in set(ran)) == [2, 2, 2]
        at_once(stylizer, 3)
        assert threads_of(opened_sessions) == [2, 2, 1]


@pytest.mark.parametrize("number", [0, -3, 2.5])
def test_numbers_that_are_no_number_of_frames_are_refused(number: Any, inverting: Path) -> None:
    with pytest.raises(NstError, match=f"in_flight is {number}"):
        Stylizer.load(model=inverting, device="cpu", in_flight=number)


def test_a_mask_of_photographs_alone_is_made_one_at_a_time(inverting: Path) -> None:
    mask = StillMask([np.ones((16, 32), np.float32), np.zeros((16, 32), np.float32)])
    with Stylizer.load(model=inverting, device="cpu", in_flight=2) as stylizer:
        assert MaskedStylizer(stylizer, mask, [None, None]).in_flight(16, 32) == 1


def test_asking_how_many_opens_nothing_where_the_device_is_known(
    inverting: Path, opened_sessions: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stylizer.load(model=inverting, device="cpu", threads=2, in_flight=None) as stylizer:
        assert [stylizer.in_flight(24, 40), stylizer.in_flight(2160, 3840)] == [2, 1]
    assert threads_of(opened_sessions) == []
    devices = [Device("openvino"), Device("cpu")]
    monkeypatch.setattr(nst_rt.engine.session_cache, "preferred_devices", lambda _: devices.copy())

    def none(*_: object, **__: object) -> Any:
        raise DeviceError("no OpenVINO here")

    monkeypatch.setattr(nst_rt.engine.session, "open_openvino", none)
    with Stylizer.load(model=inverting, threads=2, in_flight=None) as stylizer:
        # OpenVINO would make one at a time; that it does not run shows only when it is tried.
        assert [stylizer.in_flight(24, 40), stylizer.in_flight(16, 16), stylizer.in_flight(2160, 3840)] == [2, 2, 1]
        assert stylizer.device == "cpu"


def test_a_weighted_semaphore_shares_its_permits_by_weight() -> None:
    semaphore = WeightedSemaphore(12)
    for weight in (3, 6, 3):
        semaphore.acquire(weight)
    taken: list[int] = []

    def take() -> None:
        for weight in (3, 12):
            taken.append(weight)
            semaphore.acquire(weight)
        taken.append(0)

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    taker.join(0.1)
    assert taken == [3]  # waits
    semaphore.release(3)
    while taken == [3]:
        time.sleep(0.001)
    semaphore.release(6)
    semaphore.release(3)
    taker.join(0.1)
    assert taken == [3, 12]  # what must be alone waits for all the others
    semaphore.release(3)
    taker.join(20)
    assert taken == [3, 12, 0]
