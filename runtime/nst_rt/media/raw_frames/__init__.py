"""Raw frames in pipes: stream format, y4m, reader, writer."""
