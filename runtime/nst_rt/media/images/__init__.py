"""Image files: format, header, reader, writer, colour profile; contact sheets and a sample image."""
