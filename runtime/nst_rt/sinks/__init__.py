"""Where frames go: pictures, films, windows and virtual cameras."""
