"""Images, videos, audio and raw frames: readers and writers.

A folder imports only those before it: pixels, images, video, raw_frames.
"""
