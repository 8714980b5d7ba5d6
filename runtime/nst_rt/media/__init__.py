"""Images, videos, audio and raw frames: readers and writers."""
