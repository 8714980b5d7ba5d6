"""Video files and their audio: reader, writer."""
