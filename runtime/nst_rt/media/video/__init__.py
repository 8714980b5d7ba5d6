"""Video files and their audio: info, times, parts, readers, writers."""
