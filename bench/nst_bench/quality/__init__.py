"""Quality measured: near to the painting, near to the photograph, steady on video; and what it looks like."""
