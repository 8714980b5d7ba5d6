"""Quality in numbers: how close to the painting, how close to the photograph, how steady on video; and in images."""
