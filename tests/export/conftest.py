"""The fixtures of the exporter's tests."""

from adaptive_variables import adaptive as adaptive
from adaptive_variables import archive as archive
from adaptive_variables import drawn as drawn
from tiny_networks import noise as noise
from tiny_networks import one_thread as one_thread
from tiny_networks import run as run
from tiny_networks import small_samples as small_samples
from tiny_networks import style_of as style_of
from tiny_networks import tiny_conditional as tiny_conditional
from tiny_networks import tiny_transformer as tiny_transformer
from tiny_networks import tiny_vgg as tiny_vgg
from tiny_networks import transformer_checkpoint as transformer_checkpoint
