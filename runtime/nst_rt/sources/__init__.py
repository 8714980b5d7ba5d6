"""Where frames come from: pictures, films, cameras and streams."""
