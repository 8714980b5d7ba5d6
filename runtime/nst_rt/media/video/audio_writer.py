"""The audio of one video file written into another: copied where the new file can hold it, else encoded as AAC."""

from collections.abc import Iterator
from fractions import Fraction

import av

from nst_rt.media.video.audio_reader import AudioReader

_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8"})
_EVERYWHERE = frozenset({"aac", "mp3", "ac3", "eac3", "alac"})
COPIED = {
    # What players of the format play; by the standard MP4 could hold more.
    ".mp4": _EVERYWHERE | {"opus", "flac"},
    ".mov": _EVERYWHERE | _PCM,
    ".mkv": _EVERYWHERE | _PCM | {"opus", "flac", "vorbis", "mp2", "dts", "truehd"},
}
"""Codecs that are copied as they are, by the suffix of the new file."""

_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})


class AudioWriter:
    """Writes the audio tracks of a video into another, along with its frames.

    Args:
        audio: the video that the audio comes from.
        container: the new file, before its header is written.
        suffix: of the new file.
        start: seconds to subtract from every time stamp.
    """

    def __init__(
        self, audio: AudioReader, container: av.container.OutputContainer, suffix: str, start: Fraction
    ) -> None:
        self._container, self._start = container, start
        self.notices: list[str] = []
        """What could not be copied as it is, one sentence each."""
        self.tracks: list[dict[str, str]] = []
        """Codec of each track before and after."""
        self._copied: dict[int, av.AudioStream] = {}
        self._encoded: dict[int, av.AudioStream] = {}
        for number, track in enumerate(audio.streams, 1):
            self._add(track, number, suffix)
        self._packets = audio.packets()
        self._next = next(self._packets, None)

    def _add(self, track: av.AudioStream, number: int, suffix: str) -> None:
        context = track.codec_context
        codec = context.codec.canonical_name if context is not None else "unknown"  # mp3, not mp3float
        if codec in COPIED[suffix]:
            stream = self._copied[track.index] = self._container.add_stream_from_template(track)
            written = codec
        elif context is not None and context.sample_rate:
            rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48_000
            stream = self._container.add_stream("aac", rate=rate, layout=context.layout.name)
            stream.codec_context.bit_rate = 96_000 * max(1, min(context.layout.nb_channels, 6))
            self._encoded[track.index] = stream
            written = "aac"
            self.notices.append(f"audio track {number} ({codec}) does not go into {suffix} and is encoded as AAC")
        else:
            self.notices.append(f"audio track {number} ({codec}) cannot be read and is left out")
            return
        self.tracks.append({"source": codec, "written": written})
        language = track.metadata.get("language")
        if language:
            stream.metadata["language"] = language

    def write_until(self, seconds: Fraction | None) -> None:
        """Write the packets that are due up to `seconds` of the new video; all that are left for None."""
        while (packet := self._next) is not None and (seconds is None or self._time(packet) <= seconds):
            for ready in self._converted(packet):
                self._container.mux(ready)
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write what the encoders still hold; once, at the end."""
        for stream in self._encoded.values():
            self._container.mux(stream.encode(None))

    def _time(self, packet: "av.Packet[av.AudioStream]") -> Fraction:
        stamp = packet.dts if packet.dts is not None else packet.pts or 0
        return stamp * packet.time_base - self._start

    def _converted(self, packet: "av.Packet[av.AudioStream]") -> "Iterator[av.Packet[av.AudioStream]]":
        index = packet.stream_index
        if index in self._copied:
            start = round(self._start / packet.time_base)
            if packet.pts is not None:
                packet.pts -= start
            if packet.dts is not None:
                packet.dts -= start
            packet.stream = self._copied[index]
            yield packet
        elif index in self._encoded:
            try:
                frames = packet.decode()
            except av.error.FFmpegError:  # a damaged packet becomes a moment of silence
                return
            for frame in frames:
                if frame.pts is not None and frame.time_base:
                    frame.pts -= round(self._start / frame.time_base)
                yield from self._encoded[index].encode(frame)
