"""Optimisation-based style transfer (Gatys et al. 2016): the slow reference, which trains the pixels themselves."""
