"""Static quantisation: exported fp32 models with their convolutions in eight bits, for processors."""
