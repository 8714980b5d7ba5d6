"""Image files: reader, writer, header, colour profile, contact sheet."""
