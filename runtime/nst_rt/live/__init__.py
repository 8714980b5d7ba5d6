"""The live loop: camera, capture, window, recorder, virtual camera."""
