"""Is an exported model as exact as PyTorch? Sample images, PSNR, the check."""
