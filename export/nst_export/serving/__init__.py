"""Exported models in the forms that other people's runtimes take: Triton and KServe repositories, ORT files."""
