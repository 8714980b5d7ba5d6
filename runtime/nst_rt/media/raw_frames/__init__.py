"""Raw frames in pipes: stream formats, the y4m header, byte streams, reader, writer."""
