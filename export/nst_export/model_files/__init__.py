"""The files of an exported model: the model, its companions, named styles."""
